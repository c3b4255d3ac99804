"""Counting words: the twin of `_native.WordCounts`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from attncli.core.reference.split import Splitter, as_characters

__all__ = ["WordCounts"]


class WordCounts:
    """How often each piece occurs; see `_native.pyi`."""

    def __init__(self, pattern: str, drop_gaps: bool = False, threads: int = 0) -> None:
        del threads
        self._splitter = Splitter(pattern, drop_gaps)
        self._counts: Counter[bytes] = Counter()

    def add(self, text: bytes) -> None:
        """Counts the pieces of one text."""
        self._counts.update(text[start:end] for start, end in self._splitter.split(text))

    def add_counts(self, words: Sequence[tuple[bytes, int]]) -> None:
        """Adds words already counted."""
        for word, count in words:
            self._counts[word] += count

    def __len__(self) -> int:
        return len(self._counts)

    @property
    def total(self) -> int:
        """Pieces counted in all."""
        return self._counts.total()

    def items(self) -> list[tuple[bytes, int]]:
        """(piece, count), sorted by piece."""
        return sorted(self._counts.items())

    def characters(self) -> list[bytes]:
        """The distinct characters of all pieces, in order."""
        found = {character for word in self._counts for character in as_characters(word)[0]}
        return [character.encode("utf-8") for character in sorted(found)]
