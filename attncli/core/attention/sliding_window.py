"""Sliding window attention (Longformer, Beltagy et al. 2020, section 3.1): each query attends to the keys near it;
with a dilation d to every d-th of them, d times as far.

    window (2, 0)     window (2, 0), dilation 2
    x . . . . .       x . . . . .
    x x . . . .       . x . . . .
    x x x . . .       x . x . . .
    . x x x . .       . x . x . .
    . . x x x .       x . x . x .
    . . . x x x       . x . x . x
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from attncli.core.attention import exact
from attncli.core.attention.key_lists import KeyLists
from attncli.core.attention.masks import sides
from attncli.core.attention.problem import Problem
from attncli.core.attention.sparse import Part, residues, self_attention, sparse_attention
from attncli.errors import CallError

__all__ = ["attention"]


def attention(
    queries: ArrayLike,
    keys: ArrayLike,
    values: ArrayLike,
    *,
    window: int | tuple[int, int] | None = None,
    dilation: int = 1,
    return_weights: bool = False,
    return_lse: bool = False,
    **options: Any,
) -> Any:
    """Arguments and result as those of `exact.attention`; `window` (left, right) counts strides of `dilation`.

    Without dilation this is exact attention's own `window`, a rule that needs no list.

    >>> attention(np.zeros((1, 3, 1)), np.zeros((1, 3, 1)), [[[1.0], [2.0], [3.0]]], window=(1, 0))[0, :, 0]
    array([1. , 1.5, 2.5], dtype=float32)
    """
    if window is None:
        raise CallError("window attention needs a window", hint="how many keys before and after, like 256 or 256,0")
    wanted: dict[str, Any] = {"return_weights": return_weights, "return_lse": return_lse}
    if dilation == 1:
        return exact.attention(queries, keys, values, window=window, **wanted, **options)
    if dilation < 1:
        raise CallError(f"a dilation of {dilation} is none", hint="use 1 or more")
    problem = Problem.of(queries, keys, values, **options)
    length = self_attention(problem, "dilated window")
    left, right = sides(window, length)
    dilation = min(dilation, max(1, length))  # farther off than all is as far as any
    order = residues(length, dilation)
    sizes = np.bincount(order % dilation) if length else np.zeros(0, int)
    first = np.repeat(sizes.cumsum() - sizes, sizes)  # where each query's residue begins
    last = np.repeat(sizes.cumsum(), sizes)
    at = np.arange(length)
    ranges = np.stack([np.maximum(at - left, first), np.minimum(at + right + 1, last)], axis=-1)
    parts = [Part(KeyLists.of(ranges[:, None], keys=length), stride=dilation)]
    return sparse_attention(problem, parts, **wanted)
