"""Linformer's projection in NumPy: the executable specification of the native function (`_native.pyi`)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["project_keys"]

Floats = NDArray[np.floating[Any]]


def project_keys(projection: Floats, keys: Floats, *, threads: int = 0) -> Floats:
    """projection (1 or Hkv, k, M) and keys (Hkv, M, d) -> (Hkv, k, d)."""
    del threads
    if len(projection) not in (1, len(keys)) or projection.shape[2] != keys.shape[1]:
        raise ValueError(f"a projection {projection.shape} of keys {keys.shape}")
    with np.errstate(over="ignore", invalid="ignore"):  # as the native one, which leaves infinity and NaN to be seen
        projected: Floats = projection @ keys
    return projected
