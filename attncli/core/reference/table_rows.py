"""Rows of a table as text: the twins of `_native.read_table_rows` and `_native.write_table_rows`."""

from __future__ import annotations

import math
from decimal import ROUND_HALF_UP, Decimal

import numpy as np
from numpy.typing import NDArray

__all__ = ["read_table_rows", "row", "write_table_rows"]

BEYOND = float(2**128 - 2**103)
"""The least float64 that float32 rounds to infinity."""
SHOWN = 40
"""Bytes of a wrong row that are shown."""


def read_table_rows(text: bytes, width: int, spaces: bool) -> tuple[bytes, NDArray[np.float32]] | None:
    """The labels and the numbers; see `_native.pyi`."""
    labels, numbers = [], []
    try:
        for line in text.removesuffix(b"\n").split(b"\n") if text else []:
            label, vector = row(line, width, spaces)
            labels.append(label + b"\n")
            numbers.append(vector)
    except ValueError:
        return None
    return b"".join(labels), np.array(numbers, np.float32).reshape(len(labels), width)


def row(line: bytes, width: int, spaces: bool) -> tuple[bytes, list[float]]:
    """One row. Raises ValueError that says what is wrong with it."""
    label, *fields = line.rstrip(b" \t\r").rsplit(b" ", width)
    shown = repr(line[:SHOWN].decode("utf-8", "replace"))
    if len(fields) < width:
        raise ValueError(f"has {len(fields)} numbers in place of {width} ({shown})")
    if b" " in label and (not spaces or _number(label.rpartition(b" ")[2]) is not None):
        raise ValueError(f"has more than a label and {width} numbers ({shown})")
    vector = []
    for field in fields:
        number = _number(field)
        if number is None or not abs(number) < BEYOND:
            raise ValueError(f"holds {field[:SHOWN].decode('utf-8', 'replace')!r}, which is no float32 ({shown})")
        vector.append(number)
    return label, vector


def write_table_rows(labels: bytes, vectors: NDArray[np.float32]) -> bytes:
    """A line for each row; see `_native.pyi`."""
    lines = labels.split(b"\n")
    if len(lines) != len(vectors) + 1:
        raise ValueError(f"{len(lines) - 1} labels for {len(vectors)} rows")
    rows = zip(lines, vectors, strict=False)
    return b"".join(b"%s %s\n" % (label, " ".join(map(_decimal, vector)).encode()) for label, vector in rows)


def _number(field: bytes) -> float | None:
    """float() alone would take "1_0" and white space."""
    if b"_" in field or field.strip() != field:
        return None
    try:
        return float(field)
    except ValueError:
        return None


def _decimal(number: np.float32) -> str:
    """The shortest decimal that float32 reads as this number, as Rust writes it."""
    if not math.isfinite(number):
        raise ValueError(f"{number} is no number that text has a word for")
    # Of two decimals as short and as near (1048576.25 between .2 and .3) NumPy takes the even one, Rust the larger.
    shortest = Decimal(np.format_float_scientific(number, trim="-"))
    larger = Decimal(float(number)).quantize(shortest, ROUND_HALF_UP)
    if abs(larger) > abs(shortest) and np.float32(larger) == number:
        shortest = larger
    if number == 0 or 1e-4 <= abs(number) < 1e16:
        text = format(shortest, "f")
        return text if "." in text else f"{text}.0"
    return format(shortest, "e").replace("e+", "e")
