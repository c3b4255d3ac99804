"""SentencePiece models through every command, against what the library says of the same text."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from shell import failure, output, run

from attncli import Tokenizer, load_flat

FOLDER = Path(__file__).parents[1] / "fixtures" / "sentencepiece"
NAMES = ["bpe", "unigram", "suffix"]
TEXT = "He left  the roses 中 by the bank.\n\n </s>naïve ﬁsh\ttoo\n".encode()


@pytest.mark.parametrize("name", NAMES)
def test_encode_and_decode_as_the_library_does(name: str, tmp_path: Path) -> None:
    path = str(FOLDER / f"{name}.model")
    library = pytest.importorskip("sentencepiece").SentencePieceProcessor(path)
    wanted = [library.encode(line) for line in TEXT.split(b"\n")[:-1]]
    encoded = output("encode", "-q", "-t", path, stdin=TEXT)
    records = [json.loads(line) for line in encoded.splitlines()]
    assert [record["ids"] for record in records] == wanted
    assert [record["tokens"] for record in records] == [[library.id_to_piece(id_) for id_ in ids] for ids in wanted]
    assert output("decode", "-t", path, stdin=encoded).decode() == "".join(library.decode(ids) + "\n" for ids in wanted)
    counted = json.loads(output("encode", "-q", "-t", path, "--count", "--to", "json", stdin=TEXT))
    assert counted["tokens"] == sum(map(len, wanted))
    output("encode", "-q", "-t", path, "--to", "flat", "-o", str(tmp_path / "x.npy"), stdin=TEXT)
    flat, starts = load_flat(tmp_path / "x.npy")
    assert flat.dtype == np.uint16
    assert flat.tolist() == [id_ for ids in wanted for id_ in [*ids, 2]]  # </s> ends a text
    assert np.diff(starts.astype(int)).tolist() == [len(ids) + 1 for ids in wanted]


@pytest.mark.parametrize("unit", ["bytes", "characters"])
def test_offsets_name_the_text(unit: str) -> None:
    text = TEXT.split(b"\n")[0].decode()
    line = output(
        "encode", "-t", str(FOLDER / "bpe.model"), "--offsets", "--offset-unit", unit, stdin=text.encode()
    ).splitlines()[0]
    spans = json.loads(line)["offsets"]
    whole = text.encode() if unit == "bytes" else text
    cut = [whole[start:end] for start, end in spans]
    assert "".join(part if isinstance(part, str) else part.decode() for part in cut) == text


def test_control_pieces_are_text_unless_they_are_allowed() -> None:
    path = str(FOLDER / "bpe.model")
    coder = Tokenizer.load(path)
    plain, allowed = (
        output("encode", "-t", path, *more, "-q", "--to", "ids", stdin=b"a</s>b")
        for more in ([], ["--allow-special", "</s>"])
    )
    assert 2 not in list(map(int, plain.split()))
    # What stands behind one is a text of its own, with the dummy prefix.
    assert list(map(int, allowed.split())) == [*coder.encode("a"), 2, *coder.encode("b")]
    framed = output("encode", "-t", path, "--bos", "--eos", "--to", "ids", stdin=b"a\n")
    assert list(map(int, framed.split())) == [1, *coder.encode("a"), 2]
    assert coder.decode([*coder.encode("a"), 2]) == b"a"
    status, line = failure("encode", "-t", path, "--allow-special", "<user>", stdin=b"a")
    assert (status, "is no special token" in line) == (2, True)


def test_dropout_is_refused_by_name() -> None:
    status, line = failure("encode", "-t", str(FOLDER / "bpe.model"), "--dropout", "0.1", stdin=b"a")
    assert (status, "a SentencePiece tokenizer does not have" in line) == (2, True)


def test_what_became_unknown_is_told() -> None:
    done = run("encode", "-t", str(FOLDER / "unigram.model"), "--to", "ids", stdin="a中</s>".encode())
    assert b"characters that the vocabulary does not have became the unknown token: '/', '<', '>'" in done.stderr


def test_convert_and_info(tmp_path: Path) -> None:
    path, again = str(FOLDER / "bpe.model"), str(tmp_path / "again.model")
    output("convert", path, "-o", again)
    assert Tokenizer.load(again).model.algorithm == Tokenizer.load(path).model.algorithm
    status, line = failure("convert", path, "-o", str(tmp_path / "x.json"))
    assert (status, "user-defined symbols" in line) == (2, True)
    facts = json.loads(output("info", path))
    assert (facts["format"], facts["algorithm"], facts["type"], facts["entries"]) == (
        "sentencepiece",
        "SentencePiece",
        "bpe",
        600,
    )
    assert facts["special_tokens"] == {"<s>": 1, "</s>": 2}


def test_a_model_that_merges_can_say_becomes_a_tokenizer_json(tmp_path: Path) -> None:
    library = pytest.importorskip("sentencepiece")
    tokenizers = pytest.importorskip("tokenizers")
    model = io.BytesIO()
    lines = (Path(__file__).parents[2] / "sample_corpora/english.txt").read_text(encoding="utf-8").split("\n")
    library.SentencePieceTrainer.train(
        sentence_iterator=iter(lines[:400]), model_writer=model, minloglevel=2, model_type="bpe", vocab_size=600,
        byte_fallback=True, normalization_rule_name="identity", remove_extra_whitespaces=False,
    )  # fmt: skip
    path, converted = tmp_path / "small.model", str(tmp_path / "small.json")
    path.write_bytes(model.getvalue())
    output("convert", str(path), "-o", converted)
    ours, peer = Tokenizer.load(path), tokenizers.Tokenizer.from_file(converted)
    again = Tokenizer.load(converted)
    for line in lines[400:600]:
        assert ours.encode(line) == again.encode(line) == peer.encode(line, add_special_tokens=False).ids
        assert ours.decode(ours.encode(line)) == again.decode(again.encode(line)) == line.encode()
    assert again.encode("a</s>", allow_special="all") == [*again.encode("a"), 2]


def test_bytes_that_are_no_text_are_told_in_one_line() -> None:
    path = str(FOLDER / "bpe.model")
    done = run("encode", "-t", path, stdin=b"a\xff\xfeb\xff\n")
    assert (done.returncode, done.stderr.count(b"\n")) == (0, 1)
    assert b"bytes that are no UTF-8 became U+FFFD: 0xFE, 0xFF" in done.stderr
    assert b"no UTF-8" not in run("encode", "-t", path, stdin="a\ufffd\n".encode()).stderr
