"""Attention over a sparse pattern: a few parts, each of which keeps some pairs of a query and a key.

The parts keep no pair twice. A query that stands in several parts gets their outputs joined by their log-sum-exp,
so that the whole is one softmax over all its keys. Work and memory follow the kept pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attncli.core.attention.attended import Attended, attended
from attncli.core.attention.key_lists import KeyLists
from attncli.core.attention.problem import Problem
from attncli.errors import CallError, DataError

__all__ = ["Part", "residues", "self_attention", "sparse_attention"]

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Part:
    """Some queries and the keys that they keep."""

    lists: KeyLists | None = None
    """For the queries of this part in their order; None is every key."""
    queries: NDArray[np.intp] | None = None
    """The queries of this part, in its order; None is all as they are."""
    stride: int = 1
    """Above 1: queries and keys stand in the order of `residues`, in which neighbours are so far apart."""
    again: bool = False
    """Whether its queries stood in a part before."""


def residues(length: int, stride: int) -> NDArray[np.intp]:
    """0, s, 2s, …, 1, s + 1, …: an order in which those that are a multiple of s apart are neighbours.

    >>> residues(5, 2).tolist()
    [0, 2, 4, 1, 3]
    """
    return np.concatenate([np.arange(first, length, stride) for first in range(min(stride, length))] or [np.arange(0)])


def self_attention(problem: Problem, method: str) -> int:
    """The length N of a pattern that asks for as many keys as queries, each at its own place.

    Raises DataError where they differ, CallError for options that the pattern has no place for.
    """
    _, queries, keys = problem.shape
    if queries != keys:
        raise DataError(f"{method} attention is of a sequence to itself, not of {queries} queries to {keys} keys")
    if problem.options["positions"] is not None or problem.options["window"] is not None:
        raise CallError(f"{method} attention takes no window or positions of one's own")
    return queries


def sparse_attention(
    problem: Problem, parts: Sequence[Part], *, return_weights: bool = False, return_lse: bool = False
) -> Floats | Attended:
    """The output (…, H, N, dv), or `Attended`, of attention over these parts."""
    heads, length, _ = problem.shape
    if len(parts) == 1 and parts[0].queries is None and parts[0].stride == 1:
        output, lse = _attend(problem, parts[0])
    else:
        output = problem.zeros()
        lse = np.full((heads, length), -np.inf, output.dtype)
        for part in parts:
            _join(output, lse, *_attend(replace(problem, out=None, progress=None), part), _queries_of(part, length))
    return attended(
        problem,
        output,
        lse,
        lambda: _weights(problem, parts),
        return_weights=return_weights,
        return_lse=return_lse,
    )


def _attend(problem: Problem, part: Part) -> tuple[Floats, Floats]:
    """Output and log-sum-exp of a part's queries."""
    lists = None if part.lists is None else part.lists.arguments
    return _problem_of(problem, part).attend(lists=lists)


def _queries_of(part: Part, length: int) -> NDArray[np.intp]:
    if part.stride > 1:
        return residues(length, part.stride)
    return np.arange(length) if part.queries is None else part.queries


def _problem_of(problem: Problem, part: Part) -> Problem:
    """What a part asks: its queries, and distances that count its strides."""
    if part.stride > 1:
        order = residues(problem.shape[1], part.stride)
        options = problem.options
        strided = problem.where(queries=order, keys=order)
        slopes, bias = options["alibi_slopes"], options["relative_bias"]
        if slopes is not None:
            slopes = slopes * slopes.dtype.type(part.stride)
        if bias is not None:
            reach = bias.shape[1] // 2
            steps = -(-reach // part.stride)
            at = np.arange(-steps, steps + 1) * part.stride
            bias = np.ascontiguousarray(bias[:, at.clip(-reach, reach) + reach])
        # In this order a query's place is its index again.
        changed = {"positions": None, "alibi_slopes": slopes, "relative_bias": bias}
        problem = replace(strided, options=strided.options | changed)
    elif part.queries is not None:
        problem = problem.where(queries=part.queries)
    return replace(problem, options=problem.options | {"sinks": None}) if part.again else problem


def _join(output: Floats, lse: Floats, found: Floats, found_lse: Floats, rows: NDArray[np.intp]) -> None:
    """Takes a part's output and log-sum-exp into those of the parts before."""
    before = lse[:, rows]
    together = np.logaddexp(before, found_lse)
    finite = np.where(np.isneginf(together), 0, together)
    ours, theirs = np.exp(before - finite)[..., None], np.exp(found_lse - finite)[..., None]
    output[:, rows] = output[:, rows] * ours + found * theirs
    lse[:, rows] = together


def _weights(problem: Problem, parts: Sequence[Part]) -> Floats:
    """All weights (heads, N, M), of which most are 0."""
    _, length, keys = problem.shape
    mask = np.zeros((1, length, keys), bool)
    for part in parts:
        rows = _queries_of(part, length)
        kept = np.ones((1, len(rows), keys), bool) if part.lists is None else part.lists.mask(len(rows), keys)
        if len(kept) > len(mask):
            mask = mask.repeat(len(kept), axis=0)
        columns = rows if part.stride > 1 else np.arange(keys)
        mask[:, rows[:, None], columns] |= kept
    if problem.options["mask"] is not None:
        mask = np.ascontiguousarray(mask & problem.options["mask"])
    return problem.weigh(mask=mask)
