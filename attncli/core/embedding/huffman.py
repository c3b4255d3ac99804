"""Huffman's tree over a vocabulary: frequent words have short ways (hierarchical softmax)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["huffman"]


def huffman(
    counts: NDArray[np.integer[Any]],
) -> tuple[NDArray[np.uint64], NDArray[np.uint32], NDArray[np.uint8]]:
    """counts (V,), not rising → each word's way from the root: starts (V + 1,), inner nodes and turns (0 or 1).

    Word w's way is ``nodes[starts[w]:starts[w + 1]]``, of V − 1 inner nodes, the root the last one. At equal counts
    words go before inner nodes, the rarer word first, as in word2vec.c.

    >>> starts, nodes, turns = huffman(np.array([5, 2, 1]))
    >>> starts.tolist(), nodes.tolist(), turns.tolist()
    ([0, 1, 3, 5], [1, 1, 0, 1, 0], [1, 0, 1, 0, 0])
    """
    size = len(counts)
    weights = [*map(int, counts), *[0] * (size - 1)]
    parents, sides = [0] * (2 * size - 1), [0] * (2 * size - 1)
    word, node = size - 1, size

    def smallest(made: int) -> int:
        """The lightest of what has no parent yet: words from the end, inner nodes in the order they were made."""
        nonlocal word, node
        if word >= 0 and (node >= made or weights[word] <= weights[node]):
            word -= 1
            return word + 1
        node += 1
        return node - 1

    for made in range(size, 2 * size - 1):
        one, two = smallest(made), smallest(made)
        weights[made] = weights[one] + weights[two]
        parents[one] = parents[two] = made
        sides[two] = 1
    starts, nodes, turns = [0], [], []
    for leaf in range(size):
        way, at = [], leaf
        while at != 2 * size - 2:
            way.append((parents[at] - size, sides[at]))
            at = parents[at]
        nodes += [inner for inner, _ in reversed(way)]
        turns += [side for _, side in reversed(way)]
        starts.append(len(nodes))
    return np.array(starts, np.uint64), np.array(nodes, np.uint32), np.array(turns, np.uint8)
