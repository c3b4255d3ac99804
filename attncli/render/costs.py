"""Costs of the attention methods as tables on a terminal: a row for each method, a column for each length."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import IO

from rich.table import Table
from rich.text import Text

from attncli.core.attention.cost import Cost, exponent
from attncli.render.console import plain

__all__ = ["draw_costs"]

LEAST = 1_000_000
"""Bytes: less may come from memory that the process has held before, which tells nothing."""


def draw_costs(costs: Sequence[Cost], handle: IO[str], *, width: int | None = None, color: bool = False) -> None:
    """Writes a table of times and one of peak memory, each with the power of N by which they grow.

    >>> draw_costs([Cost("linear", n, 1, 64, False, n / 1e5, n * 10000) for n in (500, 2000)], out := io.StringIO())
    >>> out.getvalue().split()[6:12]
    ['linear', '5', 'ms', '20', 'ms', 'N^1.0']
    """
    console = plain(handle, width=width, color=color)
    console.print(_table("time", costs, lambda cost: cost.seconds, _time))
    if any(cost.peak_bytes is not None for cost in costs):
        console.print()
        console.print(_table("memory", costs, lambda cost: cost.peak_bytes, _memory))


def _table(what: str, costs: Sequence[Cost], of: Callable[[Cost], float | None], cell: Callable[[float], str]) -> Table:
    """One line for each method, six lengths in eighty columns."""
    lengths = sorted({cost.length for cost in costs})
    table = Table(box=None, padding=(0, 1, 0, 0))
    table.add_column(what, no_wrap=True)
    for length in lengths:
        table.add_column(f"N {length:,}", justify="right", no_wrap=True)
    table.add_column("grows", justify="right", no_wrap=True)
    for method in dict.fromkeys(cost.method for cost in costs):
        mine = {cost.length: of(cost) for cost in costs if cost.method == method}
        found = [mine.get(length) for length in lengths]
        least = LEAST if what == "memory" else 0
        told = [None if number is None or number < least else number for number in mine.values()]
        power = exponent(list(mine), told)
        cells = ("-" if number is None else cell(number) for number in found)
        table.add_row(Text(method), *cells, "" if power is None else f"N^{power:.1f}")
    return table


def _time(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{_three(seconds / size)} {unit}"
    return f"{_three(seconds * 1e6)} µs"


def _memory(size: float) -> str:
    if size < LEAST:
        return "<1 MB"
    return f"{_three(size / 1e9)} GB" if size >= 1e9 else f"{_three(size / 1e6)} MB"


def _three(number: float) -> str:
    """Three digits, and never an exponent."""
    return f"{number:.0f}" if number >= 99.5 else f"{number:.3g}"
