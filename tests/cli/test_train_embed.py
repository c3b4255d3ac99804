"""`train-embed` as a user meets it: ids in every format, words, checkpoints, and what goes wrong."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from shell import COMMAND, environment, failure, output, run

from attncli import Embeddings, Tokenizer, train_word2vec, write_flat
from attncli.errors import CallError, DataError

TOPICS = ("red green blue white", "cat dog horse cow")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A text of two topics, and its ids."""
    place = tmp_path_factory.mktemp("words")
    random = np.random.default_rng(1)
    lines = [" ".join(random.choice(TOPICS[number % 2].split(), 12)) for number in range(600)]
    (place / "text.txt").write_text("\n".join(lines) + "\n")
    write_flat(Tokenizer.load("starter"), [place / "text.txt"], place / "flat.npy")
    for name, to in (("ids.jsonl", "json"), ("ids.npy", "npy"), ("ids.ids", "ids")):
        output("encode", "text.txt", "-o", name, "--to", to, cwd=place)
    return place


def trained(*arguments: str, cwd: Path, stdin: bytes = b"") -> Embeddings:
    done = run("train-embed", "--dim", "8", "--deterministic", *arguments, "-o", "t.npz", cwd=cwd, stdin=stdin)
    assert done.returncode == 0, done.stderr.decode()
    return Embeddings.load(cwd / "t.npz")


def test_the_same_table_from_every_format(folder: Path) -> None:
    from_json = trained("ids.jsonl", cwd=folder)
    assert from_json.tokenizer == Tokenizer.load("starter").identity
    assert from_json.vectors.shape == (16384, 8)
    for arguments in (["ids.npy", "-t", "starter"], ["ids.ids", "-t", "starter"]):
        np.testing.assert_array_equal(trained(*arguments, cwd=folder).vectors, from_json.vectors)
    piped = trained(cwd=folder, stdin=(folder / "ids.jsonl").read_bytes())
    np.testing.assert_array_equal(piped.vectors, from_json.vectors)
    # Special tokens, here one behind each document, are left out, and take their place among the windows' draws.
    flat = trained("flat.npy", "-t", "starter", cwd=folder)
    assert list(flat.labels or ()) == list(from_json.labels or ())
    for table in (flat, from_json):
        assert np.array_equal(np.flatnonzero(table.vectors.any(1)), np.flatnonzero(np.asarray(table.counts) >= 5))
    np.testing.assert_array_equal(flat.counts, from_json.counts)
    without = trained("flat.npy", cwd=folder)
    assert len(without.vectors) == 16384  # up to <|endoftext|>, which counts here
    assert without.vectors[-1].any()
    assert without.tokenizer is None


