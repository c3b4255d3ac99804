"""Exact attention in NumPy: the executable specification of the native kernel (`_native.pyi`).

softmax(QKᵀ·scale + bias)V (Vaswani et al. 2017, eq. 1), a block of query rows at a time, so that memory is
rows × M and never N × M. Works in the precision of its inputs, float32 or float64.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["attention", "attention_weights", "exponentials_of", "masked_logits"]

Floats = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]
Lists = tuple[int, NDArray[np.uint32], NDArray[np.uint32]]
"""(queries to a list, where each list starts (lists + 1,), ranges of keys (ranges, 2)); see `_native.pyi`."""

BLOCK_LOGITS = 1 << 22
"""Logits held at once, in numbers: 16 MiB of float32."""


def attention(
    queries: Floats,
    keys: Floats,
    values: Floats,
    *,
    sinks: Floats | None = None,
    threads: int = 0,
    out: Floats | None = None,
    progress: Callable[[int, int], None] | None = None,
    **options: Any,
) -> tuple[Floats, Floats]:
    """queries (H, N, d), keys (Hkv, M, d), values (Hkv, M, dv) -> output (H, N, dv), lse (H, N)."""
    del threads, progress  # NumPy's matrix product has its own; and the long calls are the native engine's
    group = _group(queries, keys)
    heads, length, _ = queries.shape
    output = np.empty((heads, length, values.shape[2]), queries.dtype) if out is None else out
    output[...] = 0
    lse = np.full((heads, length), -np.inf, queries.dtype)
    for head, rows, logits in masked_logits(queries, keys, **options):
        peak, exponentials, total = exponentials_of(logits, None if sinks is None else sinks[head])
        alive = total > 0
        numerator = exponentials @ values[head // group]  # [rows, M] @ [M, dv] -> [rows, dv]
        np.divide(numerator, total[:, None], out=output[head, rows], where=alive[:, None])
        with np.errstate(over="ignore"):  # what float32 cannot hold is infinity
            lse[head, rows][alive] = peak[alive] + np.log(total[alive])
    return output, lse


def attention_weights(
    queries: Floats, keys: Floats, *, sinks: Floats | None = None, threads: int = 0, **options: Any
) -> Floats:
    """queries (H, N, d), keys (Hkv, M, d) -> weights (H, N, M)."""
    del threads
    weights = np.zeros((queries.shape[0], queries.shape[1], keys.shape[1]), queries.dtype)
    for head, rows, logits in masked_logits(queries, keys, **options):
        _, exponentials, total = exponentials_of(logits, None if sinks is None else sinks[head])
        np.divide(exponentials, total[:, None], out=weights[head, rows], where=total[:, None] > 0)
    return weights


def _group(queries: Floats, keys: Floats) -> int:
    """Query heads to a key head."""
    if keys.shape[0] == 0 or queries.shape[0] % keys.shape[0]:
        raise ValueError(f"{queries.shape[0]} query heads cannot share {keys.shape[0]} key heads")
    return int(queries.shape[0] // keys.shape[0])


def exponentials_of(logits: Floats, sink: Any = None) -> tuple[Floats, Floats, Floats]:
    """Each row's peak, exp(logits − peak) and their sum; zeros in a row that is −inf throughout. A sink is one logit
    more in each row's peak and sum."""
    peak = logits.max(axis=1, initial=-np.inf if sink is None else sink)
    finite = np.where(np.isneginf(peak), 0, peak)
    exponentials = np.exp(logits - finite[:, None])
    total = exponentials.sum(axis=1)
    return peak, exponentials, total if sink is None else total + np.exp(sink - finite)


def masked_logits(
    queries: Floats, keys: Floats, *, scale: float, softcap: float = 0.0, **options: Any
) -> Iterator[tuple[int, slice, Floats]]:
    """(head, rows, masked logits (rows, M)) for each head and block of query rows."""
    group = _group(queries, keys)
    heads, length, _ = queries.shape
    step = max(1, BLOCK_LOGITS // max(1, keys.shape[1]))
    for head in range(heads):
        for start in range(0, length, step):
            rows = slice(start, min(start + step, length))
            logits = _scores(queries[head, rows], keys[head // group], scale)
            if softcap > 0:
                logits = softcap * np.tanh(logits / softcap)
            yield head, rows, _biased_and_masked(logits, head, rows, length, **options)


def _biased_and_masked(
    logits: Floats,
    head: int,
    rows: slice,
    length: int,
    *,
    causal: bool = False,
    window: tuple[int, int] | None = None,
    mask: Mask | None = None,
    bias: Floats | None = None,
    alibi_slopes: Floats | None = None,
    relative_bias: Floats | None = None,
    positions: NDArray[np.int64] | None = None,
    lists: Lists | None = None,
) -> Floats:
    """logits (rows, M) of one head, with what is added to them, and −inf where it is hidden."""
    columns = np.arange(logits.shape[1])
    # Queries are aligned to the end of the keys: query i stands at position i + M − N.
    places = np.arange(length) + len(columns) - length if positions is None else positions
    distance = columns - places[rows, None]
    if bias is not None:
        logits = logits + _block_of(bias, head, rows)
    if alibi_slopes is not None:
        logits = logits - alibi_slopes[head] * np.abs(distance)
    if relative_bias is not None:
        reach = relative_bias.shape[1] // 2
        logits = logits + relative_bias[head, distance.clip(-reach, reach) + reach]
    hidden = np.zeros(logits.shape, bool)
    left, right = window or (-1, -1)
    if causal:
        hidden |= distance > 0
    if left >= 0:
        hidden |= distance < -left
    if right >= 0:
        hidden |= distance > right
    if mask is not None:
        hidden |= ~_block_of(mask, head, rows)
    if lists is not None:
        hidden |= ~_listed(lists, head, rows, length, len(columns))
    return np.where(hidden, -np.inf, logits)


def _listed(lists: Lists, head: int, rows: slice, length: int, columns: int) -> Mask:
    """Which keys (rows, M) stand in the lists of some queries."""
    block, starts, ranges = lists
    blocks = -(-length // block)
    first = 0 if len(starts) == blocks + 1 else head * blocks
    kept = np.zeros((rows.stop - rows.start, columns), bool)
    for row, query in enumerate(range(rows.start, rows.stop)):
        at = first + query // block
        for start, stop in ranges[starts[at] : starts[at + 1]]:
            kept[row, start:stop] = True
    return kept


def _scores(queries: Floats, keys: Floats, scale: float) -> Floats:
    """QKᵀ·scale, in float64 where float32 is too narrow. The scale goes into the queries first: q·k can leave
    float32 where q·k·scale does not."""
    with np.errstate(over="ignore", invalid="ignore"):
        scores: Floats = (queries * queries.dtype.type(scale)) @ keys.T
        if not np.isfinite(scores).all():
            scores = (queries.astype(np.float64) * scale) @ keys.T.astype(np.float64)
    if not np.isfinite(scores).all():
        raise ValueError("scores are beyond float64; scale the vectors down")
    return scores


def _block_of(array: NDArray[Any], head: int, rows: slice) -> NDArray[Any]:
    """The rows of one head of an array whose axes are 1 or full."""
    plane: NDArray[Any] = array[head if array.shape[0] > 1 else 0]
    return plane[rows] if plane.shape[0] > 1 else plane
