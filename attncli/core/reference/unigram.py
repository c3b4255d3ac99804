"""Segmentation by a unigram language model, by Viterbi (Kudo 2018): the twin of `native/src/unigram.rs`.

score(x_1 … x_n) = Σ score(x_i); ``best[e] = max over pieces text[s:e] of best[s] + score(text[s:e])``, from left to
right, short pieces first; of equal ones the first stays.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from ctypes import c_float
from typing import Any

__all__ = ["RECENTRED", "UNKNOWN_PENALTY", "Unigram", "best_path", "character_length"]

UNKNOWN_PENALTY = 10.0
"""An unknown character scores that much below the worst piece."""
RECENTRED = 100_000.0
"""Sums in float32 start again from 0 above this: they would lose digits that decide."""


def best_path(
    text: bytes, pieces: Mapping[bytes, tuple[int, float]], unknown_score: float, *, single: bool
) -> list[tuple[int, int, int | None]]:
    """(start, end, id) of the pieces of the best segmentation; id None: a character that is no piece.

    `pieces` gives (id, score). `single`: sums are float32, as in sentencepiece; else float64, as in
    Hugging Face's tokenizers.

    >>> best_path(b"aab", {b"a": (0, -1.0), b"aa": (1, -1.5), b"ab": (2, -2.0)}, -12.0, single=False)
    [(0, 1, 0), (1, 3, 2)]
    """
    longest = max(map(len, pieces), default=0)
    score: list[float] = [0.0] * (len(text) + 1)
    start: list[int] = [-1] * (len(text) + 1)
    chosen: list[int | None] = [None] * (len(text) + 1)
    at = 0
    frontier = 0
    while at < len(text):
        if single and abs(score[at]) > RECENTRED:
            offset = score[at]
            for place in range(at, frontier + 1):
                score[place] = c_float(score[place] - offset).value
        character = character_length(text, at)
        candidates: list[tuple[int, float, int | None]] = []
        alone = False
        for end in range(at + 1, min(len(text), at + longest) + 1):
            found = pieces.get(text[at:end])
            if found is not None:
                candidates.append((end, found[1] + score[at], found[0]))
                alone |= end == at + character
        if not alone:
            candidates.append((at + character, unknown_score + score[at], None))
        for end, total, id_ in candidates:
            if single:
                total = c_float(total).value
            frontier = max(frontier, end)
            if start[end] < 0 or total > score[end]:
                score[end], start[end], chosen[end] = total, at, id_
        at += character
    path = []
    at = len(text)
    while at > 0:
        path.append((start[at], at, chosen[at]))
        at = start[at]
    return path[::-1]


def character_length(text: bytes, at: int) -> int:
    """Bytes of the character that its first byte announces, at most what is left."""
    return min((1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 3, 4)[text[at] >> 4], len(text) - at)


class Unigram:
    """Pieces to ids as Hugging Face's Unigram finds them: unknown characters that stand together are one.

    Such a run is looked up as a whole, then falls back to the ids of its bytes, then to the unknown one.
    """

    def __init__(
        self,
        tokens: Sequence[bytes],
        ids: Mapping[bytes, int],
        scores: Sequence[float],
        settings: Mapping[str, Any],
    ) -> None:
        if len(scores) != len(tokens):
            raise ValueError(f"{len(tokens)} tokens have {len(scores)} scores")
        self._pieces = {token: (id_, scores[id_]) for token, id_ in ids.items() if math.isfinite(scores[id_])}
        worst = min(filter(math.isfinite, scores), default=0.0)
        self._unknown_score = worst - UNKNOWN_PENALTY
        self._unknown = settings["unknown"]
        if self._unknown is not None and self._unknown >= len(tokens):
            raise ValueError(f"the unknown token {self._unknown} is not in the vocabulary")
        self._byte_ids: list[int | None] = [None] * 256
        if settings["byte_fallback"]:
            self._byte_ids = [ids.get(b"<0x%02X>" % byte) for byte in range(256)]
        self.knows_all_bytes = None not in self._byte_ids
        self.lost: set[bytes] = set()

    def piece(self, text: bytes, drop: object = None) -> tuple[list[int], list[tuple[int, int]]]:
        """(ids, the bytes of each); nothing is left out here. Raises ValueError for what has no id."""
        del drop
        path = best_path(text, self._pieces, self._unknown_score, single=False)
        ids: list[int] = []
        spans: list[tuple[int, int]] = []
        place = 0
        while place < len(path):
            start, end, id_ = path[place]
            place += 1
            if id_ is not None and id_ != self._unknown:
                ids.append(id_)
                spans.append((start, end))
                continue
            while self._unknown is not None and place < len(path) and path[place][2] in (None, self._unknown):
                end = path[place][1]
                place += 1
            found, places = self._fall_back(text[start:end], start)
            ids += found
            spans += places
        return ids, spans

    def _fall_back(self, run: bytes, start: int) -> tuple[list[int], list[tuple[int, int]]]:
        whole = [(start, start + len(run))]
        if run in self._pieces:
            return [self._pieces[run][0]], whole
        found = [id_ for byte in run if (id_ := self._byte_ids[byte]) is not None]
        if len(found) == len(run):
            return found, [(at, at + 1) for at in range(start, start + len(run))]
        self.lost.add(run)
        if self._unknown is None:
            raise ValueError(f"{run.decode('utf-8', 'replace')!r} is unknown, and the model has no id for it")
        return [self._unknown], whole
