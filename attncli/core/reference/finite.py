"""The look for NaN and infinity in NumPy: the executable specification of the native function (`_native.pyi`)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["finite"]

PART = 1 << 16
"""Numbers at a time, which stay in the cache."""


def finite(numbers: NDArray[np.floating[Any]], *, threads: int = 0) -> bool:
    """numbers (n,)"""
    del threads
    return all(np.isfinite(numbers[at : at + PART]).all() for at in range(0, numbers.size, PART))
