"""One vector for a document, from those of its tokens."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from attncli.errors import CallError, DataError

__all__ = ["POOLS", "SIF_A", "normalized", "pooled", "sif_weights"]

POOLS = ("mean", "max", "first", "last", "sif")
"""What `embed --pool` knows. max is each coordinate's largest; sif is the mean of weighted vectors."""
SIF_A = 1e-3
"""The a of SIF (Arora et al. 2017, section 4.1 tries 1e-4 to 3e-3)."""


def pooled(
    vectors: NDArray[np.floating[Any]], pool: str, weights: NDArray[np.float64] | None = None
) -> NDArray[np.float32]:
    """vectors (T, D) -> float32 (1, D); a document with no tokens gives zeros. `weights` (T,) are those of sif.

    >>> pooled(np.array([[1.0, 4.0], [3.0, 0.0]]), "max")
    array([[3., 4.]], dtype=float32)
    """
    if pool not in POOLS:
        raise CallError(f"no pooling is called {pool!r}", hint=f"use one of {', '.join(POOLS)}")
    if not len(vectors):
        return np.zeros((1, vectors.shape[1]), np.float32)
    found: NDArray[Any]
    if pool == "max":
        found = vectors.max(axis=0, keepdims=True)
    elif pool == "first":
        found = vectors[:1]
    elif pool == "last":
        found = vectors[-1:]
    elif pool == "sif":
        if weights is None or weights.shape != (len(vectors),):
            raise CallError("sif needs a weight for each token")
        found = (weights @ vectors.astype(np.float64))[None] / len(vectors)
    else:
        found = vectors.mean(axis=0, dtype=np.float64, keepdims=True)
    one: NDArray[np.float32] = found.astype(np.float32)
    return one


def sif_weights(
    ids: ArrayLike, counts: NDArray[np.integer[Any]], total: int | None = None, a: float = SIF_A
) -> NDArray[np.float64]:
    """a / (a + p(w)) for each id, float64 (T,); Arora, Liang and Ma 2017, "A Simple but Tough-to-Beat Baseline for
    Sentence Embeddings", algorithm 1, its first step.

    p(w) is counts[w] / total, with `total` the sum of the counts (V,) where not given; a token that was never counted
    has weight 1. The second step is `common_component.py`.

    >>> sif_weights([0, 1], np.array([1, 0]), a=1.0).tolist()
    [0.5, 1.0]
    """
    if not a > 0:
        raise CallError(f"sif's a is {a}, not above 0")
    whole = float(counts.sum(dtype=np.float64)) if total is None else total
    rows = np.asarray(ids, np.int64)
    if rows.size and not 0 <= rows.min() <= rows.max() < len(counts):
        raise DataError(f"an id has no count among those of {len(counts):,}")
    found = counts[rows]
    if (found < 0).any():
        raise DataError(f"id {rows[found < 0][0]} was counted {found.min()} times")
    weights: NDArray[np.float64] = a / (a + found / max(whole, 1))
    return weights


def normalized(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each row of (T, D) at length 1 (L2); a row of zeros stays one.

    >>> normalized(np.array([[3, 4], [0, 0]], np.float32)).tolist()
    [[0.6000000238418579, 0.800000011920929], [0.0, 0.0]]
    """
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=-1, keepdims=True)
    unit: NDArray[np.float32] = (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    return unit
