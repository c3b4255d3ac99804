"""Learning merges from files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from attncli.artifacts.tokenizer import Tokenizer
from attncli.artifacts.training import train_bpe
from attncli.core.tokenizer.counts import count_words
from attncli.core.tokenizer.patterns import CL100K, GPT2, O200K
from attncli.errors import CallError, DataError


def test_the_textbook_example(each_engine: str, tmp_path: Path) -> None:
    (tmp_path / "t").write_text("low lower newest wider")
    steps: list[Any] = []
    coder = train_bpe(
        tmp_path / "t", merges=4, unit="characters", end_of_word="_", trace=lambda *step: steps.append(step)
    )
    assert steps == [(1, b"e", b"r", 2), (2, b"l", b"o", 2), (3, b"er", b"_", 2), (4, b"lo", b"w", 2)]
    assert coder.labels(coder.encode("low lower\n slower")) == ["low", "_", "low", "er_", "s", "low", "er_"]
    assert coder.decode(coder.encode("low lower\n slower")) == b"low lower slower"


@pytest.mark.parametrize("pattern", ["gpt2", "cl100k", "o200k", "none", r"\w+|\W+"])
def test_engines_and_threads_learn_the_same_bytes(
    samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pattern: str
) -> None:
    from attncli.core import engine

    (tmp_path / "t").write_bytes((samples / "multilingual.txt").read_bytes()[:20_000] + b"\xff\xf0\x9f aaa aaaa")
    learned = []
    for name, threads in (("native", 1), ("native", 2), ("reference", 1)):
        monkeypatch.setenv("ATTNCLI_ENGINE", name)
        engine.name.cache_clear()
        learned.append(train_bpe(tmp_path / "t", merges=200, pattern=pattern, threads=threads).serialized())
    engine.name.cache_clear()
    assert learned[0] == learned[1] == learned[2]


def test_one_and_two_threads_on_a_text_worth_two(samples: Path, tmp_path: Path) -> None:
    (tmp_path / "t").write_bytes((samples / "english.txt").read_bytes() * 8)
    one, two = (train_bpe(tmp_path / "t", vocab_size=2000, threads=threads).serialized() for threads in (1, 2))
    assert one == two


@pytest.mark.parametrize("pattern", [GPT2, CL100K, O200K])
def test_chunks_count_as_the_whole_document_does(samples: Path, pattern: str) -> None:
    text = (samples / "multilingual.txt").read_bytes() + (samples / "adversarial.bin").read_bytes()
    whole = count_words([[text]], pattern).items()
    for size in (101, 4096):
        chunks = (text[at : at + size] for at in range(0, len(text), size))
        assert count_words([chunks], pattern).items() == whole
    assert count_words([[text + b" more"]], pattern).items() != whole


def test_special_tokens_are_last_and_counted(tmp_path: Path) -> None:
    (tmp_path / "t").write_text("ab " * 10)
    coder = train_bpe(tmp_path / "t", vocab_size=260, special=["<a>", "<b>"])
    assert len(coder) == 260
    assert coder.special_tokens == {"<a>": 258, "<b>": 259}
    assert coder.merges == [(b"a", b"b"), (b" ", b"ab")]


def test_lengths_and_frequencies(each_engine: str, tmp_path: Path) -> None:
    (tmp_path / "t").write_text("abcd abcd abcd xy")
    coder = train_bpe(tmp_path / "t", merges=50, max_token_length=2, min_frequency=3)
    assert max(len(left + right) for left, right in coder.merges) == 2
    assert (b"x", b"y") not in coder.merges


def test_lines_and_records(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("a\na\na\n")
    assert train_bpe(tmp_path / "t.txt", merges=5, pattern="none").merges != []
    assert train_bpe(tmp_path / "t.txt", merges=5, pattern="none", by="line").merges == []
    (tmp_path / "t.jsonl").write_text("".join(json.dumps({"body": "xyxy", "n": n}) + "\n" for n in range(3)))
    assert train_bpe(tmp_path / "t.jsonl", merges=1, field="body").merges == [(b"x", b"y")]


def test_progress_is_called_back(samples: Path) -> None:
    heard: list[tuple[str, int, int | None]] = []
    train_bpe(samples / "english.txt", vocab_size=600, progress=lambda *at: heard.append(at))
    size = (samples / "english.txt").stat().st_size
    assert ("counting", size, size) in heard
    assert heard[-1] == ("merging", 344, 344)


def test_an_interrupt_in_the_callback_ends_training(samples: Path) -> None:
    def stop(stage: str, done: int, total: int | None) -> None:
        if stage == "merging":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_bpe(samples / "english.txt", vocab_size=600, progress=stop)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({}, "either a vocabulary size or a number"),
        ({"merges": 1, "vocab_size": 1}, "either a vocabulary size or a number"),
        ({"vocab_size": 255}, "no room for 256 base symbols"),
        ({"merges": -1}, "0 or more"),
        ({"merges": 1, "special": ["x", "x"]}, "given twice"),
        ({"merges": 1, "special": ["a"]}, "'a' is a token of the text too"),
        ({"merges": 1, "end_of_word": "_"}, "characters as units"),
        ({"merges": 1, "end_of_word": "</w>", "unit": "characters"}, "not one character"),
        ({"merges": 1, "pattern": "gpt3"}, "did you mean 'gpt2'"),
        ({"merges": 1, "pattern": "("}, "does not compile"),
        ({"merges": 1, "normalize": "nfx"}, "no normalizer"),
    ],
)
def test_wrong_calls(tmp_path: Path, options: dict[str, Any], complaint: str) -> None:
    (tmp_path / "t").write_text("a b")
    with pytest.raises(CallError, match=complaint):
        train_bpe(tmp_path / "t", **options)


def test_no_text_has_no_characters(tmp_path: Path) -> None:
    (tmp_path / "t").write_text("")
    with pytest.raises(DataError, match="no text"):
        train_bpe(tmp_path / "t", merges=1, unit="characters")
    assert len(train_bpe(tmp_path / "t", merges=1)) == 256


def test_encode_file(tmp_path: Path, samples: Path) -> None:
    coder = train_bpe(samples / "english.txt", vocab_size=500)
    (tmp_path / "t").write_bytes(b"one\n\ntwo")
    ids, starts = coder.encode_file(tmp_path / "t")
    assert str(ids.dtype) == "uint16"
    assert [coder.decode(ids[a:b]) for a, b in zip(starts[:-1], starts[1:], strict=True)] == [b"one", b"", b"two"]
    whole, ends = coder.encode_file(tmp_path / "t", by="file")
    assert coder.decode(whole) == b"one\n\ntwo"
    assert ends.tolist() == [0, len(whole)]
    with pytest.raises(CallError):
        coder.encode_file(tmp_path / "t", by="page")


def test_tokenizers_are_found_by_path_folder_and_name(tmp_path: Path) -> None:
    starter = Tokenizer.load("starter")
    assert len(starter) == 16384
    (tmp_path / "mine").mkdir()
    starter.save(tmp_path / "mine" / "tokenizer.json")
    assert Tokenizer.load(tmp_path / "mine").name == "mine"
    assert Tokenizer.load(tmp_path / "mine" / "tokenizer.json").name == "mine"
    for wrong, complaint in (("no-such", "no tokenizer file"), (tmp_path / "x.json", "no such file")):
        with pytest.raises(DataError, match=complaint):
            Tokenizer.load(wrong)
