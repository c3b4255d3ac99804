"""Whole tokenizer files drawn at random, against Hugging Face's `tokenizers`: the same ids, the same text back."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from styles import files, texts

from attncli import Tokenizer
from attncli.formats import tokenizer_json

tokenizers = pytest.importorskip("tokenizers")


def unless_it_panics(call: Callable[[], Any]) -> Any:
    """What a call into the peer gives; some of its normalizers and decoders index out of bounds."""
    try:
        return call()
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        return reject()


def both(whole: dict[str, Any]) -> tuple[Tokenizer, Any]:
    """Ours and theirs."""
    data = json.dumps(whole)
    peer = unless_it_panics(lambda: tokenizers.Tokenizer.from_str(data))
    return Tokenizer(tokenizer_json.read(data.encode())), peer


def theirs(peer: Any, text: str) -> list[int]:
    ids: list[int] = unless_it_panics(lambda: peer.encode(text, add_special_tokens=False).ids)
    return ids


@settings(max_examples=1500)
@given(files(), st.lists(texts, min_size=1, max_size=4))
def test_ids(whole: dict[str, Any], several: list[str]) -> None:
    ours, peer = both(whole)
    for text in several:
        assert ours.encode(text, allow_special="all") == theirs(peer, text), text


@settings(max_examples=300)
@given(files(), texts)
def test_what_we_write(whole: dict[str, Any], text: str) -> None:
    ours, peer = both(whole)
    written = tokenizer_json.write(ours.model).decode()
    again = unless_it_panics(lambda: tokenizers.Tokenizer.from_str(written))
    assert theirs(again, text) == theirs(peer, text)


@settings(max_examples=500)
@given(files(), st.lists(st.integers(0, 20), max_size=8))
def test_decoding(whole: dict[str, Any], ids: list[int]) -> None:
    ours, peer = both(whole | {"normalizer": None})  # theirs spells an added token as normalized, even decoded
    assert ours.decode(ids).decode("utf-8", "replace") == unless_it_panics(
        lambda: peer.decode(ids, skip_special_tokens=False)
    )
