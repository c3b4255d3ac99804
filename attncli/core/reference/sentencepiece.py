"""SentencePiece (Kudo and Richardson 2018), as its library does it: the twin of `native/src/sentencepiece`."""

from __future__ import annotations

import heapq
from array import array
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from ctypes import c_float
from math import copysign
from typing import Any

from attncli.core.reference.charsmap import Charsmap
from attncli.core.reference.decode import GROWTH, ROOM, check_length
from attncli.core.reference.split import as_characters
from attncli.core.reference.unigram import UNKNOWN_PENALTY, best_path, character_length

__all__ = ["SentencePiece"]

SPACE = "▁".encode()
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)
LARGEST = 3.4028234663852886e38
"""The largest float32: what the library takes the minimum of no scores to be."""
Segment = tuple[int, int, int]
"""(start, end, id)"""


class SentencePiece:
    """Text to ids and back; what the settings mean is told in `_native.pyi`."""

    def __init__(
        self, tokens: Sequence[bytes], scores: Sequence[float], types: bytes, settings: Mapping[str, Any]
    ) -> None:
        self._tokens = tokens
        values = array("f", scores)
        if not len(tokens) == len(values) == len(types):
            raise ValueError(f"{len(tokens)} tokens have {len(values)} scores and {len(types)} types")
        self._types = types
        self._unknown = types.find(UNKNOWN)
        if self._unknown < 0:
            raise ValueError("no token is of the unknown type")
        self._pieces = {t: i for i, t in enumerate(tokens) if types[i] in (NORMAL, USER_DEFINED)}
        self._byte_ids = _byte_ids(tokens, types) if settings["byte_fallback"] else []
        self._any_bytes = settings["any_bytes"]
        user_defined = [piece for piece, id_ in self._pieces.items() if types[id_] == USER_DEFINED]
        self._match = _matcher(user_defined)
        spec, back = settings["normalizer"], settings["denormalizer"]
        self._strip = spec["add_dummy_prefix"] or spec["remove_extra_whitespaces"]
        self._strip_all = spec["remove_extra_whitespaces"]
        suffix = settings["treat_whitespace_as_suffix"]
        self.lost: set[bytes] = set()
        self._normalize = _normalizer(spec, self._match, suffix, self._any_bytes, self.lost.add)
        self._denormalize = _normalizer(back, _matcher([]), False, self._any_bytes, lambda _: None) if back else None
        self._unk_surface = settings["unk_surface"].encode()
        self._segment = self._unigram(values) if settings["unigram"] else self._bpe(values)

    def piece(self, text: bytes, drop: object = None) -> tuple[list[int], list[tuple[int, int]]]:
        """(ids, the bytes of each) of a text; nothing is left out here."""
        del drop
        normalized, origins = self._normalize(text)
        ids: list[int] = []
        spans: list[tuple[int, int]] = []
        was_unknown = False
        for start, end, id_ in self._segment(normalized):
            unknown = id_ == self._unknown
            span = origins[start], origins[end]
            if unknown and not self._byte_ids:
                self.lost.add(normalized[start:end])
            if unknown and self._byte_ids:
                ids += [self._byte_ids[byte] for byte in normalized[start:end]]
                spans += [(span[0], span[0])] * (end - start - 1) + [span]
            elif unknown and was_unknown:
                spans[-1] = spans[-1][0], span[1]
            else:
                ids.append(id_)
                spans.append(span)
            was_unknown = unknown
        return ids, spans

    def decode(self, ids: Iterable[int]) -> bytes:
        """The text of these ids. Raises ValueError where it would be far longer than their pieces."""
        listed = list(ids)
        text = bytearray()
        run = bytearray()
        at_start, space_seen = True, False
        space = b" " if self._any_bytes else SPACE
        most = GROWTH * sum(len(self._tokens[id_].replace(space, b" ")) for id_ in listed) + ROOM
        for id_ in listed:
            piece = self._tokens[id_]
            kind = self._types[id_]
            if kind == BYTE:
                run.append(int(piece[3:5], 16))
                continue
            text += self._characters(run)
            run.clear()
            at_start = at_start and not space_seen and not text
            space_seen = False
            if kind == UNKNOWN:
                check_length(len(text) + len(self._unk_surface), most)
                text += self._unk_surface
            elif kind != CONTROL:
                if at_start and self._strip and piece.startswith(space):
                    piece = piece[len(space) :]
                    space_seen = not self._strip_all
                text += piece.replace(space, b" ")
        text += self._characters(run)
        return bytes(text) if self._denormalize is None else self._denormalize(bytes(text), most)[0]

    def _characters(self, run: bytearray) -> bytes:
        """What byte tokens say: a byte that is no part of a character is U+FFFD."""
        return bytes(run) if self._any_bytes else as_characters(bytes(run))[0].encode()

    def _unigram(self, scores: array[float]) -> Callable[[bytes], list[Segment]]:
        normal = [score for score, kind in zip(scores, self._types, strict=True) if kind == NORMAL]
        unknown_score = c_float(min([LARGEST, *normal]) - UNKNOWN_PENALTY).value
        values = {}
        for piece, id_ in self._pieces.items():
            bonus = c_float(c_float(0.1).value * (len(piece) - 1)).value
            values[piece] = id_, bonus if self._types[id_] == USER_DEFINED else scores[id_]

        def segment(text: bytes) -> list[Segment]:
            path = best_path(text, values, unknown_score, single=True)
            return [(start, end, self._unknown if id_ is None else id_) for start, end, id_ in path]

        return segment

    def _bpe(self, scores: array[float]) -> Callable[[bytes], list[Segment]]:
        # Unused pieces come to be by merges too, and are then taken apart.
        unused = {piece: id_ for id_, piece in enumerate(self._tokens) if self._types[id_] == UNUSED}
        # As in the library 0.0 is better than -0.0.
        best_first = {p: (-scores[i], copysign(1.0, scores[i]) < 0) for p, i in (self._pieces | unused).items()}

        def segment(text: bytes) -> list[Segment]:
            spans, parts = _merge(text, *self._symbols(text), best_first, unused)
            found: list[Segment] = []
            stack = spans[::-1]
            while stack:
                start, end = stack.pop()
                piece = text[start:end]
                if piece in parts:
                    cut = start + parts[piece]
                    stack += [(cut, end), (start, cut)]
                else:
                    found.append((start, end, self._pieces.get(piece, self._unknown)))
            return found

        return segment

    def _symbols(self, text: bytes) -> tuple[list[int], list[bool]]:
        """Where each symbol starts, with the end; and whether it never merges, as user-defined pieces don't."""
        places, frozen = [0], []
        while places[-1] < len(text):
            at = places[-1]
            length = self._match(text, at)
            places.append(at + (length or _character(text, at, self._any_bytes)))
            # llama2.c: what is no piece is bytes at once.
            frozen.append(length > 0 or (self._any_bytes and text[at : places[-1]] not in self._pieces))
        return places, frozen


