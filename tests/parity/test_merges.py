"""The merges of Hugging Face's trainer, ties included: kept here for the samples, and beside developers' checkouts."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from attncli import Tokenizer, train_bpe

KEPT = json.loads((Path(__file__).parent / "merges" / "merges.json").read_text(encoding="utf-8"))
REFERENCE = Path(__file__).parents[3] / "shared" / "reference" / "bpe-training"
beside = pytest.mark.skipif(not REFERENCE.is_dir(), reason="no reference answers beside this checkout")

Merges = list[tuple[bytes, bytes]]


def pairs(hexadecimal: list[list[str]]) -> Merges:
    return [(bytes.fromhex(left), bytes.fromhex(right)) for left, right in hexadecimal]


def trained(path: Path, **options: Any) -> tuple[Tokenizer, list[int]]:
    """A tokenizer and the count of each of its merges."""
    counts: list[int] = []
    return train_bpe(path, trace=lambda *step: counts.append(step[3]), **options), counts


@pytest.mark.parametrize("name", KEPT)
def test_merges_and_counts_of_the_samples(samples: Path, name: str, each_engine: str) -> None:
    case = KEPT[name]
    assert hashlib.sha256((samples / name).read_bytes()).hexdigest() == case["sha256"]
    ours, counts = trained(samples / name, vocab_size=case["vocab_size"], min_frequency=0)
    assert ours.merges == pairs(case["merges"])
    assert counts == case["counts"]


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("max_memory", [None, 20_000_000])
def test_neither_threads_nor_memory_change_them(samples: Path, threads: int, max_memory: int | None) -> None:
    case = KEPT["english.txt"]
    options: dict[str, Any] = {"vocab_size": 1000, "min_frequency": 0, "threads": threads, "max_memory": max_memory}
    assert trained(samples / "english.txt", **options)[0].merges == pairs(case["merges"])


def test_another_text_has_other_merges(samples: Path) -> None:
    ours, _ = trained(samples / "multilingual.txt", vocab_size=1000)
    assert ours.merges != pairs(KEPT["english.txt"]["merges"])


def reference(corpus: str) -> Any:
    return json.loads((REFERENCE / f"{corpus}.json").read_text(encoding="utf-8"))


@beside
@pytest.mark.parametrize("run", ["v1000_mf0", "v1000_mf2", "v8000_mf0", "v8000_mf2"])
@pytest.mark.parametrize("corpus", ["shakespeare", "python_code", "taylorswift"])
def test_all_runs_of_the_reference(corpus: str, run: str) -> None:
    runs = reference(corpus)["runs"]
    size, frequency = (int(part.lstrip("vmf")) for part in run.split("_"))
    case = runs[run]
    # Where the frequency is 2, the reference keeps no list: it is the beginning of the one with 0.
    assert "merges" in case or case["same_as_mf0_prefix"]
    expected = pairs(runs[run.replace("mf2", "mf0")]["merges"])[: case["n_merges"]]
    ours, counts = trained(REFERENCE / f"{corpus}.txt", vocab_size=size, min_frequency=frequency)
    assert ours.merges == expected
    assert counts == case["counts"]


@beside
@pytest.mark.parametrize(("corpus", "size"), [("shakespeare", 8000), ("python_code", 1000), ("taylorswift", 8000)])
@pytest.mark.parametrize("pattern", ["gpt2", "cl100k"])
def test_every_step_takes_the_highest_count(corpus: str, size: int, pattern: str) -> None:
    """By the checker that lies beside the reference, which counts words with a regex engine of its own."""
    pytest.importorskip("regex")
    spec = importlib.util.spec_from_file_location("check_bpe_merges", REFERENCE / "check_bpe_merges.py")
    assert spec is not None
    assert spec.loader is not None
    checker = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(checker)
    path = REFERENCE / f"{corpus}.txt"
    ours, counts = trained(path, vocab_size=size, pattern=pattern)
    words = checker.chunk(path.read_bytes().decode("utf-8"), checker.GPT2 if pattern == "gpt2" else checker.GPT4)
    steps = checker.check(words, ours.merges)
    assert all(ok for _, _, ok, _ in steps)
    assert [count for count, *_ in steps] == counts
    assert [ok for _, _, ok, _ in checker.check(words, [(b"z", b"z"), ours.merges[0]])] == [False, True]
