"""Tokenizer files that lie: one line that names what is wrong, never a crash, never much memory."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attncli.artifacts.tokenizer import Tokenizer
from attncli.core.tokenizer.model import BPE, AddedToken, Model
from attncli.core.tokenizer.patterns import CL100K
from attncli.core.tokenizer.vocab import ALPHABET
from attncli.errors import DataError
from attncli.formats import tokenizer_json

GOOD = json.loads(
    tokenizer_json.write(
        Model(
            [*ALPHABET, b"ab", b"<e>"],
            BPE([(64, 65)]),
            normalizer=[{"type": "NFC"}],
            pre_tokenizer=[
                {"type": "Split", "pattern": {"Regex": CL100K}, "behavior": "Isolated", "invert": False},
                {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False},
            ],
            added=[AddedToken("<e>", 257)],
        )
    )
)
OTHERS: list[Any] = [None, True, -1, 1.5, 10**400, "x", [], ["x"], {}, {"type": "Nope"}]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value, but only the first entries of the vocabulary."""
    found = [path] if path else []
    items = (
        list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    )
    for key, inner in items[:12]:
        found += places(inner, (*path, key))
    return found


def load(whole: Any) -> Tokenizer:
    return Tokenizer(tokenizer_json.read(json.dumps(whole).encode()))


@pytest.mark.parametrize("path", places(GOOD), ids=str)
def test_every_field_as_another_type(path: tuple[Any, ...]) -> None:
    for other in OTHERS:
        whole = deepcopy(GOOD)
        inner = whole
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = other
        try:
            coder = load(whole)
        except DataError as error:
            assert "\n" not in str(error)
        else:
            assert all(0 <= id_ < len(coder) for id_ in coder.encode("ab"))
            coder.decode(coder.encode("ab"))


def test_the_file_itself_is_good() -> None:
    assert load(GOOD).encode("ab") == [256]


def test_truncation_anywhere() -> None:
    data = json.dumps(GOOD).encode()
    for percent in range(100):
        with pytest.raises(DataError):
            tokenizer_json.read(data[: len(data) * percent // 100])


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"vocab": {"a": -1}}, r"model.vocab\['a'\] = -1"),
        ({"vocab": {"a": 10**9}, "merges": []}, "go up to 1,000,000,000"),
        ({"vocab": {"a": 2**40}}, "is no id"),
        ({"vocab": {"a": 0, "b": 0}}, "id 0 to two tokens"),
        ({"merges": [["a", "zz"]]}, r"model.merges\[0\] names"),
        ({"merges": [["a"]]}, r"model.merges\[0\] is no pair"),
        ({"merges": [["a", "c"]]}, "merge 0 makes .ac., which is not in the vocabulary"),
        ({"type": "Unigram"}, "model.vocab is no list of tokens and scores"),
        ({"type": "WordLevel"}, "model of type 'WordLevel' is not supported"),
        ({"type": "Unigram", "vocab": [["a", 0.0], ["a", 1.0]]}, r"model.vocab\[1\]: 'a' stands twice"),
        ({"type": "Unigram", "vocab": [["a", float("inf")]]}, r"model.vocab\[0\] is no token with its score"),
        ({"type": "WordPiece", "unk_token": None}, "model.unk_token is missing"),
        ({"dropout": 1.1}, "model.dropout = 1.1 is no probability"),
        ({"byte_fallback": 1}, "model.byte_fallback = 1 is not supported"),
        ({"ignore_merges": "yes"}, "model.ignore_merges"),
        ({"end_of_word_suffix": 7}, "model.end_of_word_suffix"),
        ({"unk_token": "nope"}, "'nope' is not in the vocabulary"),
    ],
)
def test_models_that_lie(change: dict[str, Any], complaint: str) -> None:
    whole = deepcopy(GOOD)
    whole["added_tokens"] = []
    whole["model"] |= change
    with pytest.raises(DataError, match=complaint):
        load(whole)


@pytest.mark.parametrize(
    ("key", "value", "complaint"),
    [
        ("normalizer", {"type": "Odd"}, "normalizer of type 'Odd'"),
        ("normalizer", {"type": "Precompiled"}, "Precompiled has no precompiled_charsmap"),
        ("normalizer", {"type": "Sequence", "normalizers": [{"type": "NFC"}, {}]}, r"normalizer\[1\] of unknown form"),
        ("normalizer", {"type": "Lowercase", "language": "tr"}, "normalizer Lowercase with language = 'tr'"),
        ("pre_tokenizer", {"type": "UnicodeScripts"}, "pre_tokenizer of type 'UnicodeScripts'"),
        ("pre_tokenizer", {"type": "Metaspace"}, "pre_tokenizer Metaspace has no replacement"),
        ("pre_tokenizer", {"type": "ByteLevel", "add_prefix_space": 1}, "add_prefix_space = 1"),
        ("decoder", {"type": "CTC"}, "decoder of type 'CTC'"),
        ("post_processor", {"type": "TemplateProcessing", "single": [], "special_tokens": {}}, "leaves the text out"),
        ("post_processor", {"type": "BertProcessing", "sep": ["x", 999], "cls": ["x", 1]}, "no token and its id"),
        ("post_processor", {"type": "Odd"}, "post_processor of type 'Odd'"),
        ("added_tokens", [{"id": 0, "content": "x", "special": 0}], "special = 0"),
        ("added_tokens", [{"id": 5, "content": "x", "special": True}], "which is another token's"),
    ],
)
def test_what_is_not_done_is_named(key: str, value: Any, complaint: str) -> None:
    with pytest.raises(DataError, match=complaint):
        load(GOOD | {key: value})


@pytest.mark.parametrize("data", [b"", b"\xff", b"[]", b"null", b"[" * 200_000, b'{"model": {}}', b'{"a": 1e999}'])
def test_files_that_are_something_else(data: bytes) -> None:
    with pytest.raises(DataError):
        tokenizer_json.read(data)


@given(st.text(alphabet='{}[]":,0123456789abmodelvcrgst', max_size=80))
def test_noise(text: str) -> None:
    with pytest.raises(DataError):
        tokenizer_json.read(text.encode())
