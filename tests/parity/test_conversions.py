"""Every conversion keeps the ids, by the reading of the format's own library."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attncli.artifacts.tokenizer import Tokenizer
from attncli.core.tokenizer.patterns import CL100K, GPT2, O200K

tokenizers = pytest.importorskip("tokenizers")
tiktoken = pytest.importorskip("tiktoken")
load = pytest.importorskip("tiktoken.load")

REFERENCE = Path(__file__).parents[3] / "shared" / "reference"
PATTERNS = {"gpt2": GPT2, "cl100k": CL100K, "o200k": O200K, "words": r"\w+|[^\w\s]"}
SPECIAL = "<|endoftext|>"


def assigned(text: str) -> bool:
    """Whether Python knows all characters: of newer ones the engines' Unicode tables may know more or less."""
    return all(unicodedata.category(character) != "Cn" for character in text)


texts = st.one_of(
    st.text(st.characters(exclude_categories=["Cn", "Cs"]), max_size=40),
    st.lists(
        st.sampled_from(
            [" ", "  ", "\n", "the", " The", "ing", "I'll", "123", "4567", "中文", "é", SPECIAL, "\t", "!?"]
        ),
        max_size=12,
    ).map("".join),
)


def ordinary(encoding: Any, text: str) -> list[int]:
    ids: list[int] = encoding.encode_ordinary(text)
    return ids


@pytest.fixture(scope="module", params=PATTERNS)
def ranks(request: pytest.FixtureRequest, tokenizer: Tokenizer, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A .tiktoken file as `tiktoken` reads it, and as we do; and the tokenizer.json that we make of it."""
    folder = tmp_path_factory.mktemp(request.param)
    tokenizer.save(folder / "x.tiktoken")
    ours = Tokenizer.load(folder / "x.tiktoken", pattern=PATTERNS[request.param])
    ours.save(folder / "tokenizer.json")
    theirs = tiktoken.Encoding(
        "x",
        pat_str=PATTERNS[request.param],
        mergeable_ranks=load.load_tiktoken_bpe(str(folder / "x.tiktoken")),
        special_tokens={},
    )
    return theirs, ours, tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))


@settings(max_examples=150)
@given(text=texts)
def test_a_file_of_ranks_becomes_a_tokenizer_json(ranks: Any, text: str) -> None:
    theirs, ours, converted = ranks
    expected = ordinary(theirs, text)
    assert ours.encode(text) == expected
    assert converted.encode(text).ids == expected
    if theirs.decode(expected) == text:  # tiktoken drops what its pattern leaves out
        assert ours.decode(expected).decode() == converted.decode(expected) == text


@pytest.fixture(scope="module")
def pair(tokenizer: Tokenizer, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """vocab.json and merges.txt as `tokenizers` reads them, and as we do; and the tokenizer.json that we make."""
    folder = tmp_path_factory.mktemp("pair")
    tokenizer.save(folder / "vocab.json")
    theirs = tokenizers.ByteLevelBPETokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"))
    ours = Tokenizer.load(folder / "vocab.json")
    ours.save(folder / "tokenizer.json")
    Tokenizer.load(folder / "tokenizer.json").save(folder / "again.tiktoken")
    return theirs, ours, tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json")), folder / "again.tiktoken"


@given(text=texts)
def test_vocab_and_merges_become_a_tokenizer_json_and_ranks(pair: Any, text: str) -> None:
    theirs, ours, converted, again = pair
    expected = theirs.encode(text).ids
    assert ours.encode(text) == expected
    plain = text.replace(SPECIAL, "")
    assert converted.encode(plain).ids == theirs.encode(plain).ids
    encoding = tiktoken.Encoding(
        "x", pat_str=GPT2, mergeable_ranks=load.load_tiktoken_bpe(str(again)), special_tokens={SPECIAL: 999}
    )
    assert ordinary(encoding, text) == expected
    assert encoding.encode(text, allowed_special="all") == ours.encode(text, allow_special="all")


WORDS = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    "the",
    "##ing",
    "##e",
    "t",
    "i",
    "##n",
    "##g",
    "1",
    "##2",
    "中",
    "e",
]


@pytest.mark.parametrize("lower", [True, False])
def test_vocab_txt_becomes_a_tokenizer_json(tmp_path: Path, lower: bool) -> None:
    (tmp_path / "vocab.txt").write_text("\n".join(WORDS) + "\n", encoding="utf-8")
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"do_lower_case": lower}))
    theirs = tokenizers.BertWordPieceTokenizer(str(tmp_path / "vocab.txt"), lowercase=lower)
    ours = Tokenizer.load(tmp_path)
    (tmp_path / "out").mkdir()
    ours.save(tmp_path / "out" / "tokenizer.json")
    converted = tokenizers.Tokenizer.from_file(str(tmp_path / "out" / "tokenizer.json"))
    back = Tokenizer.load(tmp_path / "out" / "tokenizer.json")
    back.save(tmp_path / "out" / "vocab.txt")
    assert (tmp_path / "out" / "vocab.txt").read_bytes() == (tmp_path / "vocab.txt").read_bytes()

    @given(texts)
    def check(text: str) -> None:
        expected = theirs.encode(text, add_special_tokens=False).ids
        assert ours.encode(text, allow_special="all") == expected
        assert back.encode(text, allow_special="all") == expected
        assert converted.encode(text, add_special_tokens=False).ids == expected

    check()


@pytest.mark.skipif(not REFERENCE.is_dir(), reason="no reference answers beside this checkout")
@pytest.mark.parametrize("name", ["cl100k_base", "o200k_base", "p50k_base"])
def test_real_ranks_become_a_tokenizer_json(name: str, tmp_path: Path) -> None:
    answers = json.loads((REFERENCE / f"tokenization/{name}.json").read_text(encoding="utf-8"))
    lines = (REFERENCE / "tokenization/strings.jsonl").read_text(encoding="utf-8").split("\n")
    strings = {case["id"]: case.get("text") for case in map(json.loads, filter(None, lines))}
    ours = Tokenizer.load(REFERENCE / f"vocab/tiktoken/{name}.tiktoken")
    ours.save(tmp_path / "tokenizer.json")
    again = Tokenizer.load(tmp_path / "tokenizer.json")
    theirs = tokenizers.Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    assert again.digest == ours.digest
    assert theirs.get_vocab_size() == len([token for token in ours.model.tokens if token])
    for case, ids in answers["strings"].items():
        assert again.encode(strings[case]) == ids, case
        if case not in answers["special"]:
            assert theirs.encode(strings[case]).ids == ids, case
    for case, ids in answers["special"].items():
        assert theirs.encode(strings[case]).ids == ids, case
    again.save(tmp_path / "x.tiktoken")
    assert (tmp_path / "x.tiktoken").read_bytes() == (REFERENCE / f"vocab/tiktoken/{name}.tiktoken").read_bytes()
