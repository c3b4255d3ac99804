"""The native tokenizer functions against their twins in plain Python, on random input."""

from __future__ import annotations

import sys
import unicodedata
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attncli import _native
from attncli.core.reference import counts, pipeline, split, train
from attncli.core.tokenizer import contract
from attncli.core.tokenizer.model import BPE, AddedToken, Model, WordPiece
from attncli.core.tokenizer.patterns import CL100K, GPT2, O200K, WHITESPACE
from attncli.core.tokenizer.vocab import ALPHABET

PATTERNS = [GPT2, CL100K, O200K, WHITESPACE, "", r"\p{Lu}?\p{Ll}+|\d", r"(?<=a)b+"]
PIECES = [
    b" ", b"  ", b"\n", b"\r\n", b"\t", b"a", b"B", b"'s", b"'LL", b"'", b"12", b"!", b"/", b"\xff", b"\xe4\xb8",
    "é".encode(), "É".encode(), "中文".encode(), "\u0301".encode(), "\u3000".encode(), "ſ".encode(), "'ſ".encode(),
    "²".encode(), "👍🏽".encode(), "Ⅷ".encode(), "ʰ".encode(), "\x85".encode(), b"\x00", b"\x1c", b"aaaa",
]  # fmt: skip


def assigned(text: bytes) -> bool:
    """Whether Python knows all characters: of newer ones the engines' Unicode tables may know more or less."""
    return all(unicodedata.category(c) != "Cn" for c in text.decode("utf-8", "ignore"))


texts = st.one_of(
    st.lists(st.sampled_from(PIECES), max_size=12).map(b"".join),
    st.text(st.characters(exclude_categories=["Cn", "Cs"]), max_size=20).map(str.encode),
    st.binary(max_size=20).filter(assigned),
)


@pytest.mark.parametrize("pattern", [GPT2, CL100K, O200K])
def test_all_assigned_characters_are_of_the_same_class(pattern: str) -> None:
    every = [chr(code) for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) not in ("Cn", "Cs")]
    text = "\n".join(c + "a" + c for c in every).encode()
    assert _native.Splitter(pattern).split(text) == split.Splitter(pattern).split(text)


@given(texts, st.sampled_from(PATTERNS), st.booleans())
def test_splitters_agree(text: bytes, pattern: str, drop_gaps: bool) -> None:
    native = _native.Splitter(pattern, drop_gaps).split(text)
    assert native == split.Splitter(pattern, drop_gaps).split(text)
    if not drop_gaps:
        assert b"".join(text[start:end] for start, end in native) == text


def test_known_patterns_have_splitters_written_by_hand() -> None:
    assert [_native.Splitter(pattern).handwritten for pattern in PATTERNS] == [True] * 5 + [False] * 2


@given(texts, texts, st.sampled_from([GPT2, CL100K, O200K]))
def test_safe_cuts_change_no_piece(before: bytes, after: bytes, pattern: str) -> None:
    splitter = _native.Splitter(pattern)
    cut = splitter.safe_cut(before)
    whole = before + after
    parts = [whole[:cut][start:end] for start, end in splitter.split(whole[:cut])]
    parts += [whole[cut:][start:end] for start, end in splitter.split(whole[cut:])]
    assert parts == [whole[start:end] for start, end in splitter.split(whole)]


@given(st.lists(texts, max_size=5), st.sampled_from(PATTERNS))
def test_counts_agree(several: list[bytes], pattern: str) -> None:
    native, twin = _native.WordCounts(pattern, threads=2), counts.WordCounts(pattern)
    for text in several:
        native.add(text)
        twin.add(text)
    native.add_counts([(b"more", 2**40)])
    twin.add_counts([(b"more", 2**40)])
    assert native.items() == twin.items()
    assert native.characters() == twin.characters()
    assert (len(native), native.total) == (len(twin), twin.total)


words = st.dictionaries(
    st.text(alphabet="ab", max_size=9).map(str.encode), st.integers(1, 2**34), min_size=1, max_size=8
)


@given(words, st.integers(0, 12), st.integers(1, 4), st.sampled_from([None, 2, 3]))
def test_training_agrees(counted: dict[bytes, int], merges: int, frequency: int, longest: int | None) -> None:
    for alphabet, marker in ((ALPHABET, None), ([b"_", b"a", b"b"], b"_"), ([b"a"], None)):
        learned = []
        for counter, learn in ((_native.WordCounts, _native.train_merges), (counts.WordCounts, train.train_merges)):
            words_ = counter("")
            words_.add_counts(sorted(counted.items()))
            options = {"end_of_word": marker, "min_frequency": frequency, "max_token_length": longest}
            learned.append(learn(words_, alphabet, merges, **options))  # type: ignore[arg-type]
            assert len(words_) == 0
        assert learned[0] == learned[1]


def model(pattern: str = "") -> Model:
    """A byte-level vocabulary learned from words that make the same token in several ways."""
    learned = _native.WordCounts("")
    learned.add_counts([(b"aaaa", 9), (b"abab", 8), (b"aab", 7), (b"ba", 3), (b" a", 5), ("中文".encode(), 4)])
    tokens, merges = list(ALPHABET), []
    for left, right, new, _ in _native.train_merges(learned, ALPHABET, 40):
        merges.append((left, right))
        if new == len(tokens):
            tokens.append(tokens[left] + tokens[right])
    split = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
    return Model(tokens, BPE(merges), pre_tokenizer=[split] if pattern else [])


