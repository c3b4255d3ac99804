"""SentencePiece models by chance, and what tests of them share."""

from __future__ import annotations

import dataclasses
import random
from array import array
from typing import Any

from attncli.core.tokenizer import contract
from attncli.core.tokenizer.model import Model
from attncli.core.tokenizer.sentencepiece import (
    BYTE,
    CONTROL,
    NORMAL,
    UNKNOWN,
    UNUSED,
    USER_DEFINED,
    Normalizer,
    SentencePiece,
)
from attncli.formats.sentencepiece import control_tokens

LETTERS = ["a", "b", "c", "▁", "é", "漢", " ", "<s>", "<0x41>"]
PARTS = [*LETTERS, "  ", "ﬁ", "x", "\0", "e\u0301", "</s>", "<unk>"]
SCORES = [-1.0, -2.0, -3.0, -2.5, -1.1, -1e3, -7.25, 0.0, -0.0, 0.5]


def model_by_chance(chance: random.Random, charsmap: bytes) -> Model:
    """A model of a few pieces over LETTERS: all types, equal scores, every flag."""
    fallback = chance.random() < 0.4
    pieces = {"<unk>": UNKNOWN, "<s>": CONTROL, "</s>": CONTROL}
    if fallback:
        pieces |= {f"<0x{byte:02X}>": BYTE for byte in range(256)}
    rare = [USER_DEFINED] * chance.randrange(2) + [UNUSED] * chance.randrange(2) + [CONTROL] * chance.randrange(2)
    for _ in range(chance.randrange(3, 25)):
        text = "".join(chance.choices(LETTERS, k=chance.choice([1, 1, 2, 2, 3, 4])))
        pieces.setdefault(text, chance.choice([NORMAL] * 8 + rare))
    pieces.setdefault("b", NORMAL)
    scores = [chance.choice([*SCORES, -10 * chance.random()]) for _ in pieces]

    def flag() -> bool:
        return chance.random() < 0.5

    def charsmap_or_none() -> bytes:
        return charsmap if chance.random() < 0.3 else b""

    algorithm = SentencePiece(
        kind=chance.choice(["unigram", "bpe"]),
        scores=array("f", scores),
        types=bytes(pieces.values()),
        normalizer=Normalizer("by chance", charsmap_or_none(), flag(), flag(), flag()),
        denormalizer=Normalizer("back", charsmap, flag(), flag(), flag()) if chance.random() < 0.1 else None,
        byte_fallback=fallback,
        treat_whitespace_as_suffix=chance.random() < 0.3,
        unk_surface=chance.choice(["?", "", " ⁇ "]),
    )
    tokens = [text.encode() for text in pieces]
    added = control_tokens(tokens, algorithm.types)
    return Model(tokens, algorithm, byte_level=False, added=added, bos=(1,), eos=(2,))


def text_by_chance(chance: random.Random) -> bytes:
    """A text over what the models know and what they don't; now and then it is no UTF-8."""
    text = "".join(chance.choices(PARTS, k=chance.randrange(20))).encode()
    return text + chance.randbytes(3) + text if chance.random() < 0.15 else text


def built(engine: Any, model: Model, **changes: Any) -> Any:
    """A model in an engine, with changes of its algorithm."""
    changed = dataclasses.replace(model.algorithm, **changes)  # type: ignore[type-var]
    arguments, buffers = contract.arguments(dataclasses.replace(model, algorithm=changed))
    return engine(*arguments, **buffers)
