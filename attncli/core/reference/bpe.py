"""Encoding with merges: the twin of `_native.BPE`."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from attncli.core.reference.split import Splitter, as_characters

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["BPE"]

MOST_CACHED = 100_000
"""Words kept with their ids."""


class BPE:
    """Text to ids; see `_native.pyi`."""

    def __init__(
        self,
        tokens: Sequence[bytes],
        merges: Sequence[tuple[int, int]],
        pattern: str,
        *,
        drop_gaps: bool = False,
        byte_level: bool = True,
        end_of_word: bytes | None = None,
        unknown: int | None = None,
        special: Sequence[int] = (),
    ) -> None:
        hidden = set(special)
        ids: dict[bytes, int] = {}
        for id_, token in enumerate(tokens):
            if token and id_ not in hidden:
                ids.setdefault(token, id_)
        self._ranks: dict[tuple[int, int], tuple[int, int]] = {}
        for rank, (left, right) in enumerate(merges):
            if not (0 <= left < len(tokens) and 0 <= right < len(tokens)):
                raise ValueError(f"merge {rank} names an id that is not in the vocabulary")
            whole = tokens[left] + tokens[right]
            if whole not in ids:
                shown = whole.decode("utf-8", "replace")
                raise ValueError(f"merge {rank} makes {shown!r}, which is not in the vocabulary")
            self._ranks[left, right] = rank, ids[whole]
        if byte_level:
            for byte in range(256):
                if bytes([byte]) not in ids:
                    raise ValueError(f"byte {byte:#04x} is not in the vocabulary")
        if end_of_word is not None and end_of_word not in ids:
            raise ValueError("the end-of-word marker is not in the vocabulary")
        self._splitter = Splitter(pattern, drop_gaps)
        self._ids = ids
        self._entries = len(tokens)
        self._byte_level = byte_level
        self._end = [] if end_of_word is None else [ids[end_of_word]]
        self._unknown = unknown
        self._cache: dict[bytes, list[int]] = {}

    def encode(self, text: bytes) -> list[int]:
        """Ids of one text."""
        ids: list[int] = []
        for start, end in self._splitter.split(text):
            ids += self._word(text[start:end])
        return ids

    def encode_batch(self, texts: Sequence[bytes], threads: int = 0) -> list[list[int]]:
        """Ids of each text."""
        del threads
        return [self.encode(text) for text in texts]

    def encode_flat(self, texts: Sequence[bytes], threads: int = 0) -> tuple[NDArray[np.uint32], NDArray[np.uint64]]:
        """All ids, and each text's start with the total at the end."""
        import numpy as np

        lists = self.encode_batch(texts, threads)
        starts = np.cumsum([0, *map(len, lists)], dtype=np.uint64)
        return np.array([id_ for ids in lists for id_ in ids], np.uint32), starts

    def encode_lines(
        self, text: NDArray[np.uint8], threads: int = 0, *, end_of_text: int | None = None, narrow: bool = False
    ) -> tuple[NDArray[np.uint32] | NDArray[np.uint16], NDArray[np.uint64]]:
        """`encode_flat` of the lines of a text, each without its newline."""
        import numpy as np

        largest = max(self._entries - 1, end_of_text or 0)
        if narrow and largest > np.iinfo(np.uint16).max:
            raise ValueError(f"an id of {largest} does not fit uint16; use uint32")
        lines = text.tobytes().split(b"\n")
        if not lines[-1]:
            lines.pop()
        after = [] if end_of_text is None else [end_of_text]
        lists = [ids + after for ids in self.encode_batch(lines, threads)]
        starts = np.cumsum([0, *map(len, lists)], dtype=np.uint64)
        ids = np.array([id_ for ids in lists for id_ in ids], np.uint16 if narrow else np.uint32)
        return ids, starts

    def count_batch(self, texts: Sequence[bytes], threads: int = 0) -> list[int]:
        """The number of ids of each text."""
        return [len(ids) for ids in self.encode_batch(texts, threads)]

    def _word(self, word: bytes) -> list[int]:
        known = self._cache.get(word)
        if known is None:
            known = self._merge(self._symbols(word))
            if len(self._cache) < MOST_CACHED:
                self._cache[word] = known
        return known

    def _symbols(self, word: bytes) -> list[int]:
        if self._byte_level:
            return [self._ids[word[at : at + 1]] for at in range(len(word))] + self._end
        found = (self._ids.get(c.encode("utf-8"), self._unknown) for c in as_characters(word)[0])
        return [id_ for id_ in found if id_ is not None] + self._end

    def _merge(self, symbols: list[int]) -> list[int]:
        """Merges by a heap of (rank, place) over a linked list: n log n.

        An entry is out of date where its symbol has gone or its pair has another rank by now.
        """
        ranks = self._ranks
        count = len(symbols)
        following = list(range(1, count + 1))
        previous = list(range(-1, count - 1))
        heap = [(ranks[pair][0], place) for place, pair in enumerate(pairwise(symbols)) if pair in ranks]
        heapq.heapify(heap)
        while heap:
            rank, place = heapq.heappop(heap)
            right = following[place]
            if symbols[place] < 0 or right == count:
                continue
            now, id_ = ranks.get((symbols[place], symbols[right]), (-1, -1))
            if now != rank:
                continue
            symbols[place], symbols[right] = id_, -1
            after = following[place] = following[right]
            before = previous[place]
            if after < count:
                previous[after] = place
                if (pair := (id_, symbols[after])) in ranks:
                    heapq.heappush(heap, (ranks[pair][0], place))
            if before >= 0 and (pair := (symbols[before], id_)) in ranks:
                heapq.heappush(heap, (ranks[pair][0], before))
        return [id_ for id_ in symbols if id_ >= 0]
