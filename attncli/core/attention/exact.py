"""Exact scaled-dot-product attention: softmax(QKᵀ·scale + bias)V (Vaswani et al. 2017, eq. 1).

The arrays of users come here in any leading shape; the engines see heads, checked, float32 or float64.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from attncli.core.attention.attended import Attended, attended
from attncli.core.attention.problem import Problem, Progress
from attncli.core.attention.rope import Rope
from attncli.errors import DataError

__all__ = ["attention", "logits"]

Floats = NDArray[np.floating[Any]]


def attention(
    queries: ArrayLike,
    keys: ArrayLike,
    values: ArrayLike,
    *,
    causal: bool = False,
    mask: ArrayLike | None = None,
    bias: ArrayLike | None = None,
    scale: float | None = None,
    softcap: float | None = None,
    window: int | tuple[int, int] | None = None,
    alibi_slopes: ArrayLike | None = None,
    relative_bias: ArrayLike | None = None,
    sinks: ArrayLike | None = None,
    rope: Rope | None = None,
    positions: ArrayLike | None = None,
    threads: int | None = None,
    return_weights: bool = False,
    return_lse: bool = False,
    out: Floats | None = None,
    progress: Progress | None = None,
) -> Floats | Attended:
    """Each query's mean of the values, weighted by softmax of its products with the keys.

    queries (…, H, N, d), keys (…, Hkv, M, d), values (…, Hkv, M, dv) -> output (…, H, N, dv); H is a multiple
    of Hkv (grouped queries: head h reads key head h // (H / Hkv)). float32 comes out, or float64 where all
    three are; float16 and bfloat16 compute in float32. `scale` is 1/√d unless given. `mask` (bool, true = may
    attend) and `bias` broadcast against (…, H, N, M). `causal` and `window` (an int or (left, right)) as drawn
    in `masks`. A row with nothing to attend to gives zeros. With `return_weights` or `return_lse` the result
    is an `Attended`. `out` (…, H, N, dv) is where the output is written, if given: rows (N, H·dv) split into heads
    will do, as they do for queries, keys and values, so that nothing is copied. A call that takes long tells `progress`
    on the way how many of the output's rows (of all heads) are done and how many there are; the last rows come first.
    (Patterns of several parts, dilated windows among them, and float64 tell nothing.)

    Query i stands at position i' = i + M − N among the keys, or where `positions` (N,) says: np.arange(N) is
    what PyTorch's is_causal means. `rope` rotates queries and keys by their positions (`rope.Rope`);
    `alibi_slopes` (H,) subtracts slope·|i' − j| (`alibi.slopes`); `relative_bias` (H, 2R + 1) adds a number at
    each j − i' from −R to R, and beyond them as at the ends (`relative.t5_bias`); `sinks` (H,) is a logit more
    in each row's softmax that no key stands behind (gpt-oss; then the weights sum to less than 1).

    Memory is O(N) beside the inputs, unless the weights are asked for. Raises DataError for NaN and shapes
    that don't fit, CallError for options that mean nothing.

    >>> attention([[[1.0]]], [[[0.0], [0.0]]], [[[2.0], [4.0]]])
    array([[[3.]]], dtype=float32)
    """
    problem = Problem.of(
        queries,
        keys,
        values,
        causal=causal,
        mask=mask,
        bias=bias,
        scale=scale,
        softcap=softcap,
        window=window,
        alibi_slopes=alibi_slopes,
        relative_bias=relative_bias,
        sinks=sinks,
        rope=rope,
        positions=positions,
        threads=threads,
        out=out,
        progress=progress,
    )
    output, lse = problem.attend()
    return attended(problem, output, lse, problem.weigh, return_weights=return_weights, return_lse=return_lse)


def logits(queries: ArrayLike, keys: ArrayLike, *, scale: float | None = None, rope: Rope | None = None) -> Floats:
    """QKᵀ·scale, the scores before softcap, bias, mask and softmax: (…, H, N, d), (…, Hkv, M, d) -> (…, H, N, M).

    >>> logits([[[2.0]]], [[[1.0], [3.0]]])
    array([[[2., 6.]]], dtype=float32)
    """
    problem = Problem.of(queries, keys, keys, scale=scale, rope=rope)
    q, k = problem.queries, problem.keys
    group = q.shape[0] // max(1, k.shape[0])
    with np.errstate(over="ignore"):
        scaled = q * q.dtype.type(problem.options["scale"])
    with np.errstate(over="ignore", invalid="ignore"):
        products: Floats = scaled @ np.repeat(k, group, axis=0).swapaxes(1, 2)  # [H, N, d] @ [H, d, M]
    if not np.isfinite(products).all():
        raise DataError(f"scores are beyond {q.dtype}", hint="scale the vectors down")
    return problem.spread(products)
