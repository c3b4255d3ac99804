"""How often the rows of a table stand in some text, from a file: for SIF's weights."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from attncli import files
from attncli.artifacts import arrays
from attncli.core.embedding.labels import Labels
from attncli.core.embedding.table import Table
from attncli.errors import DataError
from attncli.wire import npy
from attncli.wire.lines import read_lines

__all__ = ["Frequencies", "load_frequencies"]

LINE = re.compile(rb"(.*\S)[ \t]+([0-9]{1,18})\s*")
"""A label, then its count."""
MOST = (1 << 63) - 1


class Frequencies(NamedTuple):
    """Counts of a table's rows, and of all words."""

    counts: NDArray[Any]
    """Integers (V,)."""
    total: int


def load_frequencies(path: str, table: Table) -> Frequencies:
    """From lines of a label and its count, as word2vec's `-save-vocab` and gensim's `fvocab` have them, or an .npy of
    integers (V,).

    Labels are spelled as in tables; of a table without any they are ids. What has no row counts in the total. Raises
    DataError that names the line.
    """
    with files.open_input(path) as handle:
        if handle.read(len(npy.MAGIC)) == npy.MAGIC:
            return _from_array(arrays.load_one(path), table, path)
    labels = None if table.labels is None else Labels.of(table.labels)
    counts, total, first = np.zeros(len(table.vectors), np.int64), 0, 1
    with files.open_input(path) as handle:
        for lines, _ in read_lines(handle):
            for number, line in enumerate(lines, first):
                match = LINE.fullmatch(line)
                if match is None:
                    shown = line[:40].decode("utf-8", "replace")
                    raise DataError(f"{shown!r} is no label with its count", source=path, record=f"line {number}")
                row = _row(match[1], labels)
                total += int(match[2])
                if total > MOST:
                    raise DataError("the counts come to more than 2^63 - 1", source=path, record=f"line {number}")
                if row is not None and row < len(counts):
                    counts[row] += int(match[2])
            first += len(lines)
    if not counts.any():
        raise DataError(
            "counts no word of the table", source=path, hint="each line is a label of the table and a count"
        )
    return Frequencies(counts, total)


def _row(label: bytes, labels: Labels | None) -> int | None:
    if labels is not None:
        return labels.find(Labels(label)[0])
    return int(label) if label.isdigit() and len(label) < 12 else None


def _from_array(counts: NDArray[Any], table: Table, path: str) -> Frequencies:
    if counts.shape != table.vectors.shape[:1] or counts.dtype.kind not in "iu" or (counts < 0).any():
        wanted = f"counts of {len(table.vectors):,} rows"
        raise DataError(f"an array {counts.shape} of {counts.dtype} is no {wanted}", source=path)
    return Frequencies(counts, int(counts.sum(dtype=np.float64)))
