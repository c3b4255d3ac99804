"""`info`: each kind of file, for programs and for people."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from shell import COMMAND, environment, failure, output, run

from attncli import Embeddings, Tokenizer


def facts(*arguments: str, cwd: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output("info", *arguments, cwd=cwd).splitlines()]


def test_a_tokenizer(tmp_path: Path) -> None:
    tok = Tokenizer.load("starter")
    tok.save(tmp_path / "t.json")
    (named, filed) = facts("starter", "t.json", cwd=tmp_path)
    assert named == {
        "file": "starter",
        "kind": "tokenizer",
        "format": "tokenizer.json",
        "name": "starter",
        "digest": tok.digest,
        "algorithm": "BPE",
        "entries": 16384,
        "byte_level": True,
        "merges": len(tok.merges),
        "normalizer": [],
        "pre_tokenizer": ["ByteLevel"],
        "pattern": "gpt2",
        "decoder": [],
        "special_tokens": {"<|endoftext|>": 16383},
        "added_tokens": 1,
        "bos": [],
        "eos": [],
        "end_of_text": "<|endoftext|>",
    }
    assert filed == named | {"file": "t.json", "name": "t"} | {"decoder": filed["decoder"]}


def test_other_kinds(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"one\n\nlast")
    (tmp_path / "r.jsonl").write_text('{"text": "a", "lang": "en"}\n{"text": "b"}\n')
    Embeddings.random(5, 4).save(tmp_path / "table.safetensors")
    np.savez(tmp_path / "two.npz", a=np.ones((2, 3)), b=np.ones(4, np.int32))
    np.save(tmp_path / "vectors.npy", np.ones((3, 4), np.float32))
    output("encode", "-q", "a.txt", "--to", "flat", "-o", "flat.npy", cwd=tmp_path)
    output("encode", "-q", "a.txt", "--to", "npy", "-o", "stream.npy", cwd=tmp_path)
    output("encode", "a.txt", "-o", "ids.json", cwd=tmp_path)
    tok = Tokenizer.load("starter")
    lengths = [len(tok.encode(text)) for text in ("one", "", "last")]
    assert facts("a.txt", "r.jsonl", "table.safetensors", "two.npz", "vectors.npy", cwd=tmp_path) == [
        {"file": "a.txt", "kind": "text", "bytes": 9, "lines": 3},
        {"file": "r.jsonl", "kind": "records", "records": 2, "keys": {"text": 2, "lang": 1}},
        {
            "file": "table.safetensors",
            "kind": "table",
            "format": "safetensors",
            "shape": [5, 4],
            "dtype": "float32",
        },
        {
            "file": "two.npz",
            "kind": "table",
            "arrays": {"a": {"shape": [2, 3], "dtype": "float64"}, "b": {"shape": [4], "dtype": "int32"}},
        },
        {"file": "vectors.npy", "kind": "table", "shape": [3, 4], "dtype": "float32"},
    ]
    assert facts("flat.npy", "flat.index.npy", "stream.npy", "ids.json", cwd=tmp_path) == [
        {"file": "flat.npy", "kind": "flat", "dtype": "uint16", "ids": sum(lengths) + 3, "documents": 3},
        {"file": "flat.index.npy", "kind": "ids", "shape": [4], "dtype": "uint64"},
        {
            "file": "stream.npy",
            "kind": "stream",
            "arrays": 3,
            "dtype": ["uint16"],
            "smallest": [0],
            "largest": [max(lengths)],
        },
        {"file": "ids.json", "kind": "records", "records": 3, "keys": {"ids": 3, "tokens": 3, "tokenizer": 3}},
    ]


def test_compression_of_a_text(tmp_path: Path, samples: Path) -> None:
    text = str(samples / "english.txt")
    (found,) = facts("starter", "--text", text, cwd=tmp_path)
    (counted,) = [json.loads(line) for line in output("encode", "--count", "--to", "json", text).splitlines()]
    assert {key: found[key] for key in ("documents", "tokens", "bytes")} == {
        key: counted[key] for key in ("documents", "tokens", "bytes")
    }
    assert found["bytes_per_token"] == round(counted["bytes"] / counted["tokens"], 3)


def test_a_table_on_a_terminal_and_where_asked(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"one\n")
    table = output("info", "--to", "table", "a.txt", "starter", cwd=tmp_path).decode()
    assert table.startswith("file   a.txt\nkind   text\nbytes  4\nlines  1\n\nfile")
    assert "entries         16,384\n" in table
    master, slave = pty.openpty()
    with subprocess.Popen([*COMMAND, "info", "a.txt"], stdout=slave, cwd=tmp_path, env=environment()) as shown:
        assert shown.wait(timeout=30) == 0
    os.close(slave)
    assert b"kind" in os.read(master, 4096)
    os.close(master)


@pytest.mark.parametrize(
    ("arguments", "status", "line"),
    [
        ([], 2, "info looks into a file more than once; give its name"),
        (["-"], 2, "give its name"),
        (["nothing"], 1, "no tokenizer file is called 'nothing'"),
        (["no/such.npy"], 1, "no/such.npy: no such file or directory"),
        (["broken.json"], 1, "broken.json: "),
        (["cut.npy"], 1, "cut.npy, record 1: is cut short"),
        (["records.jsonl"], 1, "records.jsonl, record 2: is no JSON"),
        (["flat.npy"], 1, "flat.index.npy: does not fit flat.npy"),
        (["--text", "records.jsonl", "flat.index.npy"], 2, "--text measures tokenizers, and flat.index.npy is none"),
        (["cut.npz"], 1, "cut.npz: is no .npz that can be read"),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path: Path, arguments: list[str], status: int, line: str) -> None:
    (tmp_path / "broken.json").write_text('{"model": {}}')
    np.save(tmp_path / "flat.npy", np.ones(3, np.uint16))
    np.save(tmp_path / "flat.index.npy", np.array([0, 9], np.uint64))
    (tmp_path / "cut.npy").write_bytes((tmp_path / "flat.npy").read_bytes()[:-1])
    (tmp_path / "cut.npz").write_bytes(b"PK\x03\x04 nothing")
    (tmp_path / "records.jsonl").write_text('{"text": "a"}\n{"te\n')
    found = failure("info", *arguments, cwd=tmp_path)
    assert found[0] == status
    assert line in found[1]


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("a.c", b"struct a{ int x; };\n", "text"),
        ("a.txt", b"PKs are what a table is told by\n", "text"),
        ("a.json", b'{"doc": {"id": 1}, "text": "hi"}\n', "records"),
    ],
)
def test_a_text_that_begins_as_an_array_might(tmp_path: Path, name: str, data: bytes, kind: str) -> None:
    (tmp_path / name).write_bytes(data)
    assert json.loads(output("info", name, cwd=tmp_path))["kind"] == kind


def test_the_others_follow_on_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one\n")
    (tmp_path / "b.json").write_text("{")
    done = run("info", "a.txt", "b.json", "missing.txt", "a.txt", "starter", cwd=tmp_path)
    assert done.returncode == 1
    kinds = [json.loads(line)["kind"] for line in done.stdout.splitlines()]
    assert kinds == ["text", "text", "tokenizer"]
    lines = done.stderr.decode().splitlines()
    assert [line.partition(": ")[2].split(":")[0] for line in lines] == ["b.json", "missing.txt"]