def both(model: Model) -> list[Any]:
    """The native tokenizer of a model, and its twin."""
    arguments, buffers = contract.arguments(model)
    return [each(*arguments, **buffers) for each in (_native.Tokenizer, pipeline.Tokenizer)]


@given(st.lists(texts, max_size=4), st.sampled_from(PATTERNS))
def test_encoders_agree(several: list[bytes], pattern: str) -> None:
    native, twin = both(model(pattern))
    assert native.encode_batch(several, 2) == twin.encode_batch(several)
    assert native.encode_traced(several) == twin.encode_traced(several)
    assert native.count_batch(several) == twin.count_batch(several)
    flat, starts = native.encode_flat(several, 2)
    other, others = twin.encode_flat(several)
    assert (flat.tolist(), starts.tolist()) == (other.tolist(), others.tolist())
    assert native.decode_batch([*native.encode_batch(several), flat]) == [*several, b"".join(several)]


lines = st.lists(st.one_of(texts, st.just(b"\n")), max_size=8).map(b"".join)


@given(lines, st.sampled_from(PATTERNS), st.sampled_from([None, 0, 70_000]), st.booleans(), st.integers(1, 3))
def test_line_encoders_agree(text: bytes, pattern: str, end: int | None, narrow: bool, threads: int) -> None:
    found = []
    for encoder in both(model(pattern)):
        try:
            ids, starts = encoder.encode_lines(np.frombuffer(text, np.uint8), threads, end_of_text=end, narrow=narrow)
        except ValueError as error:
            found.append(str(error))
        else:
            assert ids.dtype == (np.uint16 if narrow else np.uint32)
            found.append(f"{ids.tolist()} {starts.tolist()}")
    assert found[0] == found[1]
    assert ("does not fit" in found[0]) == (narrow and end == 70_000)


def test_lines_of_an_array_with_gaps_are_refused() -> None:
    with pytest.raises(ValueError, match="contiguous"):
        both(model())[0].encode_lines(np.zeros(8, np.uint8)[::2])


@given(st.text(alphabet="ab", min_size=65, max_size=400))
def test_long_words_agree(word: str) -> None:
    native, twin = both(model())
    assert native.encode(word.encode()) == twin.encode(word.encode())


@given(st.lists(texts, max_size=4), st.sampled_from([0.0, 0.1, 0.7, 1.0]), st.integers(0, 2**64 - 1))
def test_the_same_merges_are_left_out(several: list[bytes], dropout: float, seed: int) -> None:
    options = {"allow": [], "before": [1], "after": [2, 3], "dropout": dropout, "seed": seed}
    native, twin = both(model(GPT2))
    ids = native.encode_batch(several, 2, options)
    assert ids == twin.encode_batch(several, 1, options)
    assert native.encode_traced(several, options) == twin.encode_traced(several, options)
    assert native.decode_batch([each[1:-2] for each in ids]) == several
    if dropout == 1:
        assert [len(each) - 3 for each in ids] == [len(text) for text in several]


def test_the_comparison_can_fail() -> None:
    right = model()
    merges = list(right.algorithm.merges)  # type: ignore[union-attr]
    wrong = replace(right, algorithm=BPE([merges[1], merges[0], *merges[2:]]))
    assert both(right)[0].encode(b"aabab") != both(wrong)[1].encode(b"aabab")


@pytest.mark.parametrize(
    "wrong",
    [
        {"algorithm": BPE([(0, 1)])},
        {"algorithm": BPE([(0, 999)])},
        {"algorithm": BPE([], new=[7])},
        {"algorithm": WordPiece(999)},
        {"added": [AddedToken("x", 999)]},
        {"tokens": ALPHABET[1:]},
        {"pre_tokenizer": [{"type": "Split", "pattern": {"Regex": "("}, "behavior": "Isolated"}]},
        {"normalizer": [{"type": "Replace", "pattern": {"Regex": "("}, "content": ""}]},
    ],
)
def test_both_refuse_the_same(wrong: dict[str, Any]) -> None:
    arguments, buffers = contract.arguments(replace(Model(ALPHABET, BPE([])), **wrong))
    for each in (_native.Tokenizer, pipeline.Tokenizer):
        with pytest.raises(ValueError, match=r"merge 0|compile|not as many|unknown token|no place|byte 0x21"):
            each(*arguments, **buffers)


def test_both_refuse_a_text_that_the_normalizer_blows_up() -> None:
    twice = {"type": "Replace", "pattern": {"String": "e"}, "content": "ee"}
    for times, fits in ((6, True), (40, False)):
        arguments, buffers = contract.arguments(Model([*ALPHABET], BPE([]), normalizer=[twice] * times))
        for engine in (_native.Tokenizer, pipeline.Tokenizer):
            tokenizer = engine(*arguments, **buffers)
            if fits:
                assert tokenizer.encode(b"e") == [68] * 64
                continue
            with pytest.raises(ValueError, match="the normalizer makes more than 1048640 bytes of a text"):
                tokenizer.encode(b"e")
