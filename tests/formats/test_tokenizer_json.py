"""`tokenizer.json`, there and back."""

from __future__ import annotations

import json

import pytest

from attncli.artifacts.tokenizer import Tokenizer
from attncli.core.tokenizer.model import BPEModel
from attncli.core.tokenizer.patterns import CL100K, GPT2, WHITESPACE
from attncli.core.tokenizer.vocab import ALPHABET
from attncli.formats import tokenizer_json

BASE = [*ALPHABET, b"ab"]
MERGE = [(64, 65)]


@pytest.mark.parametrize(
    "model",
    [
        BPEModel(BASE, MERGE, pattern=GPT2),
        BPEModel(BASE, MERGE, pattern=CL100K),
        BPEModel(BASE, MERGE, pattern=""),
        BPEModel([*BASE, b"<end>"], MERGE, pattern=GPT2, special_tokens={"<end>": 257}, normalizer="nfkc"),
        BPEModel([b"_", b"a", b"b", b"ab"], [(1, 2)], "characters", WHITESPACE, True, "_", normalizer="lowercase"),
        BPEModel([b"a", "é".encode(), b"?"], [], "characters", "", special_tokens={"?": 2}, unknown=2),
    ],
)
def test_a_model_comes_back(model: BPEModel) -> None:
    assert tokenizer_json.read(tokenizer_json.write(model)) == model
    changed = json.loads(tokenizer_json.write(model))
    changed["model"]["merges"] = []
    assert model.merges == [] or tokenizer_json.read(json.dumps(changed).encode()) != model


def test_merges_may_be_written_in_the_old_way() -> None:
    whole = json.loads(tokenizer_json.write(BPEModel(BASE, MERGE, pattern=GPT2)))
    whole["model"]["merges"] = ["a b"]
    assert tokenizer_json.read(json.dumps(whole).encode()).merges == MERGE


def test_ids_may_leave_numbers_out() -> None:
    whole = json.loads(tokenizer_json.write(BPEModel(BASE, MERGE, pattern=GPT2)))
    whole["model"]["vocab"]["ab"] = 300
    coder = Tokenizer(tokenizer_json.read(json.dumps(whole).encode()))
    assert coder.encode("ab") == [300]
    assert coder.decode([257, 300]) == b"ab"


def test_the_same_model_gives_the_same_bytes(tokenizer: Tokenizer) -> None:
    again = Tokenizer(tokenizer_json.read(tokenizer.serialized(), tokenizer.name))
    assert again.serialized() == tokenizer.serialized()
