"""Exact scaled-dot-product attention: softmax(QKᵀ·scale + bias)V (Vaswani et al. 2017, eq. 1).

The arrays of users come here in any leading shape; the engines see heads, checked, float32 or float64.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from attncli.core import engine
from attncli.core.attention.masks import as_bias, as_mask, as_window
from attncli.core.reference import attention as reference
from attncli.errors import CallError, DataError

__all__ = ["Attended", "attention", "logits"]

Floats = NDArray[np.floating[Any]]


class Attended(NamedTuple):
    """What `attention` gives where more than the output is asked for."""

    output: Floats
    """(…, H, N, dv)"""
    weights: Floats | None
    """(…, H, N, M), each row summing to 1, or zeros where it may attend to nothing."""
    lse: Floats | None
    """(…, H, N): the logarithm of the sum of exponentials of each row's logits."""


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
    threads: int | None = None,
    return_weights: bool = False,
    return_lse: bool = False,
) -> Floats | Attended:
    """Each query's mean of the values, weighted by softmax of its products with the keys.

    queries (…, H, N, d), keys (…, Hkv, M, d), values (…, Hkv, M, dv) -> output (…, H, N, dv); H is a multiple
    of Hkv (grouped queries: head h reads key head h // (H / Hkv)). float32 comes out, or float64 where all
    three are. `scale` is 1/√d unless given. `mask` (bool, true = may attend) and `bias` broadcast against
    (…, H, N, M). `causal` and `window` (an int or (left, right)) as drawn in `masks`. A row with nothing to
    attend to gives zeros. With `return_weights` or `return_lse` the result is an `Attended`.

    Memory is O(N) beside the inputs, unless the weights are asked for. Raises DataError for NaN and shapes
    that don't fit, CallError for options that mean nothing.

    >>> attention([[[1.0]]], [[[0.0], [0.0]]], [[[2.0], [4.0]]])
    array([[[3.]]], dtype=float32)
    """
    q, k, v, leading = _checked(queries, keys, values)
    shape = (*leading, q.shape[-2], k.shape[-2])
    slopes = None if alibi_slopes is None else np.asarray(alibi_slopes, q.dtype)
    if slopes is not None and slopes.shape not in ((leading[-1],), (q.shape[0],)):
        raise DataError(f"{slopes.shape} ALiBi slopes for {leading[-1]} heads", hint="give one a head")
    if softcap is not None and not softcap > 0:
        raise CallError(f"softcap {softcap} is not above 0", hint="leave it out for none")
    options: dict[str, Any] = {
        "scale": _scale(scale, q.shape[-1]),
        "causal": causal,
        "window": as_window(window),
        "softcap": softcap or 0.0,
        "mask": as_mask(mask, shape),
        "bias": as_bias(bias, shape, q.dtype),
        "alibi_slopes": None if slopes is None else np.resize(slopes, q.shape[0]),
        "threads": threads or 0,
    }
    run, run_weights = _functions(q.dtype)
    try:
        output, lse = run(q, k, v, **options)
    except ValueError as error:
        raise DataError(str(error)) from error
    output = output.reshape(*leading, *output.shape[1:])
    if not (return_weights or return_lse):
        return output  # type: ignore[no-any-return]
    weights = run_weights(q, k, **options).reshape(shape) if return_weights else None
    return Attended(output, weights, lse.reshape(*leading, lse.shape[1]) if return_lse else None)


def logits(queries: ArrayLike, keys: ArrayLike, *, scale: float | None = None) -> Floats:
    """QKᵀ·scale, the scores before mask and softmax: (…, H, N, d), (…, Hkv, M, d) -> (…, H, N, M).

    >>> logits([[[2.0]]], [[[1.0], [3.0]]])
    array([[[2., 6.]]], dtype=float32)
    """
    q, k, _, leading = _checked(queries, keys, keys)
    group = q.shape[0] // max(1, k.shape[0])
    with np.errstate(over="ignore"):
        scaled = q * q.dtype.type(_scale(scale, q.shape[-1]))
    with np.errstate(over="ignore", invalid="ignore"):
        products: Floats = scaled @ np.repeat(k, group, axis=0).swapaxes(1, 2)  # [H, N, d] @ [H, d, M]
    if not np.isfinite(products).all():
        raise DataError(f"scores are beyond {q.dtype}", hint="scale the vectors down")
    return products.reshape(*leading, *products.shape[1:])


def _functions(dtype: np.dtype[Any]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The engine's kernels; float64 runs in the reference engine alone."""
    if dtype == np.float64:
        return reference.attention, reference.attention_weights
    return engine.attention(), engine.attention_weights()


def _scale(scale: float | None, width: int) -> float:
    if scale is None:
        return 1.0 / math.sqrt(max(1, width))
    if not math.isfinite(scale):
        raise CallError(f"scale {scale} is not a finite number")
    return float(scale)


def _checked(*arrays: ArrayLike) -> tuple[Floats, Floats, Floats, tuple[int, ...]]:
    """The three as C-contiguous (heads, length, width) of one float dtype, and the leading axes (…, H)."""
    raw = [np.asarray(array) for array in arrays]
    dtype: np.dtype[Any] = np.dtype(np.float32)
    # Lists of Python floats arrive as float64, but nobody asked for double precision by writing 1.0.
    if all(isinstance(array, np.ndarray) and array.dtype == np.float64 for array in arrays):
        dtype = np.dtype(np.float64)
    for name, array in zip(("queries", "keys", "values"), raw, strict=True):
        if array.dtype.kind not in "fiu":
            raise DataError(f"the {name} hold {array.dtype}, not numbers")
        if array.ndim < 3:
            raise DataError(f"the {name} have shape {array.shape}, not (..., heads, length, width)")
    with np.errstate(over="ignore"):  # what leaves float32 becomes infinity, and is refused as that
        q, k, v = (np.ascontiguousarray(array, dtype) for array in raw)
    for name, array in zip(("queries", "keys", "values"), (q, k, v), strict=True):
        if not np.isfinite(array).all():
            raise DataError(f"the {name} hold NaN or infinity", hint="look where they were computed")
    leading, kv_leading = q.shape[:-2], k.shape[:-2]
    if k.shape[:-1] != v.shape[:-1]:
        raise DataError(f"keys {k.shape} and values {v.shape} differ in heads or length")
    if q.shape[-1] != k.shape[-1]:
        raise DataError(f"queries of width {q.shape[-1]} cannot meet keys of width {k.shape[-1]}")
    if leading[:-1] != kv_leading[:-1] or kv_leading[-1] == 0 or leading[-1] % kv_leading[-1]:
        raise DataError(f"queries with heads {leading} cannot share keys with heads {kv_leading}")
    heads, kv_heads = math.prod(leading), math.prod(kv_leading)
    return (
        q.reshape(heads, *q.shape[-2:]),
        k.reshape(kv_heads, *k.shape[-2:]),
        v.reshape(kv_heads, *v.shape[-2:]),
        leading,
    )
