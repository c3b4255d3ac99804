"""Longformer (Beltagy et al. 2020, section 3.1): a sliding window, and a few global tokens that look at all and that
all look at. With one projection for both; the paper learns a second one for the global tokens.

Window (1, 1), token 0 global (o):

    o o o o o
    o x x . .
    o x x x .
    o . x x x
    o . . x x
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from attncli.core.attention.key_lists import KeyLists
from attncli.core.attention.masks import sides
from attncli.core.attention.problem import Problem
from attncli.core.attention.sparse import Part, self_attention, sparse_attention
from attncli.errors import CallError

__all__ = ["attention"]


def attention(
    queries: ArrayLike,
    keys: ArrayLike,
    values: ArrayLike,
    *,
    window: int | tuple[int, int] = 256,
    global_tokens: Sequence[int] = (0,),
    return_weights: bool = False,
    return_lse: bool = False,
    **options: Any,
) -> Any:
    """Arguments and result as those of `exact.attention`; `global_tokens` are indices, negative ones from the end.

    >>> v = [[[3.0], [0.0], [0.0], [0.0]]]
    >>> attention(np.zeros((1, 4, 1)), np.zeros((1, 4, 1)), v, window=0)[0, :, 0]
    array([0.75, 1.5 , 1.5 , 1.5 ], dtype=float32)
    """
    problem = Problem.of(queries, keys, values, **options)
    length = self_attention(problem, "Longformer")
    wrong = [token for token in global_tokens if not -length <= token < length]
    if wrong and length:
        raise CallError(f"there is no token {wrong[0]} to be global", hint=f"there are {length}, counted from 0")
    chosen = np.unique([token % length for token in global_tokens if length]).astype(np.intp)
    left, right = sides(window, length)
    others = np.setdiff1d(np.arange(length), chosen)
    ranges = np.empty((len(others), len(chosen) + 1, 2), np.int32)
    ranges[:, 0] = np.stack([others - left, others + right + 1], axis=-1).clip(0, length)
    ranges[:, 1:] = np.stack([chosen, chosen + 1], axis=-1)
    parts = [
        Part(KeyLists.of(ranges, keys=length), queries=others if len(chosen) else None),
        Part(queries=chosen),
    ]
    parts = [part for part in parts if part.queries is None or len(part.queries)]
    return sparse_attention(problem, parts, return_weights=return_weights, return_lse=return_lse)
