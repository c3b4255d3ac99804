"""SentencePiece's precompiled character map: strings in a double array, each with what it becomes.

The double array is that of Darts (https://github.com/s-yata/darts-clone): a unit of 32 bits a node, its children at
``offset ^ byte``. The map is a uint32 with the array's size in bytes, the array, and strings that end in NUL.
"""

from __future__ import annotations

import base64
import binascii
from array import array
from collections.abc import Iterator

__all__ = ["Charsmap"]

LEAF = 1 << 31
LONGEST = 256
"""Bytes that a string may become: Unicode's longest NFKC form has 33."""


class Charsmap:
    """Look-up of prefixes. Raises ValueError where an offset leads out of the array or the strings."""

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

    @classmethod
    def from_base64(cls, encoded: str) -> Charsmap:
        """A map as files in JSON hold it."""
        try:
            return cls(base64.b64decode(encoded, validate=True))
        except binascii.Error:
            raise ValueError("precompiled_charsmap is no base64") from None

    def shortest(self, text: bytes) -> bytes | None:
        """What the shortest string of the map that a text begins with becomes."""
        return next((becomes for _, becomes in self._prefixes(text, 0)), None)

    def longest(self, text: bytes, at: int) -> tuple[int, bytes] | None:
        """(length, what it becomes) of the longest string of the map that stands at `at`."""
        return max(self._prefixes(text, at), default=None)

    def _prefixes(self, text: bytes, at: int) -> Iterator[tuple[int, bytes]]:
        units = self._units
        node = _offset(units[0])
        for here in range(at, len(text)):
            node ^= text[here]
            unit = units[node]
            if unit & (LEAF | 0xFF) != text[here]:
                return
            node ^= _offset(unit)
            if unit >> 8 & 1:
                start = units[node] & ~LEAF
                yield here + 1 - at, self._strings[start : self._strings.index(b"\0", start)]


def _offset(unit: int) -> int:
    return unit >> 10 << ((unit & 1 << 9) >> 6)
