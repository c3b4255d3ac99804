"""`convert`: the same ids from another format; what is lost is told, what cannot be said refused."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

import numpy as np
import pytest
from shell import failure, output, run

from attncli import Embeddings, Tokenizer
from attncli.artifacts import starter, table_files, tokenizer_files
from attncli.cli.convert import TOKENIZERS

TEXT = "He left the roses — by the bank.\n\n  I'll go!\n".encode()


def test_the_formats_are_those_that_are_written() -> None:
    written = {form.name for form in tokenizer_files.FORMATS if hasattr(form.code, "write")} - {"clip", "merges.txt"}
    assert set(TOKENIZERS) == written


@pytest.mark.parametrize(
    ("output_name", "options", "loaded"),
    [
        ("x.json", [], "x.json"),
        ("x.tiktoken", [], "x.tiktoken"),
        ("anything", ["--to", "tiktoken"], "anything"),
        (".", ["--to", "vocab.json"], "vocab.json"),
        ("vocab.json", [], "vocab.json"),
    ],
)
def test_the_same_ids(tmp_path: Path, output_name: str, options: list[str], loaded: str) -> None:
    done = run("convert", "starter", "-o", output_name, *options, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, b"")
    pattern = "gpt2" if "tiktoken" in (*options, loaded.rpartition(".")[2]) else None
    assert (b"not in the file: its pattern" in done.stderr) == (pattern is not None)
    tok = Tokenizer.load(tmp_path / loaded, pattern=pattern)
    starter = Tokenizer.load("starter")
    assert tok.encode(TEXT) == starter.encode(TEXT)
    given = ["--pattern", pattern] if pattern else []
    ids = output("encode", "-t", loaded, *given, "--to", "ids", stdin=TEXT, cwd=tmp_path)
    assert ids == output("encode", "--to", "ids", stdin=TEXT)
    assert output("decode", "-t", loaded, *given, stdin=ids, cwd=tmp_path) == TEXT


def test_through_pipes(tmp_path: Path) -> None:
    tiktoken = run("convert", "starter", "--to", "tiktoken").stdout
    assert tiktoken.startswith(b"IQ== 0\n")
    back = output("convert", "--pattern", "gpt2", "-", stdin=tiktoken)
    assert json.loads(back)["model"]["type"] == "BPE"
    assert output("convert", "starter") == Tokenizer.load("starter").serialized()


@pytest.mark.parametrize(
    ("arguments", "status", "line"),
    [
        (["starter", "--to", "vocab.json"], 2, "are several files; give -o FOLDER"),
        (["starter", "--to", "vocab.json", "-o", "/dev/null"], 2, "/dev/null is no folder, and several files are"),
        (["starter", "x.json"], 2, "one tokenizer or table is converted at a time"),
        (["x.json", "-o", "x.json"], 2, "x.json is an input too"),
        (["folder", "-o", "folder/tokenizer.json"], 2, "folder/tokenizer.json is an input too"),
        (["x.json", "--pattern", "gpt2"], 2, "a tokenizer.json names its own pattern; leave --pattern out"),
        (["starter", "--to", "vocab.txt"], 2, "vocab.txt"),
        (["starter", "-o", "no/x.json"], 1, "no/x.json: no such file or directory"),
        (["starter", "-o", "tokenizer.bin"], 2, "a llama2.c file is read here, and not written; use --to"),
        (["starter", "--to", "sentencepiece"], 2, "a BPE tokenizer has no SentencePiece .model"),
        (["nothing"], 1, "no tokenizer file is called 'nothing'"),
    ],
)
def test_what_is_refused(tmp_path: Path, arguments: list[str], status: int, line: str) -> None:
    (tmp_path / "folder").mkdir()
    kept = Tokenizer.load("starter").serialized()
    for name in ("x.json", "folder/tokenizer.json"):
        (tmp_path / name).write_bytes(kept)
    found = failure("convert", *arguments, cwd=tmp_path)
    assert found[0] == status
    assert line in found[1]
    assert sorted(os.listdir(tmp_path)) == ["folder", "x.json"]
    assert (tmp_path / "x.json").read_bytes() == (tmp_path / "folder/tokenizer.json").read_bytes() == kept


def test_tables_of_every_format_into_every_other(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).standard_normal((3, 4)).astype(np.float32)
    first = Embeddings(rows, labels=["the", " bank", "\udce4"], tokenizer="t@123456789abc", note="made here")
    first.save(tmp_path / "0.safetensors")
    last = "0.safetensors"
    for number, form in enumerate([*table_files.FORMATS[1:5], "npz", "word2vec"], 1):
        assert run("convert", last, "--to", form, "-o", f"{number}", cwd=tmp_path).stderr == b""
        last = f"{number}"
        assert json.loads(output("info", last, cwd=tmp_path))["format"] == form
        table = Embeddings.load(tmp_path / last)
        np.testing.assert_array_equal(table.vectors, rows)
        assert (list(table.labels or []), table.tokenizer, table.note) == (first.labels, first.tokenizer, first.note)
    lost = run("convert", last, "--to", "npy", cwd=tmp_path)
    np.testing.assert_array_equal(np.load(io.BytesIO(lost.stdout)), rows)
    assert lost.stderr.decode().splitlines() == [
        f"attncli convert: not in the file: {what}"
        for what in ("the rows' labels", "the tokenizer that the rows belong to", "how the table was made")
    ]


def test_a_table_is_labelled_by_its_tokenizer(tmp_path: Path, tokenizer: Tokenizer) -> None:
    tokenizer.save(tmp_path / "small.json")
    Embeddings.random(1001, 2).save(tmp_path / "t.npy")
    output("convert", "-t", "small.json", "t.npy", "-o", "t.txt", cwd=tmp_path)
    labels = list(Embeddings.load(tmp_path / "t.txt").labels or [])
    assert [label.encode("utf-8", "surrogateescape") for label in labels[:-1]] == list(tokenizer.model.tokens)
    assert labels[-1] == "<row 1000>"
    other = failure("convert", str(starter.TABLE), "-t", "small.json", "-o", "u.txt", cwd=tmp_path)
    assert "the table belongs to the tokenizer starter@" in other[1]
    output("convert", "-q", str(starter.TABLE), "-o", "u.vec.gz", cwd=tmp_path)
    found = Embeddings.load(tmp_path / "u.vec.gz")
    assert found.labels is not None
    assert (found.labels[0], found.tokenizer) == ("!", starter.IDENTITY)


@pytest.mark.parametrize(
    ("arguments", "status", "line"),
    [
        (["t.npy"], 2, "a table's format is not said; give -o FILE or --to npy, npz"),
        (["t.npy", "-o", "t.xyz"], 2, "no table format goes by the name t.xyz; use .npy"),
        (["t.npy", "--to", "tiktoken"], 2, "t.npy is a table, and tiktoken a tokenizer's format"),
        (["t.npy", "--pattern", "gpt2", "-o", "x.txt"], 2, "--pattern is a tokenizer's"),
        (["starter", "-t", "starter", "-o", "x.json"], 2, "-t labels a table's rows"),
        (["text", "--to", "npz", "-o", "x.npz"], 1, "text: is no table of npy, npz"),
        (["short.txt", "-o", "x.npy"], 1, "short.txt, line 3: has 1 numbers in place of 2 ('b 1')"),
        (["cut.bin", "-o", "x.npy"], 1, "cut.bin: its first line tells of 2 rows of 2 numbers, and 6 bytes follow"),
    ],
)
def test_wrong_tables_are_one_line(tmp_path: Path, arguments: list[str], status: int, line: str) -> None:
    Embeddings.random(3, 2).save(tmp_path / "t.npy")
    (tmp_path / "text").write_bytes(b"5 words and no number\n")
    (tmp_path / "short.txt").write_bytes(b"2 2\na 1 2\nb 1\n")
    (tmp_path / "cut.bin").write_bytes(b"2 2\na \0\0\0\0")
    before = sorted(tmp_path.iterdir())
    found = failure("convert", *arguments, cwd=tmp_path)
    assert found[0] == status
    assert line in found[1]
    assert sorted(tmp_path.iterdir()) == before
