"""How labels are spelled in files: whatever they hold, they come back, and words stay as they are."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attncli.core.embedding.labels import FEW, Labels, spelled, unspelled
from attncli.errors import DataError

AWKWARD = [
    "",
    " ",
    " bank",
    "\n",
    "\\",
    "\\x20",
    "\\x",
    "\\x5c",
    "\\\\x20",
    "\\frac",
    "caf\u00e9",
    "\udce4\udcb8",
    "\x00",
    "\u2028",
]
TOKENS = st.binary(max_size=8).map(lambda token: token.decode("utf-8", "surrogateescape")) | st.sampled_from(AWKWARD)


@given(TOKENS | st.text("\\x205ce4f ", max_size=9))
def test_every_label_comes_back(label: str) -> None:
    text = spelled(label)
    assert unspelled(text) == label
    assert not re.search(rb"[\x00-\x20\x7f]", text)
    assert text
    text.decode("utf-8")


@given(st.text(st.characters(exclude_categories=["Cc", "Cs", "Zs"], exclude_characters="\\"), min_size=1))
def test_words_stay_as_they_are(word: str) -> None:
    assert spelled(word) == word.encode()


def test_examples() -> None:
    assert spelled("\udce4\udcb8") == rb"\xe4\xb8"
    assert spelled("\\x20") == rb"\x5cx20"
    assert spelled("\\frac") == rb"\frac"
    assert unspelled(rb"\x41") == "\\x41"  # what no label is spelled as stays
    with pytest.raises(DataError, match="half a surrogate"):
        spelled("\ud800")


@given(st.lists(TOKENS, max_size=9))
def test_labels_in_one_piece(labels: list[str]) -> None:
    found = Labels.of(labels)
    assert len(found) == len(labels)
    assert list(found) == labels
    assert found[1:3] == labels[1:3]
    assert found.lines(0, len(labels)) == found.text
    assert b"".join(found.lines(row, row + 1) for row in range(len(labels))) == found.text
    assert [found.find(label) for label in labels] == [labels.index(label) for label in labels]
    assert found.find("no such label") is None


def test_many_look_ups_give_the_same(each_engine: str) -> None:
    labels = Labels.of(["a", "b", "a", " a"])
    for _ in range(2 * FEW):
        assert [labels.find(label) for label in ("a", "b", " a", "c")] == [0, 1, 3, None]


def test_what_files_have() -> None:
    assert list(Labels(b". .\ncaf\xe9\n\n\\x20a")) == [". .", "caf\udce9", "", " a"]
    assert Labels(b". .\n").text == b".\\x20.\n"
    with pytest.raises(IndexError):
        Labels(b"a\n")[1]


def test_near_labels() -> None:
    labels = Labels.of(["king", "queen", " river", "Paris"])
    assert (labels.near("kink"), labels.near("riverr"), labels.near("xyz")) == ("king", "river", None)
    assert (labels.find_in_any_case("PARIS"), labels.find_in_any_case("rome")) == (3, None)
