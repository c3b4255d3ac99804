"""The native readers of tokenizer.json's tables against their twins, and against the plain reader."""

from __future__ import annotations

import json
from array import array
from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from attncli import _native
from attncli.core.reference import tables
from attncli.core.reference.ranks import flat
from attncli.core.reference.tables import BYTE_OF
from attncli.core.tokenizer.model import BPE
from attncli.core.tokenizer.vocab import ALPHABET, spelled
from attncli.errors import DataError
from attncli.formats import tokenizer_json, vocab_merges
from attncli.formats.tokenizer_config import TokenizerConfig

names = st.text('aĠ"\\\n😀<', max_size=3)
ids = st.one_of(st.integers(-1, 8), st.sampled_from([70_000, 1 << 31, 1.0, True, None, "1"]))
merges = st.lists(
    st.one_of(st.lists(names, min_size=2, max_size=2), st.tuples(names, names).map(" ".join), names, st.none()),
    max_size=4,
)


@st.composite
def files(draw: Any) -> bytes:
    """Some in order, some not; written in several ways."""
    vocab = draw(st.dictionaries(names, ids, max_size=5))
    if draw(st.booleans()):
        vocab = {name: id_ for id_, name in enumerate(filter(None, vocab))}
    rest = draw(st.dictionaries(st.sampled_from(["a", "type"]), st.sampled_from([1, "}", [{}], None])))
    known = st.sampled_from(sorted(vocab) or [""])
    pairs = draw(st.one_of(merges, st.lists(st.tuples(known, known).map(list), max_size=4)))
    model = {"vocab": vocab, "merges": pairs} | rest
    whole = rest | {"model": dict(reversed(model.items())) if draw(st.booleans()) else model}
    return json.dumps(whole, ensure_ascii=draw(st.booleans()), indent=draw(st.sampled_from([None, 1]))).encode()


@given(files())
def test_what_is_lifted_agrees(data: bytes) -> None:
    found, expected = _native.lift_tokenizer_json(data), tables.lift_tokenizer_json(data)
    assert (found is None) == (expected is None)
    if found is not None and expected is not None:
        assert json.loads(found[0]) == json.loads(expected[0])
        assert found[1:] == expected[1:]


@given(
    st.lists(names.map(str.encode), max_size=5),
    st.lists(st.tuples(st.sampled_from([0, 1, 2, 5, 70_000]), names.map(str.encode)), max_size=3),
    st.booleans(),
)
def test_added_tokens_agree(tokens: list[bytes], added: list[tuple[int, bytes]], is_spelled: bool) -> None:
    found = _native.add_tokens(*flat(tokens), added, is_spelled)
    assert found == tables.add_tokens(*flat(tokens), added, is_spelled)


@st.composite
def pairs_of_files(draw: Any) -> tuple[bytes, bytes]:
    """vocab.json and merges.txt, some of them in order."""
    vocab = draw(st.dictionaries(names, ids, max_size=5))
    if draw(st.booleans()):
        parts = draw(st.lists(st.text("aĠ<", min_size=1, max_size=2), min_size=1, max_size=4))
        vocab = {name: id_ for id_, name in enumerate(dict.fromkeys([*parts, parts[0] + parts[-1], "a b"]))}
    known = st.sampled_from(sorted(vocab) or [""])
    lines = draw(st.lists(st.one_of(st.tuples(known, known).map(" ".join), names), max_size=3))
    header = draw(st.sampled_from(["", "#version: 0.2\n", "#version"]))
    end = draw(st.sampled_from(["\n", "\r\n"]))
    merges = header + end.join(lines) + draw(st.sampled_from(["", "\n", "\n\n"]))
    return json.dumps(vocab, indent=draw(st.sampled_from([None, 1]))).encode() + b"\n", merges.encode()


@given(pairs_of_files())
def test_a_pair_of_files_agrees(files: tuple[bytes, bytes]) -> None:
    found = _native.lift_vocab_merges(*files)
    assert found == tables.lift_vocab_merges(*files)
    if found is not None:
        event("in order" if found[2] else "no merges")


