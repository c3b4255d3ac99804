"""What several tests share: the sample corpora, both engines, a small tokenizer."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from attncli.artifacts.tokenizer import Tokenizer
from attncli.artifacts.training import train_bpe
from attncli.core import engine

# A shell has what it begins in the background ignore Ctrl-C, and so would every command that a test interrupts.
signal.signal(signal.SIGINT, signal.default_int_handler)

SAMPLES = Path(__file__).parent.parent / "sample_corpora"

settings.register_profile(
    "attncli",
    derandomize="CI" in os.environ,
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
settings.load_profile("attncli")


@pytest.fixture(scope="session")
def samples() -> Path:
    """The folder of the sample corpora."""
    return SAMPLES


@pytest.fixture(params=["native", "reference"])
def each_engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Runs a test under each engine."""
    monkeypatch.setenv("ATTNCLI_ENGINE", request.param)
    engine.name.cache_clear()
    yield request.param
    engine.name.cache_clear()


@pytest.fixture(scope="session")
def tokenizer() -> Tokenizer:
    """A byte-level tokenizer of 1,000 entries and a special token, trained on the English and multilingual samples."""
    paths = [SAMPLES / "english.txt", SAMPLES / "multilingual.txt"]
    return train_bpe(paths, vocab_size=1000, special=["<|endoftext|>"], name="small")
