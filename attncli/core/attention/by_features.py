"""Attention whose weights are products of features, φ(q)·φ(k), in place of exp(q·k): what its methods share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attncli.core import engine
from attncli.core.attention.attended import Attended, attended
from attncli.core.attention.problem import Problem
from attncli.core.reference.kernel_attention import log_features
from attncli.errors import DataError

__all__ = ["RowWeights", "attention", "row_weights"]

Floats = NDArray[np.floating[Any]]
RowWeights = Callable[[NDArray[np.intp]], Floats]
"""From the numbers of some rows to their weights (H, rows, M)."""


def attention(
    problem: Problem, projection: Floats | None, *, return_weights: bool, return_lse: bool
) -> Floats | Attended:
    """`projection` is None for elu(x) + 1, or FAVOR+'s (m, d)."""
    run = engine.kernel_attention(problem.queries.dtype)
    output, lse = run(
        problem.queries,
        problem.keys,
        problem.values,
        projection=projection,
        out=problem.out,
        progress=problem.progress,
        **{name: problem.options[name] for name in ("scale", "causal", "threads")},
    )
    if np.isnan(lse).any():
        raise DataError(f"the features are beyond {output.dtype}", hint="scale the vectors down")
    return attended(
        problem,
        output,
        lse,
        lambda: row_weights(problem, projection)(np.arange(problem.shape[1])),
        return_weights=return_weights,
        return_lse=return_lse,
    )


def row_weights(problem: Problem, projection: Floats | None) -> RowWeights:
    """The weights, which the output never needed."""
    heads, length, keys_length = problem.shape
    scale = problem.options["scale"]
    log_k = [log_features(keys, projection, scale) for keys in problem.keys]
    peaks = [one.max(axis=0, initial=-1e300) for one in log_k]
    phi_k = [np.exp(one - peak) for one, peak in zip(log_k, peaks, strict=True)]  # [M, m] each

    def weights_of(rows: NDArray[np.intp]) -> Floats:
        weights = np.zeros((heads, len(rows), keys_length), problem.queries.dtype)
        for head in range(heads):
            kv_head = head * len(problem.keys) // heads
            log_q = log_features(problem.queries[head, rows], projection, scale) + peaks[kv_head]
            phi_q = np.exp(log_q - log_q.max(axis=1, keepdims=True, initial=-1e300))
            products = phi_q @ phi_k[kv_head].T  # [rows, m] @ [m, M] -> [rows, M]
            if problem.options["causal"]:
                products *= np.arange(keys_length) <= rows[:, None] + keys_length - length
            total = products.sum(axis=1, keepdims=True)
            np.divide(products, total, out=weights[head], where=total > 0, casting="same_kind")
        return weights

    return weights_of
