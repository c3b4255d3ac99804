"""Rotary position embedding (RoFormer, Su et al. 2021, section 3.2.2): queries and keys turn with their place,
so that their product depends on how far apart they stand.

A head's numbers are taken in pairs, pair i of a vector at position t turned by the angle t·θ^(−2i/d). Which two
numbers are a pair differs between checkpoints:

    half (Hugging Face's Llama)     0 with d/2, 1 with d/2 + 1, …
    interleaved (the paper, Meta)   0 with 1, 2 with 3, …
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attncli.core import engine
from attncli.errors import CallError, DataError

__all__ = ["Llama3Scaling", "Rope"]


@dataclass(frozen=True)
class Llama3Scaling:
    """Llama 3.1's stretch to longer texts: slow pairs turn `factor` times slower, fast ones as before, and those
    between (by turns within the original length) a blend."""

    factor: float = 8.0
    low_freq_factor: float = 1.0
    high_freq_factor: float = 4.0
    original_length: int = 8192

    def __post_init__(self) -> None:
        if not (self.factor >= 1 and 0 < self.low_freq_factor < self.high_freq_factor and self.original_length > 0):
            raise CallError(f"{self} makes no sense", hint="for Llama 3.1: 8, 1, 4, 8192")

    def __call__(self, frequencies: NDArray[np.float64]) -> NDArray[np.float64]:
        """frequencies (r/2,) -> (r/2,)"""
        turns = self.original_length * frequencies / (2 * np.pi)
        kept = (turns - self.low_freq_factor) / (self.high_freq_factor - self.low_freq_factor)
        kept = kept.clip(0, 1)
        scaled: NDArray[np.float64] = (1 - kept) * frequencies / self.factor + kept * frequencies
        return scaled


@dataclass(frozen=True)
class Rope:
    """How to rotate.

    >>> Rope().rotate(np.array([[[1.0, 0.0]]]), np.array([1])).round(4)
    array([[[0.5403, 0.8415]]])
    """

    theta: float = 10_000.0
    interleaved: bool = False
    scaling: Llama3Scaling | None = None
    width: int | None = None
    """Numbers of each head that are rotated, the first ones; None is all of them."""

    def __post_init__(self) -> None:
        if not (np.isfinite(self.theta) and self.theta > 0):
            raise CallError(f"rope's theta is {self.theta}, not above 0")

    def frequencies(self, width: int) -> NDArray[np.float64]:
        """Radians a step for each pair: (width/2,)."""
        frequencies = self.theta ** (-np.arange(0, width, 2) / width)
        return frequencies if self.scaling is None else self.scaling(frequencies)

    def rotate(self, x: NDArray[Any], positions: NDArray[np.integer[Any]], *, threads: int = 0) -> NDArray[Any]:
        """x (H, N, d) with row n turned to positions[n]: (H, N, d). Angles are computed in float64; `threads` 0
        is one a core.

        Raises DataError where the width cannot be paired.
        """
        width = x.shape[-1] if self.width is None else self.width
        if width % 2 or not 0 <= width <= x.shape[-1]:
            raise DataError(f"rope cannot pair {width} of {x.shape[-1]} numbers a head", hint="use an even width")
        angles = np.asarray(positions, np.float64)[:, None] * self.frequencies(width)  # [N, width/2]
        cos, sin = np.cos(angles).astype(x.dtype), np.sin(angles).astype(x.dtype)
        run = engine.rotate(x.dtype)
        return run(np.ascontiguousarray(x), cos, sin, interleaved=self.interleaved, threads=threads)  # type: ignore[no-any-return]
