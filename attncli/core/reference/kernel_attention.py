"""Attention by features in NumPy: the executable specification of the native function (`_native.pyi`).

φ(q)·Σ_j φ(k_j) v_jᵀ over φ(q)·Σ_j φ(k_j): the sums S stand for all keys, or, where causal, for those before a chunk
(Katharopoulos et al. 2020, eq. 5 to 12). Sums are float64, whose range takes the place of the native engine's care
for exponents that drift apart inside a chunk.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["kernel_attention", "log_features"]

Floats = NDArray[np.floating[Any]]

CHUNK = 64


def kernel_attention(
    queries: Floats,
    keys: Floats,
    values: Floats,
    *,
    projection: Floats | None = None,
    scale: float = 1.0,
    causal: bool = False,
    threads: int = 0,
    out: Floats | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Floats, Floats]:
    """queries (H, N, d), keys (Hkv, M, d), values (Hkv, M, dv) -> output (H, N, dv), logs of sums of weights (H, N)."""
    del threads, progress
    heads, length, _ = queries.shape
    keys_length, depth = values.shape[1:]
    output = np.empty((heads, length, depth), queries.dtype) if out is None else out
    output[...] = 0
    lse = np.full((heads, length), -np.inf, queries.dtype)
    for head in range(heads if keys_length else 0):
        kv_head = head * keys.shape[0] // heads
        log_k = log_features(keys[kv_head], projection, scale)
        peaks = log_k.max(axis=0)
        phi_k = np.exp(log_k - peaks)  # [M, m]
        v = np.insert(values[kv_head].astype(np.float64), depth, 1, axis=1)  # [M, dv + 1]
        state, summed = np.zeros((phi_k.shape[1], depth + 1)), 0
        for start in range(0, length, CHUNK):
            rows = slice(start, min(start + CHUNK, length))
            # Queries are aligned to the end of the keys: query i sees the first i + 1 + M - N of them, or all.
            seen = np.arange(rows.start, rows.stop) + 1 + keys_length - length if causal else np.array([keys_length])
            before, ahead = max(0, seen[0] - 1) if causal else keys_length, max(0, seen[-1])
            state += phi_k[summed:before].T @ v[summed:before]  # [m, keys] @ [keys, dv + 1] -> [m, dv + 1]
            summed = before
            log_q = log_features(queries[head, rows], projection, scale) + peaks
            most = log_q.max(axis=1, keepdims=True, initial=-1e300)
            phi_q = np.exp(log_q - most)  # [rows, m]
            weights = (phi_q @ phi_k[before:ahead].T) * (np.arange(before, ahead) < seen[:, None])
            found = phi_q @ state + weights @ v[before:ahead]  # [rows, dv + 1]
            total = found[:, -1:]
            np.divide(found[:, :-1], total, out=output[head, rows], where=total > 0, casting="same_kind")
            with np.errstate(divide="ignore"):
                lse[head, rows] = (np.log(total) + most)[:, 0]
    lse[~np.isfinite(output).all(axis=2)] = np.nan
    return output, lse


def log_features(x: Floats, projection: Floats | None, scale: float) -> NDArray[np.float64]:
    """log φ(x), (n, d) -> (n, m), in float64.

    >>> log_features(np.array([[-2.0]]), None, 1.0)
    array([[-2.]])
    """
    x = x.astype(np.float64)
    if projection is None:
        logs: NDArray[np.float64] = np.where(x > 0, np.log1p(np.maximum(x, 0)), x)  # elu(x) + 1 is e^x below 0
        return logs
    x = x * np.sqrt(scale)
    products: NDArray[np.float64] = x @ projection.T.astype(np.float64)  # [n, d] @ [d, m] -> [n, m]
    products -= (x * x).sum(axis=1, keepdims=True) / 2 + np.log(len(projection)) / 2
    return products
