"""Tokenizer files that lie, each in a process of its own: one line that names the file and the fault, within limits."""

from __future__ import annotations

import base64
import gzip
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from parsers import PARSERS, SEEDS

from attncli.artifacts.tokenizer import Tokenizer
from attncli.core.tokenizer.vocab import ALPHABET, spelled
from attncli.errors import AttncliError, DataError

PROGRAM = """
import json, os, resource, sys
from attncli.artifacts.tokenizer import Tokenizer
from attncli.errors import AttncliError
for path in sys.argv[1:]:
    if os.fork():
        _, status = os.wait()
        if status:
            print(json.dumps([path, f"status {status}", 0]), flush=True)
        continue
    resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
    resource.setrlimit(resource.RLIMIT_AS, (1 << 31, 1 << 31))
    try:
        pattern = "gpt2" if path.endswith(".tiktoken") else None
        coder = Tokenizer.load(path, pattern=pattern)
        coder.encode("a" * 4000 + "!")
        told = None
    except AttncliError as error:
        told = str(error)
    print(json.dumps([path, told, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss]), flush=True)
    os._exit(0)
"""
MOST_MEMORY = 500_000
"""KiB."""
DEEP = 200_000
OF_THE_TEXT = ("the pattern gives up on this text", "the normalizer makes more than")
"""What is said of a text, and not of the tokenizer's file."""
IDS = {spelled(byte): id_ for id_, byte in enumerate(ALPHABET)}
BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False}


def whole(**changes: Any) -> bytes:
    model = {"type": "BPE", "vocab": IDS | {"ab": 256}, "merges": [["a", "b"]]} | changes.pop("model", {})
    return json.dumps({"model": model, "pre_tokenizer": BYTE_LEVEL} | changes).encode()


def split(regex: str) -> bytes:
    step = {"type": "Split", "pattern": {"Regex": regex}, "behavior": "Isolated", "invert": False}
    return whole(pre_tokenizer={"type": "Sequence", "pretokenizers": [step, BYTE_LEVEL | {"use_regex": False}]})


def sequence(steps: list[Any], of: str = "normalizers") -> dict[str, Any]:
    return {"type": "Sequence", of: steps}


def replaced(one: str, other: str) -> dict[str, Any]:
    return {"type": "Replace", "pattern": {"String": one}, "content": other}


def ranks(*more: bytes) -> bytes:
    tokens = [*ALPHABET, b"ab"]
    lines = [b"%s %d" % (base64.b64encode(token), rank) for rank, token in enumerate(tokens)]
    return b"\n".join([*lines, *more])


CASES: dict[str, tuple[bytes, str]] = {
    "deep/tokenizer.json": (b'{"model":' + b"[" * DEEP, "nested too deep"),
    "deep-vocab/tokenizer.json": (whole().replace(b'"!": 0', b'"!": ' + b"[" * DEEP + b"]" * DEEP), "nested too deep"),
    "deep-merges/tokenizer.json": (whole().replace(b'["a", "b"]', b"[" * DEEP + b"]" * DEEP), "nested too deep"),
    "deep-added/tokenizer.json": (whole()[:-1] + b', "added_tokens": ' + b'{"a":' * DEEP, "nested too deep"),
    "minus/tokenizer.json": (whole(model={"vocab": {"a": -1}}), "-1 is no id"),
    "large/tokenizer.json": (whole(model={"vocab": {"a": 10**9}, "merges": []}), "1,000,000,000"),
    "larger/tokenizer.json": (whole(model={"vocab": {"a": 2**40}}), "is no id"),
    "added/tokenizer.json": (whole(added_tokens=[{"id": 10**9, "content": "<x>", "special": True}]), "1,000,000,000"),
    "unknown/tokenizer.json": (whole(model={"merges": [["a", "zz"]]}), "merges[0]"),
    "pattern/tokenizer.json": (split("(a"), "pattern"),
    "repeat/tokenizer.json": (split("((a{1000}){1000}){1000}"), "pattern"),
    "backtrack/tokenizer.json": (split(r"(?=a)(a+)+b(?!c)"), OF_THE_TEXT[0]),
    "long-regex/tokenizer.json": (split("(ab|c)" * 1_700_000), "10200000"),
    "deep-regex/tokenizer.json": (split("(" * DEEP + "a" + ")" * DEEP), "pattern"),
    "steps/tokenizer.json": (whole(normalizer=sequence([{"type": "NFC"}] * DEEP)), "200,000 steps"),
    "doubling/tokenizer.json": (whole(normalizer=sequence([replaced("a", "aa")] * 64)), OF_THE_TEXT[1]),
    "at-once/tokenizer.json": (whole(normalizer=replaced("a", "b" * 1_000_000)), OF_THE_TEXT[1]),
    "spelling/tokenizer.json": (whole(pre_tokenizer=sequence([BYTE_LEVEL] * 64, "pretokenizers")), "64 ByteLevel"),
    "nothing/tokenizer.json": (whole(normalizer=replaced("", "b")), ""),
    "bomb/tokenizer.json": (gzip.compress(b"{") + gzip.compress(b" " * (1 << 24)) * 64, "larger than"),
    "deep/vocab.json": (b'{"a": ' * DEEP, "nested too deep"),
    "ids/vocab.json": (json.dumps(IDS | {"x": 10**9}).encode(), "1,000,000,000"),
    "minus/vocab.json": (json.dumps(IDS | {"x": -1}).encode(), "-1 is no id"),
    "large.tiktoken": (ranks(b"YWE= 1000000000"), "line 258"),
    "larger.tiktoken": (ranks(b"YWE= 1099511627776"), "line 258"),
    "minus.tiktoken": (ranks(b"YWE= -1"), "line 258"),
    "base64.tiktoken": (ranks(b"Y!E= 999"), "line 258"),
    "byte.tiktoken": (ranks().replace(b"/w== ", b"YWE= "), "0xff"),
    "long.tiktoken": (ranks(base64.b64encode(b"a" * 5_000_000) + b" 257"), ""),
    "chain.tiktoken": (ranks(*(base64.b64encode(b"a" * size) + b" %d" % (255 + size) for size in range(2, 3000))), ""),
    "twice/vocab.txt": (b"[UNK]\na\na\n", "line 3"),
    "garbage/vocab.txt": (b"\xff" * 10_000_000, ""),
    "zeros": (b"\0" * 10_000_000, "no tokenizer of a known format"),
    "zeros.bin": (b"\0" * 10_000_000, "no tokenizer of a known format"),
    "clip.txt": (b'"bpe_simple_vocab_16e6.txt#version: 0.2\na b\n', "1 merges where"),
}
"""Name -> the file, and what is said of it; "" where it may be read."""


