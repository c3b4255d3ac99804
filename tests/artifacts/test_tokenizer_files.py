"""Tokenizers of every format from files, folders and standard input, and into them."""

from __future__ import annotations

import base64
import gzip
import io
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from attncli.artifacts import tokenizer_files
from attncli.artifacts.tokenizer import Tokenizer
from attncli.core.tokenizer.sentencepiece import SentencePiece
from attncli.errors import AttncliError, CallError, DataError

TEXT = "The roses by the bank, naïve 中文 and 123.\n"


@pytest.fixture
def saved(tokenizer: Tokenizer, tmp_path: Path) -> Path:
    """A folder with the small tokenizer in every format that can say it."""
    for name in ("tokenizer.json", "vocab.json", "small.tiktoken"):
        tokenizer.save(tmp_path / name)
    return tmp_path


NAMES = ["tokenizer.json", "vocab.json", "merges.txt", "small.tiktoken"]


def pattern_of(name: str) -> str | None:
    return "gpt2" if name == "small.tiktoken" else None


@pytest.mark.parametrize("name", NAMES)
def test_every_format_gives_the_same_ids(tokenizer: Tokenizer, saved: Path, name: str) -> None:
    again = Tokenizer.load(saved / name, pattern=pattern_of(name))
    assert again.encode(TEXT) == tokenizer.encode(TEXT)
    assert again.merges == tokenizer.merges
    assert again.name == ("small" if name == "small.tiktoken" else saved.name)
    if name != "small.tiktoken":
        assert again.special_tokens == tokenizer.special_tokens
        assert again.digest == tokenizer.digest


@pytest.mark.parametrize("name", ["tokenizer.json", "small.tiktoken"])
def test_the_name_is_only_a_help(tokenizer: Tokenizer, saved: Path, name: str) -> None:
    for other in ("x", "x.txt", "vocab.json", "vocab.txt", "x.tiktoken", "x.json"):
        shutil.copy(saved / name, saved / "copy")
        (saved / "elsewhere").mkdir(exist_ok=True)
        shutil.move(saved / "copy", saved / "elsewhere" / other)
        again = Tokenizer.load(saved / "elsewhere" / other, pattern=pattern_of(name))
        assert again.encode(TEXT) == tokenizer.encode(TEXT)


@pytest.mark.parametrize("name", ["tokenizer.json", "small.tiktoken"])
def test_standard_input_and_compressed_files(
    tokenizer: Tokenizer, saved: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = (saved / name).read_bytes()
    (saved / f"{name}.gz").write_bytes(gzip.compress(data))
    assert Tokenizer.load(saved / f"{name}.gz", pattern=pattern_of(name)).encode(TEXT) == tokenizer.encode(TEXT)
    stdin = SimpleNamespace(buffer=io.BufferedReader(io.BytesIO(data)))  # type: ignore[arg-type]
    monkeypatch.setattr(sys, "stdin", stdin)
    assert Tokenizer.load("-", pattern=pattern_of(name)).encode(TEXT) == tokenizer.encode(TEXT)


def test_a_folder_is_looked_through_in_order(tokenizer: Tokenizer, saved: Path) -> None:
    again = Tokenizer.load(saved)
    assert (again.name, again.digest) == (saved.name, tokenizer.digest)
    (saved / "tokenizer.json").unlink()
    assert Tokenizer.load(saved).digest == tokenizer.digest
    (saved / "merges.txt").unlink()
    assert Tokenizer.load(saved, pattern="gpt2").encode(TEXT) == tokenizer.encode(TEXT)
    shutil.copy(saved / "small.tiktoken", saved / "other.tiktoken")
    with pytest.raises(DataError, match=r"holds 2 files \.tiktoken and \.model; name one of them"):
        Tokenizer.load(saved, pattern="gpt2")


def test_an_empty_folder_says_what_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"tokenizer.json, vocab.json with merges.txt, .*vocab.txt, \*.tiktoken, \*.model"
    ):
        Tokenizer.load(tmp_path)


def test_encoder_json_and_vocab_bpe_are_a_pair_too(tokenizer: Tokenizer, saved: Path) -> None:
    (saved / "vocab.json").rename(saved / "encoder.json")
    (saved / "merges.txt").rename(saved / "vocab.bpe")
    for name in ("encoder.json", "vocab.bpe"):
        assert Tokenizer.load(saved / name).digest == tokenizer.digest
    for name, other in (("encoder.json", "en-vocab.json"), ("vocab.bpe", "en-merges.txt")):
        (saved / name).rename(saved / other)
    for name in ("en-vocab.json", "en-merges.txt"):
        assert Tokenizer.load(saved / name).digest == tokenizer.digest
    (saved / "en-vocab.json").unlink()
    with pytest.raises(DataError, match=r"en-merges\.txt: en-vocab\.json should lie beside it"):
        Tokenizer.load(saved / "en-merges.txt")


