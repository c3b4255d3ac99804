"""The examples in the docstrings give what they say."""

from __future__ import annotations

import doctest
import importlib
import io
from pathlib import Path

import numpy as np
import pytest

import attncli
from attncli.core.tokenizer.vocab import ALPHABET

PACKAGE = Path(attncli.__file__).parent
MODULES = sorted(
    ".".join(("attncli", *path.relative_to(PACKAGE).with_suffix("").parts))
    for path in PACKAGE.rglob("*.py")
    if not path.name.startswith("__")
)


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("corpus.txt").write_text("banana " * 3 + "ananas " * 2 + "bandana")
    scope = {"io": io, "np": np, "ALPHABET": ALPHABET}
    found = doctest.testmod(importlib.import_module(name), extraglobs=scope)
    assert found.failed == 0


def test_there_are_examples_enough() -> None:
    count = sum(path.read_text(encoding="utf-8").count(">>> ") for path in PACKAGE.rglob("*.py"))
    assert count >= 30
