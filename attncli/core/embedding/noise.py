"""Which words are drawn as noise: frequent ones more often, but less so than they occur."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["POWER", "alias_table"]

POWER = 0.75
"""Exponent of the unigram distribution (Mikolov et al. 2013b, section 2.2)."""


def alias_table(counts: NDArray[np.integer[Any]]) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """counts (V,) → thresholds and aliases, uint32 (V,): a draw in constant time (Walker 1977; Vose 1991).

    A slot is drawn evenly, and then a number below 2³²: below the slot's threshold the word is the slot, else its
    alias. Words come out in proportion to count^0.75.

    >>> alias_table(np.array([16, 0]))[1].tolist()
    [0, 0]
    """
    weights = np.asarray(counts, np.float64) ** POWER
    scaled = (weights * (len(weights) / weights.sum())).tolist()
    aliases = list(range(len(scaled)))
    few = [slot for slot, share in enumerate(scaled) if share < 1.0]
    many = [slot for slot, share in enumerate(scaled) if share >= 1.0]
    while few and many:
        small, large = few.pop(), many[-1]
        aliases[small] = large
        scaled[large] -= 1.0 - scaled[small]
        if scaled[large] < 1.0:
            few.append(many.pop())
    # What is left over was 1 but for rounding: its alias is itself.
    thresholds = np.clip(np.array(scaled) * 2.0**32, 0, 2.0**32 - 1)
    return thresholds.astype(np.uint32), np.array(aliases, np.uint32)
