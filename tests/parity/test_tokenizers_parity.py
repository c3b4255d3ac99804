"""Against Hugging Face's `tokenizers` and OpenAI's `tiktoken`: the same merges, the same ids."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attncli.artifacts.tokenizer import Tokenizer
from attncli.artifacts.training import train_bpe
from attncli.core.tokenizer.patterns import CL100K, GPT2, O200K
from attncli.core.tokenizer.vocab import spelled

tokenizers = pytest.importorskip("tokenizers")

NAMES = [
    "english.txt",
    "multilingual.txt",
    "code/inventory.py",
    "code/matrix.c",
    "code/parser.rs",
    "code/router.go",
    "code/todo.ts",
]


def text_of(samples: Path, name: str) -> str:
    return (samples / name).read_bytes().decode("utf-8")


def theirs_of(ours: Tokenizer, folder: Path) -> tokenizers.Tokenizer:
    ours.save(folder / "tokenizer.json")
    return tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("pattern", ["gpt2", "cl100k"])
def test_merges_are_those_of_bpe_trainer_ties_included(
    samples: Path, tmp_path: Path, name: str, pattern: str, each_engine: str
) -> None:
    size = 900
    ours = train_bpe(samples / name, vocab_size=size, pattern=pattern)
    peer = tokenizers.Tokenizer(tokenizers.models.BPE())
    byte_level = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=pattern == "gpt2")
    split = tokenizers.pre_tokenizers.Split(tokenizers.Regex(CL100K), "isolated")
    peer.pre_tokenizer = byte_level if pattern == "gpt2" else tokenizers.pre_tokenizers.Sequence([split, byte_level])
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=2,
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    peer.train_from_iterator([text_of(samples, name)], trainer)
    peer.save(str(tmp_path / "peer.json"))
    theirs = Tokenizer.load(tmp_path / "peer.json")
    assert theirs.merges == ours.merges
    assert theirs.merges[:-1] != ours.merges


@pytest.mark.parametrize("pattern", ["gpt2", "cl100k", "o200k", "none", r"\p{L}+|\s+"])
@pytest.mark.parametrize("name", NAMES)
def test_they_load_our_file_and_give_our_ids(samples: Path, tmp_path: Path, name: str, pattern: str) -> None:
    ours = train_bpe(samples / "multilingual.txt", vocab_size=800, pattern=pattern, special=["<|x|>"])
    peer = theirs_of(ours, tmp_path)
    text = text_of(samples, name)
    assert peer.encode(text).ids == ours.encode(text)
    assert peer.decode(ours.encode(text)) == text
    assert peer.get_vocab_size() == len(ours)
    assert peer.token_to_id("<|x|>") == ours.special_tokens["<|x|>"]


@settings(max_examples=150)
@given(st.text(max_size=60))
def test_random_text_gives_the_same_ids(shared_peer: tuple[Tokenizer, tokenizers.Tokenizer], text: str) -> None:
    ours, peer = shared_peer
    assert peer.encode(text).ids == ours.encode(text)


@pytest.fixture(scope="session")
def shared_peer(tokenizer: Tokenizer, tmp_path_factory: pytest.TempPathFactory) -> tuple[Tokenizer, object]:
    return tokenizer, theirs_of(tokenizer, tmp_path_factory.mktemp("peer"))


@settings(max_examples=60)
@given(st.lists(st.sampled_from(["low", "er", "new", " ", "\n", "é", "est", "wid", "\t"]), max_size=12).map("".join))
def test_the_textbook_variant_too(textbook: tuple[Tokenizer, tokenizers.Tokenizer], text: str) -> None:
    ours, peer = textbook
    encoded = peer.encode(text)
    assert encoded.ids == ours.encode(text)
    assert peer.decode(encoded.ids).encode() == ours.decode(encoded.ids)


@pytest.fixture(scope="session")
def textbook(tmp_path_factory: pytest.TempPathFactory) -> tuple[Tokenizer, object]:
    folder = tmp_path_factory.mktemp("textbook")
    (folder / "t").write_text("low lower newest wider " * 3)
    ours = train_bpe(folder / "t", merges=8, unit="characters", end_of_word="_")
    return ours, theirs_of(ours, folder)


@pytest.mark.parametrize("pattern", [GPT2, CL100K, O200K])
def test_tiktoken_gives_our_ids(samples: Path, pattern: str) -> None:
    """tiktoken merges by rank of the whole: with ranks in the order of our merges that is the same."""
    tiktoken = pytest.importorskip("tiktoken")
    ours = train_bpe(samples / "multilingual.txt", vocab_size=1000, pattern=pattern)
    ranks = {token: id_ for id_, token in enumerate(ours.model.tokens)}
    peer = tiktoken.Encoding("ours", pat_str=pattern, mergeable_ranks=ranks, special_tokens={})
    for name in NAMES:
        text = text_of(samples, name)
        assert peer.encode_ordinary(text) == ours.encode(text)


def test_a_wrong_spelling_would_be_seen() -> None:
    assert spelled(b" the") == "Ġthe" != " the"
