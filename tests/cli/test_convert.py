"""`convert`: the same ids from another format; what is lost is told, what cannot be said refused."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from shell import failure, output, run

from attncli import Tokenizer
from attncli.artifacts import tokenizer_files
from attncli.cli.convert import FORMATS

TEXT = "He left the roses — by the bank.\n\n  I'll go!\n".encode()


def test_the_formats_are_those_that_are_written() -> None:
    written = {form.name for form in tokenizer_files.FORMATS if hasattr(form.code, "write")} - {"clip", "merges.txt"}
    assert set(FORMATS) == written


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
        (["starter", "x.json"], 2, "one tokenizer is converted at a time"),
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
