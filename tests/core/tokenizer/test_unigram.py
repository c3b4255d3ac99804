"""Unigram: the best of all segmentations, and what Hugging Face's tokenizers find."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attncli.core.reference.unigram import Unigram, best_path

LETTERS = ["a", "b", "é", "漢", "▁"]


def pieces_by_chance(chance: random.Random) -> dict[str, float]:
    pieces = {"<unk>": 0.0}
    for _ in range(chance.randrange(1, 20)):
        piece = "".join(chance.choices(LETTERS, k=chance.choice([1, 1, 2, 2, 3])))
        pieces.setdefault(piece, chance.choice([-1.0, -2.0, -1.5, -3.25, -10 * chance.random()]))
    return pieces


def all_scores(text: bytes, pieces: dict[bytes, tuple[int, float]], unknown: float) -> list[float]:
    """The scores of all ways to cut a text."""
    if not text:
        return [0.0]
    first = len(text.decode()[0].encode())
    ways = [(len(piece), score) for piece, (_, score) in pieces.items() if text.startswith(piece)]
    if first not in [length for length, _ in ways]:
        ways.append((first, unknown))
    return [score + rest for length, score in ways for rest in all_scores(text[length:], pieces, unknown)]


@given(st.integers(0, 2**32))
def test_no_other_segmentation_scores_better(seed: int) -> None:
    chance = random.Random(seed)
    pieces = {p.encode(): (id_, score) for id_, (p, score) in enumerate(pieces_by_chance(chance).items())}
    text = "".join(chance.choices([*LETTERS, "x"], k=chance.randrange(9))).encode()
    for single in (False, True):
        path = best_path(text, pieces, -20.0, single=single)
        assert b"".join(text[start:end] for start, end, _ in path) == text
        found = sum(-20.0 if id_ is None else pieces[text[start:end]][1] for start, end, id_ in path)
        assert found == pytest.approx(max(all_scores(text, pieces, -20.0)), abs=1e-4)


@given(st.integers(0, 2**32))
def test_ids_of_hugging_faces_unigram(seed: int) -> None:
    tokenizers = pytest.importorskip("tokenizers")
    chance = random.Random(seed)
    pieces = pieces_by_chance(chance)
    fallback = chance.random() < 0.5
    if fallback:
        # Without all of them some characters fall back and others don't.
        pieces |= {f"<0x{byte:02X}>": -5.0 for byte in range(chance.choice([256, 256, 100, 0xA0]))}
    theirs = tokenizers.Tokenizer(tokenizers.models.Unigram(list(pieces.items()), 0, fallback))
    tokens = [piece.encode() for piece in pieces]
    ids = {token: id_ for id_, token in enumerate(tokens)}
    ours = Unigram(tokens, ids, list(pieces.values()), {"unknown": 0, "byte_fallback": fallback})
    for _ in range(10):
        text = "".join(chance.choices([*LETTERS, "x", "yz", "<unk>", "<0x41>", "\0"], k=chance.randrange(12)))
        assert ours.piece(text.encode())[0] == theirs.encode(text).ids, text
