"""Whole tokenizer files drawn at random: the native pipeline against its twin, ids, spans and what was lost."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from styles import decoders, files, texts

from attncli import _native
from attncli.core.reference import pipeline
from attncli.core.tokenizer import contract
from attncli.core.tokenizer.model import BPE, Model
from attncli.core.tokenizer.vocab import ALPHABET
from attncli.formats import tokenizer_json


def both(model: Model) -> list[Any]:
    arguments, buffers = contract.arguments(model)
    return [each(*arguments, **buffers) for each in (_native.Tokenizer, pipeline.Tokenizer)]


broken = st.lists(st.one_of(texts.map(str.encode), st.sampled_from([b"\xff", b"\xe4\xb8", b"\xf0\x9f"])), max_size=4)


@settings(max_examples=800)
@given(files(), st.lists(broken.map(b"".join), min_size=1, max_size=3), st.sampled_from([None, 0.5]))
def test_pipelines_agree(whole: dict[str, Any], several: list[bytes], dropout: float | None) -> None:
    model = tokenizer_json.read(json.dumps(whole).encode())
    special = [token.id for token in model.added if token.special]
    options = {"allow": special, "before": [], "after": [], "dropout": dropout, "seed": 3}
    native, twin = both(model)
    for asked in (None, options):
        assert native.encode_batch(several, 1, asked) == twin.encode_batch(several, 1, asked)
        assert native.encode_traced(several, asked) == twin.encode_traced(several, asked)
        assert [ids for ids, _ in native.encode_traced(several, asked)] == native.encode_batch(several, 2, asked)
    assert native.lost() == twin.lost()


@settings(max_examples=800)
@given(files(), st.lists(st.lists(st.integers(0, 30), max_size=8), max_size=3), st.lists(st.integers(0, 3), max_size=1))
def test_decoders_agree(whole: dict[str, Any], several: list[list[int]], skip: list[int]) -> None:
    model = tokenizer_json.read(json.dumps(whole).encode())
    known = [[id_ for id_ in ids if id_ < len(model.tokens)] for ids in several]
    native, twin = both(model)
    assert native.decode_batch(known, skip) == twin.decode_batch(known, skip)


WORDS = [
    b"a",
    b"##b",
    b" ",
    b" .",
    b"b</w>",
    b"\xe2\x96\x81a",
    b"\xe2\x96",
    b"\xff",
    b"\xc4\xa0",
    b"<0xE2>",
    b"<0x96>",
    b"",
]


@settings(max_examples=500)
@given(st.lists(decoders, max_size=4), st.lists(st.integers(0, len(WORDS) - 1), max_size=8), st.booleans())
def test_decoders_of_any_tokens_agree(steps: list[dict[str, Any]], ids: list[int], byte_level: bool) -> None:
    tokens = WORDS + ALPHABET if byte_level else WORDS
    native, twin = both(Model(tokens, BPE([]), byte_level=byte_level, decoder=steps))
    assert native.decode_batch([ids]) == twin.decode_batch([ids])
    starts = np.sort(np.array([3, *(3 + place % (len(ids) + 1) for place in ids), 3 + len(ids)], np.uint64))
    for dtype, threads in ((np.uint16, 1), (np.uint32, 3)):
        flat = np.array(ids, dtype), starts, threads
        ways: dict[str, Any] = {"skip": [1], "end_of_text": 2, "end": b"|"}
        assert native.decode_flat(*flat, **ways) == twin.decode_flat(*flat, **ways)


def test_starts_that_do_not_fit_are_refused() -> None:
    for each in both(Model([b"a"], BPE([]), byte_level=False)):
        for starts in ([0], [0, 1], [1, 0, 2], [0, 3], [2, 1, 0]):
            with pytest.raises(ValueError, match="do not fit"):
                each.decode_flat(np.zeros(2, np.uint16), np.array(starts, np.uint64))
        with pytest.raises(ValueError, match="not in the vocabulary"):
            each.decode_flat(np.array([0, 1], np.uint16), np.array([0, 2], np.uint64))


def test_the_comparison_can_fail() -> None:
    whole: dict[str, Any] = {
        "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "A": 2}, "merges": []},
        "added_tokens": [],
    }
    lower = whole | {"normalizer": {"type": "Lowercase"}}
    native, _ = both(tokenizer_json.read(json.dumps(whole).encode()))
    _, twin = both(tokenizer_json.read(json.dumps(lower).encode()))
    assert native.encode(b"aA") != twin.encode(b"aA")
    native, _ = both(Model([b"a"], BPE([]), byte_level=False, decoder=[{"type": "Join"}]))
    _, twin = both(Model([b"a"], BPE([]), byte_level=False))
    assert native.decode_batch([[0, 0]]) != twin.decode_batch([[0, 0]])
