"""Corpora as flat files: every way of reading, bounded pieces, interrupted jobs."""

from __future__ import annotations

import gzip
import json
import os
import re
from pathlib import Path

import numpy as np
import pytest

import attncli
from attncli import CallError, DataError, Tokenizer
from attncli.artifacts import corpus as corpus_module
from attncli.artifacts import flat as flat_module

TEXT = ("Roses are red,\nviolets  are blue;\n\n" * 40 + "'tis  \t said").encode()


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks so small that every text has many."""
    monkeypatch.setattr(corpus_module, "STEP", 37)


@pytest.fixture
def inputs(tmp_path: Path) -> list[str]:
    (tmp_path / "a.txt").write_bytes(TEXT)
    (tmp_path / "b.txt.gz").write_bytes(gzip.compress(TEXT[::-1]))
    (tmp_path / "c.jsonl").write_text("".join(json.dumps({"text": f"line {n}\nof it"}) + "\n" for n in range(30)))
    (tmp_path / "empty.txt").write_bytes(b"")
    return [str(tmp_path / name) for name in ("a.txt", "b.txt.gz", "c.jsonl", "empty.txt")]


def expected(tok: Tokenizer, by: str, limit: int | None, end: list[int]) -> list[list[int]]:
    texts = [TEXT, TEXT[::-1]] if by == "file" else [*TEXT.split(b"\n"), *TEXT[::-1].split(b"\n")]
    texts += [f"line {n}\nof it".encode() for n in range(30)] + ([b""] if by == "file" else [])
    return [[*tok.encode(text)[:limit], *end] for text in texts]


def written(output: str) -> list[list[int]]:
    ids, starts = attncli.load_flat(output)
    return [ids[start:end].tolist() for start, end in zip(starts[:-1], starts[1:], strict=True)]


@pytest.mark.usefixtures("small_steps", "each_engine")
@pytest.mark.parametrize("by", ["line", "file"])
@pytest.mark.parametrize("limit", [None, 5])
@pytest.mark.parametrize("end", ["auto", "none"])
def test_every_document_is_there_as_encoded_alone(
    tokenizer: Tokenizer, inputs: list[str], tmp_path: Path, by: str, limit: int | None, end: str
) -> None:
    tok = Tokenizer(tokenizer.model)  # of the engine that this test runs with
    output = str(tmp_path / "out.npy")
    ids, documents = attncli.write_flat(tok, inputs, output, by=by, max_tokens=limit, end_of_text=end)
    wanted = expected(tok, by, limit, [tok.special_tokens["<|endoftext|>"]] if end == "auto" else [])
    assert written(output) == wanted
    assert (ids, documents) == (sum(map(len, wanted)), len(wanted))
    assert written(output) != expected(tok, by, 4, [])  # the comparison can fail


@pytest.mark.usefixtures("small_steps")
@pytest.mark.parametrize("by", ["line", "file"])
def test_ids_around_a_document_count_as_its_own(
    tokenizer: Tokenizer, inputs: list[str], tmp_path: Path, by: str
) -> None:
    output = str(tmp_path / "out.npy")
    attncli.write_flat(
        tokenizer, inputs, output, by=by, before=[1, 2], after=[3], max_tokens=8, end_of_text="<|endoftext|>"
    )
    end = tokenizer.special_tokens["<|endoftext|>"]
    assert written(output) == [[1, 2, *document, 3, end] for document in expected(tokenizer, by, 5, [])]


def test_a_document_that_cannot_be_cut_is_read_whole(tmp_path: Path, small_steps: None) -> None:
    (tmp_path / "a").write_bytes(b"banana bandana " * 30)
    tok = attncli.train_bpe([tmp_path / "a"], merges=9, pattern="none")
    attncli.write_flat(tok, [tmp_path / "a"], tmp_path / "o.npy", by="file")
    assert written(str(tmp_path / "o.npy")) == [tok.encode(b"banana bandana " * 30)]


@pytest.mark.usefixtures("small_steps")
@pytest.mark.parametrize("by", ["line", "file"])
@pytest.mark.parametrize("limit", [None, 4])
@pytest.mark.parametrize("large", [0, 1 << 30])
def test_counts_are_those_of_the_ids(
    tokenizer: Tokenizer, inputs: list[str], monkeypatch: pytest.MonkeyPatch, by: str, limit: int | None, large: int
) -> None:
    monkeypatch.setattr(corpus_module, "LARGE", large)
    corpus = corpus_module.Corpus(tokenizer, by, before=[1], max_tokens=limit)
    counts = [count for name in inputs for count in corpus.count(name)]
    wanted = expected(tokenizer, by, None if limit is None else limit - 1, [])
    assert sum(count.documents for count in counts) == len(wanted)
    assert sum(count.tokens for count in counts) == sum(map(len, wanted)) + len(wanted)
    assert sum(count.bytes for count in counts) == 2 * len(TEXT) + sum(len(f"line {n}\nof it") for n in range(30))


def test_dtypes(tokenizer: Tokenizer, inputs: list[str], tmp_path: Path) -> None:
    output = str(tmp_path / "out.npy")
    for dtype in ("uint16", "uint32", "int32", "int64"):
        attncli.write_flat(tokenizer, inputs, output, dtype=dtype)
        assert np.load(output, mmap_mode="r").dtype == dtype
    with pytest.raises(CallError, match="not written as 'float32'"):
        attncli.write_flat(tokenizer, inputs, output, dtype="float32")

    class Large(Tokenizer):
        def __len__(self) -> int:
            return size

    large = Large(tokenizer.model)
    for size, dtype in ((65_536, "uint16"), (65_537, "uint32")):  # noqa: B007 - Large reads it
        assert flat_module.dtype_of(large) == dtype
    with pytest.raises(CallError, match="id 65536 of this vocabulary overflows uint16"):
        attncli.write_flat(large, inputs, output, dtype="uint16")


class Stopped(BaseException):
    """An interruption, as Ctrl-C is."""


def interrupt(after: int) -> object:
    """A progress that stops the job after so many blocks."""
    left = after

    def progress(_: int) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise Stopped

    return progress


@pytest.mark.usefixtures("small_steps")
@pytest.mark.parametrize("by", ["line", "file"])
def test_a_resumed_job_gives_the_same_bytes(tokenizer: Tokenizer, inputs: list[str], tmp_path: Path, by: str) -> None:
    whole, output = tmp_path / "whole.npy", tmp_path / "out.npy"
    options = {"by": by, "before": [1], "max_tokens": 500}
    blocks: list[int] = []
    attncli.write_flat(tokenizer, inputs, whole, progress=blocks.append, **options)
    assert len(blocks) > 30
    for after in (0, 1, 7, len(blocks) // 2, len(blocks) - 1):
        for again in (after, 0):
            with pytest.raises(Stopped):
                attncli.write_flat(tokenizer, inputs, output, resume=True, progress=interrupt(again), **options)
            assert not output.exists()
        rest: list[int] = []
        attncli.write_flat(tokenizer, inputs, output, resume=True, progress=rest.append, **options)
        assert sum(rest) <= sum(blocks) - sum(blocks[: max(after - 1, 0)]) or after < 2
        for name in ("{}.npy", "{}.index.npy"):
            assert (tmp_path / name.format("out")).read_bytes() == (tmp_path / name.format("whole")).read_bytes()
            (tmp_path / name.format("out")).unlink()
        assert not [name for name in os.listdir(tmp_path) if name.startswith(".")]


@pytest.mark.usefixtures("small_steps")
def test_another_job_is_not_resumed(tokenizer: Tokenizer, inputs: list[str], tmp_path: Path) -> None:
    output = tmp_path / "out.npy"

    def go(tok: Tokenizer = tokenizer, names: list[str] = inputs, **options: object) -> None:
        attncli.write_flat(tok, names, output, resume=True, **options)

    with pytest.raises(Stopped):
        go(progress=interrupt(5))
    with pytest.raises(DataError, match="begun with other options; give the same"):
        go(max_tokens=7)
    other = attncli.train_bpe(inputs[:1], merges=9, special=["<|endoftext|>"])
    with pytest.raises(DataError, match="begun with other tokenizer"):
        go(other)
    with pytest.raises(DataError, match="begun with other inputs"):
        go(names=inputs[:2])
    os.utime(inputs[0], ns=(1, 1))
    with pytest.raises(DataError, match="begun with other inputs"):
        go()
    with pytest.raises(CallError, match="cannot be read again"):
        go(names=["-"])
    journal = tmp_path / ".out.npy.journal"
    journal.write_bytes(b"nonsense\n")
    with pytest.raises(DataError, match=re.escape(f"{journal}: is no journal")):
        go()
    assert flat_module.forget_flat(str(output))
    assert not flat_module.forget_flat(str(output))
    go()
    assert len(written(str(output))) == len(expected(tokenizer, "line", None, []))


@pytest.mark.usefixtures("small_steps")
def test_a_torn_journal_goes_on_at_its_last_whole_line(tokenizer: Tokenizer, inputs: list[str], tmp_path: Path) -> None:
    whole, output = tmp_path / "whole.npy", tmp_path / "out.npy"
    attncli.write_flat(tokenizer, inputs, whole)
    with pytest.raises(Stopped):
        attncli.write_flat(tokenizer, inputs, output, resume=True, progress=interrupt(9))
    with (tmp_path / ".out.npy.journal").open("ab") as journal:
        journal.write(b'{"input": 99, "off')
    with (tmp_path / ".out.npy.part").open("ab") as part:
        part.write(b"half of a block")
    attncli.write_flat(tokenizer, inputs, output, resume=True)
    assert output.read_bytes() == whole.read_bytes()


def test_one_process_at_a_time(tokenizer: Tokenizer, inputs: list[str], tmp_path: Path) -> None:
    output = tmp_path / "out.npy"

    def meanwhile(_: int) -> None:
        with pytest.raises(DataError, match="another process is at this job"):
            attncli.write_flat(tokenizer, inputs, output, resume=True)
        with pytest.raises(DataError, match="another process is at this job"):
            attncli.write_flat(tokenizer, inputs, output)

    attncli.write_flat(tokenizer, inputs, output, resume=True, progress=meanwhile)


def test_both_files_or_neither(tokenizer: Tokenizer, inputs: list[str], tmp_path: Path) -> None:
    with pytest.raises(Stopped):
        attncli.write_flat(tokenizer, inputs, tmp_path / "out.npy", progress=interrupt(0))
    (tmp_path / "dir.index.npy").mkdir()
    with pytest.raises(CallError, match="is no plain file"):
        attncli.write_flat(tokenizer, inputs, tmp_path / "dir.npy")
    assert {name for name in os.listdir(tmp_path) if "npy" in name} == {"dir.index.npy"}


def test_a_pair_that_does_not_fit(tokenizer: Tokenizer, inputs: list[str], tmp_path: Path) -> None:
    output = tmp_path / "out.npy"
    attncli.write_flat(tokenizer, inputs, output)
    np.save(tmp_path / "out.index.npy", np.array([0, 5], np.uint64))
    with pytest.raises(DataError, match=r"out\.index\.npy: does not fit .*out\.npy: it should go from 0 to"):
        attncli.load_flat(output)
    np.save(tmp_path / "out.index.npy", np.array([0, 5]))
    with pytest.raises(DataError, match=r"an array \(2,\) of int64 is no index"):
        attncli.load_flat(output)
    np.save(output, np.ones(3))
    with pytest.raises(DataError, match=r"an array \(3,\) of float64 is no ids"):
        attncli.load_flat(output)


def test_special_tokens_by_a_generator(tmp_path: Path) -> None:
    """They are asked for with every block, and noted in the journal."""
    (tmp_path / "a").write_bytes(b"x<|endoftext|>\n" * (corpus_module.STEP // 10))
    tokenizer = Tokenizer.load("starter")
    names = (name for name in ["<|endoftext|>"])
    ids, documents = flat_module.write_flat(
        tokenizer, [tmp_path / "a"], tmp_path / "x.npy", allow_special=names, end_of_text="none", resume=True
    )
    assert ids == 2 * documents
