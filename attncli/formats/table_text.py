"""Rows of a table as text, in blocks: what word2vec's and GloVe's text have in common."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attncli.core import engine
from attncli.core.embedding.labels import Labels
from attncli.core.reference.table_rows import row
from attncli.errors import DataError
from attncli.wire.lines import read_blocks

__all__ = ["HEADER", "Rows", "blocks", "sizes", "written"]

STEP = 1 << 22
"""Bytes of text that become rows at a time."""
HEADER = re.compile(rb"([0-9]{1,12}) ([0-9]{1,9})[ \t\r]*\n")
"""word2vec's first line: how many rows, and how wide."""


def sizes(head: bytes) -> tuple[int, int, int] | None:
    """(rows, width, bytes of the line) that a file's first line claims; None where it is no such line."""
    match = HEADER.match(head)
    return (int(match[1]), int(match[2]), match.end()) if match else None


def blocks(take: Callable[[int], bytes]) -> Iterator[bytes]:
    """Whole lines, 4 MB at a time."""
    return read_blocks(take, STEP)


class Rows:
    """Takes blocks of lines, and is the table in the end; memory grows with what comes, whatever a header claims."""

    def __init__(self, width: int, *, spaces: bool, first_line: int, claimed: int | None = None) -> None:
        """`claimed` is how many there should be: so much, and not more, is taken ahead of what comes."""
        self._width = width
        self._claimed = claimed
        self._spaces = spaces
        self._line = first_line
        self._vectors = np.empty((0, width), np.float32)
        self._labels: list[bytes] = []
        self.count = 0

    def add(self, block: bytes) -> None:
        """Whole lines. Raises DataError that names the line that is no row."""
        found = engine.read_table_rows()(block, self._width, self._spaces)
        if found is None:
            raise self._complaint(block)
        labels, vectors = found
        self._labels.append(labels)
        end = self.count + len(vectors)
        if end > len(self._vectors):
            ahead = len(self._vectors) * 5 // 4
            size = max(end, ahead if self._claimed is None else min(ahead, self._claimed))
            self._vectors.resize((size, self._width), refcheck=False)  # in place: realloc moves pages, not numbers
        self._vectors[self.count : end] = vectors
        self.count = end
        self._line += len(vectors)

    def table(self) -> tuple[NDArray[np.float32], Labels]:
        """float32 (rows, width) and the labels."""
        self._vectors.resize((self.count, self._width), refcheck=False)
        return self._vectors, Labels(b"".join(self._labels))

    def _complaint(self, block: bytes) -> DataError:
        for number, line in enumerate(block.removesuffix(b"\n").split(b"\n"), self._line):
            try:
                row(line, self._width, self._spaces)
            except ValueError as error:
                return DataError(str(error), record=f"line {number}")
        return DataError("cannot be read", record=f"line {self._line} or behind it")


def written(vectors: NDArray[Any], labels: Labels) -> Iterator[bytes]:
    """The lines of all rows, some at a time. Raises DataError for NaN and infinity."""
    step = max(1, STEP // (8 * vectors.shape[1]))
    for start in range(0, len(vectors), step):
        with np.errstate(over="ignore"):  # told below
            rows = np.ascontiguousarray(vectors[start : start + step], np.float32)
        if not np.isfinite(rows).all():
            wrong = start + int(np.argwhere(~np.isfinite(rows))[0, 0])
            raise DataError(f"row {wrong} holds a number that float32 text has no word for")
        yield engine.write_table_rows()(labels.lines(start, start + len(rows)), rows)
