"""Words without end take no more than their share of time, under every pattern and kind of model; and come back."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

FIXTURES = Path(__file__).parents[1] / "fixtures"
SIZE = 500_000
"""Bytes: what is quadratic takes minutes."""
SECONDS = 60
PROGRAM = """
import json, random, resource, sys
from attncli.artifacts.tokenizer import Tokenizer
from attncli.core.tokenizer.patterns import KNOWN
from dataclasses import replace

size, seconds = int(sys.argv[1]), int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
letters = bytes(random.Random(1).choices(b"abcdefghijklmnopqrstuvwxyz", k=5_000))
marks = ("a" + "\\u0301\\u0323" * 500).encode()
kinds = [b"a", b" ", b"0123456789", letters, marks, "河岸的银行".encode(), b"'", b"\\n", b"a'", b" \\n  \\n", b"aaaab"]
for path in sys.argv[3:]:
    path, _, pattern = path.partition("@")
    coder = Tokenizer.load(path)
    if pattern:
        split = {"type": "Split", "pattern": {"Regex": KNOWN.get(pattern, pattern)}, "behavior": "Isolated",
                 "invert": False}
        coder = Tokenizer(replace(coder.model, pre_tokenizer=[split, coder.model.pre_tokenizer[-1]]))
    for kind in kinds:
        text = (kind * (size // len(kind) + 1)).decode()
        ids = coder.encode(text)
        print(json.dumps([path, pattern, ascii(text[:9]), coder.decode(ids) == text.encode()]), flush=True)
"""
LOSSLESS = [
    *(f"starter@{pattern}" for pattern in ("gpt2", "cl100k", "o200k", "whitespace", r"\w+|\W", r"\p{N}")),
    *(str(FIXTURES / f"{name}.json") for name in ("llama3", "llama2")),
]
LOSSY = [
    *(str(FIXTURES / f"{name}.json") for name in ("bert", "clip", "qwen2")),
    *(str(path) for path in sorted((FIXTURES / "sentencepiece").glob("*.model"))),
]


@pytest.mark.parametrize("paths", [LOSSLESS, LOSSY], ids=["lossless", "lossy"])
def test_time_grows_with_the_size(paths: list[str], tmp_path: Path) -> None:
    for number, path in enumerate(paths):
        if path.endswith(".json"):
            named = tmp_path / f"{number}.json"
            named.write_text(json.dumps(json.loads(Path(path).read_text("utf-8"))["tokenizer"]))
            paths = [*paths[:number], str(named), *paths[number + 1 :]]
    command = [sys.executable, "-c", PROGRAM, str(SIZE), str(SECONDS), *paths]
    # Away from the checkout, so that the engine is the installed one.
    done = subprocess.run(command, capture_output=True, timeout=5 * SECONDS, cwd=tmp_path)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, (lines[-1:], done.stderr[-500:])
    assert len(lines) == 11 * len(paths)
    if paths[0] == LOSSLESS[0]:
        assert [line for line in lines if not line[3]] == []


def test_the_limit_is_one(tmp_path: Path) -> None:
    """A process that takes too long ends."""
    command = [sys.executable, "-c", PROGRAM, "100000000", "1", "starter@gpt2"]
    assert subprocess.run(command, capture_output=True, timeout=120, cwd=tmp_path).returncode < 0
