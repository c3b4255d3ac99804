"""Splitting by pattern, and where a text can be cut: the twin of `_native.Splitter`."""

from __future__ import annotations

import regex

__all__ = ["Splitter", "as_characters"]


def as_characters(text: bytes) -> tuple[str, list[int] | None]:
    """The text with U+FFFD for each byte that is no part of valid UTF-8, and each character's place in the bytes.

    The places, with the total at the end, are None where every byte is one character.
    """
    decoded = text.decode("utf-8", "surrogateescape")
    if decoded.isascii():
        return decoded, None
    places, at = [], 0
    for character in decoded:
        places.append(at)
        at += 1 if "\udc80" <= character <= "\udcff" else len(character.encode("utf-8"))
    places.append(at)
    return regex.sub("[\udc80-\udcff]", "\ufffd", decoded), places


LONGEST = 1 << 16
"""Bytes of a pattern's source."""


class Splitter:
    """Cuts text into pieces; see `_native.pyi`."""

    handwritten = False

    def __init__(self, pattern: str, drop_gaps: bool = False) -> None:
        if len(pattern.encode("utf-8", "surrogatepass")) > LONGEST:
            raise ValueError(f"the pattern does not compile: {len(pattern)} characters of it are too many")
        try:
            self._regex = regex.compile(pattern) if pattern else None
        except regex.error as error:
            raise ValueError(f"the pattern does not compile: {error}") from error
        self._drop_gaps = drop_gaps

    def split(self, text: bytes) -> list[tuple[int, int]]:
        """Byte spans of the pieces."""
        if self._regex is None:
            return [(0, len(text))] if text else []
        characters, places = as_characters(text)
        spans, gap = [], 0
        for found in self._regex.finditer(characters):
            start, end = found.span()
            if start > gap and not self._drop_gaps:
                spans.append((gap, start))
            if end > start:
                spans.append((start, end))
            gap = max(gap, end)
        if gap < len(characters) and not self._drop_gaps:
            spans.append((gap, len(characters)))
        return spans if places is None else [(places[start], places[end]) for start, end in spans]

    def safe_cut(self, text: bytes) -> int:
        """No place is known here: documents are held whole. The native twin knows many."""
        del text
        return 0