def _merge(
    text: bytes,
    places: list[int],
    frozen: list[bool],
    best_first: Mapping[bytes, tuple[float, bool]],
    unused: Container[bytes],
) -> tuple[list[tuple[int, int]], dict[bytes, int]]:
    """Merges neighbours whose concatenation is a piece, the best score first, equal ones leftmost.

    Gives the spans that are left, and for each unused piece the length of the left one of the two that last might
    have made it: the library keeps one such place for a piece, wherever in the text and whatever came of it.
    """
    count = len(frozen)
    ends = places[1:]
    following = list(range(1, count + 1))
    previous = list(range(-1, count - 1))
    heap: list[tuple[tuple[float, bool], int, int, int]] = []
    parts: dict[bytes, int] = {}

    def consider(left: int, right: int) -> None:
        if left < 0 or right == count or frozen[left] or frozen[right]:
            return
        piece = text[places[left] : ends[right]]
        if piece in best_first:
            heapq.heappush(heap, (best_first[piece], left, right, ends[right]))
            if piece in unused:
                parts[piece] = places[right] - places[left]

    for right in range(1, count):
        consider(right - 1, right)
    gone = [False] * count
    while heap:
        _, left, right, end = heapq.heappop(heap)
        if gone[left] or gone[right] or following[left] != right or ends[right] != end:
            continue
        ends[left] = end
        gone[right] = True
        following[left] = following[right]
        if following[left] < count:
            previous[following[left]] = left
        consider(previous[left], left)
        consider(left, following[left])
    return [(places[at], ends[at]) for at in range(count) if not gone[at]], parts


