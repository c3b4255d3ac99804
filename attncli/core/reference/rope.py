"""Rotary position embedding in NumPy: the executable specification of the native one (`_native.pyi`)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["rotate"]

Floats = NDArray[np.floating[Any]]


def rotate(x: Floats, cos: Floats, sin: Floats, *, interleaved: bool = False, threads: int = 0) -> Floats:
    """x (H, N, d), cos and sin (N, r/2) -> (H, N, d)."""
    del threads
    pairs = cos.shape[1]
    first, second = (
        (slice(0, 2 * pairs, 2), slice(1, 2 * pairs, 2)) if interleaved else (slice(0, pairs), slice(pairs, 2 * pairs))
    )
    turned: Floats = x.copy()
    turned[..., first] = x[..., first] * cos - x[..., second] * sin
    turned[..., second] = x[..., second] * cos + x[..., first] * sin
    return turned
