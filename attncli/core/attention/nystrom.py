"""Nyström attention (Xiong et al. 2021, "Nyströmformer"): softmax through m landmarks.

    F̃ = softmax(Q K̃ᵀ·scale)   Ã = softmax(Q̃ K̃ᵀ·scale)   B̃ = softmax(Q̃ Kᵀ·scale)   Ŝ = F̃ Ã⁺ B̃,  Y = Ŝ V    eq. 13

The landmarks Q̃, K̃ are the means of m equal segments (section 3.3, "segment-means"); Ã⁺ is approached by the
iteration of eq. 11. B̃V and F̃(Ã⁺B̃V) are each exact attention, with m queries and with m keys: so nothing of size
N·m is ever held, and time is O(N·m). The paper's convolution over V, a learned layer beside attention, is left out.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from attncli.core.attention.attended import Attended, attended
from attncli.core.attention.by_features import RowWeights
from attncli.core.attention.problem import Problem, Progress
from attncli.core.attention.rope import Rope
from attncli.errors import CallError

__all__ = ["ITERATIONS", "LANDMARKS", "attention", "pseudo_inverse", "row_weights", "segment_means"]

Floats = NDArray[np.floating[Any]]
LANDMARKS = 64
ITERATIONS = 6
"""The paper's number, in all of its experiments."""


def attention(
    queries: ArrayLike,
    keys: ArrayLike,
    values: ArrayLike,
    *,
    landmarks: int = LANDMARKS,
    iterations: int = ITERATIONS,
    scale: float | None = None,
    rope: Rope | None = None,
    threads: int | None = None,
    return_weights: bool = False,
    return_lse: bool = False,
    out: Floats | None = None,
    progress: Progress | None = None,
) -> Floats | Attended:
    """Arguments, shapes and errors as those of `exact.attention`; `landmarks` is m, at most N and M.

    Weights may be negative. There is no lse.

    >>> attention([[[1.0]]], [[[0.0], [0.0]]], [[[2.0], [4.0]]])
    array([[[3.]]], dtype=float32)
    """
    options: dict[str, Any] = {"threads": threads, "out": out, "progress": progress}
    problem = Problem.of(queries, keys, values, scale=scale, rope=rope, **options)
    few = _landmarks(problem, landmarks)
    if few is None:
        output = problem.zeros()
    else:
        means_q, means_k = few
        inverse = pseudo_inverse(_softmax(problem, means_q, means_k), iterations)  # [H, m, m]
        gathered, _ = replace(problem, queries=means_q, out=None, progress=None).attend()  # [H, m, M] @ [H, M, dv]
        middle = (inverse @ gathered).astype(gathered.dtype)  # [H, m, m] @ [H, m, dv]
        output, _ = replace(problem, keys=_repeated(problem, means_k), values=middle).attend()
    return attended(
        problem,
        output,
        None,
        lambda: _weights(problem, few, iterations)(np.arange(problem.shape[1])),
        return_weights=return_weights,
        return_lse=return_lse,
    )


def row_weights(
    queries: ArrayLike,
    keys: ArrayLike,
    *,
    landmarks: int = LANDMARKS,
    iterations: int = ITERATIONS,
    **options: Any,
) -> RowWeights:
    """What gives some rows of Ŝ; `options` as `attention`'s."""
    problem = Problem.of(queries, keys, keys, **options)
    return _weights(problem, _landmarks(problem, landmarks), iterations)


def segment_means(x: Floats, segments: int) -> Floats:
    """(H, N, d) -> (H, m, d): the means of m segments, whose lengths differ by 1 at most.

    >>> segment_means(np.arange(4.0).reshape(1, 4, 1), 2)[0, :, 0]
    array([0.5, 2.5])
    """
    edges = np.arange(segments + 1) * x.shape[1] // segments
    means = np.empty((x.shape[0], segments, x.shape[2]), x.dtype)
    for segment, (start, end) in enumerate(pairwise(edges)):
        # One by one 4 x 65,536 vectors take 10 ms, by np.add.reduceat 75.
        means[:, segment] = x[:, start:end].mean(axis=1)
    return means


def pseudo_inverse(A: Floats, iterations: int = ITERATIONS) -> NDArray[np.float64]:
    """(…, m, m) -> about its Moore-Penrose inverse: Z ← ¼ Z (13I − AZ (15I − AZ (7I − AZ))), eq. 11.

    It starts at Aᵀ / (‖A‖₁ ‖A‖∞), and comes near where the iterations are many enough for A's smallest singular
    values: till then it leaves those out, as a regularised inverse does.

    >>> pseudo_inverse(np.array([[2.0]]))
    array([[0.5]])
    """
    A = A.astype(np.float64)
    size = np.abs(A)
    norms = size.sum(axis=-2, keepdims=True).max(axis=-1, keepdims=True) * size.sum(axis=-1, keepdims=True).max(
        axis=-2, keepdims=True
    )
    Z = A.swapaxes(-1, -2) / norms
    identity = np.eye(A.shape[-1])
    for _ in range(iterations):
        AZ = A @ Z
        Z = Z @ (13 * identity - AZ @ (15 * identity - AZ @ (7 * identity - AZ))) / 4
    return Z  # type: ignore[no-any-return]


def _landmarks(problem: Problem, landmarks: int) -> tuple[Floats, Floats] | None:
    """Q̃ (H, m, d) and K̃ (Hkv, m, d); None where there is nothing to take means of."""
    if landmarks < 1:
        raise CallError(f"{landmarks} landmarks are too few", hint="use 1 or more")
    count = min(landmarks, problem.shape[1], problem.shape[2])
    if count == 0:
        return None
    return segment_means(problem.queries, count), segment_means(problem.keys, count)


def _repeated(problem: Problem, keys: Floats) -> Floats:
    """Keys (Hkv, m, d), each repeated for the query heads that share it."""
    return np.repeat(keys, problem.shape[0] // keys.shape[0], axis=0)


def _softmax(problem: Problem, queries: Floats, keys: Floats) -> Floats:
    """softmax(QKᵀ·scale)"""
    return replace(problem, queries=queries, keys=keys, values=keys).weigh()


def _weights(problem: Problem, few: tuple[Floats, Floats] | None, iterations: int) -> RowWeights:
    if few is None:
        return lambda rows: np.zeros((problem.shape[0], len(rows), problem.shape[2]), problem.queries.dtype)
    means_q, means_k = few
    inverse = pseudo_inverse(_softmax(problem, means_q, means_k), iterations)
    right = inverse @ _softmax(problem, means_q, problem.keys)  # [H, m, m] @ [H, m, M]
    right = right.astype(problem.queries.dtype)

    def weights_of(rows: NDArray[np.intp]) -> Floats:
        left = _softmax(problem, np.ascontiguousarray(problem.queries[:, rows]), means_k)
        product: Floats = left @ right  # [H, rows, m] @ [H, m, M]
        return product

    return weights_of
