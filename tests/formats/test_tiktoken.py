"""`.tiktoken`: ranks, there and back."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest

from attncli.core.tokenizer.model import BPE, AddedToken, Model
from attncli.core.tokenizer.patterns import CL100K, GPT2, WHITESPACE
from attncli.core.tokenizer.vocab import ALPHABET
from attncli.errors import AttncliError, CallError, DataError
from attncli.formats import tiktoken

TOKENS = [*ALPHABET, b"ab", b"bc", b"abc", b" abc"]


def line(token: bytes, rank: int) -> bytes:
    return base64.b64encode(token) + b" %d\n" % rank


def lines(tokens: list[bytes]) -> bytes:
    return b"".join(line(token, rank) for rank, token in enumerate(tokens))


GOOD = lines(TOKENS)


def test_a_file_comes_back() -> None:
    model = tiktoken.read(GOOD, "x", pattern=CL100K, special_tokens={"<e>": 260, "<f>": 263})
    assert tiktoken.write(model) == GOOD
    assert tiktoken.unsaid(model) == (CL100K, {"<e>": 260, "<f>": 263})
    assert model.tokens[256:] == [b"ab", b"bc", b"abc", b" abc", b"<e>", b"", b"", b"<f>"]
    a, b, c, space = (ALPHABET.index(byte) for byte in (b"a", b"b", b"c", b" "))
    assert isinstance(model.algorithm, BPE)
    assert list(model.algorithm.merges) == [(a, b), (b, c), (256, c), (space, 258)]
    assert list(model.algorithm.new or ()) == [256, 257, 258, 259]
    assert model.algorithm.whole_first


@pytest.mark.parametrize("pattern", ["", GPT2, CL100K, WHITESPACE, r"\w+|\W+"])
def test_every_pattern_comes_back(pattern: str) -> None:
    assert tiktoken.unsaid(tiktoken.read(GOOD, pattern=pattern)) == (pattern, {})


def test_order_and_holes_do_not_matter() -> None:
    shuffled = b"\r\n".join(reversed(lines([*TOKENS[:256], b"", *TOKENS[256:]]).split(b"\n")))
    assert b" 256\r" in shuffled
    model = tiktoken.read(shuffled.replace(b" 256\r\n", b"").replace(b"\r\n 256", b""), pattern=GPT2)
    assert model.tokens[255:] == [TOKENS[255], b"", *TOKENS[256:]]
    special = tiktoken.read(lines(TOKENS).replace(b" 259", b" 260"), pattern=GPT2, special_tokens={"<e>": 259})
    assert special.tokens[258:] == [b"abc", b"<e>", b" abc"]


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (GOOD + b"YQ 999\n", "line 261 holds no base64"),
        (GOOD + b"YR== 999\n", "line 261 holds no base64"),
        (GOOD + b"!!!! 999\n", "line 261 holds no base64"),
        (GOOD + b"YWE=\n", "line 261 is not a token in base64, a space, and its rank"),
        (GOOD + b"YWE= -1\n", "line 261 is not"),
        (GOOD + b"YWE= 1.0\n", "line 261 is not"),
        (GOOD + b"YWE=\t260\n", "line 261 is not"),
        (GOOD + line(b"aa", 7), "line 261: rank 7 is that of line 8 too"),
        (GOOD + line(b"ab", 260), "line 261: b'ab' stands on line 257 too"),
        (GOOD + line(b"aa", 10**9), "line 261: ranks go up to 1,000,000,000 for 261 tokens"),
        (GOOD + line(b"aa", 2**40), "line 261: 1099511627776 is too large"),
        (GOOD + b"YWE= 1" + b"0" * 5000, "line 261: 10000000000000000000 is too large"),
        (GOOD.replace(line(b"\xff", ALPHABET.index(b"\xff")), b""), "no token for the byte 0xff"),
        (b"", "no token for the byte 0x00"),
    ],
)
def test_faults_are_named(data: bytes, complaint: str) -> None:
    with pytest.raises(DataError, match=complaint) as caught:
        tiktoken.read(data, pattern=GPT2)
    assert "\n" not in str(caught.value)


def test_truncation_anywhere() -> None:
    last_byte = GOOD.index(b" 255\n")
    for percent in range(100):
        with pytest.raises(DataError):
            tiktoken.read(GOOD[: last_byte * percent // 100], pattern=GPT2)


def test_a_special_token_does_not_take_a_tokens_place() -> None:
    with pytest.raises(DataError, match="'<e>' has the id of 'bc'"):
        tiktoken.read(GOOD, pattern=GPT2, special_tokens={"<e>": 257})
    with pytest.raises(DataError, match="ids up to 1,000,000 beside"):
        tiktoken.read(GOOD, pattern=GPT2, special_tokens={"<e>": 10**6})


MODEL = tiktoken.read(GOOD, pattern=GPT2)
assert isinstance(MODEL.algorithm, BPE)
SPLIT = {"type": "Split", "pattern": {"Regex": "a"}, "behavior": "Isolated", "invert": False}


@pytest.mark.parametrize(
    ("model", "complaint"),
    [
        (replace(MODEL, normalizer=[{"type": "NFC"}]), "the normalizer NFC"),
        (replace(MODEL, bos=[1]), "tokens around a text"),
        (replace(MODEL, byte_level=False), "no BPE over bytes"),
        (replace(MODEL, pre_tokenizer=[SPLIT, *MODEL.pre_tokenizer]), "splits text"),
        (replace(MODEL, added=[AddedToken("abc", 258, lstrip=True)]), "the flags of the added token 'abc'"),
        (replace(MODEL, algorithm=replace(MODEL.algorithm, dropout=0.1)), "dropout"),
        (replace(MODEL, algorithm=BPE(list(MODEL.algorithm.merges)[::-1], whole_first=True)), "merge 0 .' ', 'abc'."),
        (replace(MODEL, algorithm=BPE(list(MODEL.algorithm.merges)[:-1], whole_first=True)), "3 merges where"),
        (replace(MODEL, tokens=TOKENS[:10]), "without all 256 bytes"),
        (replace(MODEL, algorithm=BPE([])), "0 merges where"),
        (
            replace(MODEL, tokens=[*TOKENS, b"xyz"], algorithm=replace(MODEL.algorithm, whole_first=False)),
            "that 'xyz' is never made",
        ),
    ],
)
def test_what_a_file_cannot_say_is_refused(model: Model, complaint: str) -> None:
    with pytest.raises(CallError, match=complaint) as caught:
        tiktoken.write(model)
    assert isinstance(caught.value, AttncliError)
