"""Byte spans of a text as spans of characters."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

__all__ = ["in_characters"]

Span = tuple[int, int]


def in_characters(text: bytes, spans: Sequence[Span]) -> list[Span]:
    """The characters that byte spans touch; a byte that is no UTF-8 is one character.

    >>> in_characters("né".encode(), [(0, 1), (1, 2), (2, 3), (3, 3)])
    [(0, 1), (1, 2), (1, 2), (2, 2)]
    """
    from attncli.core.reference.split import as_characters  # with `regex`

    places = as_characters(text)[1]
    if places is None:
        return list(spans)
    found = []
    for start, end in spans:
        first = bisect_right(places, start) - 1
        found.append((first, max(first, bisect_left(places, end))))
    return found
