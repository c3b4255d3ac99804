"""T5's relative position bias (Raffel et al. 2020, section 2.1): one learned number a head for each bucket of
distances; near distances have buckets of their own, far ones share them logarithmically."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from attncli.errors import CallError, DataError

__all__ = ["buckets", "t5_bias"]


def buckets(
    distances: ArrayLike, *, bidirectional: bool = True, count: int = 32, max_distance: int = 128
) -> NDArray[np.int64]:
    """The bucket of each distance j − i (key less query), of any shape.

    Bidirectional: half of the buckets for keys behind, half for keys ahead; else keys ahead share bucket 0. Of
    each side the first half are single distances, and from `max_distance` on all fall into the last.

    >>> buckets([-200, -1, 0, 1, 200]).tolist()
    [15, 1, 0, 17, 31]
    """
    side = count // 2 if bidirectional else count
    exact = side // 2
    if exact < 1 or max_distance <= exact:
        raise CallError(f"{count} buckets up to distance {max_distance} leave no room", hint="T5 has 32 up to 128")
    distances = np.asarray(distances)
    away = np.abs(distances) if bidirectional else np.maximum(-distances, 0)
    # In float32, as the checkpoints' own code: at a bucket's edge float64 could fall on the other side.
    logarithm = np.log(np.maximum(away, 1).astype(np.float32) / np.float32(exact)) / math.log(max_distance / exact)
    far = np.minimum(exact + (logarithm.astype(np.float32) * (side - exact)).astype(np.int64), side - 1)
    found = np.where(away < exact, away, far)
    placed: NDArray[np.int64] = found + np.where(distances > 0, side, 0) if bidirectional else found
    return placed


def t5_bias(table: ArrayLike, *, bidirectional: bool = True, max_distance: int = 128) -> NDArray[Any]:
    """The `relative_bias` (H, 2R + 1) of `attncli.attention` from a checkpoint's table (buckets, H); R = max_distance.

    T5 uses no scale: pass scale=1.

    >>> t5_bias(np.arange(32.0)[:, None])[0, 127:130].tolist()
    [1.0, 0.0, 17.0]
    """
    table = np.asarray(table)
    if table.ndim != 2 or table.dtype.kind not in "fiu":
        given = f"shape {table.shape} of {table.dtype}"
        raise DataError(f"the table of relative biases has {given}, not numbers (buckets, heads)")
    distances = np.arange(-max_distance, max_distance + 1)
    found = buckets(distances, bidirectional=bidirectional, count=len(table), max_distance=max_distance)
    return np.ascontiguousarray(table[found].T)
