"""The options of `encode` beyond the pipeline: cuts, counts, plans."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
from pathlib import Path

import pytest
from shell import COMMAND, environment, failure, output, run

from attncli import Tokenizer

TEXT = b"He left the roses by the bank.\n\nShe sat."


def test_max_tokens_cuts_each_document() -> None:
    tok = Tokenizer.load("starter")
    wanted = [tok.encode(line)[:3] for line in TEXT.split(b"\n")]
    assert len(wanted[0]) == 3
    lines = output("encode", "-q", "--max-tokens", "3", "--to", "ids", stdin=TEXT).decode().split("\n")
    assert lines[:-1] == [" ".join(map(str, ids)) for ids in wanted]
    records = [json.loads(line) for line in output("encode", "--max-tokens", "3", "--offsets", stdin=TEXT).splitlines()]
    assert [record["ids"] for record in records] == wanted
    assert records[0]["offsets"] == [[0, 2], [2, 7], [7, 11]]
    assert len(records[0]["tokens"]) == 3
    counted = output("encode", "--max-tokens", "3", "--count", "--to", "json", stdin=TEXT)
    assert json.loads(counted)["tokens"] == sum(map(len, wanted))


def test_counts_as_records(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(TEXT)
    (tmp_path / "b.txt.gz").write_bytes(gzip.compress(TEXT))
    (tmp_path / "c.jsonl").write_text('{"text": "one\\ntwo"}\n{"text": "three"}\n')
    names = ["a.txt", "b.txt.gz", "c.jsonl", "a.txt"]
    rows = [json.loads(line) for line in output("encode", "--count", "--to", "json", *names, cwd=tmp_path).splitlines()]
    tok = Tokenizer.load("starter")
    tokens = sum(len(tok.encode(line)) for line in TEXT.split(b"\n"))
    text = {"documents": 3, "tokens": tokens, "bytes": len(TEXT)}
    assert rows[:2] == [{"id": "a.txt"} | text, {"id": "b.txt.gz"} | text]
    records = len(tok.encode("one\ntwo")) + len(tok.encode("three"))
    assert rows[2] == {"id": "c.jsonl", "documents": 2, "tokens": records, "bytes": 12}
    assert rows[3] == rows[0]  # a file named twice is counted twice
    lines = output("encode", "--count", *names, cwd=tmp_path).decode().splitlines()
    assert [line.split()[-1] for line in lines] == [*names, "total"]
    assert int(lines[-1].split()[0]) == 3 * tokens + records
    whole = json.loads(output("encode", "--count", "--to", "json", "--by", "file", "a.txt", cwd=tmp_path))
    assert whole == {"id": "a.txt", "documents": 1, "tokens": len(tok.encode(TEXT)), "bytes": len(TEXT)}


def test_a_count_is_one_line_whatever_the_name(tmp_path: Path) -> None:
    for name in (b"two\nlines \x1b[31m", b"no text \xff"):
        (tmp_path / os.fsdecode(name)).write_bytes(b"a\n")
    done = run(
        "encode", "--count", "--files-from", "-", "-0", stdin=b"two\nlines \x1b[31m\0no text \xff\0", cwd=tmp_path
    )
    assert done.stdout == b"1 2 2.000 two\\nlines \\x1b[31m\n1 2 2.000 no text \xff\n2 4 2.000 total\n"
    lines = output("encode", "--count", "--to", "json", os.fsdecode(b"two\nlines \x1b[31m"), cwd=tmp_path).splitlines()
    assert [json.loads(line)["id"] for line in lines] == ["two\nlines \x1b[31m"]


def test_a_dry_run_reads_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(TEXT)
    done = run("encode", "--dry-run", "--to", "flat", "-o", "x.npy", "--threads", "2", "a.txt", cwd=tmp_path)
    tok = Tokenizer.load("starter")
    assert (done.returncode, done.stdout) == (0, b"")
    line = f"attncli encode: 1 inputs, 40 bytes, 2 threads, tokenizer {tok.identity} of 16,384 entries\n"
    assert done.stderr.decode() == line
    assert os.listdir(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("name", ["no/x.npy", "folder", "a.txt"])
def test_a_dry_run_refuses_an_output_that_cannot_be(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.txt").write_text("one")
    (tmp_path / "folder").mkdir()
    for fmt in ("npy", "flat"):
        call = ["encode", "--to", fmt, "-o", name, "a.txt"]
        assert failure(*call, "--dry-run", cwd=tmp_path) == failure(*call, cwd=tmp_path)
    done = run("encode", "--dry-run", stdin=b"text")
    assert b"encode: 1 inputs, 1 of unknown length (pipe), all threads, tokenizer starter@" in done.stderr


def test_none_allows_no_special_token() -> None:
    text = b"a<|endoftext|>b\n"
    plain = output("encode", "--to", "ids", stdin=text)
    assert output("encode", "--to", "ids", "--allow-special", "none", stdin=text) == plain
    allowed = output("encode", "--to", "ids", "--allow-special", "all", stdin=text)
    assert len(allowed.split()) == 3 < len(plain.split())


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["encode", "-t"], "attncli encode: Option '-t' requires an argument; try attncli encode --help"),
        (["encode", "--by", "lin"], "attncli encode: Invalid value for '--by': no unit is called 'lin'; did you mean"),
        (["--no-such-option"], "attncli: No such option: --no-such-option"),
        (["encode", "--threads", "x"], "attncli encode: Invalid value for '--threads'"),
        (["decode", "--form", "x"], "attncli decode: No such option: --form (Possible options: "),
        (["encod"], "attncli: No such command 'encod'. Did you mean 'encode', 'decode'?"),
    ],
)
def test_a_wrong_call_says_whose_it_is(arguments: list[str], line: str) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (2, b"", 1)
    assert done.stderr.decode().startswith(line)


@pytest.mark.parametrize(
    "arguments", [["info", "starter"], ["convert", "starter"], ["encode", "--count", "a.txt"], ["decode", "ids"]]
)
def test_a_full_disk_is_one_line_and_a_closed_pipe_success(tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "a.txt").write_bytes(TEXT)
    (tmp_path / "ids").write_bytes(b"5 16383\n" * 100_000)
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [*COMMAND, *arguments], stdout=full, stderr=subprocess.PIPE, cwd=tmp_path, env=environment(), check=False
        )
    assert (done.returncode, done.stderr.decode()) == (1, f"attncli {arguments[0]}: No space left on device\n")
    with subprocess.Popen(
        [*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path, env=environment()
    ) as left:
        assert left.stdout is not None
        assert left.stderr is not None
        left.stdout.close()
        assert (left.wait(timeout=30), left.stderr.read()) == (0, b"")
