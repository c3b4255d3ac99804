"""Counting words: the twin of `_native.WordCounts`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from attncli.core.reference.split import Splitter, as_characters

__all__ = ["WordCounts"]


class WordCounts:
    """How often each piece occurs; see `_native.pyi`."""

    def __init__(self, pattern: str, drop_gaps: bool = False, threads: int = 0) -> None:
        del threads
        self._splitter = Splitter(pattern, drop_gaps)
        self._counts: Counter[bytes] = Counter()
        self._runs: list[tuple[Callable[[int, int], bytes], int]] = []
        self._spilled = 0

    def add(self, text: bytes) -> None:
        """Counts the pieces of one text."""
        self._counts.update(text[start:end] for start, end in self._splitter.split(text))

    def add_counts(self, words: Sequence[tuple[bytes, int]]) -> None:
        """Adds words already counted."""
        for word, count in words:
            self._counts[word] += count

    @property
    def memory(self) -> int:
        """About what words and their counts take in a dictionary."""
        return 200 * len(self._counts)

    def spill(self, write: Callable[[bytes], object]) -> tuple[int, int]:
        """Writes the words that are in memory as one sorted run, and forgets them."""
        pieces = self._counts.total()
        words = sorted(self._counts.items())
        run = b"".join(_leb128(len(word)) + word + _leb128(count) for word, count in words)
        write(run)
        self._counts.clear()
        return len(run), pieces

    def add_run(self, read: Callable[[int, int], bytes], size: int, pieces: int) -> None:
        """Adds the words of a run."""
        self._runs.append((read, size))
        self._spilled += pieces

    def __len__(self) -> int:
        """Distinct pieces."""
        return len(self._all())

    @property
    def total(self) -> int:
        """Pieces counted in all."""
        return self._counts.total() + self._spilled

    def items(self) -> list[tuple[bytes, int]]:
        """(piece, count), sorted by piece."""
        return sorted(self._all().items())

    def take(self) -> list[tuple[bytes, int]]:
        """The items; nothing stays."""
        items = self.items()
        self._counts.clear()
        self._runs.clear()
        self._spilled = 0
        return items

    def characters(self) -> list[bytes]:
        """The distinct characters of all pieces, in order."""
        found = {character for word in self._all() for character in as_characters(word)[0]}
        return [character.encode("utf-8") for character in sorted(found)]

    def _all(self) -> Counter[bytes]:
        """The words in memory and those of the runs: here all at once, so this engine saves memory only until then."""
        found = Counter(self._counts)
        for read, size in self._runs:
            run, at = read(0, size), 0
            while at < size:
                length, at = _number(run, at)
                word, at = run[at : at + length], at + length
                count, at = _number(run, at)
                found[word] += count
        return found


def _leb128(number: int) -> bytes:
    """Seven bits a byte, the lowest first; the eighth bit is set on all but the last.

    >>> list(_leb128(300))
    [172, 2]
    """
    low = bytearray()
    while number > 0x7F:
        low.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*low, number])


def _number(run: bytes, at: int) -> tuple[int, int]:
    """The number that `_leb128` has written at a place, and the place after it."""
    number = 0
    for shift in range(0, 64, 7):
        if at >= len(run):
            break
        byte, at = run[at], at + 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
    raise ValueError("a temporary file of counted words has been cut short")