def test_several_flat_files_are_read_one_after_another(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever their types and where blocks end; only beside other inputs do they go through a temporary file."""
    lines = (folder / "text.txt").read_bytes().splitlines(keepends=True)
    names = []
    for number, (part, dtype) in enumerate(((lines[:250], "uint16"), ([], "int32"), (lines[250:], "int64"))):
        (folder / "part.txt").write_bytes(b"".join(part))
        names.append(folder / f"part{number}.npy")
        write_flat(Tokenizer.load("starter"), [folder / "part.txt"], names[-1], dtype=dtype)
    monkeypatch.setattr("attncli.core.embedding.word2vec.BLOCK", 1_000)
    options: dict[str, Any] = {"dim": 8, "deterministic": True, "tokenizer": "starter"}
    spooled: list[int] = []
    joined = train_word2vec(names, on_spool=spooled.append, **options)
    assert spooled == []
    np.testing.assert_array_equal(joined.vectors, train_word2vec(folder / "flat.npy", **options).vectors)
    (folder / "more.ids").write_bytes(b"1 2 3\n")
    mixed = train_word2vec([*names, folder / "more.ids"], on_spool=spooled.append, **options)
    assert spooled == [4 * (len(np.load(folder / "flat.npy")) + 3)]
    assert not np.array_equal(mixed.vectors, joined.vectors)
    whole = len(np.load(names[2]))
    for index, complaint in (([0, 5, 3, whole], "goes backwards"), ([0, 5, 3], "does not fit")):
        np.save(folder / "part2.index.npy", np.array(index, np.uint64))
        with pytest.raises(DataError, match=rf"part2\.index\.npy: {complaint}"):
            train_word2vec(names, **options)
        with pytest.raises(CallError, match="starts do not fit the ids"):
            train_word2vec((np.zeros(whole, int), np.array(index, np.uint64)), **options)


def test_words(folder: Path) -> None:
    table = trained("--words", "--epochs", "30", "--subsample", "0", "text.txt", cwd=folder)
    assert table.labels is not None
    labels, counts = list(table.labels), np.asarray(table.counts)
    assert sorted(labels) == sorted(" ".join(TOPICS).split())
    assert counts.sum() == 600 * 12
    assert (np.diff(counts) <= 0).all()
    unit = table.vectors / np.linalg.norm(table.vectors, axis=1, keepdims=True)
    cosines = unit @ unit.T
    same = np.array([[(one in TOPICS[0]) == (two in TOPICS[0]) for one in labels] for two in labels])
    assert cosines[same].mean() > cosines[~same].mean() + 0.3
    records = b"".join(json.dumps({"body": line}).encode() + b"\n" for line in ("a b", "b a b"))
    few = trained("--words", "--from", "json", "--field", "body", "--min-count", "2", "--subsample", "0",
                  cwd=folder, stdin=records)  # fmt: skip
    assert list(few.labels or ()) == ["b", "a"]


def test_text_for_other_tools(folder: Path) -> None:
    found = output("train-embed", "--words", "--to", "word2vec", "--dim", "3", "text.txt", cwd=folder).decode()
    head, *rows = found.splitlines()
    assert head.split() == ["8", "3"]
    assert all(len(row.split()) == 4 for row in rows[:8])


def test_the_same_seed_the_same_bytes(folder: Path) -> None:
    made = []
    for seed in ("1", "1", "2"):
        output("train-embed", "--deterministic", "--seed", seed, "ids.jsonl", "-o", "s.safetensors", cwd=folder)
        made.append((folder / "s.safetensors").read_bytes())
    assert made[0] == made[1] != made[2]


def test_the_engines_agree(folder: Path) -> None:
    for name in ("native", "reference"):
        output("train-embed", "--words", "--dim", "10", "--epochs", "1", "--deterministic", "text.txt", "-q",
               "-o", f"{name}.npy", cwd=folder, ATTNCLI_ENGINE=name)  # fmt: skip
    ours, theirs = (np.load(folder / f"{name}.npy") for name in ("native", "reference"))
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=2e-5)
    assert np.abs(ours).max() > 0.1


def test_a_table_to_begin_with(folder: Path) -> None:
    first = trained("--words", "text.txt", cwd=folder)
    first.save(folder / "first.npz")
    new = b"cat dog cat dog owl\n" * 40 + b"cow\n"
    tuned = trained("--words", "--subsample", "0", "--init", "first.npz", cwd=folder, stdin=new)
    labels, before = list(tuned.labels or ()), list(first.labels or ())
    assert labels == [*before, "owl"]
    for label, row in zip(before, range(8), strict=True):
        moved = not np.array_equal(tuned.vectors[row], first.vectors[row])
        assert moved == (label in ("cat", "dog"))
    assert tuned.counts is not None
    assert tuned.counts[-1] == 40
    by_ids = train_word2vec(
        [[1, 2] * 50], subsample=0, init=Embeddings(np.ones((4, 8), np.float32)), deterministic=True
    )
    assert by_ids.vectors.shape == (4, 8)
    np.testing.assert_array_equal(by_ids.vectors[[0, 3]], np.ones((2, 8)))
    assert not (by_ids.vectors[1:3] == 1).all()


def test_a_tuned_table_belongs_to_what_it_began_with(folder: Path) -> None:
    """Also where the new ids do not say whose they are: a row stays what it was."""
    labels = ["zero", "one", "two"]
    Embeddings(np.ones((3, 8), np.float32), labels, tokenizer="small@0123456789ab").save(folder / "small.npz")
    tuned = trained("--init", "small.npz", "--subsample", "0", cwd=folder, stdin=b"1 2 1 2\n" * 20)
    assert (tuned.tokenizer, list(tuned.labels or ())) == ("small@0123456789ab", labels)
    starter = trained("ids.jsonl", cwd=folder)
    starter.save(folder / "starter.npz")
    by_ids = trained("--init", "starter.npz", "ids.npy", cwd=folder)
    by_records = trained("--init", "starter.npz", "ids.jsonl", cwd=folder)
    assert by_ids.tokenizer == starter.tokenizer
    assert list(by_ids.labels or ()) == list(starter.labels or ())
    np.testing.assert_array_equal(by_ids.vectors, by_records.vectors)
    code, said = failure(
        "train-embed", "--init", "small.npz", "-o", "t.npy", cwd=folder,
        stdin=b'{"ids": [1, 2], "tokenizer": "other@ba9876543210"}\n' * 20,
    )  # fmt: skip
    assert code == 1
    assert "ids of tokenizer other@ba9876543210 meet the table of small@0123456789ab; begin with" in said


def test_resumed_after_an_interruption(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("attncli.core.embedding.word2vec.BLOCK", 1_000)
    options: dict[str, Any] = {"words": True, "dim": 8, "deterministic": True}
    whole = train_word2vec(folder / "text.txt", **options)
    kept = folder / "state"

    def stop(stage: str, done: int, total: int | None, loss: float) -> None:
        if total and done > total // 3:
            raise KeyboardInterrupt

    keeping = options | {"checkpoint": kept, "checkpoint_every": 0.0}
    with pytest.raises(KeyboardInterrupt):
        train_word2vec(folder / "text.txt", progress=stop, **keeping)
    steps: list[int] = []
    resumed = train_word2vec(
        folder / "text.txt", resume=True, progress=lambda _, done, *__: steps.append(done), **keeping
    )
    assert steps[-1] - steps[len(steps) // 2] > 0
    assert min(done for done in steps[2:]) > 7200 // 3
    np.testing.assert_array_equal(resumed.vectors, whole.vectors)
    with pytest.raises(DataError, match=r"state: was begun with other options"):
        train_word2vec(folder / "text.txt", resume=True, **(keeping | {"seed": 5}))
    with pytest.raises(DataError, match=r"state: is no checkpoint of this training"):
        train_word2vec(folder / "text.txt", resume=True, **(keeping | {"dim": 9}))
    with pytest.raises(CallError, match="name the checkpoint"):
        train_word2vec(folder / "text.txt", resume=True)


def test_the_checkpoint_is_gone_once_the_table_is_written(folder: Path) -> None:
    arguments = ["--words", "--checkpoint", "c", "--checkpoint-every", "0", "text.txt", "-o", "t.npy"]
    assert run("train-embed", *arguments, cwd=folder).returncode == 0
    assert not (folder / "c").exists()


def test_ctrl_c_ends_it(folder: Path) -> None:
    arguments = ["train-embed", "--words", "--epochs", "1000000", "text.txt", "-o", "never.npy", "--progress", "json"]
    with subprocess.Popen([*COMMAND, *arguments], cwd=folder, env=environment(), stderr=subprocess.PIPE) as child:
        assert child.stderr is not None
        while b"training" not in child.stderr.readline():
            pass
        child.send_signal(signal.SIGINT)
        started = time.monotonic()
        child.stderr.read()
        assert child.wait(10) == 130
    assert time.monotonic() - started < 5
    assert not [name for name in os.listdir(folder) if "never" in name]


def test_progress_tells_loss_speed_and_time_left(folder: Path) -> None:
    done = run("train-embed", "--words", "--epochs", "500", "text.txt", "-o", "t.npy", "--progress", "json", cwd=folder)
    *_, last = [json.loads(line) for line in done.stderr.splitlines() if line.startswith(b"{")]
    assert last["stage"] == "training"
    assert last["done"] == last["total"] == 500 * 7200
    assert 0 < last["loss"] < 1
    assert last["words_per_second"] > 0
    assert last["seconds_left"] == 0


@pytest.mark.parametrize(
    ("arguments", "stdin", "status", "line"),
    [
        (["-o", "t.npy"], b"", 1, "there is nothing to learn from: the input is empty"),
        (["--words", "-o", "t.npy"], b"\n\n", 1, "there is nothing to learn from"),
        (["-o", "t.npy"], b"1\n2\n3\n", 1, "no document has more than one token"),
        (["--words", "-o", "t.npy"], b"a\nb\n", 1, "no document has more than one word: there is nothing around it"),
        (["-o", "t.npy"], b"1 2 3\n", 1, "no word stands in the text 5 times; lower --min-count"),
        (["--dim", "0", "-o", "t.npy"], b"1 2\n", 2, "dim is 0, and it has to be at least 1"),
        (["--init", "small.npy", "-o", "t.npy"], b"1 2 9\n", 1, "id 9 has no row: the table to begin with has 3"),
        (["-t", "starter", "-o", "t.npy"], b"1 20000\n", 1, "id 20000 has no row: the tokenizer starter@"),
        (["-o", "t.npy"], b"1 4000000000\n", 1, "id 4000000000 is of no vocabulary"),
        (["--init", "nan.npy", "-o", "t.npy"], b"0 0\n" * 9, 1, "row 1 of the table to begin with holds NaN"),
        (["--dim", "4", "--init", "small.npy", "-o", "t.npy"], b"1 2\n" * 9, 2, "2 wide, and not 4"),
        (["--words", "--init", "small.npy", "-o", "t.npy"], b"a b\n" * 9, 1, "the table to begin with has no labels"),
        (["--words", "-t", "starter", "-o", "t.npy"], b"a b\n", 2, "words have no tokenizer"),
        (["--field", "ids", "-o", "t.npy"], b"1 2\n", 2, "--field goes with --words"),
        (["--words", "--field", "x", "-o", "t.npy"], b"1 2\n", 2, "--field goes with records"),
        ([], b"1 2\n", 2, "a table's format is not said; give -o FILE or --to"),
        (["-o", "t.json"], b"1 2\n", 2, "no table format goes by the name t.json"),
        (["--resume", "-o", "t.npy"], b"1 2\n", 2, "name the checkpoint"),
        (["--deterministic", "--threads", "2", "-o", "t.npy"], b"1 2\n", 2, "2 threads are not deterministic"),
        (["--negative", "0", "-o", "t.npy"], b"1 2\n", 2, "nothing would be learned"),
        (["-o", "t.npy"], b'{"text": "a"}\n', 1, "-, record 1: has no ids; text goes through `encode` first, or"),
        (["-o", "t.npy"], b'{"ids": [1, 2], "tokenizer": "a@1"}\n{"ids": [1], "tokenizer": "b@2"}\n', 1,
         "ids of tokenizer b@2 meet those of a@1"),
    ],
)  # fmt: skip
def test_what_goes_wrong(tmp_path: Path, arguments: list[str], stdin: bytes, status: int, line: str) -> None:
    np.save(tmp_path / "small.npy", np.ones((3, 2), np.float32))
    np.save(tmp_path / "nan.npy", np.float16([[1, 2], [1, np.nan]]))
    code, said = failure("train-embed", *arguments, stdin=stdin, cwd=tmp_path)
    assert (code, said.startswith("attncli train-embed: ")) == (status, True)
    assert line in said
    assert not (tmp_path / "t.npy").exists()


def test_a_damaged_checkpoint(folder: Path) -> None:
    (folder / "bad").write_bytes(b"nonsense")
    arguments = ["--words", "--checkpoint", "bad", "--resume", "text.txt", "-o", "t.npy"]
    code, said = failure("train-embed", *arguments, cwd=folder)
    assert code == 1
    assert "bad: is no" in said


def test_dry_run_and_help(folder: Path) -> None:
    done = run("train-embed", "--dry-run", "text.txt", "-o", "dry.npy", cwd=folder)
    assert done.returncode == 0
    assert b"1 inputs" in done.stderr
    assert not (folder / "dry.npy").exists()
    assert b"attncli encode corpus/ | attncli train-embed" in output("train-embed", "--help")
