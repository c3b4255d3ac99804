r"""word2vec's binary: a first line with the number of rows and their width, then for each row its label, a space and
its numbers, float32 little-endian.

The original tool ends each row with a newline, gensim does not: both are read, and rows are written as gensim does.
Behind the rows may stand the side line (`side_line.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attncli.core.embedding.labels import Labels
from attncli.errors import DataError
from attncli.formats import side_line, table_text

__all__ = ["read", "sniff", "write"]

LONGEST_LABEL = 1 << 16
STEP = 1 << 12
"""Rows at a time."""


def sniff(head: bytes) -> bool:
    """Whether a file that begins like this may be one: a first line of two numbers (word2vec's text has that too)."""
    return table_text.sizes(head) is not None


def read(data: Any) -> tuple[NDArray[np.float32], Labels, dict[str, str]]:
    r"""float32 (V, D), labels, and what the side line says, of a file's bytes (a memory map too).

    Raises DataError that names the row, and the byte where the file is cut short. What the first line claims is held
    against the file's size before memory is taken.

    >>> read(b"1 2\nthe " + np.array([0.5, -1], "<f4").tobytes())[0]
    array([[ 0.5, -1. ]], dtype=float32)
    """
    found = table_text.sizes(bytes(data[:64]))
    if found is None:
        raise DataError("its first line is not the number of rows and their width")
    claimed, width, at = found
    if not width:
        raise DataError("its first line tells of rows of width 0")
    if claimed * (4 * width + 1) > len(data) - at:
        raise DataError(
            f"its first line tells of {claimed:,} rows of {width:,} numbers, and {len(data) - at:,} bytes follow",
            hint="is it cut short?",
        )
    vectors = np.empty((claimed, width), "<f4")
    labels: list[bytes] = []
    for start in range(0, claimed, STEP):
        stop = min(start + STEP, claimed)
        numbers, at = _rows(data, at, start, stop, 4 * width, labels)
        vectors[start:stop] = np.frombuffer(numbers, "<f4").reshape(-1, width)
    return vectors.astype(np.float32, copy=False), Labels(b"".join(labels)), side_line.read(bytes(data[at:]))


def write(vectors: NDArray[Any], labels: Labels, metadata: Mapping[str, str]) -> Iterator[bytes]:
    """The file, a part at a time."""
    yield b"%d %d\n" % vectors.shape
    for start in range(0, len(vectors), STEP):
        rows = np.asarray(vectors[start : start + STEP], "<f4")
        lines = labels.lines(start, start + len(rows)).split(b"\n")
        yield b"".join(b"%s %s" % (label, row.tobytes()) for label, row in zip(lines, rows, strict=False))
    side = side_line.write(metadata)
    yield b"\n" + side if side else b""


def _rows(data: Any, at: int, start: int, stop: int, size: int, labels: list[bytes]) -> tuple[bytes, int]:
    """The numbers of some rows, and where the next begins; `labels` gets theirs."""
    parts = []
    for number in range(start + 1, stop + 1):
        at += data[at : at + 1] == b"\n"
        space = data.find(b" ", at, at + LONGEST_LABEL)
        label = bytes(data[at:space]) if space >= 0 else b""
        if space < 0 or b"\n" in label:
            raise DataError(
                f"no label stands at byte {at:,}",
                record=f"row {number:,}",
                hint="is the width on the first line right?",
            )
        at = space + 1 + size
        if at > len(data):
            shown = label.decode("utf-8", "backslashreplace")
            raise DataError(f"{shown!r} is cut short at byte {len(data):,}", record=f"row {number:,}")
        parts.append(data[space + 1 : at])
        labels.append(label + b"\n")
    return b"".join(parts), at
