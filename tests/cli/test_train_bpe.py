"""`train-bpe` at its limits: little memory, long words, Ctrl-C."""

from __future__ import annotations

import gzip
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from shell import COMMAND, environment, failure, run

SAMPLES = Path(__file__).parents[2] / "sample_corpora"
BASE = 60_000_000
"""Python, the package, and what is being read: about 40 MB, and some room."""


@pytest.fixture(scope="module")
def many_words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nearly all words distinct, 14 MB."""
    letters = random.Random(7)
    path = tmp_path_factory.mktemp("words") / "many.txt"
    path.write_text("".join("".join(letters.choices("etaoinshrdlu", k=6)) + "\n" for _ in range(2_000_000)))
    return path


@pytest.fixture(scope="module")
def dna(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One word of 20 MB."""
    path = tmp_path_factory.mktemp("words") / "dna.txt"
    path.write_bytes(random.Random(3).randbytes(20_000_000).translate(b"ACGT" * 64))
    return path


@pytest.fixture(scope="module")
def many_pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A million distinct pairs of characters, most of them twice; 7 MB."""
    letters = random.Random(5)
    characters = [chr(0x4E00 + number) for number in range(3000)]
    path = tmp_path_factory.mktemp("words") / "pairs.txt"
    words = ("".join(letters.choices(characters, k=8)) for _ in range(150_000))
    path.write_text("".join(f"{word}\n{word}a\n" for word in words), encoding="utf-8")
    return path


LAUNCHER = """
import resource, subprocess, sys
limits, command = eval(sys.argv[1]), sys.argv[2:]
def limit():
    for name, most in limits.items():
        resource.setrlimit(getattr(resource, "RLIMIT_" + name), (most, most))
