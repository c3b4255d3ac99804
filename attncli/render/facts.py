"""Facts as a table of two columns on a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from rich.table import Table
from rich.text import Text

from attncli.printable import printable
from attncli.render.console import plain

__all__ = ["draw_facts"]

MOST = 12
"""Entries of a list or map that are shown."""


def draw_facts(facts: Mapping[str, Any], handle: IO[str], *, width: int | None = None, color: bool = False) -> None:
    """Writes keys and values, a row each, to a text handle; long lists are cut, and say so.

    >>> draw_facts({"kind": "ids", "shape": [3]}, out := io.StringIO())
    >>> out.getvalue().split()
    ['kind', 'ids', 'shape', '3']
    """
    console = plain(handle, width=width, color=color)
    table = Table.grid(padding=(0, 2, 0, 0))
    for key, value in facts.items():
        table.add_row(Text(key.replace("_", " "), style="bold"), Text(_shown(value), overflow="fold"))
    console.print(table)


def _shown(value: Any) -> str:
    if value is None or value == [] or value == {}:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, Mapping):
        parts = [f"{printable(str(key))}: {_inline(item)}" for key, item in list(value.items())[:MOST]]
        more = len(value) - MOST
        return "\n".join([*parts, f"and {more:,} more"] if more > 0 else parts)
    if isinstance(value, list):
        more = len(value) - MOST
        return ", ".join([*map(_inline, value[:MOST]), *([f"and {more:,} more"] if more > 0 else [])])
    return printable(str(value))


def _inline(value: Any) -> str:
    if isinstance(value, Mapping):
        return " ".join(_inline(item) for item in value.values())
    if isinstance(value, list):
        return " x ".join(map(str, value)) or "scalar"
    return printable(str(value))
