"""Names of patterns, stand-ins, labels."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attncli.core.tokenizer import patterns, vocab
from attncli.errors import CallError


def test_names_stand_for_sources() -> None:
    assert patterns.resolve("gpt2") == patterns.resolve("r50k_base") == patterns.GPT2
    assert patterns.resolve(r"\w+") == r"\w+"
    assert patterns.name_of(patterns.O200K) == "o200k"
    assert patterns.name_of("x+") is None
    with pytest.raises(CallError, match="did you mean 'cl100k'"):
        patterns.resolve("cl10k")


def test_stand_ins_are_gpt2s() -> None:
    assert len(vocab.BYTE_OF) == 256
    assert vocab.ALPHABET[0] == b"!"
    assert vocab.ALPHABET[220] == b" "
    assert vocab.spelled(b" \n\xff") == "ĠĊÿ"
    with pytest.raises(UnicodeEncodeError):
        vocab.unspelled("中")


@given(st.binary())
def test_stand_ins_come_back(token: bytes) -> None:
    assert vocab.unspelled(vocab.spelled(token)) == token


@given(st.binary())
def test_labels_hold_nothing_that_a_terminal_obeys(token: bytes) -> None:
    shown = vocab.label(token)
    assert all(character.isprintable() or character in "\u00a0\u3000 " or character.isspace() for character in shown)
    assert "\x1b" not in shown
    assert "\u202e" not in shown


def test_labels() -> None:
    assert vocab.label("naïve".encode()) == "naïve"
    assert vocab.label(b"\xe4\xb8") == "\\xe4\\xb8"
    assert vocab.label("\u202e".encode()) == "\\u202e"
