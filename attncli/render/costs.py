"""Costs of the attention methods as a table on a terminal: a row for each method, a column for each length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from attncli.core.attention.cost import Cost, exponent

__all__ = ["draw_costs"]

LEAST = 1_000_000
"""Bytes: less may come from memory that the process has held before, which tells nothing."""


def draw_costs(costs: Sequence[Cost], handle: IO[str], *, width: int | None = None, color: bool = False) -> None:
    """Writes seconds and megabytes of each, and the power of N by which they grow.

    >>> draw_costs([Cost("linear", n, 1, 64, False, n / 1e5, n * 10000) for n in (500, 2000)], out := io.StringIO())
    >>> out.getvalue().split()[-11:]
    ['linear', '5', 'ms', '20', 'ms', 'N^1.0', '5', 'MB', '20', 'MB', 'N^1.0']
    """
    console = Console(
        file=handle,
        width=width,
        force_terminal=color,
        no_color=not color,
        highlight=False,
        emoji=False,
        markup=False,
        legacy_windows=False,
    )
    lengths = sorted({cost.length for cost in costs})
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("")
    for length in lengths:
        table.add_column(f"N {length:,}", justify="right")
    table.add_column("grows as", justify="right")
    for method in dict.fromkeys(cost.method for cost in costs):
        mine = {cost.length: cost for cost in costs if cost.method == method}
        seconds = [mine[n].seconds for n in mine]
        peaks = [mine[n].peak_bytes for n in mine]
        cells = [_cell(mine.get(length)) for length in lengths]
        told = [None if peak is None or peak < LEAST else peak for peak in peaks]
        growth = f"{_power(exponent(list(mine), seconds))}\n{_power(exponent(list(mine), told))}"
        table.add_row(Text(method), *cells, growth)
    console.print(table)


def _cell(cost: Cost | None) -> str:
    if cost is None:
        return "-"
    time = f"{cost.seconds * 1e3:.3g} ms" if cost.seconds < 1 else f"{cost.seconds:.3g} s"
    if cost.peak_bytes is None:
        return time
    return f"{time}\n" + (f"{cost.peak_bytes / 1e6:.3g} MB" if cost.peak_bytes >= LEAST else "< 1 MB")


def _power(power: float | None) -> str:
    return "" if power is None else f"N^{power:.1f}"
