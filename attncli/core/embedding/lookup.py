"""Token ids to vectors: the rows of an embedding table (`wte` in GPT-2)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from attncli.errors import DataError

__all__ = ["lookup"]


def lookup(table: NDArray[Any], ids: ArrayLike) -> NDArray[np.float32]:
    """table (V, D) of any float dtype, ids (T,) -> float32 (T, D).

    Raises DataError where an id has no row: usually the ids of another tokenizer.

    >>> lookup(np.eye(3, dtype=np.float16), [2])
    array([[0., 0., 1.]], dtype=float32)
    """
    rows = np.asarray(ids)
    if rows.size == 0:
        return np.zeros((0, table.shape[1]), np.float32)
    if rows.ndim != 1 or rows.dtype.kind not in "iu":
        raise DataError(f"ids of shape {rows.shape} and type {rows.dtype} are not a list of integers")
    lowest, highest = int(rows.min()), int(rows.max())
    if lowest < 0 or highest >= len(table):
        wrong = lowest if lowest < 0 else highest
        raise DataError(
            f"id {wrong} has no row in a table of {len(table)} rows",
            hint="use the table that belongs to the tokenizer of these ids",
        )
    # Bounds are checked above, once; "clip" spares NumPy from doing it for each row (twice as fast).
    vectors: NDArray[np.float32] = np.take(table, rows, axis=0, mode="clip").astype(np.float32, copy=False)
    return vectors
