"""Chance that is the same in both engines."""

from __future__ import annotations

__all__ = ["SplitMix64"]

MASK = (1 << 64) - 1


class SplitMix64:
    """Steele, Lea and Flood 2014."""

    def __init__(self, seed: int) -> None:
        self._state = seed & MASK

    def bits(self) -> int:
        """The next 64 bits."""
        self._state = self._state + 0x9E3779B97F4A7C15 & MASK
        mixed = (self._state ^ self._state >> 30) * 0xBF58476D1CE4E5B9 & MASK
        mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB & MASK
        return mixed ^ mixed >> 31

    def draw(self) -> float:
        """Evenly distributed in [0, 1)."""
        return (self.bits() >> 11) / (1 << 53)

    def below(self, n: int) -> int:
        """Evenly from 0 to n − 1, for n up to 2³²."""
        return (self.bits() >> 32) * n >> 32
