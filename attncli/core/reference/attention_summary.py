"""What attention's weights look like, in NumPy: the executable specification of the native one (`_native.pyi`)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from attncli.core.reference.attention import exponentials_of, masked_logits

__all__ = ["attention_summary"]

Floats = NDArray[np.floating[Any]]


def attention_summary(
    queries: Floats,
    keys: Floats,
    *,
    top_k: int = 0,
    entropy: bool = False,
    mass: bool = False,
    sinks: Floats | None = None,
    threads: int = 0,
    **options: Any,
) -> tuple[NDArray[np.int64] | None, Floats | None, Floats | None, NDArray[np.float64] | None]:
    """queries (H, N, d), keys (Hkv, M, d) -> top keys and weights (H, N, k), entropy (H, N), mass (H, N + M − 1)."""
    del threads
    (heads, length, _), (_, keys_length, _) = queries.shape, keys.shape
    if mass and options.get("positions") is not None:
        raise ValueError("the weight at each distance asks for queries at the end of the keys")
    top_keys = np.full((heads, length, top_k), -1, np.int64)
    top_weights = np.zeros((heads, length, top_k), queries.dtype)
    entropies = np.zeros((heads, length), queries.dtype)
    by_distance = np.zeros((heads, max(0, length + keys_length - 1)))
    for head, rows, logits in masked_logits(queries, keys, **options):
        _, exponentials, total = exponentials_of(logits, None if sinks is None else sinks[head])
        weights = np.divide(exponentials, total[:, None], out=np.zeros_like(logits), where=total[:, None] > 0)
        order = np.argsort(-weights, axis=1, kind="stable")[:, :top_k]  # the first key among equals
        best = np.take_along_axis(weights, order, axis=1).astype(queries.dtype)
        top_weights[head, rows, : best.shape[1]] = best
        top_keys[head, rows, : best.shape[1]] = np.where(best > 0, order, -1)
        logarithms = np.log(weights, out=np.zeros_like(weights), where=weights > 0)
        entropies[head, rows] = -(weights * logarithms).sum(axis=1)
        for row, query in enumerate(range(rows.start, rows.stop)):
            # i' − j, counted from 1 − N, falls from query + M − 1 on as j grows.
            by_distance[head, query : query + keys_length] += weights[row, ::-1]
    return (
        top_keys if top_k else None,
        top_weights if top_k else None,
        entropies if entropy else None,
        by_distance if mass else None,
    )