status = subprocess.call(command, preexec_fn=limit)
print(status, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
"""Between the tests and the command: a process counts as its own the peak of the one that it was forked from."""


def limited(*arguments: str, **limits: int) -> tuple[int, str, int]:
    """Status, standard error and peak bytes of a run under resource limits."""
    command = [sys.executable, "-c", LAUNCHER, repr(limits), *COMMAND, "train-bpe", *arguments]
    done = subprocess.run(command, capture_output=True, env=environment(), check=True)
    status, peak = map(int, done.stdout.split())
    return status, done.stderr.decode(), peak * 1024


def test_max_memory_holds_and_says_what_it_did(tmp_path: Path, many_words: Path) -> None:
    scratch, out, free = tmp_path / "scratch", tmp_path / "t.json", tmp_path / "free.json"
    scratch.mkdir()
    arguments = ["--vocab-size", "600", str(many_words), "-o"]
    status, said, peak = limited(*arguments, str(out), "--max-memory", "40M", "--temp-dir", str(scratch))
    assert status == 0
    assert "the words outgrew --max-memory: " in said
    assert said.count("\n") == 1
    assert peak < 40 * 2**20 + BASE
    assert list(scratch.iterdir()) == []
    status, said, unlimited = limited(*arguments, str(free))
    assert (status, said) == (0, "")
    assert unlimited > 40 * 2**20 + BASE
    assert free.read_bytes() == out.read_bytes()


def test_too_little_is_refused_in_one_line(tmp_path: Path, many_words: Path) -> None:
    arguments = ["train-bpe", "--vocab-size", "600", "--max-memory", "10M", str(many_words), "-o", str(tmp_path / "t")]
    status, line = failure(*arguments)
    assert status == 1
    assert "10 are allowed; raise the limit" in line
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("size", ["12X", "", "-1G", "1e9"])
def test_a_size_that_is_none(size: str) -> None:
    done = run("train-bpe", "--merges", "1", "--max-memory", size, stdin=b"x")
    assert done.returncode == 2
    assert b"is no size; write 512M or 2G" in done.stderr


def test_a_full_disk_is_one_line(tmp_path: Path, many_words: Path) -> None:
    arguments = ["--vocab-size", "600", "--max-memory", "20M", str(many_words), "-o", str(tmp_path / "t.json")]
    status, said, _ = limited(*arguments, FSIZE=1_000_000)
    assert status == 1
    assert "temporary file in " in said
    assert said.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("megabytes", [120, 200, 280])
@pytest.mark.parametrize("threads", ["1", "2"])
def test_a_limit_from_outside_is_one_line(
    tmp_path: Path, many_words: Path, dna: Path, megabytes: int, threads: str
) -> None:
    for source in (many_words, dna):
        arguments = ["--vocab-size", "4000", "--threads", threads, str(source), "-o", str(tmp_path / "t.json")]
        if source is dna:
            arguments += ["--pattern", "none"]
        status, said, _ = limited(*arguments, AS=megabytes << 20)
        if status:
            assert status == 1
            assert "memory" in said
            assert said.count("\n") == 1
            assert list(tmp_path.iterdir()) == []
        else:
            (tmp_path / "t.json").unlink()


@pytest.mark.parametrize("unit", ["bytes", "characters"])
def test_pairs_beyond_a_limit_from_outside_are_one_line(tmp_path: Path, many_pairs: Path, unit: str) -> None:
    arguments = ["--vocab-size", "60000", "--threads", "1", "--unit", unit, str(many_pairs)]
    seen = set()
    # What an interpreter and its libraries map differs by tens of megabytes between machines.
    for megabytes in range(110, 200, 15):
        status, said, _ = limited(*arguments, "-o", str(tmp_path / "t.json"), AS=megabytes << 20)
        seen.add(status)
        if status == 0:
            (tmp_path / "t.json").unlink()
            continue
        assert (status, said.count("\n")) == (1, 1)
        assert "memory" in said
        assert list(tmp_path.iterdir()) == []
    assert 1 in seen


def forecast(*arguments: str) -> list[list[int]]:
    """The numbers of megabytes in each line that `--dry-run` says after the first."""
    done = run("train-bpe", *arguments, "--dry-run")
    assert done.returncode == 0
    first, *lines = done.stderr.decode().splitlines()
    assert " bytes, " in first
    return [[int(number.replace(",", "")) for number in re.findall(r"([\d,]+) MB", line)] for line in lines]


@pytest.mark.parametrize("threads", ["1", "2"])
def test_a_dry_run_tells_the_peak(tmp_path: Path, many_words: Path, threads: str) -> None:
    corpora = [str(SAMPLES / name) for name in ("english.txt", "multilingual.txt", "code")]
    for sources in (corpora, [str(many_words)]):
        arguments = [*sources, "--vocab-size", "4000", "--threads", threads]
        [[usual, most, *_]] = forecast(*arguments)
        status, _, peak = limited(*arguments, "-o", str(tmp_path / "t.json"))
        assert status == 0
        assert usual / 2 < peak / 1e6 <= most
        assert usual <= 2 * peak / 1e6


def test_a_dry_run_tells_what_a_limit_does(tmp_path: Path, many_words: Path, dna: Path) -> None:
    arguments = ["--vocab-size", "600", "--threads", "1", str(many_words), "--max-memory"]
    (_, most, *_), (bound,) = forecast(*arguments, "40M")
    assert bound < most
    status, said, peak = limited(*arguments, "40M", "-o", str(tmp_path / "t.json"))
    assert (status, "temporary files" in said) == (0, True)
    assert peak / 1e6 <= bound
    for limit, way in (("40M", "go through temporary files"), ("2G", "stay in memory")):
        assert way in run("train-bpe", *arguments, limit, "--dry-run").stderr.decode()
    # A document that can be cut nowhere is held in any case.
    [[usual, *_]] = forecast("--merges", "9", "--pattern", "none", str(dna))
    assert usual > 60


def test_a_dry_run_on_what_has_no_known_length(tmp_path: Path) -> None:
    done = run("train-bpe", "--merges", "1", "--dry-run", stdin=b"text")
    assert done.stderr.startswith(b"attncli train-bpe: 1 inputs, 1 of unknown length (pipe), all threads\n")
    assert b"not known before a pipe's end" in done.stderr
    (tmp_path / "a.txt").write_text("one two three")
    done = run("train-bpe", "--merges", "1", "--dry-run", str(tmp_path / "a.txt"), "-", stdin=b"text")
    assert b": 2 inputs, 13 bytes and 1 of unknown length (pipe), all threads\n" in done.stderr
    packed, records = tmp_path / "a.gz", tmp_path / "a.jsonl"
    packed.write_bytes(gzip.compress(b"one two three " * 1000))
    records.write_text('{"text": "one two three"}\n' * 1000)
    for source in (packed, records):
        assert len(forecast("--merges", "1", str(source))) == 1


@pytest.mark.parametrize("source", ["-", "in.txt"])
@pytest.mark.parametrize(
    ("arguments", "status", "complaint"),
    [
        ("--merges 1 -o no/t.json", 1, "no/t.json: no such file or directory; check the path"),
        ("--merges 1 -o folder", 1, "folder: is a directory; name a file"),
        ("--merges 1 --temp-dir no", 1, "no: is no folder; make it first"),
        ("--vocab-size 256 --special <x>", 2, "a vocabulary of 256 has no room for 256 base symbols and 1 special"),
        ("--vocab-size 256 --special <x>", 2, " special tokens; give at least 257"),
        ("--merges 1 --special <x> --special <x>", 2, "the special token '<x>' is given twice"),
        ("--merges 1 --special=", 2, "a special token is empty; look at the variable"),
        ("--merges 1 --end-of-word _", 2, "an end-of-word symbol goes with characters as units"),
        ("--merges 1 --pattern (", 2, "the pattern does not compile"),
        ("--merges 1 --pattern gpt3", 2, "no pattern is called 'gpt3'; did you mean 'gpt2'?"),
        ("--merges 1 in.txt -o in.txt", 2, "in.txt is an input too"),
        ("", 2, "give --vocab-size or --merges"),
    ],
)
def test_a_dry_run_refuses_what_the_real_one_does(
    tmp_path: Path, source: str, arguments: str, status: int, complaint: str
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "in.txt").write_text("one two three")
    given = ["train-bpe", *([] if "in.txt" in arguments else [source]), *arguments.split()]
    dry = failure(*given, "--dry-run", stdin=b"text", cwd=tmp_path)
    assert dry == failure(*given, stdin=b"text", cwd=tmp_path)
    assert dry[0] == status
    assert complaint in dry[1]
    assert {path.name for path in tmp_path.iterdir()} == {"folder", "in.txt"}


def test_an_interrupt_within_one_long_word(tmp_path: Path, dna: Path) -> None:
    for seconds in (0.4, 1.0):
        arguments = ["--vocab-size", "60000", "--pattern", "none", str(dna), "-o", str(tmp_path / "t.json")]
        child = subprocess.Popen([*COMMAND, "train-bpe", *arguments], stderr=subprocess.PIPE, env=environment())
        time.sleep(seconds)
        child.send_signal(signal.SIGINT)
        sent = time.monotonic()
        _, said = child.communicate(timeout=20)
        assert child.returncode == 130
        assert time.monotonic() - sent < 3
        assert said == b""
        assert list(tmp_path.iterdir()) == []
