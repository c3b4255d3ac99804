"""What a good Unix tool does besides its work: one line for a failure, the right status, no half file."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from shell import COMMAND, environment, failure, output, run

from attncli import Embeddings, Tokenizer, multi_head


def saved(array: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.save(out, array, allow_pickle=True)
    return out.getvalue()


def test_version_names_the_engine() -> None:
    assert output("--version") == b"attncli 0.1.0 (native engine)\n"
    assert output("-V", ATTNCLI_ENGINE="reference") == b"attncli 0.1.0 (reference engine)\n"
    assert failure("--version", ATTNCLI_ENGINE="turbo")[0] == 2


@pytest.mark.parametrize("command", ["train-bpe", "encode", "decode", "embed", "nearest", "attend", "convert", "info"])
def test_help_has_examples_and_statuses(command: str) -> None:
    for flag in ("-h", "--help"):
        text = output(command, flag).decode()
        assert f"attncli {command}" in text
        assert "Exit status: 0 done" in text
    assert output("--help").decode().count(command) >= 1


@pytest.fixture
def workshop(tmp_path: Path, samples: Path) -> Path:
    """The files that the examples of the help speak of."""
    text = (samples / "english.txt").read_bytes()[:5000]
    (tmp_path / "corpus").mkdir()
    for name in ("book.txt", "a.txt", "corpus/c.txt"):
        (tmp_path / name).write_bytes(text)
    (tmp_path / "b.txt.gz").write_bytes(gzip.compress(text))
    Tokenizer.load("starter").save(tmp_path / "small.json")
    np.save(tmp_path / "ids.npy", np.array([5, 17, 3], np.uint16))
    Embeddings.random(100, 64).save(tmp_path / "table.safetensors")
    np.save(tmp_path / "vectors.npy", Embeddings.random(9, 64).vectors)
    return tmp_path


@pytest.mark.parametrize("command", ["train-bpe", "encode", "decode", "embed", "nearest", "attend", "convert", "info"])
def test_the_examples_in_the_help_run(command: str, workshop: Path) -> None:
    text = output(command, "--help").decode()
    block = next(part for part in text.split("\n\n") if part.lstrip().startswith(("attncli ", "echo ")))
    examples = re.sub(r"\|\n\s+", "| ", block).splitlines()
    assert len(examples) >= 3
    path = f"{Path(COMMAND[0]).parent}{os.pathsep}{os.environ['PATH']}"
    for example in examples:
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", example],
            cwd=workshop,
            env=environment(PATH=path),
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, (example, done.stderr)


def test_wrong_calls_suggest_the_right_one() -> None:
    for arguments, hint in (
        (("encod",), "Did you mean 'encode'"),
        (("encode", "--tokeniser", "x"), "--tokenizer"),
        (("encode", "--to", "jsn"), "did you mean 'json'"),
        (("attend", "--method", "exat"), "did you mean 'exact'"),
        (("encode", "--threads", "0"), "not above 0"),
    ):
        done = run(*arguments)
        assert done.returncode == 2
        assert hint in done.stderr.decode()


GOOD_JSON = b'{"ids": [1, 2]}\n'
CUT = saved(np.ones((2, 8), np.float32))[:-5]
LIE = saved(np.ones((2, 8), np.float32)).replace(b"(2, 8)", b"(9, 9)")
NAN = saved(np.full((2, 8), np.nan, np.float32))


@pytest.mark.parametrize(
    ("arguments", "stdin", "status", "line"),
    [
        (["encode", "no-such.txt"], b"", 1, "attncli encode: no-such.txt: no such file or directory; check the path"),
        (["encode", "empty-folder"], b"", 1, "attncli encode: empty-folder: this folder has no files in it"),
        (["encode", "-t", "x.json"], b"", 1, "attncli encode: x.json: no such file or directory; check the path"),
        (["encode", "-o", "/dev/full"], b"text\n", 1, "attncli encode: /dev/full: no space left on device"),
        (
            ["encode", "-o", "no/such"],
            b"text\n",
            1,
            "attncli encode: no/such: no such file or directory; check the path",
        ),
        (["encode", "in.txt", "-o", "in.txt"], b"", 2, "attncli encode: in.txt is an input too; write to another file"),
        (["encode", "-0"], b"", 2, "attncli encode: -0 goes with --files-from"),
        (["encode", "--allow-special", "<x>"], b"", 2, "'<x>' is no special token of this tokenizer"),
        (["encode", "--from", "json"], b'{"text": "a"}\n{"te', 1, "attncli encode: -, record 2: is no JSON"),
        (["encode", "cut.gz"], b"", 1, "attncli encode: cut.gz: the compressed data are damaged or cut short"),
        (["decode"], b"1 2 x\n", 1, "attncli decode: -, record 1: 'x' is no token id"),
        (["decode"], b"99999\n", 1, "attncli decode: -, record 1: id 99999 is not in a vocabulary of 16384"),
        (["decode"], GOOD_JSON + b'{"ids": [1, ', 1, "attncli decode: -, record 2: is no JSON"),
        (["decode", "--errors", "strict"], b"187\n", 1, "record 1: its text is not valid UTF-8 at byte 0"),
        (["embed"], b'{"text": "hi"}\n', 1, "attncli embed: -, record 1: has no ids; text goes through"),
        (
            ["embed", "-e", "small.npy"],
            b"1\n9\n",
            1,
            "attncli embed: -, record 2: id 9 has no row in a table of 3 rows",
        ),
        (["embed"], b'{"ids": [1], "tokenizer": "other@000"}\n', 1, "ids of tokenizer other@000 meet the table"),
        (["embed", "--dim", "4"], b"4000000000\n", 1, "takes more than 4 GiB; give a table"),
        (["embed", "-e", "a", "--dim", "4"], b"", 2, "attncli embed: give a table or --dim, not both"),
        (["embed", "--positions", "learned"], b"", 2, "go together"),
        (["attend"], CUT, 1, "attncli attend: -, record 1: the array (2, 8) of float32 is cut short: 59 of 64 bytes"),
        (["attend"], LIE, 1, "attncli attend: -, record 1: the array (9, 9) of float32 is cut short: 64 of 324 bytes"),
        (["attend"], saved(np.array([{}])), 1, "attncli attend: -, record 1: holds Python objects"),
        (["attend"], NAN, 1, "attncli attend: -, record 1: the queries hold NaN or infinity"),
        (["attend", "--heads", "3"], saved(np.ones((2, 8))), 1, "3 heads do not divide vectors of width 8; use one of"),
        (["attend"], GOOD_JSON, 1, "attncli attend: -, record 1: has no vectors; ids go through `embed` first"),
        (["attend"], b"", 0, ""),
        (
            ["attend", "--emit", "weights,scores", "--to", "npy"],
            saved(np.ones((2, 8))),
            2,
            "npy has room for one array",
        ),
        (["attend", "--mask", "small.npy"], saved(np.ones((2, 8))), 1, "the mask holds float32, not bool"),
        (["attend", "--window", "x"], b"", 2, "--window x is neither N nor LEFT,RIGHT"),
        (["attend", "--to", "grid", "--emit", "scores"], b"", 2, "the grid shows weights"),
        (["attend"], b'{"vectors": [[1, 2]], "tokens": ["a", "b"]}', 1, "record 1: has 2 tokens and 1 vectors"),
        (["attend", "--projections", "half.npz"], b"", 1, "half.npz: lacks Wk, Wv"),
        (["attend", "--keys", "-"], b"", 2, "only one file can come from standard input"),
        (["encode", "--from", "json"], b'{"body": "x"}\n', 1, "-:1: has no 'text' (its keys: body); name the key"),
        (["encode", "-t", ""], b"x\n", 2, "a file's name is empty; look at the variable that should hold it"),
        (["encode", "-o", ""], b"x\n", 2, "a file's name is empty"),
        (["encode", "--to", "flat", "-o", ""], b"x\n", 2, "a file's name is empty"),
        (["encode", "--to", "flat", "-o", "."], b"x\n", 2, "flat is two files"),
        (["encode", "--to", "flat", "-o", "/"], b"x\n", 2, "flat is two files"),
        (["encode", "--files-from", ""], b"x\n", 2, "a file's name is empty"),
        (["convert", "starter", "-o", ""], b"", 2, "a file's name is empty"),
        (["convert", ""], b"", 2, "a tokenizer's name is empty"),
        (["info", ""], b"", 2, "a tokenizer's name is empty"),
        (["encode", "--from", "json"], b"[1]\n", 1, "-:1: has no 'text'; name the key"),
        (["encode", "--from", "json"], b'{"text": "x", "n": NaN}\n', 1, "NaN is no JSON number; write null"),
        (["embed", "--from", "json"], b'{"ids": [1], "n": NaN}\n', 1, "NaN is no JSON number; try --allow-nan"),
        (["train-bpe", "--merges", "1", "--vocab-size", "300"], b"", 2, "both say when to stop; give one of them"),
        (
            ["encode", "--to", "flat", "-o", "/nowhere/x.npy.gz"],
            b"",
            2,
            "no plain file, in which the writer could go back; give one that is not compressed",
        ),
        (["train-bpe", "--merges", "1", "--from", "json"], b'{"body": "x"}\n', 1, "has no 'text' (its keys: body)"),
        (["encode", "--count", "--to", "npy"], b"", 2, "counts are not written as npy; use --to json"),
        (["encode", "--count", "-o", "x.ids"], b"", 2, "counts are not written as ids"),
        (["encode", "--count", "--offsets"], b"", 2, "--count prints counts; leave out --offsets"),
        (["encode", "--seed", "0"], b"", 2, "--seed goes with --dropout"),
        (["encode", "--offset-unit", "bytes"], b"", 2, "--offset-unit goes with --offsets"),
        (["encode", "--field", "text"], b"", 2, "--field goes with records; add --from json"),
        (["train-bpe", "--merges", "1", "--field", "x"], b"", 2, "--field goes with records"),
        (["encode", "--offsets", "--to", "ids"], b"", 2, "ids has no room for offsets"),
        (
            ["encode", "-o", "x.npz"],
            b"",
            2,
            "x.npz names a format that is not written here; arrays are written as .npy",
        ),
        (["encode", "--to", "npy", "-o", "x.npz"], b"", 2, "x.npz names a format that is not written here; arrays"),
        (["encode", "--to", "flat", "-o", "x.npz"], b"", 2, "x.npz names a format that is not written here; arrays"),
        (["embed", "--to", "npy", "-o", "x.npz.gz"], b"1\n", 2, "x.npz.gz names a format that is not written here"),
        (["attend", "--to", "json", "-o", "x.npz"], b"{}", 2, "x.npz names a format that is not written here"),
        (["encode", "--to", "ids", "-o", "x.csv"], b"", 2, "not written here; use json, npy, ids, tokens, flat"),
        (["encode", ""], b"", 2, "an input has an empty name"),
        (["encode", "-t", "-"], b"", 2, "only one file can come from standard input"),
        (["decode"], b'{"ids": [1], "tokenizer": "other@000"}\n', 1, "ids of tokenizer other@000 meet starter@"),
        (["embed", "-e", "in.txt"], b"1\n", 1, "in.txt: is no table of npy, npz, safetensors, word2vec"),
        (["embed", "-e", "small.npy", "-o", "small.npy"], b"1\n", 2, "small.npy is an input too"),
        (["train-bpe"], b"", 2, "attncli train-bpe: give --vocab-size or --merges"),
        (["train-bpe", "--vocab-size", "10"], b"a", 2, "a vocabulary of 10 has no room for 256 base symbols"),
        (["train-bpe", "--merges", "1", "--pattern", "gpt3"], b"a", 2, "did you mean 'gpt2'"),
    ],
)
def test_one_line_says_what_is_wrong(
    tmp_path: Path, arguments: list[str], stdin: bytes, status: int, line: str
) -> None:
    (tmp_path / "empty-folder").mkdir()
    (tmp_path / "in.txt").write_text("keep me\n")
    (tmp_path / "cut.gz").write_bytes(b"\x1f\x8b\x08\x00\x00")
    np.save(tmp_path / "small.npy", np.ones((3, 4), np.float32))
    np.savez(tmp_path / "half.npz", Wq=np.ones((4, 4), np.float32))
    if status == 0:
        assert output(*arguments, stdin=stdin, cwd=tmp_path) == b""
        return
    found = failure(*arguments, stdin=stdin, cwd=tmp_path)
    assert found[0] == status
    assert line in found[1]
    assert (tmp_path / "in.txt").read_text() == "keep me\n"
    assert not [name for name in os.listdir(tmp_path) if name.endswith(".part")]


def test_a_wrong_engine_is_a_wrong_call() -> None:
    status, line = failure("encode", stdin=b"x\n", ATTNCLI_ENGINE="turbo")
    assert (status, line) == (2, "attncli encode: ATTNCLI_ENGINE is 'turbo'; use native or reference, or leave it out")


def test_the_tokenizer_is_written_though_nobody_reads_the_trace(samples: Path, tmp_path: Path) -> None:
    path = str(tmp_path / "t.json")
    train = subprocess.Popen(
        [*COMMAND, "train-bpe", "--merges", "500", "--trace", str(samples / "english.txt"), "-o", path],
        stdout=subprocess.PIPE,
        env=environment(),
    )
    assert train.stdout is not None
    train.stdout.readline()
    train.stdout.close()
    assert train.wait(timeout=60) == 0
    assert len(Tokenizer.load(path).merges) == 500


def test_a_grid_that_nobody_reads_is_success() -> None:
    vectors = output("embed", stdin=output("encode", stdin=b"a line of text\n" * 500))
    draw = subprocess.Popen(
        [*COMMAND, "attend", "--to", "grid"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment()
    )
    assert draw.stdin is not None
    assert draw.stdout is not None
    draw.stdout.close()
    with contextlib.suppress(BrokenPipeError), draw.stdin:
        draw.stdin.write(vectors)
    assert draw.wait(timeout=60) == 0


def test_a_termination_leaves_nothing_behind(tmp_path: Path) -> None:
    with subprocess.Popen(
        [*COMMAND, "encode", "-o", str(tmp_path / "out.jsonl")], stdin=subprocess.PIPE, env=environment()
    ) as encode:
        assert encode.stdin is not None
        encode.stdin.write(b"text\n")
        encode.stdin.flush()
        deadline = time.monotonic() + 30
        while not os.listdir(tmp_path) and time.monotonic() < deadline:
            time.sleep(0.01)
        # One signal in some hundreds comes between CPython's last look for signals and a read that waits; its handler
        # then runs at the next signal.
        for _ in range(10):
            encode.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                encode.wait(timeout=3)
                break
        assert encode.returncode == 143
    assert os.listdir(tmp_path) == []


def test_version_and_help_into_a_full_disk() -> None:
    for arguments in (["--version"], ["--help"], ["encode", "--help"]):
        with open("/dev/full", "wb") as full:
            done = subprocess.run(
                [*COMMAND, *arguments], stdout=full, stderr=subprocess.PIPE, env=environment(), check=False
            )
        assert (done.returncode, done.stderr.count(b"\n")) == (1, 1), done.stderr


def test_closed_streams_are_one_line() -> None:
    for closing in ("<&-", ">&-"):
        done = subprocess.run(
            ["bash", "-c", f"{COMMAND[0]} encode {closing}"],
            input=b"x\n",
            capture_output=True,
            env=environment(),
            check=False,
        )
        assert done.returncode == 1
        assert b"is closed\n" in done.stderr
        assert done.stderr.count(b"\n") == 1


def test_never_onto_standard_input(tmp_path: Path) -> None:
    path = tmp_path / "self"
    path.write_bytes(b"keep\n")
    for command in ("encode < self -o self", "encode self >> self"):
        done = subprocess.run(
            ["bash", "-c", f"{COMMAND[0]} {command}"], cwd=tmp_path, capture_output=True, env=environment(), check=False
        )
        assert done.returncode == 2
        assert path.read_bytes() == b"keep\n"


def test_debug_shows_the_traceback() -> None:
    done = run("encode", "--debug", "no-such.txt")
    assert b"Traceback" in done.stderr


def test_names_and_records_cannot_command_the_terminal(tmp_path: Path) -> None:
    status, line = failure("encode", "\x1b]0;owned\x07.txt", cwd=tmp_path)
    assert status == 1
    assert "\x1b" not in line
    assert "\\x1b" in line


def test_a_reader_that_leaves_is_success(samples: Path) -> None:
    started = time.monotonic()
    endless = subprocess.Popen(["yes", "a line of text"], stdout=subprocess.PIPE)
    encode = subprocess.Popen(
        [*COMMAND, "encode"], stdin=endless.stdout, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
    )
    assert encode.stdout is not None
    assert encode.stderr is not None
    assert encode.stdout.readline().startswith(b"{")
    encode.stdout.close()
    assert encode.wait(timeout=30) == 0
    assert encode.stderr.read() == b""
    endless.kill()
    endless.wait()
    assert endless.stdout is not None
    endless.stdout.close()
    encode.stderr.close()
    assert time.monotonic() - started < 30


def test_the_first_output_comes_before_the_last_input() -> None:
    with subprocess.Popen(
        [*COMMAND, "encode", "--to", "ids"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment()
    ) as encode:
        assert encode.stdin is not None
        assert encode.stdout is not None
        encode.stdin.write(b"first\n")
        encode.stdin.flush()
        assert encode.stdout.readline().strip() != b""
        encode.stdin.close()
        assert encode.wait(timeout=30) == 0


def test_a_reader_of_the_help_may_go_away() -> None:
    for arguments in (["--version"], ["--help"], ["encode", "--help"]):
        reading, writing = os.pipe()
        os.close(reading)
        done = subprocess.run(
            [*COMMAND, *arguments], stdout=writing, stderr=subprocess.PIPE, env=environment(), check=False
        )
        os.close(writing)
        assert (done.returncode, done.stderr) == (0, b"")


INTERRUPTED_IMPORT = """
import os, sys

