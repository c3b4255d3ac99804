"""`nearest`: words, texts and analogies, as a user meets them."""

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

from attncli import CallError, DataError, Embeddings, Neighbours, Tokenizer

WORDS = ["king", "queen", "man", "woman", "river"]
# Royal, female, wet.
ROWS = np.array([[1, 0, 0], [1, 1, 0], [0.2, 0, 0.1], [0.2, 1, 0.1], [0, 0, 1]], np.float32)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Embeddings(ROWS, labels=WORDS).save(tmp_path / "t.txt")
    return tmp_path


def answers(*arguments: str, cwd: Path, stdin: bytes = b"") -> list[dict[str, Any]]:
    return [
        json.loads(line) for line in output("nearest", "-e", "t.txt", *arguments, stdin=stdin, cwd=cwd).splitlines()
    ]


def names(answer: dict[str, Any]) -> list[str]:
    return [each["word"] for each in answer["neighbours"]]


def test_words_texts_and_lines(folder: Path) -> None:
    first, second = answers("king", "river", "-k", "2", cwd=folder)
    assert first["query"] == "king"
    assert names(first) == ["man", "queen"]
    cosine = float(ROWS[0] @ ROWS[1] / np.linalg.norm(ROWS[1]))
    assert first["neighbours"][1]["similarity"] == pytest.approx(cosine, abs=1e-6)
    assert second["query"] == "river"
    (text,) = answers("king woman", "-k", "9", cwd=folder)  # one text, the mean of its words
    assert names(text) == ["queen", "man", "river"]
    lines = answers("-k", "2", cwd=folder, stdin=b"king\r\n\nriver\n")
    assert [names(each) for each in lines] == [names(first), names(second)]
    (folder / "list").write_bytes(b"king\nriver")
    assert answers("--files-from", "list", "-k", "2", cwd=folder) == [first, second]
    assert answers("king", "-", "-k", "2", cwd=folder, stdin=b"river\n") == [first, second]


@pytest.mark.parametrize("method", ["3cosadd", "3cosmul"])
def test_analogies(folder: Path, method: str) -> None:
    (found,) = answers("king", "woman", "--minus", "man", "--method", method, cwd=folder)
    assert (found["query"], found["minus"]) == (["king", "woman"], ["man"])
    assert names(found) == ["queen", "river"]
    by_line = answers("--minus", "man", "--method", method, cwd=folder, stdin=b"king woman\nriver\n")
    assert by_line[0] == found
    assert names(by_line[1]) != names(found)


def test_upper_and_lower_case(folder: Path) -> None:
    done = run("nearest", "-e", "t.txt", "KING", "-k", "1", cwd=folder)
    assert json.loads(done.stdout)["neighbours"][0]["word"] == "man"
    assert done.stderr == b"attncli nearest: the table has no 'KING'; 'king' is taken\n"
    assert run("nearest", "-e", "t.txt", "-q", "KING", cwd=folder).stderr == b""


@pytest.mark.parametrize(
    ("arguments", "status", "line"),
    [
        (["quen"], 1, "the table has no 'quen'; did you mean 'queen'?"),
        (["king quen"], 1, "the table has no 'quen'; did you mean 'queen'?"),
        (["xyz"], 1, "the table has no 'xyz'"),
        (["  "], 1, "a text of white space alone"),
        (["-e", "zeros.txt", "rare"], 1, "the vector of 'rare' is all zeros: the table has learned nothing of it"),
        (["-e", "zeros.txt", "king", "--minus", "rare"], 1, "the vector of 'rare' is all zeros"),
        (["king", "--minus", "mon"], 1, "the table has no 'mon'; did you mean 'man'?"),
        (["king", "--minus", "king"], 1, "the words of the analogy cancel each other"),
        (["king", "--method", "3cosmul"], 2, "--method solves analogies, and there is no --minus"),
        (["--files-from", "t.txt", "-0"], 2, "-0 is for names of files"),
        (["-e", "bare.npy", "king"], 1, "the table has no labels; give -t, its tokenizer"),
        (["-e", "bare.txt", "king"], 1, "the table has no 'king'; give -t, its tokenizer other@ba9876543210"),
        (
            ["-e", "bare.txt", "-t", "starter", "king"],
            1,
            "the table belongs to the tokenizer other@ba9876543210, not to starter@",
        ),
        (["-t", "starter", "king"], 1, "token"),
    ],
)
def test_what_is_wrong_is_one_line(folder: Path, arguments: list[str], status: int, line: str) -> None:
    Embeddings(ROWS).save(folder / "bare.npy")
    Embeddings(ROWS[:2] * [[1], [0]], labels=["king", "rare"]).save(folder / "zeros.txt")
    Embeddings(ROWS, labels=list("abcde"), tokenizer="other@ba9876543210").save(folder / "bare.txt")
    found = failure("nearest", *(() if "-e" in arguments else ("-e", "t.txt")), *arguments, cwd=folder)
    assert found[0] == status
    assert line in found[1]


