"""Neighbours on a terminal: a table of words, similarities and bars for each query."""

from __future__ import annotations

from collections.abc import Iterable
from typing import IO

from rich.table import Table
from rich.text import Text

from attncli.printable import printable
from attncli.render.console import plain

__all__ = ["draw_neighbours"]

BAR = 30
"""Columns of a bar; a full one is similarity 1, or the largest where that is more (3CosMul)."""


def draw_neighbours(
    query: str,
    neighbours: Iterable[tuple[str, float]],
    handle: IO[str],
    *,
    width: int | None = None,
    color: bool = False,
) -> None:
    """Writes a query and (word, similarity) of its neighbours to a text handle.

    >>> draw_neighbours("king", [("queen", 0.5)], out := io.StringIO())
    >>> out.getvalue().split()
    ['king', 'queen', '0.500', '███████████████']
    """
    console = plain(handle, width=width, color=color)
    found = list(neighbours)
    full = max([1.0, *(similarity for _, similarity in found)])
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(overflow="fold")
    table.add_column(justify="right", no_wrap=True)
    table.add_column(no_wrap=True, overflow="crop")
    for word, similarity in found:
        bar = "█" * round(BAR * max(0.0, similarity) / full)
        table.add_row(Text(printable(word)), Text(f"{similarity:.3f}"), Text(bar, style="cyan" if color else ""))
    console.print(Text(printable(query), style="bold"))
    console.print(table)
