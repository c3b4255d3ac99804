"""SentencePiece's precompiled character map: strings in a double array, each with what it becomes.

The double array is that of Darts (https://github.com/s-yata/darts-clone): a unit of 32 bits a node, its children at
``offset ^ byte``. The map is a uint32 with the array's size in bytes, the array, and strings that end in NUL.
"""

from __future__ import annotations

from array import array

__all__ = ["Charsmap"]

LEAF = 1 << 31
LONGEST = 256
"""Bytes that a string may become: Unicode's longest NFKC form has 33."""


class Charsmap:
    """Longest-prefix look-up. Raises ValueError where an offset leads out of the array or the strings."""

    def __init__(self, blob: bytes) -> None:
        size = int.from_bytes(blob[:4], "little")
        if len(blob) < 5 or size % 4 or size > len(blob) - 5 or size < 4:
            raise ValueError(f"precompiled_charsmap claims {size} bytes of double array in {len(blob)}")
        self._units = array("I", blob[4 : 4 + size])
        self._strings = blob[4 + size :]
        if self._strings[-1] != 0:
            raise ValueError("the last string of precompiled_charsmap has no end")
        for place, unit in enumerate(self._units):
            if not unit & LEAF:
                if (place ^ _offset(unit)) | 0xFF >= len(self._units):
                    raise ValueError(f"unit {place} of precompiled_charsmap leads out of it")
                continue
            start = unit & ~LEAF
            if start >= len(self._strings) or self._strings.find(b"\0", start, start + LONGEST + 1) < 0:
                raise ValueError(f"unit {place} of precompiled_charsmap leads out of the strings, or to a long one")

    def longest(self, text: bytes, at: int) -> tuple[int, bytes] | None:
        """(length, what it becomes) of the longest string of the map that stands at `at`."""
        units = self._units
        found = None
        node = _offset(units[0])
        for here in range(at, len(text)):
            node ^= text[here]
            unit = units[node]
            if unit & (LEAF | 0xFF) != text[here]:
                break
            node ^= _offset(unit)
            if unit >> 8 & 1:
                found = here + 1 - at, units[node] & ~LEAF
        if found is None:
            return None
        return found[0], self._strings[found[1] : self._strings.index(b"\0", found[1])]


def _offset(unit: int) -> int:
    return unit >> 10 << ((unit & 1 << 9) >> 6)
