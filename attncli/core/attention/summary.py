"""What attention's weights look like, in memory O(N): the largest of each row, its entropy, the weight at each
distance, and the weights themselves of chosen heads and rows. None of it builds the N×M weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from attncli.core.attention.problem import Problem
from attncli.errors import CallError, DataError

__all__ = ["Summary", "chosen_weights", "summary"]

Floats = NDArray[np.floating[Any]]


class Summary(NamedTuple):
    """What `summary` gives; what was not asked for is None."""

    top_keys: NDArray[np.int64] | None
    """(…, H, N, k): the keys of the largest weights, the largest first, the first key among equals; −1 where fewer
    than k keys have a weight."""
    top_weights: Floats | None
    """(…, H, N, k)"""
    entropy: Floats | None
    """(…, H, N): −Σ p·ln p of each row, in nats."""
    mass: NDArray[np.float64] | None
    """(…, H, N + M − 1): the weight at each distance i' − j of a query at i' = i + M − N and a key at j, from 1 − N
    to M − 1, summed over the rows; in self-attention place N − 1 is a token's own."""


def summary(
    queries: ArrayLike,
    keys: ArrayLike,
    *,
    top_k: int | None = None,
    entropy: bool = False,
    mass: bool = False,
    **options: Any,
) -> Summary:
    """queries (…, H, N, d), keys (…, Hkv, M, d); options and errors as those of `exact.attention`.

    Twice the products of the keys, and no array of N×M numbers. k is M where that is less.

    >>> summary([[[1.0]]], [[[0.0], [2.0]]], top_k=1).top_keys
    array([[[1]]])
    """
    if top_k is not None and top_k < 1:
        raise CallError(f"the {top_k} largest weights are none", hint="ask for 1 or more")
    problem = Problem.of(queries, keys, keys, **options)
    _, _, keys_length = problem.shape
    asked = {"top_k": min(top_k or 0, keys_length), "entropy": entropy, "mass": mass}
    made = problem.summarize(**asked)
    return Summary(*(None if part is None else problem.spread(part) for part in made))


def chosen_weights(
    queries: ArrayLike,
    keys: ArrayLike,
    *,
    heads: Sequence[int] | None = None,
    rows: Sequence[int] | None = None,
    **options: Any,
) -> Floats:
    """The weights of some heads and rows alone: queries (H, N, d), keys (Hkv, M, d) -> (heads, rows, M).

    Both default to all; negative numbers count from the end. Options as those of `exact.attention`.

    >>> chosen_weights([[[1.0], [2.0]]], [[[0.0], [0.0]]], rows=[-1])
    array([[[0.5, 0.5]]], dtype=float32)
    """
    problem = Problem.of(queries, keys, keys, **options)
    if len(problem.leading) != 1:
        raise DataError(f"heads are chosen of (H, N, d), not of {(*problem.leading, *problem.queries.shape[1:])}")
    count, length, _ = problem.shape
    problem = problem.of_heads(_indices("head", heads, count))
    return problem.where(queries=_indices("row", rows, length)).weigh()


def _indices(what: str, chosen: Sequence[int] | None, count: int) -> NDArray[np.intp]:
    if chosen is None:
        return np.arange(count)
    wrong = [number for number in chosen if not -count <= number < count]
    if wrong:
        raise CallError(f"there is no {what} {wrong[0]}", hint=f"there are {count}, counted from 0")
    return np.array([number % count for number in chosen], np.intp)
