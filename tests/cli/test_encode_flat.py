"""`encode --to flat` as a user meets it: two files or none, what it refuses, interruptions, documents back."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from shell import COMMAND, environment, failure, output, run

from attncli import Tokenizer, load_flat

LINES = "One line.\r\n\nA third — with marks\nthe last".encode()


@pytest.fixture
def corpus(tmp_path: Path, samples: Path) -> Path:
    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / "a.txt").write_bytes(LINES)
    (folder / "b.txt").write_bytes((samples / "english.txt").read_bytes()[:50_000])
    (folder / "c.jsonl").write_text('{"text": "a record\\nof two lines"}\n')
    return folder


def documents(path: Path) -> list[list[int]]:
    ids, starts = load_flat(path)
    return [ids[start:end].tolist() for start, end in zip(starts[:-1], starts[1:], strict=True)]


def test_one_array_for_a_folder(corpus: Path, tmp_path: Path) -> None:
    assert output("encode", "-q", "--to", "flat", "corpus", "-o", "ids.npy", cwd=tmp_path) == b""
    assert sorted(os.listdir(tmp_path)) == ["corpus", "ids.index.npy", "ids.npy"]
    tok = Tokenizer.load("starter")
    end = tok.special_tokens["<|endoftext|>"]
    lines = [*LINES.split(b"\n"), *(corpus / "b.txt").read_bytes().split(b"\n"), b"a record\nof two lines"]
    wanted = [[*tok.encode(line), end] for line in lines]
    mapped = np.load(tmp_path / "ids.npy", mmap_mode="r")
    assert (mapped.dtype, mapped.ndim) == (np.uint16, 1)
    assert documents(tmp_path / "ids.npy") == wanted
    assert wanted[1] == [end]


def test_documents_come_back(corpus: Path, tmp_path: Path) -> None:
    output("encode", "-q", "--to", "flat", "corpus/a.txt", "-o", "a.npy", cwd=tmp_path)
    assert output("decode", "a.npy", cwd=tmp_path) == LINES + b"\n"
    assert output("decode", "--from", "flat", "a.npy", cwd=tmp_path) == LINES + b"\n"
    records = [json.loads(line) for line in output("decode", "--to", "json", "a.npy", cwd=tmp_path).splitlines()]
    assert [record["id"] for record in records] == [f"a.npy:{number}" for number in (1, 2, 3, 4)]
    one = output("decode", "--from", "npy", "a.npy", cwd=tmp_path)
    assert one == LINES.replace(b"\n", b"<|endoftext|>") + b"<|endoftext|>\n"
    assert output("decode", stdin=(tmp_path / "a.npy").read_bytes()) == one
    assert output("decode", "--end", "|", "a.npy", cwd=tmp_path) == LINES.replace(b"\n", b"|") + b"|"
    assert output("decode", "--errors", "replace", "a.npy", cwd=tmp_path) == LINES + b"\n"
    ids = np.load(tmp_path / "a.npy")
    for dtype in (">u2", "<i8"):
        np.save(tmp_path / "b.npy", ids.astype(dtype))
        (tmp_path / "b.index.npy").write_bytes((tmp_path / "a.index.npy").read_bytes())
        assert output("decode", "b.npy", cwd=tmp_path) == LINES + b"\n"
    np.save(tmp_path / "b.npy", np.where(np.arange(len(ids)) == len(ids) - 2, 20_000, ids))
    done = run("decode", "b.npy", cwd=tmp_path)
    assert done.returncode == 1
    assert LINES.startswith(done.stdout[:-1])  # what comes before the fault has been written
    assert b"b.npy, record 4: id 20000 is not in" in done.stderr
    kept = output("decode", "--eot", "none", "a.npy", cwd=tmp_path)
    assert kept == (LINES + b"\n").replace(b"\n", b"<|endoftext|>\n")
    output("encode", "-q", "--to", "flat", "--by", "file", "corpus/a.txt", "corpus/b.txt", "-o", "ab.npy", cwd=tmp_path)
    both = (corpus / "a.txt").read_bytes() + (corpus / "b.txt").read_bytes()
    assert output("decode", "--end", "", "ab.npy", cwd=tmp_path) == both
    vectors = output("embed", "--to", "npy", "a.npy", cwd=tmp_path)
    assert vectors.count(b"\x93NUMPY") == 4


def test_the_end_of_text_is_chosen(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"say it\nsay it")
    tok = Tokenizer.load("starter")
    ids = tok.encode("say it")
    output("encode", "-q", "--to", "flat", "--eot", "none", "a.txt", "-o", "none.npy", cwd=tmp_path)
    assert documents(tmp_path / "none.npy") == [ids, ids]
    output("train-bpe", "--merges", "1", "--special", "<x>", "--special", "</s>", "a.txt", "-o", "t.json", cwd=tmp_path)
    for choice, spelled in (([], "</s>"), (["--eot", "<x>"], "<x>")):
        output("encode", "-q", "-t", "t.json", "--to", "flat", *choice, "a.txt", "-o", "x.npy", cwd=tmp_path)
        wanted = f"say it{spelled}\n".encode() * 2
        assert output("decode", "-t", "t.json", "--eot", "none", "x.npy", cwd=tmp_path) == wanted
        assert output("decode", "-t", "t.json", *choice, "x.npy", cwd=tmp_path) == b"say it\nsay it\n"


@pytest.mark.parametrize(
    ("arguments", "status", "line"),
    [
        (["--to", "flat"], 2, "flat is two files, whose headers are filled in last; give -o FILE"),
        (["--to", "flat", "-o", "/dev/null"], 2, "/dev/null is no plain file"),
        (["--to", "flat", "-o", "x.npy.gz"], 2, "x.npy.gz is no plain file"),
        (["--to", "flat", "-o", "in.npy", "in.npy"], 2, "in.npy is an input too"),
        (["--to", "flat", "-o", "x.npy", "x.index.npy"], 2, "x.index.npy is an input too"),
        (["--to", "flat", "-o", "x.npy", "--eot", "<y>"], 2, "'<y>' is no special token of this tokenizer; it has"),
        (["--to", "flat", "-o", "x.npy", "--resume"], 2, "- cannot be read again; --resume needs files"),
        (["--to", "flat", "-o", "no/x.npy", "in.npy"], 1, "no/x.npy: no such file or directory; check the path"),
        (["--to", "flat", "-o", "x.npy", "--from", "json"], 1, "-, record 1: is no JSON"),
        (["--to", "flat", "-o", "x.npy", "--bos"], 2, "this tokenizer names no token for --bos"),
        (["-o", "x.npy", "--resume"], 2, "--resume goes with --to flat"),
        (["--dtype", "uint16"], 2, "--dtype goes with --to flat"),
    ],
)
def test_what_flat_refuses(tmp_path: Path, arguments: list[str], status: int, line: str) -> None:
    for name in ("in.npy", "x.index.npy"):
        (tmp_path / name).write_bytes(b"keep\n")
    found = failure("encode", *arguments, stdin=b"text\n", cwd=tmp_path)
    assert found[0] == status
    assert line in found[1]
    assert sorted(os.listdir(tmp_path)) == ["in.npy", "x.index.npy"]
    assert (tmp_path / "x.index.npy").read_bytes() == b"keep\n"


def test_an_id_that_overflows_is_refused(tmp_path: Path) -> None:
    model = json.loads(Tokenizer.load("starter").serialized())
    start = len(model["model"]["vocab"])
    model["model"]["vocab"] |= {f"<{n}>": n for n in range(start, 70_000)}
    model["added_tokens"] = []
    (tmp_path / "large.json").write_text(json.dumps(model))
    large = ("encode", "-t", "large.json", "--to", "flat", "-o", "x.npy")
    status, line = failure(*large, "--dtype", "uint16", stdin=b"text\n", cwd=tmp_path)
    assert status == 2
    assert "id 69999 of this vocabulary overflows uint16; use a wider --dtype" in line
    assert os.listdir(tmp_path) == ["large.json"]
    for dtype in ("uint32", "int32", "int64"):
        output(*large, "--dtype", dtype, stdin=b"text\n", cwd=tmp_path)
        assert np.load(tmp_path / "x.npy").dtype == dtype
    output(*large, stdin=b"text\n", cwd=tmp_path)
    assert np.load(tmp_path / "x.npy").dtype == np.uint32


def test_without_its_index_an_array_is_one_document(tmp_path: Path) -> None:
    """And its end-of-text tokens are text: an .npy of ids may hold such tokens for any reason."""
    output("encode", "--to", "flat", "-o", "x.npy", stdin=b"one\ntwo\n", cwd=tmp_path)
    assert output("decode", "x.npy", cwd=tmp_path) == b"one\ntwo\n"
    (tmp_path / "x.index.npy").unlink()
    assert output("decode", "x.npy", cwd=tmp_path) == b"one<|endoftext|>two<|endoftext|>\n"
    assert output("decode", "--skip-special", "x.npy", cwd=tmp_path) == b"onetwo\n"
    said = " ".join(output("decode", "--help").decode().split())
    assert "A flat array without its index is one document, and the end-of-text tokens between its documents" in said


def test_an_index_that_does_not_fit_is_one_line(corpus: Path, tmp_path: Path) -> None:
    output("encode", "-q", "--to", "flat", "corpus/a.txt", "-o", "a.npy", cwd=tmp_path)
    np.save(tmp_path / "a.index.npy", np.array([0, 2], np.uint64))
    status, line = failure("decode", "a.npy", cwd=tmp_path)
    assert status == 1
    assert "a.index.npy: does not fit a.npy: it should go from 0 to" in line
    status, line = failure("decode", "--from", "flat", "corpus/a.txt", cwd=tmp_path)
    assert status == 1


def test_a_full_disk_is_one_line_and_no_file(corpus: Path, tmp_path: Path) -> None:
    def cramped() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))

    for more in ([], ["--resume"]):
        done = subprocess.run(
            [*COMMAND, "encode", "--to", "flat", "corpus", "-o", "x.npy", *more],
            cwd=tmp_path,
            capture_output=True,
            preexec_fn=cramped,
            env=environment(),
            check=False,
        )
        assert (done.returncode, done.stderr.decode()) == (1, "attncli encode: x.npy: file too large\n")
        assert not (tmp_path / "x.npy").exists()
        assert not (tmp_path / "x.index.npy").exists()


def interrupted(arguments: list[str], cwd: Path, number: int, part: str) -> tuple[int, bytes]:
    """Status and stderr of a job that the slow engine would take long for, stopped when `part` has come to be."""
    with subprocess.Popen(
        [*COMMAND, "encode", "-q", "--to", "flat", *arguments],
        cwd=cwd,
        stderr=subprocess.PIPE,
        env=environment(ATTNCLI_ENGINE="reference"),
    ) as job:
        deadline = time.monotonic() + 30
        while not list(cwd.glob(part)) and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.3)
        job.send_signal(number)
        assert job.stderr is not None
        return job.wait(timeout=30), job.stderr.read()


@pytest.fixture
def long(corpus: Path) -> Path:
    # Words that no cache has: the slow engine takes some seconds.
    (corpus / "b.txt").write_bytes(b"".join(b"%x\n" % n**9 for n in range(10**6, 10**6 + 300_000)))
    return corpus


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interruption_leaves_nothing(long: Path, tmp_path: Path, number: int, status: int) -> None:
    found = interrupted(["corpus", "-o", "x.npy"], tmp_path, number, ".x.npy.*.part")
    assert found == (status, b"")
    assert os.listdir(tmp_path) == ["corpus"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_resume_goes_on_where_it_was(long: Path, tmp_path: Path, number: int) -> None:
    job = ["corpus", "-o", "x.npy", "--resume"]
    status, said = interrupted(job, tmp_path, number, ".x.npy.journal")
    assert (status, said) == (130 if number == signal.SIGINT else -9, b"")
    assert not (tmp_path / "x.npy").exists()
    if number == signal.SIGINT:
        step = json.loads((tmp_path / ".x.npy.journal").read_text().splitlines()[-1])
        assert (step["input"], step["documents"]) == (1, 4)  # corpus/a.txt is done
    status, line = failure("encode", "--to", "flat", *job, "--max-tokens", "3", cwd=tmp_path)
    assert (status, "begun with other options" in line) == (1, True)
    output("encode", "-q", "--to", "flat", *job, cwd=tmp_path)
    output("encode", "-q", "--to", "flat", "corpus", "-o", "y.npy", cwd=tmp_path)
    for one, other in (("x.npy", "y.npy"), ("x.index.npy", "y.index.npy")):
        assert (tmp_path / one).read_bytes() == (tmp_path / other).read_bytes()
    assert not list(tmp_path.glob(".*"))


def test_what_is_left_over_is_told_and_started_over(long: Path, tmp_path: Path) -> None:
    interrupted(["corpus", "-o", "x.npy", "--resume"], tmp_path, signal.SIGINT, ".x.npy.journal")
    done = run("encode", "--to", "flat", "corpus/a.txt", "-o", "x.npy", cwd=tmp_path)
    assert (done.returncode, done.stderr.decode()) == (
        0,
        "attncli encode: an interrupted job left a part of its output, which is started over; "
        "--resume goes on with it\n"
        "attncli encode: the last line has no newline, which flat has no room to say: `decode` will write one\n",
    )
    assert len(documents(tmp_path / "x.npy")) == 4
    assert not list(tmp_path.glob(".*"))


def test_a_job_that_cannot_begin_leaves_the_interrupted_one(long: Path, tmp_path: Path) -> None:
    interrupted(["corpus", "-o", "x.npy", "--resume"], tmp_path, signal.SIGINT, ".x.npy.journal")
    kept = {path.name: path.read_bytes() for path in tmp_path.glob(".*")}
    (tmp_path / "x.npy").symlink_to("corpus/a.txt")
    status, line = failure("encode", "--to", "flat", "corpus/a.txt", "-o", "x.npy", cwd=tmp_path)
    assert (status, "is an input too" in line) == (2, True)
    assert kept == {path.name: path.read_bytes() for path in tmp_path.glob(".*")}