def test_a_file_of_ranks_needs_a_pattern(saved: Path) -> None:
    with pytest.raises(DataError, match=r"small\.tiktoken: a \.tiktoken file names no pattern.*--pattern"):
        Tokenizer.load(saved / "small.tiktoken")
    with pytest.raises(CallError, match="no pattern is called 'gtp2'; did you mean 'gpt2'"):
        Tokenizer.load(saved / "small.tiktoken", pattern="gtp2")
    with pytest.raises(CallError, match=r"a tokenizer\.json names its own pattern"):
        Tokenizer.load(saved / "tokenizer.json", pattern="gpt2")


def test_what_a_file_of_ranks_leaves_unsaid_is_told(tokenizer: Tokenizer, tmp_path: Path) -> None:
    told = tokenizer.save(tmp_path / "x.tiktoken")
    assert told == ["its pattern, for --pattern: gpt2", "its special token <|endoftext|> is id 999"]
    assert tokenizer.save(tmp_path / "tokenizer.json") == []


def test_formats_by_name(tokenizer: Tokenizer, tmp_path: Path) -> None:
    tokenizer.save(tmp_path / "plain", "tiktoken")
    assert base64.b64decode((tmp_path / "plain").read_bytes().split()[0]) == b"!"
    (tmp_path / "folder").mkdir()
    tokenizer.save(tmp_path / "folder", "vocab.json")
    found = sorted(path.name for path in (tmp_path / "folder").iterdir())
    assert found == ["merges.txt", "special_tokens_map.json", "tokenizer_config.json", "vocab.json"]
    tokenizer.save(tmp_path / "folder", "tiktoken")
    assert (tmp_path / "folder" / "small.tiktoken").read_bytes() == (tmp_path / "plain").read_bytes()
    tokenizer.save(tmp_path / "folder")
    assert Tokenizer.load(tmp_path / "folder" / "tokenizer.json").digest == tokenizer.digest
    with pytest.raises(CallError, match=r"no tokenizer format is called 'npz'; use one of .*tokenizer\.json"):
        tokenizer.save(tmp_path / "x", "npz")


def test_nothing_is_written_that_a_format_cannot_say(tokenizer: Tokenizer, tmp_path: Path) -> None:
    with pytest.raises(CallError, match="no WordPiece"):
        tokenizer.save(tmp_path / "vocab.txt")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("data", [b"", b"hello\nworld\n", b"\x00\x01\x02", b"\xff" * 100, b"[1, 2]"])
def test_other_files_are_refused(tmp_path: Path, data: bytes) -> None:
    for name in ("x", "tokenizer.json", "vocab.json", "vocab.txt", "merges.txt", "x.tiktoken"):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(AttncliError) as caught:
            Tokenizer.load(tmp_path / name, pattern="gpt2" if name == "x.tiktoken" else None)
        assert str(caught.value).startswith(str(tmp_path / name))
        assert "\n" not in str(caught.value)
        (tmp_path / name).unlink()


FIXTURES = Path(__file__).parent.parent / "fixtures" / "sentencepiece"


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("*.model")), ids=lambda path: path.name)
def test_sentencepiece_by_what_it_holds(tmp_path: Path, path: Path) -> None:
    loaded = form, expected = tokenizer_files.load(str(path), "x")
    assert form == "sentencepiece"
    assert isinstance(expected.algorithm, SentencePiece)
    for name in ("x", "x.json", "tokenizer.model", "vocab.txt", "x.bin"):
        (tmp_path / name).write_bytes(path.read_bytes())
        assert tokenizer_files.load(str(tmp_path / name), "x") == loaded
        (tmp_path / name).unlink()
    (tmp_path / "y.model").write_bytes(path.read_bytes())
    assert tokenizer_files.load(str(tmp_path), "x") == loaded
    written, notes = tokenizer_files.dump(expected, str(tmp_path / "again.model"))
    assert notes == []
    (tmp_path / "y.model").write_bytes(written[str(tmp_path / "again.model")])
    assert tokenizer_files.load(str(tmp_path), "x") == loaded
