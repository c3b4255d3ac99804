"""The rows of a table that lie nearest to a vector by cosine, and the two ways to solve an analogy.

Exact: every row is compared, a block at a time by one matrix product, so that a table that is memory-mapped never has
to be in memory whole.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attncli.errors import CallError, DataError

__all__ = ["METHODS", "analogy", "nearest"]

METHODS = ("3cosadd", "3cosmul")
"""How analogies are solved."""
EPSILON = 1e-6
"""What keeps 3CosMul from dividing by 0: gensim's (Levy and Goldberg have 1e-3)."""
BLOCK = 1 << 19
"""Numbers of a block: 2 MB of float32, which stay in the cache; with 16 MB, 200 queries took 2.7 times as long."""
MARGIN = 16
"""Rows beyond k that are compared once more in float64: among equals in float32 these decide the order."""
SHORT = 1e-15
"""Rows not longer than this have squares that float32 has not."""

Found = tuple[NDArray[np.int64], NDArray[np.float64]]
Score = Callable[[NDArray[Any]], NDArray[Any]]


def nearest(
    table: NDArray[Any], queries: NDArray[np.floating[Any]], k: int, *, leave_out: Sequence[Collection[int]] = ()
) -> Found:
    """The k rows of largest cosine for each query: table (V, D), queries (Q, D) -> (rows, cosines), each (Q, k).

    Largest first, of equal ones the lower row. Fewer than k columns where there are not as many rows. `leave_out` are
    rows that are no answer, for each query. A row of zeros has cosine 0 with everything. Raises DataError for NaN and
    infinity in the table.

    >>> nearest(np.array([[1.0, 0], [1, 1], [0, 1]]), np.array([[2.0, 1]]), 2)[0]
    array([[1, 0]])
    """
    return _search(table, queries, k, lambda cosines: cosines, leave_out or [()] * len(queries))


def analogy(
    table: NDArray[Any],
    plus: NDArray[np.floating[Any]],
    minus: NDArray[np.floating[Any]],
    k: int,
    *,
    method: str = "3cosadd",
    leave_out: Collection[int] = (),
) -> Found:
    """The k rows that are to `plus` (P, D) as `minus` (M, D) is: (rows, scores), each (1, k).

    3cosadd (Mikolov et al. 2013): the cosine with the sum of the unit vectors, those of `minus` taken off. 3cosmul
    (Levy and Goldberg 2014, eq. 4): with each cosine c as (1 + c) / 2, the product of those with `plus` over the
    product of those with `minus` + 1e-6. Raises DataError where the vectors of 3cosadd sum to nothing.
    """
    if method not in METHODS:
        raise CallError(f"no method is called {method!r}", hint=f"use {' or '.join(METHODS)}")
    if method == "3cosadd":
        whole = _unit(plus).sum(axis=0) - _unit(minus).sum(axis=0)
        if not whole.any():
            raise DataError("the words of the analogy cancel each other: nothing is near to that")
        return nearest(table, whole[None], k, leave_out=[leave_out])

    def product(cosines: NDArray[Any]) -> NDArray[Any]:
        shares: NDArray[Any] = (1 + cosines) / 2
        over, under = shares[: len(plus)].prod(axis=0), shares[len(plus) :].prod(axis=0)
        return np.asarray(over / (under + EPSILON))[None]

    return _search(table, np.concatenate([plus, minus]), k, product, [leave_out])


def _search(
    table: NDArray[Any], terms: NDArray[Any], k: int, score: Score, leave_out: Sequence[Collection[int]]
) -> Found:
    """The k best by `score`, which makes (Q, B) of the cosines (n, B) of terms (n, D) with the rows of a block."""
    if terms.ndim != 2 or terms.shape[1] != table.shape[1]:
        raise CallError(f"queries of shape {terms.shape} for a table of width {table.shape[1]}")
    unit = _unit(terms)
    narrow = unit.astype(np.float32)
    kept = max(0, k) + MARGIN
    rows = np.zeros((len(leave_out), 0), np.int64)
    scores = np.zeros((len(leave_out), 0), np.float32)
    for start, block, lengths in _blocks(table, len(terms)):
        found = score(narrow @ block.T / lengths)  # [Q, B]
        for query, banned in enumerate(leave_out):
            found[query, [row - start for row in banned if 0 <= row - start < len(block)]] = -np.inf
        place = np.argpartition(-found, kept, axis=1)[:, :kept] if found.shape[1] > kept else None
        best = found if place is None else np.take_along_axis(found, place, axis=1)
        place = np.broadcast_to(np.arange(len(block)), found.shape) if place is None else place
        rows = np.concatenate([rows, place + start], axis=1)
        scores = np.concatenate([scores, best], axis=1)
        if rows.shape[1] > kept:
            place = np.argpartition(-scores, kept, axis=1)[:, :kept]
            rows, scores = np.take_along_axis(rows, place, axis=1), np.take_along_axis(scores, place, axis=1)
    exact = [
        _ordered(table, unit, rows[query][np.isfinite(scores[query])], k, score, query) for query in range(len(rows))
    ]
    fewest = min((len(each) for each, _ in exact), default=0)
    return (
        np.array([each[:fewest] for each, _ in exact], np.int64).reshape(len(exact), fewest),
        np.array([each[:fewest] for _, each in exact], np.float64).reshape(len(exact), fewest),
    )


def _ordered(
    table: NDArray[Any], unit: NDArray[np.float64], rows: NDArray[np.int64], k: int, score: Score, query: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The k best of some rows, scored in float64."""
    rows = np.sort(rows)
    scores = score(unit @ _unit(table[rows]).T)[query]
    order = np.argsort(-scores, kind="stable")[: max(0, k)]
    return rows[order], scores[order]


def _blocks(table: NDArray[Any], terms: int) -> Iterator[tuple[int, NDArray[np.float32], NDArray[np.float32]]]:
    """(first row, rows (B, D) in float32, their lengths (B,)), so many at a time that neither they nor their cosines
    with `terms` vectors are more than a block."""
    step = max(1, BLOCK // max(table.shape[1], terms))
    for start in range(0, len(table), step):
        part = table[start : start + step]
        with np.errstate(over="ignore"):
            block = np.asarray(part, np.float32)
            lengths = np.sqrt(np.einsum("ij,ij->i", block, block))
        odd = ~(np.isfinite(lengths) & (lengths > SHORT))
        if odd.any():
            wide = np.asarray(part[odd], np.float64)
            if not np.isfinite(wide).all():
                row = start + int(np.flatnonzero(odd)[~np.isfinite(wide).all(axis=1)][0])
                raise DataError(f"the table's row {row} holds NaN or infinity")
            block, lengths = block.copy(), lengths.copy()
            block[odd], lengths[odd] = _unit(wide), 1
        yield start, block, lengths


def _unit(vectors: NDArray[Any]) -> NDArray[np.float64]:
    """Each row at length 1, in float64; one of zeros stays so."""
    wide = np.asarray(vectors, np.float64)
    # The largest number first: its square alone may be beyond float64.
    wide = wide / np.maximum(np.abs(wide).max(axis=1, keepdims=True, initial=0), np.finfo(np.float64).tiny)
    lengths = np.sqrt((wide * wide).sum(axis=1, keepdims=True))
    unit: NDArray[np.float64] = wide / np.where(lengths > 0, lengths, 1)
    return unit
