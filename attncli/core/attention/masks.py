"""Who may attend to whom: masks and biases, checked and cut to the shape that the engines take.

A mask is true where a query may attend. Causal and window masks are rules, not arrays, and are never built.
With N queries and M keys, query i stands at position i + M − N: both sequences end together. For N = 3, M = 5:

    causal          window (1, 0)      window (0, 1)
    x x x . .       . x x . .          . . x x .
    x x x x .       . . x x .          . . . x x
    x x x x x       . . . x x          . . . . x
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attncli.errors import CallError, DataError

__all__ = ["as_bias", "as_mask", "as_window", "sides"]

WIDEST = 1 << 60
"""A window that reaches farther is cut: no key and no position stands so far off, and 64 bits hold its sums."""


def as_window(window: int | tuple[int, int] | None) -> tuple[int, int] | None:
    """(left, right) as flash-attention counts it; one number is both sides; −1 is unbounded.

    >>> as_window(2)
    (2, 2)
    """
    if window is None:
        return None
    left, right = (window, window) if isinstance(window, int) else window
    if min(left, right) < -1:
        raise CallError(f"window ({left}, {right}) is negative", hint="use 0 or more, or -1 for no bound")
    return min(int(left), WIDEST), min(int(right), WIDEST)


def sides(window: int | tuple[int, int], length: int) -> tuple[int, int]:
    """The same for a sequence to itself: keys before and after, `length` at most, which also stands for no bound.

    >>> sides((2, -1), 10)
    (2, 10)
    """
    left, right = as_window(window) or (-1, -1)
    return (length if left == -1 else min(left, length)), (length if right == -1 else min(right, length))


def as_mask(mask: Any, shape: tuple[int, ...]) -> NDArray[np.bool_] | None:
    """A boolean mask that broadcasts against `shape` (…, H, N, M), as (a, b, c), each 1 or full.

    Raises DataError for another dtype or a shape that does not broadcast.
    """
    if mask is None:
        return None
    array = np.asarray(mask)
    if array.dtype != np.bool_:
        hint = "true = may attend; additive masks are a bias"
        raise DataError(f"the mask holds {array.dtype}, not bool", hint=hint, argument="mask")
    return _flattened(array, shape, "mask")


def as_bias(bias: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any] | None:
    """An additive bias that broadcasts against `shape` (…, H, N, M), as (a, b, c), each 1 or full.

    −inf hides a key. Raises DataError for NaN, +inf, other dtypes and shapes that do not broadcast.
    """
    if bias is None:
        return None
    array = np.asarray(bias)
    if array.dtype.kind not in "fiu":
        raise DataError(f"the bias holds {array.dtype}, not numbers", hint="a boolean array is a mask", argument="bias")
    array = array.astype(dtype, copy=False)
    if np.isnan(array).any() or np.isposinf(array).any():
        hint = "only finite numbers and -infinity are allowed"
        raise DataError("the bias holds NaN or +infinity", hint=hint, argument="bias")
    return _flattened(array, shape, "bias")


def _flattened(array: NDArray[Any], shape: tuple[int, ...], what: str) -> NDArray[Any]:
    """(…, H, N, M) -> (heads, N, M) without building what broadcasting merely repeats."""
    try:
        fits = np.broadcast_shapes(array.shape, shape) == shape
    except ValueError:
        fits = False
    if not fits:
        raise DataError(
            f"the {what} has shape {array.shape}, which does not broadcast to {shape} (heads, queries, keys)",
            argument=what,
        )
    rows, columns = ([1, 1, *array.shape])[-2:]
    leading = [1] * (len(shape) - 2 - max(0, array.ndim - 2)) + list(array.shape[:-2])
    array = array.reshape(*leading, rows, columns)
    if max(leading) > 1:
        # Where an axis before the rows is full, all are spelled out, as one axis of heads.
        leading = list(shape[:-2])
        array = np.broadcast_to(array, (*leading, rows, columns))
    return np.ascontiguousarray(array.reshape(math.prod(leading), rows, columns))
