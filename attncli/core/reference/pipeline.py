"""A tokenizer as tokenizer.json describes it: the twin of `_native.Tokenizer`."""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import regex

from attncli.core.reference.added import sections
from attncli.core.reference.bpe import BPE
from attncli.core.reference.chance import SplitMix64
from attncli.core.reference.decode import decode_steps
from attncli.core.reference.normalize import normalize
from attncli.core.reference.pretokenize import pre_tokenize
from attncli.core.reference.sentencepiece import SentencePiece
from attncli.core.reference.stand_ins import unspelled
from attncli.core.reference.text import Span, Text, encoded, hull
from attncli.core.reference.unigram import Unigram
from attncli.core.reference.wordpiece import WordPiece

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from attncli._native import Options

__all__ = ["Tokenizer"]

GROWTH, ROOM = 64, 1 << 20
"""Bytes that a normalized text may have for each of the text's, and beside."""
PLAIN: Mapping[str, Any] = {"allow": [], "before": [], "after": [], "dropout": None, "seed": 0}
Traced = tuple[list[int], list[Span]]


class Tokenizer:
    """Text to ids; see `_native.pyi`."""

    def __init__(
        self,
        tokens: bytes,
        ends: bytes,
        pipeline: str,
        *,
        merges: bytes | None = None,
        new: bytes | None = None,
        scores: bytes | None = None,
        types: bytes | None = None,
    ) -> None:
        places = [0, *array("I", ends)]
        self._tokens = [tokens[start:end] for start, end in pairwise(places)]
        self._steps = json.loads(pipeline)
        self._decode = decode_steps(self._steps["decoder"])
        self._added: list[dict[str, Any]] = self._steps["added_tokens"]
        for token in self._added:
            if token["id"] >= len(self._tokens):
                raise ValueError(f"the added token {token['content']!r} has no place in the vocabulary")
        # Text becomes an added token only where the model knows it, it is not special, and no other has its bytes.
        added = {token["id"] for token in self._added}
        ids: dict[bytes, int] = {}
        for id_, token_bytes in enumerate(self._tokens):
            if token_bytes and id_ not in added:
                ids.setdefault(token_bytes, id_)
        for token in self._added:
            if token["in_vocab"] and not token["special"] and self._tokens[token["id"]]:
                ids.setdefault(self._tokens[token["id"]], token["id"])
        special = {self._tokens[token["id"]]: token["id"] for token in self._added}
        settings = self._steps["model"]
        self._model: BPE | WordPiece | Unigram | SentencePiece
        if settings["type"] == "BPE":
            flat = array("I", merges or b"")
            pairs = list(zip(flat[::2], flat[1::2], strict=True))
            numbered = None if new is None else array("I", new).tolist()
            self._model = BPE(self._tokens, ids, special, pairs, numbered, settings)
        elif settings["type"] == "WordPiece":
            self._model = WordPiece(self._tokens, ids, settings)
        elif settings["type"] == "Unigram":
            self._model = Unigram(self._tokens, ids, array("d", scores or b""), settings)
        else:
            self._model = SentencePiece(self._tokens, array("d", scores or b""), types or b"", settings)
        kinds = [step["type"] for step in self._steps["pre_tokenizer"]]
        self._byte_level = settings.get("byte_level", False)
        spells = not self._byte_level and "ByteLevel" in kinds
        spells = spells or {"type": "ByteLevel"} in self._steps["normalizer"]
        self._spelled = self._byte_level and "ByteLevel" in kinds[:-1]
        all_bytes = settings.get("byte_fallback") or settings["type"] == "SentencePiece"
        if isinstance(self._model, Unigram):
            all_bytes = self._model.knows_all_bytes
        self._lossy = not (self._byte_level or all_bytes or spells)
        for step in [*self._steps["normalizer"], *self._steps["pre_tokenizer"]]:
            if "pattern" in step and "Regex" in step["pattern"]:
                normalize({"type": "Replace", "pattern": step["pattern"], "content": ""}, Text("", []))  # compiles?
            if step["type"] == "Precompiled":
                normalize(step, Text.original(b"a"))  # in order?

    def encode(self, text: str | bytes, options: Options | None = None) -> list[int]:
        """Ids of one text."""
        return self.encode_traced([text], options)[0][0]

    def encode_traced(self, texts: Sequence[str | bytes], options: Options | None = None) -> list[Traced]:
        """Ids of each text with their spans."""
        asked: Mapping[str, Any] = options or PLAIN
        rate = self._steps["model"].get("dropout", 0.0) if asked["dropout"] is None else asked["dropout"]
        if not 0 <= rate <= 1:
            raise ValueError(f"a dropout of {rate} is no probability")
        listed = []
        given = (str.encode(text) if isinstance(text, str) else text for text in texts)
        for number, text in enumerate(given, asked["seed"]):
            random = SplitMix64(number)
            drop = (lambda random=random: random.draw() < rate) if rate else None
            traced = list(self._text(text, asked["allow"], drop))
            before, after = asked["before"], asked["after"]
            spans = [(0, 0)] * len(before) + [span for _, span in traced] + [(len(text), len(text))] * len(after)
            listed.append(([*before, *(id_ for id_, _ in traced), *after], spans))
        return listed

    def encode_batch(
        self, texts: Sequence[str | bytes], threads: int = 0, options: Options | None = None
    ) -> list[list[int]]:
        """Ids of each text."""
        del threads
        return [ids for ids, _ in self.encode_traced(texts, options)]

    def encode_flat(
        self, texts: Sequence[str | bytes], threads: int = 0, options: Options | None = None
    ) -> tuple[NDArray[np.uint32], NDArray[np.uint64]]:
        """All ids, and each text's start with the total at the end."""
        import numpy as np

        lists = self.encode_batch(texts, threads, options)
        starts = np.cumsum([0, *map(len, lists)], dtype=np.uint64)
        return np.array([id_ for ids in lists for id_ in ids], np.uint32), starts

    def encode_lines(
        self, text: NDArray[np.uint8], threads: int = 0, *, end_of_text: int | None = None, narrow: bool = False
    ) -> tuple[NDArray[np.uint32] | NDArray[np.uint16], NDArray[np.uint64]]:
        """`encode_flat` of the lines of a text, each without its newline."""
        import numpy as np

        widest = max(len(self._tokens) - 1, 0 if end_of_text is None else end_of_text)
        if narrow and widest > np.iinfo(np.uint16).max:
            raise ValueError(f"an id of {widest} does not fit uint16; use uint32")
        lines = text.tobytes().split(b"\n")
        if not lines[-1]:
            lines.pop()
        after = [] if end_of_text is None else [end_of_text]
        lists = [ids + after for ids in self.encode_batch(lines, threads)]
        starts = np.cumsum([0, *map(len, lists)], dtype=np.uint64)
        return np.array([id_ for ids in lists for id_ in ids], np.uint16 if narrow else np.uint32), starts

    def count_batch(self, texts: Sequence[str | bytes], threads: int = 0, options: Options | None = None) -> list[int]:
        """The number of ids of each text."""
        return [len(ids) for ids in self.encode_batch(texts, threads, options)]

    def decode_batch(self, documents: Sequence[Sequence[int]], skip: Sequence[int] = ()) -> list[bytes]:
        """The text of each document."""
        if any(not 0 <= id_ < len(self._tokens) for document in documents for id_ in document):
            raise ValueError("an id is not in the vocabulary")
        hidden = set(skip)
        if isinstance(self._model, SentencePiece):
            return [self._model.decode(id_ for id_ in document if id_ not in hidden) for document in documents]
        kept = [[self._tokens[id_] for id_ in document if id_ not in hidden] for document in documents]
        joined = self._steps["model"].get("byte_level")
        return [self._decode([b"".join(tokens)] if joined else tokens) for tokens in kept]

    def decode_flat(
        self,
        ids: NDArray[np.uint16 | np.uint32],
        starts: NDArray[np.uint64],
        threads: int = 0,
        *,
        skip: Sequence[int] = (),
        end_of_text: int | None = None,
        end: bytes = b"",
    ) -> bytes:
        """`decode_batch` of the documents of an array, each followed by `end`."""
        del threads
        listed, whole = starts.tolist(), ids.tolist()
        places = [start - listed[0] for start in listed]
        if places != sorted(places) or (places or [0])[-1] != len(whole):
            raise ValueError("the starts do not fit the ids")
        documents = [whole[start:stop] for start, stop in pairwise(places)]
        ended = [document[:-1] if document[-1:] == [end_of_text] else document for document in documents]
        return b"".join(text + end for text in self.decode_batch(ended, skip))

    def lost(self) -> list[bytes]:
        """What the vocabulary could not say so far."""
        return sorted(self._model.lost)[:1000]

    def _text(self, text: bytes, allow: Sequence[int], drop: Callable[[], bool] | None) -> Iterator[tuple[int, Span]]:
        wanted = [token for token in self._added if not token["special"] or token["id"] in allow]
        raw = [(token["content"], token) for token in wanted if not token["normalized"]]
        later = [(self._normal(token["content"]), token) for token in wanted if token["normalized"]]
        whole = Text.original(text)
        for start, end, id_ in sections(whole.characters, raw):
            section = whole.part(start, end)
            if id_ is not None:
                yield id_, section.span()
                continue
            section = self._normalized(section)
            for first, last, inner in sections(section.characters, later):
                part = section.part(first, last)
                if inner is not None:
                    yield inner, part.span()
                else:
                    yield from self._pieces(part, drop)

    def _normal(self, content: str) -> str:
        return self._normalized(Text.original(content.encode("utf-8"))).characters

    def _normalized(self, text: Text) -> Text:
        most = GROWTH * len(encoded(text.characters)) + ROOM
        if self._lossy:
            lost = regex.finditer("[\udc80-\udcff]", text.characters)
            text = text.replaced((*found.span(), "\ufffd") for found in list(lost))
        for step in self._steps["normalizer"]:
            text = normalize(step, text)
            if len(encoded(text.characters)) > most:
                raise ValueError(f"the normalizer makes more than {most} bytes of a text")
        return text

    def _pieces(self, text: Text, drop: Callable[[], bool] | None) -> Iterator[tuple[int, Span]]:
        pieces = [text] if text.characters else []
        steps = self._steps["pre_tokenizer"]
        for place, step in enumerate(steps, 1):
            spell = not self._byte_level or place < len(steps)
            pieces = [part for piece in pieces for part in pre_tokenize(step, piece, spell=spell)]
        for piece in pieces:
            spans = [span for each in piece.spans for span in each]
            word = encoded(piece.characters)
            if self._spelled:
                word, spans = unspelled(piece.characters), [each[0] for each in piece.spans]
            ids, within = self._model.piece(word, drop)
            for id_, (start, end) in zip(ids, within, strict=True):
                place = spans[start - 1][1] if start else spans[0][0]
                yield id_, hull(spans[start:end]) if start < end else (place, place)
