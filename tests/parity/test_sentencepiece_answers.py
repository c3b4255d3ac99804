"""Ids of SentencePiece's reference implementations that lie beside the checkout; skipped elsewhere."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from attncli import Tokenizer

REFERENCE = Path(__file__).parents[3] / "shared" / "reference"
pytestmark = pytest.mark.skipif(not REFERENCE.is_dir(), reason="no reference answers beside this checkout")


def load(name: str) -> Any:
    return json.loads((REFERENCE / "tokenization" / f"{name}.json").read_text(encoding="utf-8"))


def strings() -> dict[str, bytes]:
    lines = (REFERENCE / "tokenization/strings.jsonl").read_text(encoding="utf-8").split("\n")
    cases = map(json.loads, filter(None, lines))
    return {case["id"]: bytes.fromhex(case["hex"]) if "hex" in case else case["text"].encode() for case in cases}


def of_file(path: str) -> Tokenizer:
    return Tokenizer.load(REFERENCE / "vocab" / path)


def reference_path(path: str) -> Path:
    return next((found for found in (REFERENCE / path, REFERENCE / "texts" / path) if found.exists()), REFERENCE / path)


@pytest.mark.parametrize(
    ("answers", "path"),
    [("llama2", "llama2/tokenizer.model"), ("sp_unigram_en", "sentencepiece/test_model.model")],
)
def test_ids_and_texts_of_the_library(answers: str, path: str) -> None:
    found, cases, texts = of_file(path), load(answers), strings()
    for name, ids in (cases["strings"] | cases["bytes"]).items():
        assert found.encode(texts[name]) == ids, name
    assert len(cases["strings"]) > 400
    for case in cases["decode"]:
        assert found.decode(case["ids"]).decode("utf-8") == case["text"]
    checked = 0
    for name, expected in cases["texts"].items():
        if (text := reference_path(name)).exists():
            ids = np.array(found.encode(text.read_bytes()), "<u4")
            assert hashlib.sha256(ids.tobytes()).hexdigest() == expected["sha256_u32le"], name
            checked += 1
    assert checked > 5


def test_ids_of_llamacpp() -> None:
    found = of_file("llama2/tokenizer.model")
    vectors = load("llamacpp_vectors_llama-spm")["vectors"]
    for vector in vectors:
        assert found.encode(vector["text"].encode()) == vector["ids"], vector["text"]
    assert len(vectors) > 20


def test_ids_of_llama2c() -> None:
    found, cases, texts = of_file("llama2/tok512.bin"), load("llama2c_tok512")["strings"], strings()
    for name, ids in cases.items():
        assert found.encode(texts[name]) == ids, name
        assert found.decode(ids) == texts[name], name
    assert len(cases) > 400


def test_llama2s_model_and_llama2cs_file_of_it_agree() -> None:
    one, other = of_file("llama2/tokenizer.model"), of_file("llama2/tokenizer.bin")
    for name, text in strings().items():
        if "▁" not in text.decode("utf-8", "replace") and "\ufffd" not in text.decode("utf-8", "replace"):
            assert one.encode(text) == other.encode(text), name