def test_lines_before_a_wrong_one_are_answered(folder: Path) -> None:
    done = run("nearest", "-e", "t.txt", stdin=b"king\n\nquen\nriver\n", cwd=folder)
    assert [json.loads(line)["query"] for line in done.stdout.splitlines()] == ["king"]
    assert (done.returncode, done.stderr) == (
        1, b"attncli nearest: -, line 3: the table has no 'quen'; did you mean 'queen'?\n",
    )  # fmt: skip


def test_lines_before_one_without_a_direction_are_answered(folder: Path) -> None:
    Embeddings(ROWS[:2] * [[1], [0]], labels=["king", "rare"]).save(folder / "zeros.txt")
    done = run("nearest", "-e", "zeros.txt", stdin=b"king\nrare\nking\n", cwd=folder)
    assert [json.loads(line)["query"] for line in done.stdout.splitlines()] == ["king"]
    assert done.stderr.startswith(b"attncli nearest: -, line 2: the vector of 'rare' is all zeros")


def test_a_line_is_answered_before_the_next_comes(folder: Path) -> None:
    call = [*COMMAND, "nearest", "-e", "t.txt", "-k", "1"]
    with subprocess.Popen(call, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=folder, env=environment()) as asked:
        assert asked.stdin is not None
        assert asked.stdout is not None
        for word in ("king", "river"):
            asked.stdin.write(f"{word}\n".encode())
            asked.stdin.flush()
            assert json.loads(asked.stdout.readline())["query"] == word
        asked.stdin.close()
        assert asked.wait(timeout=60) == 0


def test_tables_of_tokens(tmp_path: Path) -> None:
    tok = Tokenizer.load("starter")
    rows = np.random.default_rng(0).standard_normal((len(tok), 8)).astype(np.float32)
    bank, river = tok.encode(" bank")[0], tok.encode(" river")[0]
    rows[bank] = rows[river] + 0.01
    table = Embeddings(rows, tokenizer=tok.identity)
    assert table.nearest("river", k=1)[0].word == " bank"
    table.save(tmp_path / "t.safetensors")
    found = json.loads(output("nearest", "-e", "t.safetensors", "river", "-k", "1", cwd=tmp_path))
    assert found["neighbours"][0]["word"] == " bank"
    several = Neighbours(table).rows("the river bank")
    assert several == tok.encode(" the river bank")
    assert Neighbours(table).rows("\u6cb3") == tok.encode("\u6cb3")  # fewer tokens than behind a space
    own = Embeddings(rows, labels=tok.labels(range(len(tok))))  # a table that does not say whose it is
    assert own.nearest("river", k=1, tokenizer=tok)[0].word == " bank"
    assert own.nearest("river", k=1)[0].word == " bank"


def test_what_a_vocabulary_cannot_say(tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nriver\nbank\n")
    rows = np.random.default_rng(0).standard_normal((7, 3)).astype(np.float32)
    Embeddings(rows).save(tmp_path / "t.npy")
    call = ("nearest", "-e", "t.npy", "-t", "vocab.txt", "-k", "9")
    assert len(json.loads(output(*call, "river", cwd=tmp_path))["neighbours"]) == 6
    done = run(*call, "xylophone", cwd=tmp_path)
    assert done.returncode == 0
    assert "became the unknown token: 'xylophone'" in done.stderr.decode()
    assert "makes no token of '\\x7f'" in failure(*call, "\x7f", cwd=tmp_path)[1]


def test_a_table_is_drawn_on_a_terminal(folder: Path) -> None:
    drawn = output("nearest", "-e", "t.txt", "--to", "table", "king", "-k", "2", cwd=folder).decode()
    assert drawn.startswith("king\nman    0.894  ███")
    assert drawn.endswith("\n\n")
    assert (
        "king + woman − man\n"
        in output("nearest", "-e", "t.txt", "--to", "table", "king", "woman", "--minus", "man", cwd=folder).decode()
    )
    master, slave = pty.openpty()
    with subprocess.Popen(
        [*COMMAND, "nearest", "-e", "t.txt", "king"], stdout=slave, cwd=folder, env=environment()
    ) as shown:
        assert shown.wait(timeout=60) == 0
    os.close(slave)
    assert b"0.894" in os.read(master, 4096)
    os.close(master)


def test_from_python() -> None:
    table = Embeddings(ROWS, labels=WORDS)
    assert [each.word for each in table.nearest("king", k=2)] == ["man", "queen"]
    assert table.nearest(["king", "woman"], minus="man", k=1)[0].word == "queen"
    assert table.nearest("king", minus=["man"], k=1, method="3cosmul")[0].similarity > 0
    with pytest.raises(DataError, match="no 'quen'"):
        table.nearest("quen")
    with pytest.raises(CallError, match="no words"):
        table.nearest([], minus="man")
