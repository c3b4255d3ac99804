"""Encoding with merges: the twin of `native/src/bpe.rs`."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

__all__ = ["BPE"]

MOST_CACHED = 100_000
"""Words kept with their ids."""
Span = tuple[int, int]
Encoded = tuple[list[int], list[Span]]
"""Ids, and the bytes (start, end) of each."""


class BPE:
    """Byte-pair encoding (Sennrich et al. 2016); what the settings mean is told in `_native.pyi`."""

    def __init__(
        self,
        tokens: Sequence[bytes],
        ids: Mapping[bytes, int],
        special: Mapping[bytes, int],
        merges: Sequence[tuple[int, int]],
        new: Sequence[int] | None,
        settings: Mapping[str, Any],
    ) -> None:
        self._ids = ids
        self._settings = settings
        self._prefix = settings["continuing_subword_prefix"].encode()
        self._suffix = settings["end_of_word_suffix"].encode()
        if new is not None and len(new) != len(merges):
            raise ValueError("not as many new ids as merges")
        self._ranks: dict[tuple[int, int], tuple[int, int]] = {}
        for rank, (left, right) in enumerate(merges):
            if not (0 <= left < len(tokens) and 0 <= right < len(tokens)):
                raise ValueError(f"merge {rank} names an id that is not in the vocabulary")
            whole = tokens[left] + tokens[right][len(self._prefix) :]
            id_ = new[rank] if new is not None else ids.get(whole, special.get(whole))
            if id_ is None or id_ >= len(tokens):
                shown = whole.decode("utf-8", "replace")
                raise ValueError(f"merge {rank} makes {shown!r}, which is not in the vocabulary")
            self._ranks[left, right] = rank, id_
        if settings["byte_level"]:
            for byte in range(256):
                if not {self._prefix + bytes([byte]) + end for end in ({self._suffix, b""})} & ids.keys():
                    raise ValueError(f"byte {byte:#04x} is not in the vocabulary")
        self.lost: set[bytes] = set()
        self._cache: dict[bytes, Encoded] = {}

    def piece(self, word: bytes, drop: Callable[[], bool] | None = None) -> Encoded:
        """Encodes a word; `drop` says of each merge whether it is left out at this step."""
        known = self._cache.get(word) if drop is None else None
        if known is not None:
            return known
        if self._settings["ignore_merges"] and drop is None and word in self._ids:
            return [self._ids[word]], [(0, len(word))]
        merged = self._merge(self._symbols(word), drop)
        if drop is None and len(self._cache) < MOST_CACHED:
            self._cache[word] = merged
        return merged

    def _symbols(self, word: bytes) -> list[tuple[int, Span]]:
        """(id, its bytes) of each base symbol, as Hugging Face's `BPE::merge_word` finds them."""
        listed: list[tuple[int, Span]] = []
        unknown, waiting, end = self._settings["unknown"], None, 0
        for character in self._characters(word):
            spelled = (self._prefix if end else b"") + character
            start, end = end, end + len(character)
            spelled += self._suffix if end == len(word) else b""
            id_ = self._look_up(spelled, character)
            instead = [self._ids.get(b"<0x%02X>" % byte) for byte in spelled] if self._settings["byte_fallback"] else []
            if id_ is not None:
                listed += [] if waiting is None else [(unknown, waiting)]
                waiting = None
                listed.append((id_, (start, end)))
            elif instead and None not in instead:
                before = spelled.index(character)
                covered = [start + min(max(done - before, 0), len(character)) for done in range(len(spelled) + 1)]
                listed += [(byte or 0, span) for byte, span in zip(instead, pairwise(covered), strict=True)]
            else:
                self.lost.add(character)
                if unknown is not None:
                    if waiting is not None and not self._settings["fuse_unk"]:
                        listed.append((unknown, waiting))
                        waiting = None
                    waiting = (waiting or (start, end))[0], end
        return listed if waiting is None else [*listed, (unknown, waiting)]

    def _characters(self, word: bytes) -> list[bytes]:
        if self._settings["byte_level"]:
            return [word[at : at + 1] for at in range(len(word))]
        return [c.encode("utf-8", "surrogateescape") for c in word.decode("utf-8", "surrogateescape")]

    def _look_up(self, spelled: bytes, character: bytes) -> int | None:
        lost = not self._settings["byte_level"] and character.decode("utf-8", "replace") != character.decode(
            "utf-8", "ignore"
        )
        if not lost:
            return self._ids.get(spelled)
        # A byte that is no character is one, U+FFFD, where there is no better way.
        return None if self._settings["byte_fallback"] else self._ids.get("\ufffd".encode())

    def _merge(self, listed: list[tuple[int, Span]], drop: Callable[[], bool] | None) -> Encoded:
        """Merges by a heap of (rank, place) over a linked list: n log n.

        An entry is out of date where its symbol has gone or its pair has another rank by now. What is left out at
        one step has another chance at the next.
        """
        ranks = self._ranks
        symbols, spans = [id_ for id_, _ in listed], [span for _, span in listed]
        count = len(symbols)
        following = list(range(1, count + 1))
        previous = list(range(-1, count - 1))
        heap = [(ranks[pair][0], place) for place, pair in enumerate(pairwise(symbols)) if pair in ranks]
        heapq.heapify(heap)
        left_out: list[tuple[int, int]] = []
        while heap:
            rank, place = heapq.heappop(heap)
            right = following[place]
            if symbols[place] < 0 or right == count:
                continue
            now, id_ = ranks.get((symbols[place], symbols[right]), (-1, -1))
            if now != rank:
                continue
            if drop is not None and drop():
                left_out.append((rank, place))
                continue
            symbols[place], symbols[right] = id_, -1
            spans[place] = spans[place][0], spans[right][1]
            after = following[place] = following[right]
            before = previous[place]
            if after < count:
                previous[after] = place
                if (pair := (id_, symbols[after])) in ranks:
                    heapq.heappush(heap, (ranks[pair][0], place))
            if before >= 0 and (pair := (symbols[before], id_)) in ranks:
                heapq.heappush(heap, (ranks[pair][0], before))
            while left_out:
                heapq.heappush(heap, left_out.pop())
        kept = [(id_, span) for id_, span in zip(symbols, spans, strict=True) if id_ >= 0]
        return [id_ for id_, _ in kept], [span for _, span in kept]
