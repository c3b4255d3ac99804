"""Attention on a terminal: a grid of weights, queries down and keys across, one for each head.

Three sizes, the first that fits the width: numbers; one shaded cell a weight; shaded cells that each stand for
several weights (the largest of them). Weights below 0, which some methods have, count by their size: a minus or red
marks them. Labels come from users' text: they enter as plain `Text`, never as markup.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from rich.cells import cell_len, set_cell_size
from rich.table import Table
from rich.text import Text

from attncli.printable import printable
from attncli.render.console import plain

__all__ = ["draw_attention"]

SHADES = " ·░▒▓█"
LABEL = 12
"""The most columns that a label takes."""
NUMBER = 5
"""Columns of a weight in numbers, 0.123, where none is longer."""
MOST_ROWS = 64
"""More rows than this are drawn as ranges."""
ROUNDING = 1e-3
"""Sums that are farther from 1 are not meant to be 1."""


def draw_attention(
    weights: NDArray[np.floating[Any]],
    queries: Sequence[str],
    keys: Sequence[str],
    handle: IO[str],
    *,
    title: str = "",
    heads: Sequence[int] | None = None,
    width: int | None = None,
    color: bool = False,
) -> None:
    """Writes the grid of each head of weights (H, N, M) to a text handle.

    `queries` (N,) and `keys` (M,) are labels, `heads` (H,) numbers where these heads are some of more. Below each grid
    stands what its rows sum to, as computed.
    """
    console = plain(handle, width=width, color=color)
    for number, head in zip(range(len(weights)) if heads is None else heads, weights, strict=True):
        heading = f"head {number}" if len(weights) > 1 or heads is not None else ""
        console.print(
            Text(" · ".join(part for part in (printable(title), heading, "queries down, keys across") if part))
        )
        grid, legend = _grid(head, queries, keys, console.width, color)
        console.print(grid)
        console.print(Text(", ".join(part for part in (_sums(head), legend) if part)))


def _grid(
    head: NDArray[Any], queries: Sequence[str], keys: Sequence[str], width: int, color: bool
) -> tuple[Table, str]:
    """The grid in the first size that fits, and what is to be said of its cells."""
    rows, columns = head.shape
    darkest = f"darkest cell {_darkest(head):.3f}"
    if head.min(initial=0.0) < 0:
        darkest += f", {'red' if color else 'a minus'} is below 0"
    label = min(LABEL, max((cell_len(printable(text)) for text in queries), default=0))
    number = _number(head)
    if rows <= MOST_ROWS and label + (columns + 1) * (number + 1) <= width:
        return _numbers(head, queries, keys, label, number, color), ""
    if rows <= MOST_ROWS and label + 1 + 2 * columns <= width:
        return _shades(head, queries, label, color), darkest
    label = 2 * len(str(max(rows - 1, 0))) + 1
    fitting = max(1, (width - label - 1) // 2)
    across = max(1, math.ceil(columns / fitting))
    down = max(1, math.ceil(rows / MOST_ROWS))
    pooled = _pooled(head, down, across)
    ranges = [f"{first}-{min(first + down, rows) - 1}" if down > 1 else f"{first}" for first in range(0, rows, down)]
    return _shades(pooled, ranges, label, color), f"{darkest}, a cell is the largest of {down} x {across}"


def _darkest(head: NDArray[Any]) -> float:
    """The largest weight by size, with its sign."""
    most, least = float(head.max(initial=0.0)), float(head.min(initial=0.0))
    return most if most >= -least else least


def _number(head: NDArray[Any]) -> int:
    """Columns of the longest number: a weight, or a row's sum."""
    sums = head.sum(axis=1, dtype=np.float64)
    ends = (end for array in (head, sums) for end in (array.max(initial=0.0), array.min(initial=0.0)))
    return max(NUMBER, *(len(f"{end:.3f}") for end in ends))


def _numbers(
    head: NDArray[Any], queries: Sequence[str], keys: Sequence[str], label: int, number: int, color: bool
) -> Table:
    """Every weight to three places, and each row's sum."""
    table = _frame(label)
    for _ in range(len(keys) + 1):
        table.add_column(width=number, justify="right", no_wrap=True)
    table.add_row("", *(Text(_fitted(key, number).strip()) for key in keys), Text("sum"))
    darkest = abs(_darkest(head)) or 1.0
    for query, row in zip(queries, head, strict=True):
        cells = [Text(f"{weight:.3f}", _style(weight / darkest, color)) for weight in row.tolist()]
        table.add_row(Text(_fitted(query, label)), *cells, Text(f"{row.sum(dtype=np.float64):.3f}"))
    return table


def _shades(head: NDArray[Any], queries: Sequence[str], label: int, color: bool) -> Table:
    """Every weight as one cell, darker the larger; the darkest is the largest weight of the grid."""
    table = _frame(label)
    table.add_column(no_wrap=True)
    darkest = abs(_darkest(head)) or 1.0
    for query, row in zip(queries, head, strict=True):
        line = Text()
        for weight in row.tolist():
            share = weight / darkest
            mark = SHADES[min(len(SHADES) - 1, math.ceil(abs(share) * (len(SHADES) - 1) - 1e-9))]
            line.append("  " if color else f"-{mark}" if share < 0 else mark * 2, _style(share, color))
        table.add_row(Text(_fitted(query, label)), line)
    return table


def _frame(label: int) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column(width=label, no_wrap=True)
    return table


def _pooled(head: NDArray[Any], down: int, across: int) -> NDArray[Any]:
    """The largest weight by size, with its sign, of each block of `down` rows and `across` columns."""
    places = range(0, head.shape[0], down), range(0, head.shape[1], across)
    most, least = (
        choose.reduceat(choose.reduceat(head, places[0], axis=0), places[1], axis=1)
        for choose in (np.maximum, np.minimum)
    )
    return np.where(most >= -least, most, least)


def _fitted(label: str, size: int) -> str:
    """The label in exactly `size` terminal columns, its cut marked by an ellipsis."""
    label = printable(label)
    if cell_len(label) > size:
        label = set_cell_size(label, max(0, size - 1)).rstrip() + "…"
    return set_cell_size(label, size)


def _style(share: float, color: bool) -> str:
    """White to blue by the share of the darkest cell, to red where it is below 0; text stays readable on it."""
    if not color:
        return ""
    falls = (225, 165, 75) if share >= 0 else (75, 165, 225)
    red, green, blue = (round(255 - abs(share) * fall) for fall in falls)
    return f"{'white' if abs(share) > 0.55 else 'black'} on rgb({red},{green},{blue})"


def _sums(head: NDArray[Any]) -> str:
    """What the rows sum to, as computed here and not as it ought to be."""
    sums = head.sum(axis=1, dtype=np.float64)
    attend = head.any(axis=1)
    empty = int((~attend).sum())
    attending = sums[attend]
    parts = []
    if attending.size:
        off = np.abs(attending - 1).max()
        ends = " and ".join(f"{round(end, 3) + 0.0:.3f}" for end in (attending.min(), attending.max()))
        parts.append(f"rows sum to 1 within {off:.0e}" if off <= ROUNDING else f"rows sum to between {ends}")
    if empty:
        parts.append(f"{empty} rows attend to nothing")
    return ", ".join(parts) or "no rows"
