"""What fuzzing has found stays found: every kept input is read, or refused in one line."""

from __future__ import annotations

from pathlib import Path

import pytest
from parsers import PARSERS, SEEDS

from attncli.errors import AttncliError

CORPUS = Path(__file__).parent / "corpus"
KEPT = sorted(path for path in CORPUS.glob("*/*") if path.is_file())


@pytest.mark.parametrize("path", KEPT, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_kept_inputs(path: Path) -> None:
    try:
        PARSERS[path.parent.name](path.read_bytes())
    except AttncliError as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize("name", sorted(SEEDS))
def test_seeds_are_read(name: str) -> None:
    for seed in SEEDS[name]:
        PARSERS[name](seed)


def test_every_folder_has_a_parser() -> None:
    assert {path.parent.name for path in KEPT} <= set(PARSERS)