@pytest.fixture(scope="module")
def told() -> dict[str, tuple[str | None, int]]:
    """What is said of each file, and the memory that it took."""
    with tempfile.TemporaryDirectory() as folder:
        paths = {}
        for name, (data, _) in CASES.items():
            path = Path(folder, name)
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data)
            if path.name == "vocab.json":
                path.with_name("merges.txt").write_bytes(b"#version: 0.2\n")
            paths[str(path)] = name
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, *paths], capture_output=True, check=True, timeout=300, cwd=folder
        )
    assert done.stderr == b""
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {paths[path]: (message and message.replace(path, "FILE"), memory) for path, message, memory in lines}


@pytest.mark.parametrize("name", CASES)
def test_one_line_within_limits(name: str, told: dict[str, tuple[str | None, int]]) -> None:
    message, memory = told[name]
    complaint = CASES[name][1]
    assert memory < MOST_MEMORY
    if complaint or message:
        assert message is not None
        assert message.startswith("FILE: ") or complaint in OF_THE_TEXT
        assert complaint in message
        assert len(message.splitlines()) == 1


@pytest.mark.parametrize("name", ["tiktoken", "vocab_merges", "vocab_txt"])
def test_truncation_anywhere(name: str) -> None:
    seed = SEEDS[name][0]
    for percent in range(100):
        try:
            PARSERS[name](seed[: len(seed) * percent // 100])
        except AttncliError as error:
            assert "\n" not in str(error)


@pytest.mark.parametrize("name", ["tokenizer.json", "merges.txt", "x.tiktoken", "x.model"])
def test_a_pipe_in_a_folder_is_no_file(name: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / name)
    (tmp_path / "vocab.json").write_bytes(json.dumps(IDS).encode())
    with pytest.raises(DataError, match="no tokenizer is in this folder"):
        Tokenizer.load(tmp_path)


def test_a_link_to_itself(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    path.symlink_to(path)
    with pytest.raises(DataError, match=re.escape(str(path))):
        Tokenizer.load(path)


def test_a_gigabyte_of_nothing(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    with path.open("wb") as handle:
        handle.truncate(1 << 30)
    with pytest.raises(DataError, match="larger than"):
        Tokenizer.load(path)


def test_the_limits_are_those_of_the_programs_own() -> None:
    """A process that takes too long is told of."""
    slow = PROGRAM.replace("(20, 20)", "(1, 1)").replace('coder.encode("a" * 4000 + "!")', "exec('while True: pass')")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "tokenizer.json")
        path.write_bytes(whole())
        done = subprocess.run([sys.executable, "-c", slow, str(path)], capture_output=True, check=True, cwd=folder)
    assert json.loads(done.stdout)[1].startswith("status ")
