"""BigBird (Zaheer et al. 2020, section 2 and appendix D), in blocks: each block of queries attends to the blocks near
it, to the global blocks and to some random ones; global blocks attend to all.

7 blocks, window 3 (x), global blocks 0 and −1 (o), 1 random (r):

    o o o o o o o
    o x x . r . o
    o x x x . . o
    o r x x x . o
    o . . x x x o
    o . r . x x o
    o o o o o o o
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

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
    window_blocks: int = 3,
    global_blocks: Sequence[int] = (0, -1),
    random_blocks: int = 3,
    seed: int = 0,
    return_weights: bool = False,
    return_lse: bool = False,
    **options: Any,
) -> Any:
    """Arguments and result as those of `exact.attention`. `window_blocks` counts the query's own block in the middle,
    `global_blocks` are indices, negative ones from the end; the same random blocks for every head.

    >>> x = np.zeros((1, 4, 1))
    >>> attention(x, x, [[[1.0], [3.0], [5.0], [7.0]]], block=1, window_blocks=1, global_blocks=[0], random_blocks=9)
    array([[[4.],
            [4.],
            [4.],
            [4.]]], dtype=float32)
    """
    if block < 1 or random_blocks < 0:
        raise CallError(f"blocks of {block} tokens, {random_blocks} of them random, are none")
    if window_blocks < 1 or window_blocks % 2 == 0:
        raise CallError(f"a window of {window_blocks} blocks has no middle", hint="use an odd number, like 3")
    problem = Problem.of(queries, keys, values, **options)
    length = self_attention(problem, "BigBird")
    block = min(block, max(1, length))
    count = -(-length // block)
    wrong = [number for number in global_blocks if not -count <= number < count]
    if wrong and count:
        raise CallError(f"there is no block {wrong[0]} to be global", hint=f"there are {count}, counted from 0")
    chosen = sorted({number % count for number in global_blocks if count})
    side, drawn = min(window_blocks // 2, count), min(random_blocks, count)
    kept = _kept(count, side, chosen, drawn, seed, problem.options["causal"])
    lists = KeyLists.of(kept * block, keys=length, block=block)
    return sparse_attention(problem, [Part(lists)], return_weights=return_weights, return_lse=return_lse)


def _kept(
    count: int, side: int, global_blocks: list[int], random_blocks: int, seed: int, causal: bool
) -> NDArray[np.int64]:
    """The blocks that each block attends to, as ranges (count, R, 2)."""
    generator = random.Random(seed)
    ranges = np.zeros((count, 1 + len(global_blocks) + random_blocks, 2), np.int64)
    at = np.arange(count)
    ranges[:, 0] = np.stack([at - side, at + side + 1], axis=-1)
    for column, number in enumerate(global_blocks, 1):
        ranges[:, column] = number, number + 1
        ranges[number, 0] = 0, count
    for row in range(count if random_blocks else 0):
        if row in global_blocks:
            continue
        end = row + 1 if causal else count  # a later block would be hidden
        near = range(max(0, row - side), min(end, row + side + 1))
        taken = sorted({*near, *(number for number in global_blocks if number < end)})
        free = end - len(taken)
        for column, drawn in enumerate(generator.sample(range(free), min(random_blocks, free)), 1 + len(global_blocks)):
            number = drawn  # counted among those not taken
            for other in taken:
                number += other <= number
            ranges[row, column] = number, number + 1
    return ranges
