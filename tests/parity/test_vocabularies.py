"""Ids of real vocabularies, as their reference implementations gave them; skipped where the answers are not at hand."""

from __future__ import annotations

import hashlib
import html
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from attncli.artifacts.tokenizer import Tokenizer

REFERENCE = Path(__file__).parents[3] / "shared" / "reference"
pytestmark = pytest.mark.skipif(not REFERENCE.is_dir(), reason="no reference answers beside this checkout")

SAME = [
    ("cl100k_base", "tiktoken/cl100k_base.tiktoken"),
    ("o200k_base", "tiktoken/o200k_base.tiktoken"),
    ("p50k_base", "tiktoken/p50k_base.tiktoken"),
    ("gpt2", "tiktoken/r50k_base.tiktoken"),
    ("gpt2", "gpt2/encoder.json"),
    ("gpt2", "gpt2/vocab.bpe"),
]
"""Answers and the file that should give them all."""
OTHERS = [("bert_uncased", "bert-uncased/vocab.txt"), ("clip", "clip/bpe_simple_vocab_16e6.txt.gz")]


NEWER = ("s258",)
"""Letters of Unicode 16, of which that Python did not know the lower case."""


@cache
def answers(name: str) -> Any:
    return json.loads((REFERENCE / f"tokenization/{name}.json").read_text(encoding="utf-8"))


@cache
def strings() -> dict[str, bytes]:
    lines = (REFERENCE / "tokenization/strings.jsonl").read_text(encoding="utf-8").split("\n")
    cases = map(json.loads, filter(None, lines))
    return {case["id"]: bytes.fromhex(case["hex"]) if "hex" in case else case["text"].encode() for case in cases}


@cache
def tokenizer(path: str) -> Tokenizer:
    return Tokenizer.load(REFERENCE / "vocab" / path)


def check_texts(coder: Tokenizer, expected: dict[str, Any], change: Callable[[str], str] = str) -> None:
    checked = 0
    for name, answer in expected.items():
        if (REFERENCE / "texts" / name).exists():
            text = (REFERENCE / "texts" / name).read_bytes().decode("utf-8")
            check(coder.encode(change(text), allow_special=None if change is str else "all"), answer, name)
            checked += 1
    assert checked >= 2


def check(ids: list[int], answer: dict[str, Any], name: str) -> None:
    assert len(ids) == answer["n_tokens"], name
    assert hashlib.sha256(np.array(ids, "<u4").tobytes()).hexdigest() == answer["sha256_u32le"], name


@pytest.mark.parametrize(("name", "path"), SAME)
def test_strings_special_tokens_and_long_runs(name: str, path: str) -> None:
    coder, expected = tokenizer(path), answers(name)
    for case, ids in expected["strings"].items():
        assert coder.encode(strings()[case]) == ids, case
    for case, ids in expected["special"].items():
        assert coder.encode(strings()[case], allow_special="all") == ids, case
    for case, answer in expected["stress"].items():
        check(coder.encode(answer["unit"] * answer["repeat"]), answer, case)
    for answer in expected["decode"]:
        assert coder.decode(answer["ids"]).hex() == answer["hex"]
    assert len(expected["strings"]) > 400


@pytest.mark.parametrize(("name", "path"), SAME)
def test_texts(name: str, path: str) -> None:
    check_texts(tokenizer(path), answers(name)["texts"])


@pytest.mark.parametrize("path", sorted({path for _, path in SAME}))
def test_every_byte_string_comes_back(path: str) -> None:
    coder = tokenizer(path)
    for text in [*strings().values(), bytes(range(256)), b"\xff\xfe" * 99]:
        assert coder.decode(coder.encode(text)) == text


@pytest.mark.parametrize(
    ("path", "name"), [("tiktoken/r50k_base.tiktoken", "gpt2"), ("tiktoken/cl100k_base.tiktoken", "gpt_3.5_turbo")]
)
def test_microsofts_vectors(path: str, name: str) -> None:
    folder = REFERENCE / "tokenization/microsoft-tokenizer"
    expected = json.loads((folder / f"tokens_{name}.json").read_text())
    text = (folder / "lib.rs.txt").read_bytes()
    assert tokenizer(path).encode(text) == expected
    assert tokenizer(path).encode(text[1:]) != expected


def test_bert() -> None:
    coder, expected = tokenizer("bert-uncased/vocab.txt"), answers("bert_uncased")
    for case, ids in expected["strings"].items():
        assert coder.encode(strings()[case], allow_special="all") == ids, case
    check_texts(coder, expected["texts"])
    assert coder.digest == tokenizer("bert-uncased/tokenizer.json").digest


def test_clip() -> None:
    """Its reference first repairs a text by ftfy and reads it as HTML; special tokens it finds in lower case too."""
    ftfy = pytest.importorskip("ftfy")
    coder, expected = tokenizer("clip/bpe_simple_vocab_16e6.txt.gz"), answers("clip")
    assert len(coder) == expected["n_vocab"]

    def cleaned(text: str) -> str:
        return html.unescape(html.unescape(ftfy.fix_text(text))).lower()

    for case, ids in expected["strings"].items():
        if case not in NEWER:
            assert coder.encode(cleaned(strings()[case].decode()), allow_special="all") == ids, case
    for answer in expected["decode"]:
        assert coder.decode(answer["ids"]).decode("utf-8", "replace") == answer["text"]
    check_texts(coder, expected["texts"], cleaned)
