"""Encoding and decoding through the public class."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attncli.artifacts.tokenizer import Tokenizer
from attncli.artifacts.training import train_bpe
from attncli.core.tokenizer.model import BPE, Model
from attncli.core.tokenizer.vocab import ALPHABET
from attncli.errors import CallError, DataError


@given(st.binary())
def test_any_bytes_come_back(tokenizer: Tokenizer, text: bytes) -> None:
    assert tokenizer.decode(tokenizer.encode(text)) == text


@pytest.mark.parametrize("name", ["english.txt", "multilingual.txt", "adversarial.bin"])
def test_the_samples_come_back(tokenizer: Tokenizer, samples: Path, name: str) -> None:
    text = (samples / name).read_bytes()
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    assert len(ids) < len(text)


def test_special_tokens_are_text_unless_allowed(tokenizer: Tokenizer) -> None:
    text = "a<|endoftext|>b"
    end = tokenizer.special_tokens["<|endoftext|>"]
    assert end == len(tokenizer) - 1
    assert end not in tokenizer.encode(text)
    assert tokenizer.decode(tokenizer.encode(text)).decode() == text
    for allow in ("all", ["<|endoftext|>"], "<|endoftext|>"):
        ids = tokenizer.encode(text, allow_special=allow)
        assert ids == [*tokenizer.encode("a"), end, *tokenizer.encode("b")]
        assert tokenizer.decode(ids, skip_special=True) == b"ab"
    with pytest.raises(CallError, match="'<nope>' is no special token"):
        tokenizer.encode(text, allow_special=["<nope>"])


def test_batches_and_flat_agree_with_single_texts(tokenizer: Tokenizer) -> None:
    texts: list[str | bytes] = ["one two", b"", b"\xff\xfe", "drei " * 5000]
    single = [tokenizer.encode(text) for text in texts]
    assert tokenizer.encode_lists(texts, threads=2) == single
    batch = tokenizer.encode_batch(texts, threads=2)
    assert [ids.tolist() for ids in batch] == single
    assert all(ids.dtype == np.uint32 for ids in batch)
    assert tokenizer.encode_batch([]) == []
    assert tokenizer.count_batch(texts) == [len(ids) for ids in single]
    flat, starts = tokenizer.encode_flat(texts)
    assert [flat[a:b].tolist() for a, b in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True)] == single
    assert tokenizer.decode_batch(single)[3] == b"drei " * 5000


def test_lists_of_many_ids_are_those_of_few(tokenizer: Tokenizer) -> None:
    # From a vocabulary's worth of ids on, lists share one int an id.
    text = "Every word of this, and <|endoftext|>, comes often. "
    once = tokenizer.encode(text, allow_special="all")
    few, many = ([text] * count for count in (2, len(tokenizer) // len(once) + 1))
    assert tokenizer.encode_lists(few, allow_special="all") == [once] * len(few)
    assert tokenizer.encode_lists(many, allow_special="all") == [once] * len(many)
    assert tokenizer.encode_lists(few, allow_special="all") == [once] * len(few)
    assert max(once) == len(tokenizer) - 1


def test_ids_that_are_none(tokenizer: Tokenizer) -> None:
    for wrong in (-1, len(tokenizer)):
        with pytest.raises(DataError, match=f"id {wrong} is not in a vocabulary of {len(tokenizer)}"):
            tokenizer.decode([0, wrong])


def test_labels_show_what_cannot_be_printed(tokenizer: Tokenizer) -> None:
    assert tokenizer.labels(tokenizer.encode(b"\x1b\xff\n")) == ["\\x1b", "\\xff", "\\n"]


def test_offsets_cover_the_text(tokenizer: Tokenizer) -> None:
    text = "Das Café liegt am Ufer".encode()
    ids, spans = (each[0] for each in tokenizer.encode_offsets([text]))
    assert ids == tokenizer.encode(text)
    assert b"".join(text[start:end] for start, end in spans) == text
    assert spans[0][0] == 0
    assert spans[-1][1] == len(text)


def test_str_is_encoded_as_its_utf8(each_engine: str, tokenizer: Tokenizer) -> None:
    coder = Tokenizer(tokenizer.model)
    texts = ["", "the bank", "Café", "Ελληνικά", "銀行", "🎉 \0 end"]
    utf8 = [text.encode() for text in texts]
    assert coder.encode_lists(texts) == coder.encode_lists(utf8) == [coder.encode(text) for text in texts]
    assert coder.encode_offsets(texts, unit="characters") == coder.encode_offsets(utf8, unit="characters")
    assert coder.count_batch(texts) == coder.count_batch(utf8)
    for flat, expected in zip(coder.encode_flat(texts), coder.encode_flat(utf8), strict=True):
        np.testing.assert_array_equal(flat, expected)


def test_half_a_surrogate_pair_is_refused(each_engine: str, tokenizer: Tokenizer) -> None:
    coder = Tokenizer(tokenizer.model)
    for encode in (coder.encode_lists, coder.encode_flat, coder.encode_offsets, coder.count_batch):
        with pytest.raises(DataError, match="half a surrogate pair at character 1"):
            encode(["well", "a\ud800"])
    with pytest.raises(DataError, match="half a surrogate pair at character 1"):
        coder.encode("a\ud800")


def test_the_digest_is_of_the_ids_alone(tokenizer: Tokenizer, tmp_path: Path) -> None:
    tokenizer.save(tmp_path / "other.json")
    again = Tokenizer.load(tmp_path / "other.json")
    assert again.digest == tokenizer.digest
    assert again.identity == f"other@{tokenizer.digest}"
    larger = Tokenizer(replace(tokenizer.model, tokens=[*tokenizer.model.tokens, b"new"]))
    assert larger.digest != tokenizer.digest


def split(regex: str) -> list[dict[str, Any]]:
    return [{"type": "Split", "pattern": {"Regex": regex}, "behavior": "Isolated", "invert": False}]


def test_a_model_that_contradicts_itself(each_engine: str) -> None:
    with pytest.raises(DataError, match="merge 0 makes"):
        Tokenizer(Model(ALPHABET, BPE([(0, 1)])))
    with pytest.raises(DataError, match="merge 0 names an id"):
        Tokenizer(Model(ALPHABET, BPE([(0, 256)])))
    with pytest.raises(DataError, match="byte 0x21 is not"):
        Tokenizer(Model(ALPHABET[1:], BPE([])))
    with pytest.raises(DataError, match="does not compile"):
        Tokenizer(Model(ALPHABET, BPE([]), pre_tokenizer=split("(")))


def test_characters_that_are_unknown_are_told(each_engine: str, tmp_path: Path) -> None:
    (tmp_path / "t").write_text("abc abc")
    coder = train_bpe(tmp_path / "t", merges=1, unit="characters")
    assert coder.warnings == []
    assert coder.decode(coder.encode("aéb c")) == b"ab c"
    assert coder.warnings == ["characters that the vocabulary does not have vanished: 'é'"]
    assert coder.encode_offsets(["aéb c"], unit="characters")[1] == [[(0, 3), (3, 4), (4, 5)]]


def test_normalizers_apply_before_all_else(each_engine: str, tmp_path: Path) -> None:
    (tmp_path / "t").write_text("Straße ÉTÉ")
    for name, text, normal in (("nfc", "e\u0301", "é"), ("lowercase", "ÀB", "àb"), ("nfkd", "ﬁ", "fi")):
        coder = train_bpe(tmp_path / "t", merges=0, normalize=name)
        assert coder.decode(coder.encode(text)).decode() == normal
        coder.save(tmp_path / "n.json")
        assert Tokenizer.load(tmp_path / "n.json").encode(text) == coder.encode(text)
        assert coder.decode(coder.encode(b"\xff")) == b"\xff"


def decoding(*steps: dict[str, Any]) -> Tokenizer:
    return Tokenizer(Model([b"a" * 40 + b"b", b"c"], BPE([]), byte_level=False, decoder=steps))


def test_a_decoder_ends() -> None:
    endless = decoding({"type": "Replace", "pattern": {"Regex": r"(a|aa)+(?<=c)"}, "content": ""})
    assert endless.decode([1]) == b"c"
    with pytest.raises(DataError, match="gives up on this text"):
        endless.decode([0])


def test_a_decoder_makes_a_text_of_bounded_length() -> None:
    twice: dict[str, Any] = {"type": "Replace", "pattern": {"String": "c"}, "content": "cc"}
    assert decoding(*[twice] * 5).decode([1]) == b"c" * 32
    with pytest.raises(DataError, match="makes more than"):
        decoding(*[twice] * 40).decode([1])


BLOWN_UP = """
import resource
from pathlib import Path
from attncli import DataError, Tokenizer
from attncli.core.tokenizer.model import BPE, Model

