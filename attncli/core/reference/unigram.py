"""Segmentation by a unigram language model, by Viterbi (Kudo 2018): the twin of `native/src/unigram.rs`.

score(x_1 … x_n) = Σ score(x_i); ``best[e] = max over pieces text[s:e] of best[s] + score(text[s:e])``, from left to
right, short pieces first; of equal ones the first stays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ctypes import c_float

__all__ = ["RECENTRED", "UNKNOWN_PENALTY", "best_path", "character_length", "encode"]

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


def encode(
    text: bytes, pieces: Mapping[bytes, tuple[int, float]], unknown: int | None, byte_ids: Sequence[int] | None
) -> list[int]:
    """Ids of a piece as Hugging Face's Unigram finds them: unknown characters that stand together are one.

    Such a run is looked up as a whole, then falls back to the ids of its bytes, then to `unknown`. Raises ValueError
    where there is neither.

    >>> encode(b"xyab", {b"<unk>": (0, 0.0), b"a": (1, -1.0), b"b": (2, -1.0)}, 0, None)
    [0, 1, 2]
    """
    worst = min((score for _, score in pieces.values()), default=0.0)
    path = best_path(text, pieces, worst - UNKNOWN_PENALTY, single=False)
    ids: list[int] = []
    place = 0
    while place < len(path):
        start, end, id_ = path[place]
        place += 1
        if unknown is not None and id_ in (None, unknown):
            while place < len(path) and path[place][2] in (None, unknown):
                end = path[place][1]
                place += 1
            id_ = pieces[text[start:end]][0] if text[start:end] in pieces else None
        if id_ is not None:
            ids.append(id_)
        elif byte_ids is not None:
            ids += [byte_ids[byte] for byte in text[start:end]]
        elif unknown is not None:
            ids.append(unknown)
        else:
            raise ValueError(
                f"{text[start:end].decode('utf-8', 'replace')!r} is unknown, and the model has no id for it"
            )
    return ids
