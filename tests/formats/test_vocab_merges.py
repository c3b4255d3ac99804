"""`vocab.json` and `merges.txt`, there and back."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from attncli.core.tokenizer.model import BPE, AddedToken, Model
from attncli.core.tokenizer.patterns import CL100K, GPT2
from attncli.core.tokenizer.vocab import ALPHABET, spelled
from attncli.errors import CallError, DataError
from attncli.formats import vocab_merges
from attncli.formats.tokenizer_config import TokenizerConfig

NAMES = [spelled(byte) for byte in ALPHABET]
IDS = {name: id_ for id_, name in enumerate([*NAMES, "ab", "Ġab", "<|endoftext|>"])}
MERGES = b"#version: 0.2\na b\n\xc4\xa0 ab\n"


def vocab(changes: Any = None) -> bytes:
    return json.dumps(IDS if changes is None else IDS | changes).encode()


def config(**values: Any) -> TokenizerConfig:
    return TokenizerConfig({"tokenizer_config.json": json.dumps(values).encode()})


def test_gpt2s_pair() -> None:
    model = vocab_merges.read(vocab(), MERGES, "x")
    assert model.tokens[255:] == [ALPHABET[255], b"ab", b" ab", b"<|endoftext|>"]
    assert isinstance(model.algorithm, BPE)
    assert list(model.algorithm.merges) == [(IDS["a"], IDS["b"]), (IDS["Ġ"], 256)]
    assert model.added == (AddedToken("<|endoftext|>", 258, in_vocab=True),)
    assert [step["use_regex"] for step in model.pre_tokenizer] == [True]


@pytest.mark.parametrize("merges", [b"a b\n\xc4\xa0 ab", b"#version: 0.2\r\na b\r\n\xc4\xa0 ab\r\n"])
def test_a_header_and_line_ends_do_not_matter(merges: bytes) -> None:
    assert vocab_merges.read(vocab(), merges) == vocab_merges.read(vocab(), MERGES)


def test_a_token_may_begin_like_a_comment() -> None:
    model = vocab_merges.read(vocab({"#a": 259}), MERGES + b"# a\n")
    assert isinstance(model.algorithm, BPE)
    assert list(model.algorithm.merges)[2] == (IDS["#"], IDS["a"])


def test_the_pair_comes_back() -> None:
    model = vocab_merges.read(vocab(), MERGES, "x")
    files = vocab_merges.write(model)
    assert json.loads(files["vocab.json"]) == IDS
    assert files["merges.txt"] == MERGES
    small = {name: data for name, data in files.items() if name not in ("vocab.json", "merges.txt")}
    again = vocab_merges.read(files["vocab.json"], files["merges.txt"], "x", config=TokenizerConfig(small))
    assert again == model
    assert again != replace(model, added=[])


def test_special_tokens_are_those_of_the_small_files() -> None:
    small = {
        "special_tokens_map.json": json.dumps(
            {"eos_token": "<|endoftext|>", "mask_token": {"content": "<m>"}, "additional_special_tokens": ["Ġab"]}
        ).encode(),
        "added_tokens.json": b'{"<m>": 259, "plain": 260}',
    }
    listed = TokenizerConfig(small).added_tokens(IDS)
    assert [(token["id"], token["content"], token["special"]) for token in listed] == [
        (257, "Ġab", True),
        (258, "<|endoftext|>", True),
        (259, "<m>", True),
        (260, "plain", False),
    ]


def test_an_id_is_the_key_of_added_tokens_decoder() -> None:
    listed = config(added_tokens_decoder={"3": {"content": "a", "id": "three"}}).added_tokens({})
    assert [token["id"] for token in listed] == [3]


def test_added_tokens_decoder_says_it_all() -> None:
    decoder = {"258": {"content": "<|endoftext|>", "special": True, "lstrip": False}}
    listed = config(added_tokens_decoder=decoder, eos_token="a").added_tokens(IDS)
    assert listed == [{"id": 258, "content": "<|endoftext|>", "special": True, "lstrip": False}]


@pytest.mark.parametrize(
    ("ids", "merges", "small", "complaint"),
    [
        (None, b"a b\na b c\n", {}, "merges.txt, line 2 is not two tokens"),
        (None, b"#version: 0.2\na\n", {}, "merges.txt, line 2 is not two tokens"),
        (None, b"a b\n\n\xc4\xa0 ab\n", {}, "merges.txt, line 2 is not two tokens"),
        (None, b"a  b\n", {}, "merges.txt, line 1 is not two tokens"),
        (None, b"a b\nzz b\n", {}, "merges.txt, line 2: 'zz' is not in the vocabulary"),
        (None, b"a c\n", {}, "merges.txt, line 1: 'ac' is not in the vocabulary"),
        (None, b"a b\n\xff\n", {}, "merges.txt, line 2: no UTF-8"),
        ({"x": -1}, b"", {}, r"vocab\['x'\] = -1 is no id"),
        ({"x": 10**9}, b"", {}, "ids go up to 1,000,000,000"),
        ({"x": 2**40}, b"", {}, "is no id"),
        ({"x": 0}, b"", {}, "id 0 to two tokens"),
        (None, b"", {"tokenizer_class": "XLNetTokenizer"}, "'XLNetTokenizer' is not supported; give its pattern"),
        (None, b"", {"tokenizer_class": 1}, "tokenizer_class is no name"),
        (None, b"", {"add_prefix_space": "yes"}, "add_prefix_space is neither true nor false"),
        (None, b"", {"add_prefix_space": 1}, "add_prefix_space is neither true nor false"),
        (None, b"", {"added_tokens_decoder": []}, "added_tokens_decoder is no object"),
        (None, b"", {"added_tokens_decoder": {"x": {}}}, "added_tokens_decoder\\['x'\\] is no token"),
        (None, b"", {"added_tokens_decoder": {"1": {}}}, r"added_tokens\[0\]"),
        (None, b"", {"additional_special_tokens": 3}, "additional_special_tokens is no list"),
        (None, b"", {"bos_token": 7}, "a special token has no text"),
    ],
)
def test_faults_are_named(ids: Any, merges: bytes, small: dict[str, Any], complaint: str) -> None:
    with pytest.raises(DataError, match=complaint) as caught:
        vocab_merges.read(vocab(ids), merges, config=config(**small))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "data", [b"", b"\xff", b"[]", b"null", b"[" * 200_000, b'{"a": ' * 200_000, b'{"a": 1, "b": 1e999, "ab": 2}']
)
def test_vocabularies_that_are_something_else(data: bytes) -> None:
    with pytest.raises(DataError, match=r"vocab(\.json|\['b'\])"):
        vocab_merges.read(data, b"#version: 0.2\n")


def test_a_pattern_may_be_given() -> None:
    model = vocab_merges.read(vocab(), MERGES, pattern=CL100K)
    assert [step.get("pattern") for step in model.pre_tokenizer] == [{"Regex": CL100K}, None]
    assert vocab_merges.read(vocab(), MERGES, pattern=GPT2) == vocab_merges.read(vocab(), MERGES)
    with pytest.raises(CallError, match="no known class does it so"):
        vocab_merges.write(model)


def test_other_models_are_refused() -> None:
    characters = Model([b"a", b"b", b"ab"], BPE([(0, 1)]), byte_level=False)
    with pytest.raises(CallError, match="no BPE over bytes"):
        vocab_merges.write(characters)
