"""Sparse patterns as lists: for each block of queries a few ranges of keys, and never an N×M mask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attncli.errors import CallError

__all__ = ["KeyLists"]

ROWS = 1 << 14
"""Queries whose ranges are sorted at once."""
LONGEST = (1 << 32) - 1
"""Keys and ranges are counted in 32 bits."""


@dataclass(frozen=True)
class KeyLists:
    """What the engines take as `lists` (`_native.pyi`)."""

    block: int
    """Queries that share a list."""
    starts: NDArray[np.uint32]
    """(lists + 1,): where each list starts among the ranges."""
    ranges: NDArray[np.uint32]
    """(ranges, 2): from a key to before a key, sorted and disjoint in each list."""

    @classmethod
    def of(cls, ranges: NDArray[np.integer[Any]], *, keys: int, block: int = 1) -> KeyLists:
        """ranges (lists, R, 2) -> lists; ranges may overlap, be empty, and reach beyond the `keys` there are.

        >>> KeyLists.of(np.array([[[3, 5], [-1, 2]], [[0, 2], [1, 9]]]), keys=6).ranges.tolist()
        [[0, 2], [3, 5], [0, 6]]
        """
        counts, kept = [], []
        for start in range(0, len(ranges), ROWS):
            some, whose = _merged(ranges[start : start + ROWS].clip(0, min(keys, LONGEST)))
            kept.append(some)
            counts.append(np.bincount(whose, minlength=min(ROWS, len(ranges) - start)))
        return cls._joined(block, counts, kept)

    @classmethod
    def of_blocks(cls, mask: NDArray[np.bool_], *, block: int, keys: int) -> KeyLists:
        """A mask of blocks (lists, key blocks), true = may attend -> lists of queries in blocks of the same size.

        >>> KeyLists.of_blocks(np.array([[True, True, False, True]]), block=2, keys=7).ranges.tolist()
        [[0, 4], [6, 7]]
        """
        padded = np.zeros((len(mask), mask.shape[1] + 2), np.int8)
        padded[:, 1:-1] = mask
        edges = np.diff(padded, axis=1)
        rows, starts = np.nonzero(edges == 1)
        stops = np.nonzero(edges == -1)[1]
        ranges = (np.stack([starts, stops], axis=1) * block).clip(0, min(keys, LONGEST))
        return cls._joined(block, [np.bincount(rows, minlength=len(mask))], [ranges])

    @classmethod
    def _joined(cls, block: int, counts: list[NDArray[Any]], kept: list[NDArray[Any]]) -> KeyLists:
        starts = np.concatenate([[0], *counts]).cumsum()
        if starts[-1] > LONGEST:
            raise CallError(f"the pattern has {starts[-1]:,} ranges of keys", hint="make its blocks larger")
        empty = np.zeros((0, 2), np.uint32)
        return cls(block, starts.astype(np.uint32), np.concatenate([empty, *kept]).astype(np.uint32))

    @property
    def arguments(self) -> tuple[int, NDArray[np.uint32], NDArray[np.uint32]]:
        """As the engines take them."""
        return self.block, self.starts, self.ranges

    def mask(self, queries: int, keys: int) -> NDArray[np.bool_]:
        """The same as a mask (lists of each head or 1, N, M), for those who want all weights.

        >>> KeyLists.of(np.array([[[0, 2]]]), keys=3, block=2).mask(2, 3)[0].tolist()
        [[True, True, False], [True, True, False]]
        """
        edges = np.zeros((len(self.starts) - 1, keys + 1), np.int8)
        sizes = self.starts[1:].astype(np.int64) - self.starts[:-1]
        rows = np.repeat(np.arange(len(edges)), sizes)
        np.add.at(edges, (rows, self.ranges[:, 0]), 1)
        np.add.at(edges, (rows, self.ranges[:, 1]), -1)
        blocks = max(1, -(-queries // self.block))
        kept = edges.cumsum(axis=1)[:, :-1].astype(bool).reshape(-1, blocks, keys)
        return kept.repeat(self.block, axis=1)[:, :queries]


def _merged(ranges: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """ranges (lists, R, 2) -> sorted and disjoint ranges (…, 2), and the list of each."""
    order = np.argsort(ranges[..., 0], axis=1, kind="stable")
    starts, stops = (np.take_along_axis(ranges[..., side], order, axis=1) for side in (0, 1))
    reach = np.maximum.accumulate(np.maximum(starts, stops), axis=1)
    # A range begins anew where nothing before it reaches; it ends where the next one begins anew.
    new = np.ones(starts.shape, bool)
    new[:, 1:] = starts[:, 1:] > reach[:, :-1]
    last = np.ones(starts.shape, bool)
    last[:, :-1] = new[:, 1:]
    lists = np.nonzero(new)[0]
    found = np.stack([starts[new], reach[last]], axis=1)
    kept = found[:, 0] < found[:, 1]
    return found[kept], lists[kept]
