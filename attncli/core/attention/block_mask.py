"""Attention over any mask of blocks: which block of queries may look at which block of keys.

A mask of 2×3 blocks of 2, for 4 queries and 6 keys:

    true  false true       x x . . x x
    false true  false      x x . . x x
                           . . x x . .
                           . . x x . .
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from attncli.core.attention.key_lists import KeyLists
from attncli.core.attention.problem import Problem
from attncli.core.attention.sparse import Part, sparse_attention
from attncli.errors import CallError, DataError

__all__ = ["attention"]


def attention(
    queries: ArrayLike,
    keys: ArrayLike,
    values: ArrayLike,
    *,
    blocks: ArrayLike | None = None,
    block: int = 64,
    return_weights: bool = False,
    return_lse: bool = False,
    **options: Any,
) -> Any:
    """Arguments and result as those of `exact.attention`, and a mask of blocks of so many tokens: bool
    (⌈N / block⌉, ⌈M / block⌉), or with the axes (…, H) before these for a mask of each head.

    >>> v = [[[1.0], [3.0], [5.0]]]
    >>> attention(np.zeros((1, 3, 1)), np.zeros((1, 3, 1)), v, blocks=[[False, True], [True, True]], block=2)[0, :, 0]
    array([5., 5., 3.], dtype=float32)
    """
    if block < 1:
        raise CallError(f"a block of {block} tokens is none", hint="use 1 or more")
    if blocks is None:
        raise CallError("attention over a mask of blocks needs one", hint="true = this block may look at that one")
    problem = Problem.of(queries, keys, values, **options)
    _, length, keys_length = problem.shape
    mask = np.asarray(blocks)
    if mask.dtype != np.bool_:
        raise DataError(f"the mask of blocks holds {mask.dtype}, not bool", hint="true = may attend", argument="blocks")
    block = min(block, max(1, length, keys_length))
    wanted = (-(-length // block), -(-keys_length // block))
    if mask.shape not in (wanted, (*problem.leading, *wanted)):
        told = f"the mask of blocks has shape {mask.shape}, not {wanted} in blocks of {block}"
        raise DataError(told, argument="blocks")
    rows = math.prod(mask.shape[:-1])
    lists = KeyLists.of_blocks(mask.reshape(rows, wanted[1]), block=block, keys=keys_length)
    return sparse_attention(problem, [Part(lists)], return_weights=return_weights, return_lse=return_lse)