@given(pairs_of_files(), st.booleans())
def test_a_pair_of_files_reads_as_the_plain_reader_reads_it(files: tuple[bytes, bytes], full: bool) -> None:
    if full:
        every = {spelled(byte): id_ for id_, byte in enumerate(ALPHABET, 100)}
        files = json.dumps(every | json.loads(files[0])).encode(), files[1]
    lifted = outcome(vocab_merges.read, *files)
    assert lifted == outcome(vocab_merges._read_plain, *files, "", TokenizerConfig(), None)


def test_a_good_pair_of_files_is_lifted() -> None:
    every = [spelled(byte) for byte in ALPHABET]
    vocab = {name: id_ for id_, name in enumerate([*every, "Ġa", "<|endoftext|>"])}
    files = json.dumps(vocab).encode(), "#version: 0.2\nĠ a\n".encode()
    config = TokenizerConfig({"tokenizer_config.json": b'{"bos_token": "<|endoftext|>"}'})
    model = vocab_merges._read_lifted(*files, "", config, None)
    assert model == vocab_merges._read_plain(*files, "", config, None)
    assert model is not None
    assert [token.id for token in model.added] == [257]
    for wrong in ("Ġ b", "Ġa a", "Ġ  a", "Ġ a ", "Ġ"):
        assert _native.lift_vocab_merges(files[0], wrong.encode()) is None


def test_the_comparisons_can_fail() -> None:
    files = b'{"a": 0, "b": 1, "ab": 2}', b"a b"
    assert _native.lift_vocab_merges(*files) != tables.lift_vocab_merges(files[0], b"")
    data = b'{"model": {"vocab": {"a": 0, "b": 1}, "merges": []}}'
    assert _native.lift_tokenizer_json(data) != tables.lift_tokenizer_json(data.replace(b'"b"', b'"c"'))
    assert _native.add_tokens(*flat([b"a"]), [], False) != tables.add_tokens(*flat([b"b"]), [], False)


def test_all_bytes_have_the_same_stand_ins() -> None:
    every = [spelled(byte).encode() for byte in ALPHABET]
    assert _native.add_tokens(*flat(every), [], True) == flat(ALPHABET)
    assert [BYTE_OF[name.decode()] for name in every] == [byte[0] for byte in ALPHABET]


@given(files())
def test_a_lifted_file_reads_as_the_plain_reader_reads_it(data: bytes) -> None:
    whole = json.loads(data) | {"pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False}}
    whole["model"]["type"] = "BPE"
    assert outcome(tokenizer_json.read, json.dumps(whole).encode()) == outcome(tokenizer_json.from_object, whole)


def test_a_good_file_is_lifted() -> None:
    every = [spelled(byte) for byte in ALPHABET]
    ids = {name: id_ for id_, name in enumerate([*every, "Ġa"])}
    whole = {
        "model": {"vocab": ids, "merges": [["Ġ", "a"]]},
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False},
    }
    lifted = _native.lift_tokenizer_json(json.dumps(whole).encode())
    assert lifted is not None
    assert lifted[1:3] == flat([name.encode() for name in ids])
    assert lifted[3] == array("I", [ids["Ġ"], ids["a"]]).tobytes()
    model = tokenizer_json.read(json.dumps(whole).encode())
    assert model.tokens[:] == [*ALPHABET, b" a"]
    assert isinstance(model.algorithm, BPE)
    assert list(model.algorithm.merges) == [(ids["Ġ"], ids["a"])]


def outcome(read: Any, *source: Any) -> Any:
    try:
        return read(*source)
    except ValueError as error:
        return str(error)


def test_a_fault_in_the_rest_is_told_by_its_place_in_the_file() -> None:
    data = b'{"model": {"vocab": {"a": 0, "b": 1}, "merges": []}, "x": nul}'
    assert _native.lift_tokenizer_json(data) is not None
    with pytest.raises(DataError, match=f"char {data.index(b'nul')}"):
        tokenizer_json.read(data)
