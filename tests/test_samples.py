"""The sample corpora and the starter are the files that their READMEs describe."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROWS = [
    (folder, *row)
    for folder in ("sample_corpora", "attncli/starter")
    for row in re.findall(
        r"^\| `([^`]+)` \|.*?\s(\d+) \| `([0-9a-f]{64})` \|$", (ROOT / folder / "README.md").read_text(), flags=re.M
    )
]


@pytest.mark.parametrize(("folder", "name", "size", "digest"), ROWS)
def test_sizes_and_checksums(folder: str, name: str, size: str, digest: str) -> None:
    data = (ROOT / folder / name).read_bytes()
    assert (len(data), hashlib.sha256(data).hexdigest()) == (int(size), digest)


def test_every_file_has_its_row() -> None:
    listed = {str(Path(folder, name)) for folder, name, _, _ in ROWS}
    found = {
        str(path.relative_to(ROOT))
        for folder in ("sample_corpora", "attncli/starter")
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and path.name != "README.md"
    }
    assert listed == found


def test_english_is_prose_without_repetition() -> None:
    text = (ROOT / "sample_corpora/english.txt").read_text(encoding="utf-8")
    assert len(text.encode()) >= 120_000
    sentences = [s for s in re.split(r"(?<=[.!?])\s+", text) if len(s.split()) > 4]
    assert len(sentences) == len(set(sentences))
    for word in ("bank", "spring", "bat", "light"):
        assert len(re.findall(rf"\b{word}\b", text)) >= 10


def test_many_scripts() -> None:
    text = (ROOT / "sample_corpora/multilingual.txt").read_text(encoding="utf-8")
    scripts = {unicodedata.name(c, "").split()[0] for c in text if c.isalpha()}
    wanted = {"LATIN", "CYRILLIC", "GREEK", "ARABIC", "HEBREW", "DEVANAGARI", "BENGALI", "TAMIL", "THAI", "GEORGIAN"}
    assert wanted | {"ARMENIAN", "ETHIOPIC", "CJK", "HIRAGANA", "KATAKANA", "HANGUL"} <= scripts


def test_the_starter_is_small() -> None:
    assert sum(path.stat().st_size for path in (ROOT / "attncli/starter").iterdir()) < 6_000_000
