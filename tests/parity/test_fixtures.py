"""Small tokenizers in the styles of well-known ones, made and answered by Hugging Face (tests/fixtures/README.md)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attncli.artifacts.tokenizer import Tokenizer
from attncli.formats import tokenizer_json

FIXTURES = sorted((Path(__file__).parent.parent / "fixtures").glob("*.json"))
STYLES = [path.stem for path in FIXTURES]


def load(style: str) -> tuple[Tokenizer, dict[str, Any]]:
    whole = json.loads((FIXTURES[0].parent / f"{style}.json").read_text(encoding="utf-8"))
    return Tokenizer(tokenizer_json.read(json.dumps(whole["tokenizer"]).encode())), whole


LOADED = {style: load(style) for style in STYLES}


def test_there_are_some() -> None:
    assert len(FIXTURES) == 13


@pytest.mark.parametrize("style", STYLES)
def test_ids_and_text(style: str, each_engine: str) -> None:
    coder, whole = load(style)
    texts = [case["text"] for case in whole["cases"]]
    assert coder.encode_lists(texts, allow_special="all") == [case["ids"] for case in whole["cases"]]
    bos, eos = bool(coder.model.bos), bool(coder.model.eos)
    if bos or eos:
        framed = coder.encode_lists(texts, allow_special="all", bos=bos, eos=eos)
        assert framed == [case["framed"] for case in whole["cases"]]
    for case in whole["cases"]:
        assert coder.decode(case["ids"]).decode("utf-8", "replace") == case["decoded"]


@pytest.mark.parametrize("style", STYLES)
def test_what_we_write_says_the_same(style: str) -> None:
    coder, whole = LOADED[style]
    again = Tokenizer(tokenizer_json.read(coder.serialized()))
    assert again.model == coder.model
    for case in whole["cases"]:
        assert again.encode(case["text"], allow_special="all") == case["ids"]


@pytest.mark.parametrize("style", STYLES)
def test_a_change_would_be_seen(style: str) -> None:
    coder, whole = LOADED[style]
    assert any(coder.encode(case["text"] + "x", allow_special="all") != case["ids"] for case in whole["cases"])


@settings(max_examples=150)
@given(st.sampled_from(STYLES), st.text(st.characters(max_codepoint=0x2FFF, exclude_categories=["Cs", "Cn"])))
def test_random_text(style: str, text: str) -> None:
    tokenizers = pytest.importorskip("tokenizers")
    coder, whole = LOADED[style]
    peer = tokenizers.Tokenizer.from_str(json.dumps(whole["tokenizer"]))
    assert coder.encode(text, allow_special="all") == peer.encode(text, add_special_tokens=False).ids


@given(st.sampled_from(["gpt2", "llama3", "roberta", "falcon", "starcoder", "llama2"]), st.binary())
def test_any_bytes_come_back(style: str, text: bytes) -> None:
    """But for the space that RoBERTa puts before a text."""
    coder = LOADED[style][0]
    back = coder.decode(coder.encode(text))
    if style == "llama2":
        assert back == text.replace("▁".encode(), b" ")
    else:
        assert back.removeprefix(b" " if style == "roberta" and not text.startswith(b" ") else b"") == text


@given(st.sampled_from(STYLES), st.text(max_size=30))
def test_spans_lie_in_the_text_in_order(style: str, text: str) -> None:
    coder = LOADED[style][0]
    for unit, size in (("bytes", len(text.encode())), ("characters", len(text))):
        ids, spans = (each[0] for each in coder.encode_offsets([text], unit=unit))  # type: ignore[arg-type]
        assert ids == coder.encode(text)
        assert all(0 <= start <= end <= size for start, end in spans)
        assert [start for start, _ in spans] == sorted(start for start, _ in spans)


def test_spans_through_a_normalizer() -> None:
    coder = LOADED["bert"][0]
    text = "ÀÉ中 naïve"
    ids, spans = (each[0] for each in coder.encode_offsets([text], unit="characters"))
    pieces = [text[start:end] for start, end in spans]
    assert "".join(pieces) == "ÀÉ中naïve"
    assert "中" in pieces
    assert len(pieces) == len(ids)
