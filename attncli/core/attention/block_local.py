"""Block-local attention (Image Transformer, Parmar et al. 2018; Blockwise attention, Qiu et al. 2020): the sequence is
cut into blocks, and each query attends to the keys of its own block.

    x x . . .
    x x . . .
    . . x x .
    . . x x .
    . . . . x
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from attncli.core.attention.key_lists import KeyLists
from attncli.core.attention.problem import Problem
from attncli.core.attention.sparse import Part, self_attention, sparse_attention
from attncli.errors import CallError

__all__ = ["attention"]


def attention(
    queries: ArrayLike,
    keys: ArrayLike,
    values: ArrayLike,
    *,
    block: int = 64,
    return_weights: bool = False,
    return_lse: bool = False,
    **options: Any,
) -> Any:
    """Arguments and result as those of `exact.attention`, and the tokens in a block.

    >>> attention(np.zeros((1, 3, 1)), np.zeros((1, 3, 1)), [[[1.0], [3.0], [5.0]]], block=2)[0, :, 0]
    array([2., 2., 5.], dtype=float32)
    """
    if block < 1:
        raise CallError(f"a block of {block} tokens is none", hint="use 1 or more")
    problem = Problem.of(queries, keys, values, **options)
    length = self_attention(problem, "block-local")
    block = min(block, max(1, length))
    starts = np.arange(0, length, block)
    ranges = np.stack([starts, starts + block], axis=-1)[:, None]
    lists = KeyLists.of(ranges, keys=length, block=block)
    return sparse_attention(problem, [Part(lists)], return_weights=return_weights, return_lse=return_lse)
