"""Counted words that outgrow their memory go through sorted runs, and change nothing."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attncli import _native, train_bpe
from attncli.core.reference import counts as twin
from attncli.core.tokenizer.counts import Spill, count_words
from attncli.core.tokenizer.patterns import GPT2, WHITESPACE
from attncli.errors import DataError
from attncli.scratch import Scratch


class Memory:
    """A store that is a list of bytes."""

    def __init__(self) -> None:
        self.bytes = b""

    def write(self, block: bytes) -> None:
        self.bytes += block

    def read(self, offset: int, size: int) -> bytes:
        return self.bytes[offset : offset + size]


words = st.lists(st.binary(max_size=5), max_size=6).map(b" ".join)


@given(st.lists(st.tuples(words, st.booleans()), max_size=6), st.integers(1, 3))
def test_runs_agree(texts: list[tuple[bytes, bool]], threads: int) -> None:
    """Both engines write the same runs, and read each other's; a run more or less changes no count."""
    both: list[Any] = [_native.WordCounts(WHITESPACE, threads=threads), twin.WordCounts(WHITESPACE)]
    whole = twin.WordCounts(WHITESPACE)
    for text, spills in texts:
        whole.add(text)
        whole.add_counts([(text, 2**40)])
        stores = [Memory(), Memory()]
        for counts in both:
            counts.add(text)
            counts.add_counts([(text, 2**40)])
        if spills:
            written = [counts.spill(store.write) for counts, store in zip(both, stores, strict=True)]
            assert written[0] == written[1]
            assert stores[0].bytes == stores[1].bytes
            for counts, store in zip(both, reversed(stores), strict=True):
                counts.add_run(store.read, *written[0])
    assert both[0].items() == both[1].items() == whole.items()
    assert both[0].characters() == whole.characters()
    assert (len(both[0]), both[0].total) == (len(whole), whole.total)
    both[0].add(b"one more")
    assert both[0].items() != whole.items()


@pytest.fixture(scope="module")
def many_words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """About 400,000 distinct words of random letters, 3 MB."""
    letters = random.Random(5)
    path = tmp_path_factory.mktemp("words") / "many.txt"
    path.write_text(" ".join("".join(letters.choices("etaoinshrdlu", k=6)) for _ in range(430_000)) + "\n")
    return path


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_a_small_limit_gives_the_same_merges(many_words: Path, threads: int) -> None:
    runs: list[int] = []
    free = train_bpe(many_words, vocab_size=800, threads=threads)
    tight = train_bpe(many_words, vocab_size=800, threads=threads, max_memory=13_000_000, on_spill=runs.append)
    assert len(runs) > 1
    assert sum(runs) > 3_000_000
    assert tight.serialized() == free.serialized()
    assert train_bpe(many_words, vocab_size=799).merges != free.merges


def test_a_large_limit_is_not_felt(many_words: Path) -> None:
    runs: list[int] = []
    train_bpe(many_words, vocab_size=300, max_memory=1 << 30, on_spill=runs.append)
    assert runs == []


def test_too_small_a_limit_is_refused_with_what_is_needed(many_words: Path) -> None:
    with pytest.raises(DataError, match=r"takes \d+ MB, and 5 are allowed; raise the limit"):
        train_bpe(many_words, vocab_size=800, max_memory=5_000_000)


def test_the_reference_engine_spills_too(samples: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from attncli.core import engine

    text = (samples / "english.txt").read_bytes()[:30_000]
    chunks = [text[at : at + 1000] for at in range(0, len(text), 1000)]
    whole = count_words([chunks], GPT2).items()
    monkeypatch.setenv("ATTNCLI_ENGINE", "reference")
    engine.name.cache_clear()
    runs: list[int] = []
    counts = count_words([chunks], GPT2, spill=Spill(40_000, Memory, runs.append))
    engine.name.cache_clear()
    assert len(runs) > 1
    assert counts.items() == whole


def test_a_store_that_fails_is_told(tmp_path: Path, many_words: Path) -> None:
    with pytest.raises(DataError, match="no-such-folder: no such file"):
        train_bpe(many_words, vocab_size=300, max_memory=13_000_000, temp_dir=tmp_path / "no-such-folder")
    scratch = Scratch(str(tmp_path))
    assert list(tmp_path.iterdir()) == []
    with scratch:
        scratch.write(b"abc")
    with pytest.raises(ValueError, match="closed"):
        scratch.read(0, 1)


@pytest.mark.parametrize("damaged", [b"\x05ab", b"\xff", b"\xff" * 12, b"\x01a"])
def test_a_damaged_run_is_refused_by_both(damaged: bytes) -> None:
    for each in (_native.WordCounts, twin.WordCounts):
        counts: Any = each("")
        with pytest.raises(ValueError, match="cut short"):
            counts.add_run(lambda offset, size: damaged[offset : offset + size], len(damaged), 0)
            counts.items()


def test_counts_beyond_32_bits() -> None:
    for counter, learn in ((_native.WordCounts, _native.train_merges), (twin.WordCounts, None)):
        counts: Any = counter("")
        counts.add_counts([(b"ab", 2**32 - 1), (b"ab", 2**32), (b"bc", 2**33)])
        assert counts.items() == [(b"ab", 2**33 - 1), (b"bc", 2**33)]
        if learn is None:
            from attncli.core.reference.train import train_merges

            learn = train_merges  # type: ignore[assignment]
        assert learn(counts, [b"a", b"b", b"c"], 2) == [(1, 2, 3, 2**33), (0, 1, 4, 2**33 - 1)]  # type: ignore[misc]