tokens = [b"a" * 100_000, b"c"]
step = {{"type": "Replace", "pattern": {{{kind!r}: "a"}}, "content": "x" * 1_000_000}}
coder = Tokenizer(Model(tokens, BPE([]), byte_level=False, decoder=[{{"type": "Fuse"}}, step]))
assert coder.decode([1]) == b"c"
pages = int(Path("/proc/self/statm").read_text().split()[0])
limit = pages * resource.getpagesize() + 200_000_000
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
try:
    coder.decode([0])
except DataError as error:
    print(error)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks /proc")
@pytest.mark.parametrize("kind", ["String", "Regex"])
@pytest.mark.parametrize("engine", ["native", "reference"])
def test_a_text_beyond_the_bound_takes_no_memory(engine: str, kind: str, tmp_path: Path) -> None:
    """100 GB, were it written."""
    script = [sys.executable, "-c", BLOWN_UP.format(kind=kind)]
    # Away from the checkout, so that what is imported is what was installed.
    environment = {**os.environ, "ATTNCLI_ENGINE": engine}
    done = subprocess.run(script, env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert "the decoder makes more than 7448576 bytes of a text's tokens" in done.stdout, done.stderr


MANY_THREADS = """
from pathlib import Path
import numpy as np
from attncli import Tokenizer

coder = Tokenizer.load("starter")
ids, starts = np.full(20_000, 39, np.uint16), np.arange(20_001, dtype=np.uint64)

def peak():
    return int(Path("/proc/self/status").read_text().partition("VmPeak:")[2].split()[0])

coder.decode_flat(ids, starts, threads=1)
before = peak()
assert coder.decode_flat(ids, starts, threads=20_000) == coder.decode([39]) * 20_000
print(peak() - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks /proc")
def test_decoding_starts_no_threads_without_work(tmp_path: Path) -> None:
    script = [sys.executable, "-c", MANY_THREADS]
    environment = {**os.environ, "ATTNCLI_ENGINE": "native"}
    done = subprocess.run(script, env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 100_000  # KB; each thread's stack takes 2,000


def test_labels_are_of_ids_alone() -> None:
    for wrong in (-1, 2):
        with pytest.raises(DataError, match="is not in a vocabulary of 2"):
            decoding().labels([wrong])


def test_texts_are_str_or_bytes_of_any_kind() -> None:
    coder = decoding()
    for text in ("c", b"c", bytearray(b"c"), memoryview(b"c")):
        assert coder.encode(text) == [1]  # type: ignore[arg-type]
    for wrong in (5, None, ["c"], [5]):
        with pytest.raises(CallError, match=f"not {type(wrong).__name__}"):
            coder.encode(wrong)  # type: ignore[arg-type]