class Interrupting:
    def find_spec(name, *_):
        if name == sys.argv[1]:
            os.kill(os.getpid(), 2)

sys.meta_path.insert(0, Interrupting)
from attncli.__main__ import main
sys.exit(main(["encode"]))
"""
"""A Ctrl-C that comes exactly while a module is imported."""


@pytest.mark.parametrize(
    ("module", "status"),
    [("attncli.cli.main", -signal.SIGINT), ("signal", -signal.SIGINT), ("enum", -signal.SIGINT), ("typer", 130)],
)
def test_an_interrupt_while_modules_are_imported_is_silent(module: str, status: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_IMPORT, module],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=environment(),
        check=False,
    )
    assert (done.returncode, done.stderr) == (status, b"")


def test_an_interrupt_leaves_130_and_no_half_file(tmp_path: Path) -> None:
    with subprocess.Popen(
        [*COMMAND, "encode", "-o", str(tmp_path / "out.jsonl")],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    ) as encode:
        assert encode.stdin is not None
        assert encode.stderr is not None
        encode.stdin.write(b"text\n" * 1000)
        encode.stdin.flush()
        deadline = time.monotonic() + 30
        while not os.listdir(tmp_path) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert os.listdir(tmp_path) != ["out.jsonl"]
        # A signal between Python's look for signals and a read that waits is seen when the read ends: CPython's race.
        while encode.poll() is None and time.monotonic() < deadline:
            encode.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                encode.wait(timeout=3)
        assert encode.wait(timeout=0) == 130
        assert encode.stderr.read() == b""
    assert os.listdir(tmp_path) == []


def test_a_full_standard_output_is_one_line() -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [*COMMAND, "encode"],
            input=b"x\n" * 100_000,
            stdout=full,
            stderr=subprocess.PIPE,
            env=environment(),
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == b"attncli encode: No space left on device\n"


def on_a_terminal(*arguments: str, stdin: bytes, **variables: str) -> tuple[int, str]:
    """Status and output of a command whose standard output is a terminal."""
    main, side = pty.openpty()
    with subprocess.Popen(
        [*COMMAND, *arguments],
        stdin=subprocess.PIPE,
        stdout=side,
        stderr=side,
        env=environment(TERM="xterm", **variables),
    ) as process:
        os.close(side)
        assert process.stdin is not None
        process.stdin.write(stdin)
        process.stdin.close()
        parts = []
        while True:
            try:
                part = os.read(main, 65536)
            except OSError:  # the terminal's other end is closed
                break
            if not part:
                break
            parts.append(part)
        status = process.wait(timeout=30)
    os.close(main)
    return status, b"".join(parts).decode()


def test_a_terminal_gets_a_grid_and_no_binary() -> None:
    vectors = output("embed", stdin=output("encode", stdin="[red]x[/red] \x1b[31m 河岸\n".encode()))
    status, grid = on_a_terminal("attend", stdin=vectors)
    assert status == 0
    assert "rows sum to 1" in grid
    assert "\x1b[31m" not in grid
    assert "48;2;" in grid
    assert "48;2;" not in on_a_terminal("attend", stdin=vectors, NO_COLOR="1")[1]
    assert "48;2;" not in on_a_terminal("attend", "--color", "never", stdin=vectors)[1]
    status, line = on_a_terminal("encode", "--to", "npy", stdin=b"x\n")
    assert status == 2
    assert "npy is not for a terminal" in line


def test_progress_as_json(samples: Path) -> None:
    done = run("train-bpe", "--merges", "300", "--progress", "json", "-o", "/dev/null", str(samples / "english.txt"))
    lines = [json.loads(line) for line in done.stderr.splitlines() if line.startswith(b"{")]
    size = (samples / "english.txt").stat().st_size
    assert [line["stage"] for line in lines if line["done"] == line["total"]] == ["counting", "merging"]
    assert lines[0] == {"stage": "counting", "done": size, "total": size, "seconds": lines[0]["seconds"]}
    quiet = run("train-bpe", "--merges", "30", "-q", "--progress", "-o", "/dev/null", str(samples / "english.txt"))
    assert quiet.stderr == b""


def test_progress_of_attention_as_json(tmp_path: Path) -> None:
    x = np.random.default_rng(0).standard_normal((20_000, 64), np.float32)
    np.save(tmp_path / "x.npy", x)
    attend = ["attend", str(tmp_path / "x.npy"), "--threads", "1", "-o", str(tmp_path / "y.npy"), "--progress", "json"]
    lines = [json.loads(line) for line in run(*attend).stderr.splitlines()]
    assert {(line["stage"], line["total"]) for line in lines} == {("attending", 20_000)}
    assert len(lines) > 1
    assert lines[-1]["done"] == 20_000
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), multi_head(x).output)


def test_the_slow_engine_is_told_once(tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(b"word " * 300_000)
    done = run("encode", "--count", str(tmp_path / "big"), str(tmp_path / "big"), ATTNCLI_ENGINE="reference")
    assert done.stderr.count(b"the reference engine runs, which is slow on large inputs") == 1
    assert run("encode", "--count", str(tmp_path / "big")).stderr == b""


def test_dry_run_and_short_vocabularies(tmp_path: Path) -> None:
    (tmp_path / "t").write_text("aa bb")
    done = run("train-bpe", "--merges", "50", "--dry-run", str(tmp_path / "t"))
    assert done.stderr.startswith(
        b"attncli train-bpe: 1 inputs, 5 bytes, all threads\nattncli train-bpe: memory: about "
    )
    done = run("train-bpe", "--merges", "50", "-o", "/dev/null", str(tmp_path / "t"))
    assert b"the text gave 0 merges, not 50" in done.stderr


def test_the_locale_changes_nothing() -> None:
    text = "Straße 河岸\n".encode()
    assert output("encode", stdin=text, LC_ALL="C", PYTHONUTF8="0") == output("encode", stdin=text, LC_ALL="C.UTF-8")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_of_commands_and_choices(shell: str) -> None:
    variables = {
        "_ATTNCLI_COMPLETE": f"complete_{shell}",
        "_TYPER_COMPLETE_ARGS": "attncli encode --to ",
        "COMP_WORDS": "attncli encode --to ",
        "COMP_CWORD": "3",
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }
    found = run(**variables).stdout.decode()
    for word in ("json", "npy", "tokens"):
        assert word in found
