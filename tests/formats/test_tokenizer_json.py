"""`tokenizer.json`, there and back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from attncli.artifacts.tokenizer import Tokenizer
from attncli.core.tokenizer.model import BPE, AddedToken, Model
from attncli.core.tokenizer.patterns import CL100K, WHITESPACE
from attncli.core.tokenizer.train import END_OF_A_WORD
from attncli.core.tokenizer.vocab import ALPHABET
from attncli.errors import DataError
from attncli.formats import tokenizer_json

BASE = [*ALPHABET, b"ab"]
MERGE = [(64, 65)]


def byte_level(use_regex: bool) -> dict[str, Any]:
    return {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": use_regex}


def split(regex: str, *, removed: bool = False) -> dict[str, Any]:
    behavior = "Removed" if removed else "Isolated"
    return {"type": "Split", "pattern": {"Regex": regex}, "behavior": behavior, "invert": removed}


TEXTBOOK = Model(
    tokens=[b"_", b"a", b"b", b"ab"],
    algorithm=BPE([(1, 2)]),
    byte_level=False,
    normalizer=[{"type": "Lowercase"}, {"type": "Replace", "pattern": {"Regex": END_OF_A_WORD}, "content": "_"}],
    pre_tokenizer=[split(WHITESPACE, removed=True)],
    decoder=[{"type": "BPEDecoder", "suffix": "_"}],
)


@pytest.mark.parametrize(
    "model",
    [
        Model(BASE, BPE(MERGE), pre_tokenizer=[byte_level(True)]),
        Model(BASE, BPE(MERGE), pre_tokenizer=[split(CL100K), byte_level(False)]),
        Model(BASE, BPE(MERGE), pre_tokenizer=[byte_level(False)]),
        Model(
            [*BASE, b"<end>"],
            BPE(MERGE),
            normalizer=[{"type": "NFKC"}],
            pre_tokenizer=[byte_level(True)],
            added=[AddedToken("<end>", 257)],
        ),
        TEXTBOOK,
        Model([b"a", "é".encode(), b"?"], BPE([], unknown=2), byte_level=False, added=[AddedToken("?", 2)]),
    ],
)
def test_a_model_comes_back(model: Model) -> None:
    assert tokenizer_json.read(tokenizer_json.write(model)) == model
    changed = json.loads(tokenizer_json.write(model))
    changed["model"]["merges"] = []
    assert model.algorithm == BPE([], unknown=2) or tokenizer_json.read(json.dumps(changed).encode()) != model


def test_merges_may_be_written_in_the_old_way() -> None:
    whole = json.loads(tokenizer_json.write(Model(BASE, BPE(MERGE), pre_tokenizer=[byte_level(True)])))
    whole["model"]["merges"] = ["a b"]
    assert tokenizer_json.read(json.dumps(whole).encode()).algorithm == BPE(MERGE)


def test_ids_may_leave_numbers_out() -> None:
    whole = json.loads(tokenizer_json.write(Model(BASE, BPE(MERGE), pre_tokenizer=[byte_level(True)])))
    whole["model"]["vocab"]["ab"] = 300
    coder = Tokenizer(tokenizer_json.read(json.dumps(whole).encode()))
    assert coder.encode("ab") == [300]
    assert coder.decode([257, 300]) == b"ab"


def test_the_same_model_gives_the_same_bytes(tokenizer: Tokenizer) -> None:
    again = Tokenizer(tokenizer_json.read(tokenizer.serialized(), tokenizer.name))
    assert again.serialized() == tokenizer.serialized()


HALF = "\ud800"


@pytest.mark.parametrize(
    "changed",
    [
        {"normalizer": {"type": "Prepend", "prepend": HALF}},
        {"normalizer": {"type": "Replace", "pattern": {"String": HALF}, "content": ""}},
        {"pre_tokenizer": {"type": "Metaspace", "replacement": HALF}},
        {"decoder": {"type": "WordPiece", "prefix": HALF}},
        {"model": {"type": "BPE", "vocab": {"a": 0}, "merges": [], "end_of_word_suffix": HALF}},
        {"model": {"type": "Unigram", "vocab": [["a", 10**400]]}},
    ],
    ids=str,
)
def test_values_that_no_engine_holds(changed: dict[str, Any]) -> None:
    whole = {"model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}} | changed
    place = next(iter(changed))
    with pytest.raises(DataError, match=place):
        tokenizer_json.read(json.dumps(whole).encode())
