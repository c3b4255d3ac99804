"""WordPiece's `vocab.txt`, there and back."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from attncli.core.tokenizer.model import AddedToken, Model, WordPiece
from attncli.errors import CallError, DataError
from attncli.formats import vocab_txt
from attncli.formats.tokenizer_config import TokenizerConfig

TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "##b", "é", "中"]
GOOD = "".join(token + "\n" for token in TOKENS).encode()


def config(**values: Any) -> TokenizerConfig:
    return TokenizerConfig({"tokenizer_config.json": json.dumps(values).encode()})


def switches(model: Model) -> dict[str, Any]:
    return dict(model.normalizer[0])


def test_a_vocabulary_without_a_config_is_in_lower_case() -> None:
    model = vocab_txt.read(GOOD, "x")
    assert model.tokens[:] == [token.encode() for token in TOKENS]
    assert model.algorithm == WordPiece(1)
    assert not model.byte_level
    assert model.added == tuple(AddedToken(text, id_, in_vocab=True) for id_, text in enumerate(TOKENS[:5]))
    assert (model.bos, model.eos) == ((2,), (3,))
    expected = {"clean_text": True, "handle_chinese_chars": True, "strip_accents": None, "lowercase": True}
    assert switches(model) == {"type": "BertNormalizer"} | expected


def test_the_config_says_otherwise() -> None:
    small = config(do_lower_case=False, strip_accents=True, tokenize_chinese_chars=False)
    model = vocab_txt.read(GOOD, config=small)
    expected = {"clean_text": True, "handle_chinese_chars": False, "strip_accents": True, "lowercase": False}
    assert switches(model) == {"type": "BertNormalizer"} | expected


@pytest.mark.parametrize("small", [{}, {"do_lower_case": False}, {"strip_accents": False}, {"unk_token": "[UNK]"}])
def test_a_file_comes_back(small: dict[str, Any]) -> None:
    model = vocab_txt.read(GOOD, "x", config=config(**small))
    files = vocab_txt.write(model)
    assert files["vocab.txt"] == GOOD
    beside = {name: data for name, data in files.items() if name != "vocab.txt"}
    again = vocab_txt.read(files["vocab.txt"], "x", config=TokenizerConfig(beside))
    assert again == model
    assert again != replace(model, eos=[])


def test_line_ends_and_blank_lines() -> None:
    assert vocab_txt.read(GOOD.replace(b"\n", b"\r\n")) == vocab_txt.read(GOOD) == vocab_txt.read(GOOD[:-1])
    assert vocab_txt.read(GOOD + b"\nz\n").tokens[9:] == [b"", b"z"]


@pytest.mark.parametrize(
    ("data", "small", "complaint"),
    [
        (GOOD + b"a\n", {}, "line 10: 'a' stands on line 6 too"),
        (GOOD + b"\xff\n", {}, "line 10 is no UTF-8"),
        (b"a\nb\n", {}, r"has no line \[UNK\]"),
        (b"", {}, r"has no line \[UNK\]"),
        (GOOD, {"tokenizer_class": "XLNetTokenizer"}, "'XLNetTokenizer' is not supported"),
        (GOOD, {"do_lower_case": "no"}, "do_lower_case is neither true nor false"),
    ],
)
def test_faults_are_named(data: bytes, small: dict[str, Any], complaint: str) -> None:
    with pytest.raises(DataError, match=complaint) as caught:
        vocab_txt.read(data, config=config(**small))
    assert "\n" not in str(caught.value)


def test_what_a_file_cannot_say_is_refused() -> None:
    model = vocab_txt.read(GOOD)
    for changed, complaint in (
        (replace(model, normalizer=[]), "not as BERT does it"),
        (replace(model, algorithm=WordPiece(1, "@@")), "not as BERT does it"),
        (replace(model, tokens=[*model.tokens, b"x\ny"]), "a line break"),
    ):
        with pytest.raises(CallError, match=complaint):
            vocab_txt.write(changed)
