"""Linformer (Wang et al. 2020, "Linformer: Self-Attention with Linear Complexity"): K and V projected along N.

    Y = softmax(Q (E K)ᵀ·scale) F V,    E, F of shape (k, M)        eq. 7

k "tokens" stand for the M: time and memory are O(N·k). The paper learns E and F; where none are given they are
drawn as its proof of theorem 2 draws them, normal with variance 1/k, one for keys and values and for all heads
("layerwise sharing", section 4). An E that was not learned mixes keys of any meaning, and is seldom a good one.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from attncli.core import engine
from attncli.core.attention.attended import Attended, attended
from attncli.core.attention.by_features import RowWeights
from attncli.core.attention.problem import Problem, Progress, finite
from attncli.core.attention.rope import Rope
from attncli.errors import CallError, DataError

__all__ = ["RANK", "attention", "row_weights"]

Floats = NDArray[np.floating[Any]]
RANK = 256
MOST = 1 << 16
"""The largest rank that is drawn for; a learned E may have any."""
STEP = 4096
"""Columns of a drawn E at a time: the whole one would be larger than the keys."""


def attention(
    queries: ArrayLike,
    keys: ArrayLike,
    values: ArrayLike,
    *,
    rank: int | None = None,
    seed: int = 0,
    E: ArrayLike | None = None,
    F: ArrayLike | None = None,
    scale: float | None = None,
    rope: Rope | None = None,
    threads: int | None = None,
    return_weights: bool = False,
    return_lse: bool = False,
    out: Floats | None = None,
    progress: Progress | None = None,
) -> Floats | Attended:
    """Arguments, shapes and errors as those of `exact.attention`.

    `E` and `F` are (k, M), or (Hkv, k, M) for each key head; F is E where only that is given, and without both
    they are drawn from `seed`, with k = `rank` (256). Weights may be negative and sum to anything. lse is that of
    the k logits.

    >>> attention([[[1.0]]], [[[0.0], [0.0]]], [[[2.0], [4.0]]], E=[[0.5, 0.5]])
    array([[[3.]]], dtype=float32)
    """
    options: dict[str, Any] = {"threads": threads, "out": out, "progress": progress}
    problem = Problem.of(queries, keys, values, scale=scale, rope=rope, **options)
    given = _given(problem, rank, E, F)
    short = _shortened(problem, rank, seed, given)
    output, lse = short.attend()
    return attended(
        problem,
        output,
        lse,
        lambda: _weights(problem, short, seed, given)(np.arange(problem.shape[1])),
        return_weights=return_weights,
        return_lse=return_lse,
    )


def row_weights(
    queries: ArrayLike,
    keys: ArrayLike,
    *,
    rank: int | None = None,
    seed: int = 0,
    E: ArrayLike | None = None,
    F: ArrayLike | None = None,
    **options: Any,
) -> RowWeights:
    """What gives some rows of softmax(Q (E K)ᵀ·scale) F, which multiplies V; `options` as `attention`'s."""
    problem = Problem.of(queries, keys, keys, **options)
    given = _given(problem, rank, E, F)
    return _weights(problem, _shortened(problem, rank, seed, given), seed, given)


def _given(
    problem: Problem, rank: int | None, E: ArrayLike | None, F: ArrayLike | None
) -> tuple[Floats, Floats] | None:
    """E and F of the problem's type, (1 or Hkv, k, M) each."""
    if E is None:
        if F is not None:
            raise CallError("F is given and E is not")
        if rank is not None and rank < 1:
            raise CallError(f"rank {rank} is too small", hint="use 1 or more")
        if rank is not None and rank > MOST:
            raise CallError(f"rank {rank} is too large", hint=f"use {MOST} or less")
        return None
    first = _projection("E", E, problem, rank)
    second = first if F is None else _projection("F", F, problem, rank)
    if first.shape[1] != second.shape[1] or rank not in (None, first.shape[1]):
        raise CallError(f"E projects to {first.shape[1]} and F to {second.shape[1]} keys, and the rank is {rank}")
    return first, second


def _projection(name: str, given: ArrayLike, problem: Problem, rank: int | None) -> Floats:
    array = np.asarray(given)
    whole = array[None] if array.ndim == 2 else array
    kv_heads, length, _ = problem.keys.shape
    fits = whole.ndim == 3 and whole.shape[0] in (1, kv_heads) and whole.shape[1] > 0 and whole.shape[2] == length
    if not fits or array.dtype.kind not in "fiu":
        raise DataError(
            f"{name} holds {array.dtype} of shape {array.shape}",
            hint=f"give floats ({'k' if rank is None else rank}, {length}), a column for each key",
            argument=name,
        )
    with np.errstate(over="ignore"):  # what leaves float32 becomes infinity, and is refused as that
        numbers = np.require(whole, problem.keys.dtype, ["C", "A"])
    if not finite(numbers, problem.options["threads"]):
        raise DataError(f"{name} holds NaN or infinity", argument=name)
    return numbers


def _shortened(problem: Problem, rank: int | None, seed: int, given: tuple[Floats, Floats] | None) -> Problem:
    """The same with E K for keys and F V for values."""
    if problem.shape[2] == 0:
        return problem
    project = partial(engine.project_keys(problem.keys.dtype), threads=problem.options["threads"])
    if given is not None:
        keys, values = project(given[0], problem.keys), project(given[1], problem.values)
    else:
        shape = (len(problem.keys), rank or RANK)
        keys, values = (np.zeros((*shape, x.shape[2]), x.dtype) for x in (problem.keys, problem.values))
        for start, part in _drawn(rank or RANK, problem.shape[2], seed, keys.dtype):
            keys += project(part[None], problem.keys[:, start : start + STEP])
            values += project(part[None], problem.values[:, start : start + STEP])
    if not all(finite(projected, problem.options["threads"]) for projected in (keys, values)):
        raise DataError(f"the projected keys or values are beyond {keys.dtype}", hint="scale E or the vectors down")
    return replace(problem, keys=keys, values=values)


def _drawn(rank: int, length: int, seed: int, dtype: Any) -> Any:
    """(first column, columns) of a random E, a few at a time."""
    generator = np.random.default_rng(seed)
    for start in range(0, length, STEP):
        part = generator.standard_normal((rank, min(STEP, length - start)), np.float32)
        yield start, part.astype(dtype, copy=False) / part.dtype.type(np.sqrt(rank))


def _weights(problem: Problem, short: Problem, seed: int, given: tuple[Floats, Floats] | None) -> RowWeights:
    if given is None:
        parts = [part for _, part in _drawn(short.shape[2], problem.shape[2], seed, problem.queries.dtype)]
        right = np.concatenate(parts, axis=1)[None] if parts else np.zeros((1, 0, 0), problem.queries.dtype)
    else:
        right = given[1]
    group = problem.shape[0] // problem.keys.shape[0]
    right = right if right.shape[0] == 1 else np.repeat(right, group, axis=0)

    def weights_of(rows: NDArray[np.intp]) -> Floats:
        if problem.shape[2] == 0:
            return np.zeros((problem.shape[0], len(rows), 0), problem.queries.dtype)
        product: Floats = short.where(queries=rows).weigh() @ right  # [H, rows, k] @ [1 or H, k, M]
        return product

    return weights_of
