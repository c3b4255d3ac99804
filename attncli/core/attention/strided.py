"""Strided attention (Sparse Transformer, Child et al. 2019, section 4.2): each query attends to the keys less than a
stride away, and to every key a multiple of the stride away. With a stride near √N the pairs grow as N·√N.

Stride 3, causal; o is the second set:

    x . . . . . . .
    x x . . . . . .
    x x x . . . . .
    o x x x . . . .
    . o x x x . . .
    . . o x x x . .
    o . . o x x x .
    . o . . o x x x
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from attncli.core.attention.key_lists import KeyLists
from attncli.core.attention.problem import Problem
from attncli.core.attention.sparse import Part, residues, self_attention, sparse_attention
from attncli.errors import CallError

__all__ = ["attention"]


def attention(
    queries: ArrayLike,
    keys: ArrayLike,
    values: ArrayLike,
    *,
    stride: int | None = None,
    return_weights: bool = False,
    return_lse: bool = False,
    **options: Any,
) -> Any:
    """Arguments and result as those of `exact.attention`; `stride` is √N, rounded up, unless given.

    >>> v = [[[1.0], [0.0], [0.0], [0.0]]]
    >>> attention(np.zeros((1, 4, 1)), np.zeros((1, 4, 1)), v, stride=2, causal=True)[0, :, 0].round(2)
    array([1.  , 0.5 , 0.33, 0.  ], dtype=float32)
    """
    problem = Problem.of(queries, keys, values, **options)
    length = self_attention(problem, "strided")
    stride = int(np.ceil(np.sqrt(length))) if stride is None else stride
    if stride < 1 and length:
        raise CallError(f"a stride of {stride} is none", hint="use 1 or more; the square root of the length is usual")
    stride = min(stride, length)
    at = np.arange(length)
    near = np.stack([at - stride + 1, at + stride], axis=-1)
    parts = [Part(KeyLists.of(near[:, None], keys=length))]
    if 1 <= stride < length:
        # Of those a multiple of the stride away all but the query's own place, which is near.
        sizes = np.bincount(residues(length, stride) % stride)
        first = np.repeat(sizes.cumsum() - sizes, sizes)
        last = np.repeat(sizes.cumsum(), sizes)
        far = np.stack([np.stack([first, at], axis=-1), np.stack([at + 1, last], axis=-1)], axis=1)
        parts.append(Part(KeyLists.of(far, keys=length), stride=stride, again=True))
    return sparse_attention(problem, parts, return_weights=return_weights, return_lse=return_lse)