def _byte_ids(tokens: Sequence[bytes], types: bytes) -> list[int]:
    ids = {token: id_ for id_, token in enumerate(tokens) if types[id_] == BYTE}
    missing = [byte for byte in range(256) if b"<0x%02X>" % byte not in ids]
    if missing:
        raise ValueError(f"byte {missing[0]:#04x} has no token")
    return [ids[b"<0x%02X>" % byte] for byte in range(256)]


def _matcher(pieces: list[bytes]) -> Callable[[bytes, int], int]:
    """The length of the longest of these pieces that stands at a place, or 0."""
    by_length = sorted(pieces, key=len, reverse=True)
    return lambda text, at: next((len(piece) for piece in by_length if text.startswith(piece, at)), 0)


def _character(text: bytes, at: int, any_bytes: bool) -> int:
    if not any_bytes:
        return character_length(text, at)
    # llama2.c: any byte and the continuation bytes behind it, four in all; but the dummy prefix stands alone.
    end = at + 1
    while at > 0 and end < min(len(text), at + 4) and text[end] & 0xC0 == 0x80:
        end += 1
    return end - at


def _normalizer(
    spec: Mapping[str, Any],
    match: Callable[[bytes, int], int],
    suffix: bool,
    any_bytes: bool,
    note: Callable[[bytes], None],
) -> Callable[..., tuple[bytes, list[int]]]:
    """(normalized text, the place in the text that each of its bytes, and its end, comes from) of a NormalizerSpec.

    It takes a text, and the most bytes that this may become, if there is a bound. `note` hears of bytes that are no
    UTF-8.
    """
    encoded, dummy, remove = spec["precompiled_charsmap"], spec["add_dummy_prefix"], spec["remove_extra_whitespaces"]
    charsmap = Charsmap.from_base64(encoded) if encoded else None
    space = SPACE if spec["escape_whitespaces"] else b" "

    def prefix(text: bytes, at: int) -> tuple[int, bytes]:
        """(length, what it becomes) of what stands at a place."""
        if length := match(text, at):
            return length, text[at : at + length]
        if charsmap is not None and (found := charsmap.longest(text, at)):
            return found
        if any_bytes:
            return 1, text[at : at + 1]
        length = character_length(text, at)
        try:
            text[at : at + length].decode("utf-8")
        except UnicodeDecodeError:
            note(text[at : at + 1])
            return 1, "\ufffd".encode()
        return length, text[at : at + length]

    def normalize(text: bytes, most: int | None = None) -> tuple[bytes, list[int]]:
        at = 0
        while remove and at < len(text):
            length, becomes = prefix(text, at)
            if becomes != b" ":
                break
            at += length
        if at == len(text):
            return b"", [at]
        out = bytearray(space if dummy and not suffix else b"")
        origins = [at] * len(out)
        after_space = remove
        while at < len(text):
            length, becomes = prefix(text, at)
            if after_space:
                becomes = becomes.lstrip(b" ")
            if becomes:
                out += becomes.replace(b" ", space)
                origins += [at] * (len(out) - len(origins))
                after_space = remove and becomes.endswith(b" ")
            at += length
            if most is not None:
                check_length(len(out), most)
        while remove and out.endswith(space):
            del out[-len(space) :]
            at = origins[len(out)]
            del origins[len(out) :]
        if dummy and suffix:
            out += space
        return bytes(out), origins + [at] * (len(out) + 1 - len(origins))

    return normalize
