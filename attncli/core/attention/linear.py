"""Linear attention (Katharopoulos, Vyas, Pappas and Fleuret 2020, "Transformers are RNNs"): φ(x) = elu(x) + 1.

    y_i = φ(q_i)ᵀ Σ_j φ(k_j) v_jᵀ / φ(q_i)ᵀ Σ_j φ(k_j)        eq. 4 to 7; j ≤ i where causal, eq. 8 to 12

Keys and values are summed up once, so time and memory are O(N). It does not approximate softmax, it replaces it;
there is no scale.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from attncli.core.attention import by_features
from attncli.core.attention.attended import Attended
from attncli.core.attention.by_features import RowWeights
from attncli.core.attention.problem import Problem, Progress
from attncli.core.attention.rope import Rope

__all__ = ["attention", "row_weights"]

Floats = NDArray[np.floating[Any]]


def attention(
    queries: ArrayLike,
    keys: ArrayLike,
    values: ArrayLike,
    *,
    causal: bool = False,
    rope: Rope | None = None,
    threads: int | None = None,
    return_weights: bool = False,
    return_lse: bool = False,
    out: Floats | None = None,
    progress: Progress | None = None,
) -> Floats | Attended:
    """Arguments, shapes and errors as those of `exact.attention`; lse is log φ(q)·Σφ(k).

    >>> attention([[[0.0]]], [[[0.0], [0.0]]], [[[2.0], [4.0]]])
    array([[[3.]]], dtype=float32)
    """
    options: dict[str, Any] = {"threads": threads, "out": out, "progress": progress}
    problem = Problem.of(queries, keys, values, causal=causal, rope=rope, **options)
    return by_features.attention(problem, None, return_weights=return_weights, return_lse=return_lse)


def row_weights(queries: ArrayLike, keys: ArrayLike, *, causal: bool = False, rope: Rope | None = None) -> RowWeights:
    """What gives the weights φ(q_i)·φ(k_j) / Σ_j φ(q_i)·φ(k_j) of some rows i."""
    return by_features.row_weights(Problem.of(queries, keys, keys, causal=causal, rope=rope), None)
