"""tiktoken's ranks: the native readers against their twins, and derived merges against tiktoken itself."""

from __future__ import annotations

import base64
from array import array
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attncli import _native
from attncli.core.reference import ranks


def completed(words: list[str]) -> list[bytes]:
    """The words, and behind them the bytes that are not among them."""
    tokens = [word.encode() for word in words]
    return tokens + [byte for byte in BYTES if byte not in tokens]


BYTES = [bytes([byte]) for byte in range(256)]
tables = (
    st.lists(
        st.one_of(st.text("ab", min_size=2, max_size=6), st.text("abc", min_size=2, max_size=12)),
        unique=True,
        max_size=30,
    )
    .flatmap(lambda words: st.permutations(["a", "b", "c", *words]))
    .map(completed)
)
lines = st.lists(
    st.one_of(
        st.tuples(st.binary(max_size=4), st.integers(-1, 6)).map(
            lambda entry: base64.b64encode(entry[0]) + b" %d" % entry[1]
        ),
        st.sampled_from(
            [b"", b"YQ== 1\r", b"YQ==", b"YR== 2", b"YQ= 3", b"YQ== x", b"YQ== 99999999999", b"YQ== 70000"]
        ),
        st.binary(max_size=6),
    ),
    max_size=6,
).map(b"\n".join)


@given(tables)
def test_derived_merges_agree(tokens: list[bytes]) -> None:
    flat = ranks.flat(tokens)
    assert _native.derive_merges(*flat) == ranks.derive_merges(*flat)


def test_the_comparison_can_fail() -> None:
    one, other = (ranks.flat(completed(words)) for words in (["a", "b", "ab"], ["b", "a", "ab"]))
    assert _native.derive_merges(*one) != ranks.derive_merges(*other)


@given(lines)
def test_readers_agree(data: bytes) -> None:
    try:
        expected = ranks.read_ranks(data)
    except ValueError as error:
        assert "line" in str(error)
        assert _native.read_ranks(data) is None
    else:
        assert _native.read_ranks(data) == expected


def test_a_missing_byte_is_noticed() -> None:
    flat = ranks.flat(completed(["ab"])[:-1])
    assert _native.derive_merges(*flat) is ranks.derive_merges(*flat) is None


def test_ends_that_do_not_fit_are_refused() -> None:
    for ends in ([1], [3, 2], [4], []):
        with pytest.raises(ValueError, match="do not fit"):
            _native.derive_merges(b"ab", array("I", ends).tobytes())


@given(tables, st.text("abc", max_size=20))
def test_derived_merges_are_tiktokens(tokens: list[bytes], text: str) -> None:
    tiktoken = pytest.importorskip("tiktoken")
    theirs = tiktoken.Encoding(
        "x", pat_str=r"[\s\S]+", mergeable_ranks={token: rank for rank, token in enumerate(tokens)}, special_tokens={}
    )
    found = _native.derive_merges(*ranks.flat(tokens))
    assert found is not None
    pairs, new = (array("I", part) for part in found)
    assert merged(text.encode(), tokens, pairs, new) == theirs.encode(text)


def merged(text: bytes, tokens: list[bytes], pairs: array[int], new: array[int]) -> list[int]:
    """The plainest BPE: a piece that is a token at once, else by the list of merges."""
    if text in tokens:
        return [tokens.index(text)]
    ids = [tokens.index(text[at : at + 1]) for at in range(len(text))]
    of_pair = {(pairs[2 * at], pairs[2 * at + 1]): rank for at, rank in enumerate(new)}
    while True:
        found = [(of_pair[pair], place) for place, pair in enumerate(pairwise(ids)) if pair in of_pair]
        if not found:
            return ids
        rank, place = min(found)
        ids[place : place + 2] = [rank]
