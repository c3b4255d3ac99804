"""Additive attention (Bahdanau et al. 2015, section 3.1 and appendix A.1.2): the score of a query and a key is
u · tanh(W1·q + W2·k), and not their product."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from attncli.errors import DataError

__all__ = ["additive_attention"]

Floats = NDArray[np.floating[Any]]

BLOCK = 1 << 22
"""Numbers of the hidden layer held at once: 16 MiB of float32."""


def additive_attention(
    queries: ArrayLike, keys: ArrayLike, values: ArrayLike, *, W1: ArrayLike, W2: ArrayLike, u: ArrayLike
) -> tuple[Floats, Floats]:
    """queries (N, d), keys (M, e), values (M, dv), W1 (a, d), W2 (a, e), u (a,) -> output (N, dv), weights (N, M).

    float32, or float64 where all are. Raises DataError for shapes that don't fit, and for NaN.

    >>> one = np.ones((1, 1))
    >>> additive_attention(one, np.ones((2, 1)), [[2.0], [4.0]], W1=one, W2=one, u=[1.0])[0]
    array([[3.]], dtype=float32)
    """
    given = (queries, keys, values, W1, W2, u)
    double = all(isinstance(array, np.ndarray) and array.dtype == np.float64 for array in given)
    dtype: Any = np.float64 if double else np.float32
    q, k, v, w1, w2, direction = (np.asarray(array, dtype) for array in given)
    if not all(np.isfinite(array).all() for array in (q, k, v, w1, w2, direction)):
        raise DataError("additive attention was given NaN or infinity")
    hidden = direction.shape
    fits = [array.ndim for array in (q, k, v, w1, w2, direction)] == [2] * 5 + [1] and len(k) == len(v)
    if not fits or w1.shape != (*hidden, q.shape[1]) or w2.shape != (*hidden, k.shape[1]):
        shapes = ", ".join(str(array.shape) for array in (q, k, v, w1, w2, direction))
        raise DataError(f"{shapes} are not (N, d), (M, e), (M, dv), (a, d), (a, e), (a,)")
    from_keys = k @ w2.T  # [M, e] @ [e, a] -> [M, a]
    weights = np.zeros((len(q), len(k)), dtype)
    step = max(1, BLOCK // max(1, from_keys.size))
    for start in range(0, len(q) if len(k) else 0, step):
        rows = slice(start, start + step)
        scores = np.tanh((q[rows] @ w1.T)[:, None] + from_keys) @ direction  # [rows, M, a] @ [a] -> [rows, M]
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        weights[rows] = powers / powers.sum(axis=1, keepdims=True)
    return weights @ v, weights
