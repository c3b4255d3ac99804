"""The grid of `attend`: the weights of each record, queries down and keys across."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, BinaryIO

from attncli.errors import DataError

if TYPE_CHECKING:
    from attncli.wire.record import Record

__all__ = ["Grid", "check_length"]

LONGEST = 4096
"""Tokens: beyond, the weights of one head would take more than 64 MiB, and a cell of the grid stand for thousands."""


def check_length(tokens: int) -> None:
    """Raises DataError where they are too many to draw."""
    if tokens > LONGEST:
        raise DataError(f"{tokens:,} tokens are too many to draw", hint="use --to json or npy")


class Grid:
    """Draws records in the order in which they were labelled."""

    def __init__(self, heads: Sequence[int] | None, rows: Sequence[int] | None) -> None:
        """The heads and rows that were chosen; None is all."""
        self._heads, self._rows = heads, rows
        self._labels: list[tuple[Sequence[str], Sequence[str] | None]] = []

    def label(self, record: Record, length: int, keys: Sequence[str] | None) -> None:
        """Takes the names of a record's rows, its tokens or places, and of its keys (None: places)."""
        rows = record.tokens or [str(number) for number in range(length)]
        self._labels.append((rows if self._rows is None else [rows[row] for row in self._rows], keys))

    def draw(self, records: Iterable[Record], handle: BinaryIO, color: bool) -> None:
        """Draws all that were labelled since the last time."""
        from attncli.render.terminal import draw_attention

        for record, (queries, keys) in zip(records, self._labels, strict=False):
            weights = record.weights
            if weights is None:
                raise DataError("has no weights to draw", record=str(record.id))
            keys = keys or [str(number) for number in range(weights.shape[2])]
            drawing = io.StringIO()  # rich would end the program itself where the reader has gone
            draw_attention(weights, queries, keys, drawing, title=str(record.id or ""), heads=self._heads, color=color)
            handle.write(drawing.getvalue().encode("utf-8", "backslashreplace"))
        self._labels.clear()
