"""llama2.c's tokenizer.bin: read as run.c reads it, hostile files refused."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sentencepiece_models import built

from attncli.core.reference.pipeline import Tokenizer as Twin
from attncli.core.tokenizer.tokenizer import Tokenizer
from attncli.errors import DataError
from attncli.formats import llama2c

PIECES = [" ", "a", "b", "t", "h", "e", "é", " a", "th", "he", " t", " th", " the", "the", "ab", "aa", "\n"]
HEADS = ["<unk>", "\n<s>\n", "\n</s>\n", *(f"<0x{byte:02X}>" for byte in range(256))]


def entry(text: bytes, score: float = 0.0) -> bytes:
    return struct.pack("<fi", score, len(text)) + text


def file_of(pieces: list[str], longest: int = 8) -> bytes:
    heads = b"".join(entry(text.encode()) for text in HEADS)
    return struct.pack("<i", longest) + heads + b"".join(entry(p.encode(), -i) for i, p in enumerate(pieces))


def run_c(text: bytes, pieces: list[str]) -> list[int]:
    """What run.c's encode does, word for word as its comments tell it: look-ups by spelling, best pair, again."""
    spelled = [text.encode() for text in [*HEADS, *pieces]]
    ids = {piece: id_ for id_, piece in enumerate(spelled)}
    scores = [0.0] * len(HEADS) + [float(-place) for place in range(len(pieces))]
    found = [ids[b" "]] if text else []
    group = b""
    for at in range(len(text)):
        if text[at] & 0xC0 != 0x80:
            group = b""
        group += text[at : at + 1]
        if at + 1 < len(text) and text[at + 1] & 0xC0 == 0x80 and len(group) < 4:
            continue
        found += [ids[group]] if group in ids else [byte + 3 for byte in group]
        group = b""
    while True:
        best, place = -1e10, -1
        for left in range(len(found) - 1):
            id_ = ids.get(spelled[found[left]] + spelled[found[left + 1]])
            if id_ is not None and scores[id_] > best:
                best, place = scores[id_], left
        if place < 0:
            return found
        found[place : place + 2] = [ids[spelled[found[place]] + spelled[found[place + 1]]]]


@given(st.one_of(st.text("abthe é\n漢"), st.binary()))
def test_ids_as_run_c_finds_them_and_the_bytes_back(text: str | bytes) -> None:
    model = llama2c.read(file_of(PIECES), "small")
    raw = text.encode() if isinstance(text, str) else text
    coder, twin = Tokenizer(model), built(Twin, model)
    ids = coder.encode(raw)
    assert ids == run_c(raw, PIECES) == twin.encode(raw)
    assert [coder.decode(ids)] == twin.decode_batch([ids]) == [raw]


def test_ids_by_hand(each_engine: str) -> None:
    model = llama2c.read(file_of(PIECES))
    ids = {piece.decode(): id_ for id_, piece in enumerate(model.tokens)}
    assert Tokenizer(model).encode("the é漢".encode()) == [
        ids[" the"], ids[" "], ids["é"], *(byte + 3 for byte in "漢".encode()),
    ]  # fmt: skip
    assert (model.bos, model.eos) == ((1,), (2,))
    coder = Tokenizer(model)
    assert coder.special_tokens == {"<s>": 1, "</s>": 2}
    assert coder.encode("</s>a", allow_special="</s>") == [2, *coder.encode("a")]


def test_what_it_is_is_told_by_its_first_bytes() -> None:
    assert llama2c.sniff(file_of(PIECES))
    assert not llama2c.sniff(b"")
    assert not llama2c.sniff(b"\x08\0\0\0 some text or other")


GOOD = file_of(PIECES)
HOSTILE = {
    "nothing": (b"", "0 bytes are no tokenizer.bin"),
    "a longest piece of nothing": (bytes(4) + GOOD[4:], "longest piece of 0 bytes"),
    "a longest piece of 2^31": (b"\xff\xff\xff\x7f" + GOOD[4:], "longest piece of 2147483647 bytes"),
    "few pieces": (GOOD[:44], "has 3 pieces"),
    "cut off": (GOOD + entry(b"xyz")[:-1], "claims 3 bytes, and 2 follow"),
    "cut off in a score": (GOOD + b"\0\0\0", "is cut off"),
    "a length below 0": (GOOD + struct.pack("<fi", 0, -1), "claims -1 bytes"),
    "a length of 0": (GOOD + struct.pack("<fi", 0, 0), "claims 0 bytes"),
    "a length of 2^31": (GOOD + struct.pack("<fi", 0, 2**31 - 1), "claims 2147483647 bytes"),
    "NaN": (GOOD + entry(b"x", float("nan")), "has score nan"),
    "a score that never merges": (GOOD + entry(b"x", -2e10), "has score -2"),
    "twice": (GOOD + entry(b"a"), "the same piece twice"),
    "no space": (file_of(["a"]), "no piece for a space"),
    "bytes out of place": (GOOD.replace(b"<0x41>", b"<0x42>"), "ids 3 to 258"),
    "a byte's spelling from two pieces": (file_of([" ", "<0x4", "1>"]), "merges two pieces into '<0x41>'"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused_by_name(name: str) -> None:
    data, message = HOSTILE[name]
    with pytest.raises(DataError) as caught:
        llama2c.read(data)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_cut_off_anywhere_is_refused_or_whole() -> None:
    for percent in range(100):
        try:
            llama2c.read(GOOD[: len(GOOD) * percent // 100])
        except DataError as error:
            assert "\n" not in str(error)
