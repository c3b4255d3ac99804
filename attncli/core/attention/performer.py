"""FAVOR+ of the Performer (Choromanski et al. 2021, "Rethinking Attention with Performers").

    softmax's kernel exp(q·k) = E_w[φ(q)·φ(k)],  φ(x) = exp(w·x − |x|²/2),  w ~ N(0, I_d)        lemma 1, eq. 7

With m random features in place of the expectation, drawn orthogonal to each other in blocks of d (section 2.4),
attention takes O(N·m) time and memory. All weights are positive. The error falls with m, but it is governed by
|q + k|² before all: where the scaled vectors are long, no number of features helps. Some implementations add about
1e-4 to each feature, which then pulls the answer to the mean of the values (relative error 0.8 in place of 5 for
normal vectors of d = 64, where the mean itself has 0.8); lemma 1 has no such term, and neither has this.
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
from attncli.errors import CallError

__all__ = ["FEATURES", "attention", "orthogonal_features", "row_weights"]

Floats = NDArray[np.floating[Any]]
FEATURES = 256
MOST = 1 << 16
"""Features: beyond, they would take more memory than they save."""


def attention(
    queries: ArrayLike,
    keys: ArrayLike,
    values: ArrayLike,
    *,
    features: int = FEATURES,
    seed: int = 0,
    causal: bool = False,
    scale: float | None = None,
    rope: Rope | None = None,
    threads: int | None = None,
    return_weights: bool = False,
    return_lse: bool = False,
    out: Floats | None = None,
    progress: Progress | None = None,
) -> Floats | Attended:
    """Arguments, shapes and errors as those of `exact.attention`; `features` is m; lse estimates softmax's own.

    >>> attention([[[1.0]]], [[[0.0], [0.0]]], [[[2.0], [4.0]]], features=16).round(5)
    array([[[3.]]], dtype=float32)
    """
    options: dict[str, Any] = {"threads": threads, "out": out, "progress": progress}
    problem = _problem(queries, keys, values, causal=causal, scale=scale, rope=rope, **options)
    projection = _projection(problem, features, seed)
    return by_features.attention(problem, projection, return_weights=return_weights, return_lse=return_lse)


def row_weights(
    queries: ArrayLike, keys: ArrayLike, *, features: int = FEATURES, seed: int = 0, **options: Any
) -> RowWeights:
    """What gives the weights φ(q_i)·φ(k_j) / Σ_j φ(q_i)·φ(k_j) of some rows i; `options` as `attention`'s."""
    problem = _problem(queries, keys, keys, **options)
    projection = _projection(problem, features, seed)
    return by_features.row_weights(problem, projection)


def orthogonal_features(features: int, width: int, seed: int) -> NDArray[np.float64]:
    """w of each feature, (m, d): in each block of d rows orthogonal, each row as long as a normal one would be.

    >>> w = orthogonal_features(2, 8, seed=0)
    >>> bool(abs(w[0] @ w[1]) < 1e-9)
    True
    """
    if features < 1:
        raise CallError(f"{features} features are too few", hint="use 1 or more")
    if features > MOST:
        raise CallError(f"{features} features are too many", hint=f"use {MOST} or fewer")
    generator = np.random.default_rng(seed)
    w = np.empty((features, width))
    for first in range(0, features, max(1, width)):
        directions = np.linalg.qr(generator.standard_normal((width, width)))[0].T
        w[first : first + width] = directions[: features - first]
    w *= np.sqrt(generator.chisquare(max(1, width), (features, 1)))
    return w


def _projection(problem: Problem, features: int, seed: int) -> Floats:
    return np.ascontiguousarray(orthogonal_features(features, problem.queries.shape[2], seed), problem.queries.dtype)


def _problem(queries: ArrayLike, keys: ArrayLike, values: ArrayLike, **options: Any) -> Problem:
    problem = Problem.of(queries, keys, values, **options)
    if not problem.options["scale"] > 0:
        raise CallError(f"scale {problem.options['scale']} is not above 0", hint="the features hold its square root")
    return problem
