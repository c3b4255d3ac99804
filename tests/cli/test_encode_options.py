"""What `encode` is told about templates, chance and offsets, in every format it writes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from shell import failure, output, run

from attncli import Tokenizer, load_flat

TEXT = "Schöne Rosen 🌹 blühen.\n\nThe river bank, the river bank.\n".encode()


@pytest.fixture
def framed(tmp_path: Path) -> str:
    """The starter with a template: <s> before a text, </s> behind it."""
    tok = Tokenizer.load("starter")
    model = json.loads(tok.serialized())
    ids = {"<s>": len(tok), "</s>": len(tok) + 1}
    model["added_tokens"] += [dict(model["added_tokens"][0], id=id_, content=text) for text, id_ in ids.items()]
    token = {text: {"id": text, "ids": [id_], "tokens": [text]} for text, id_ in ids.items()}
    sequence = {"Sequence": {"id": "A", "type_id": 0}}
    single = [{"SpecialToken": {"id": "<s>", "type_id": 0}}, sequence, {"SpecialToken": {"id": "</s>", "type_id": 0}}]
    model["post_processor"] = {
        "type": "TemplateProcessing",
        "single": single,
        "pair": [*single, {"Sequence": {"id": "B", "type_id": 0}}],
        "special_tokens": token,
    }
    path = tmp_path / "framed.json"
    path.write_text(json.dumps(model))
    return str(path)


def test_bos_and_eos_count_for_max_tokens(framed: str, tmp_path: Path) -> None:
    tok = Tokenizer.load(framed)
    first, last = tok.model.bos[0], tok.model.eos[0]
    plain = [tok.encode(line) for line in TEXT.split(b"\n")[:-1]]
    for limit in (None, 5):
        room = None if limit is None else limit - 2
        wanted = [[first, *ids[:room], last] for ids in plain]
        given = ["-t", framed, "--bos", "--eos", *([] if limit is None else ["--max-tokens", str(limit)])]
        records = [json.loads(line) for line in output("encode", *given, "--offsets", stdin=TEXT).splitlines()]
        assert [record["ids"] for record in records] == wanted
        assert all(record["offsets"][0] == record["offsets"][-1] == [0, 0] for record in records)
        assert [len(record["offsets"]) for record in records] == list(map(len, wanted))
        output("encode", *given, "--to", "flat", "--eot", "none", "-o", str(tmp_path / "x.npy"), stdin=TEXT)
        ids, starts = load_flat(tmp_path / "x.npy")
        assert ids.tolist() == [id_ for document in wanted for id_ in document]
        assert np.diff(starts.astype(int)).tolist() == list(map(len, wanted))
        counted = json.loads(output("encode", *given, "--count", "--to", "json", stdin=TEXT))
        assert counted["tokens"] == len(ids)
    status, line = failure("encode", "-t", framed, "--bos", "--eos", "--max-tokens", "1", stdin=TEXT)
    assert (status, "have no room for those around each document" in line) == (2, True)


def test_offsets_count_bytes_or_characters() -> None:
    line = TEXT.split(b"\n")[0]
    spans = {}
    for unit in ("bytes", "characters"):
        (record,) = map(json.loads, output("encode", "--offsets", "--offset-unit", unit, stdin=line).splitlines())
        spans[unit] = record["offsets"]
    assert b"".join(line[start:end] for start, end in spans["bytes"]) == line
    at = [len(line[:place].decode("utf-8", "ignore")) for place in range(len(line) + 1)]  # characters before a byte
    starts = [at[start] for start, _ in spans["bytes"]]
    assert [start for start, _ in spans["characters"]] == starts
    assert spans["characters"][-1][1] == len(line.decode()) < len(line)
    default = output("encode", "--offsets", stdin=line)
    assert default == output("encode", "--offsets", "--offset-unit", "bytes", stdin=line)
    assert default != output("encode", "--offsets", "--offset-unit", "characters", stdin=line)


def test_chance_is_of_the_document_not_of_the_format(tmp_path: Path) -> None:
    text = TEXT * 40
    given = ["--dropout", "0.3", "--seed", "7"]
    lines = output("encode", *given, "--to", "ids", stdin=text)
    assert lines == output("encode", *given, "--threads", "1", "--to", "ids", stdin=text)
    assert lines != output("encode", "--dropout", "0.3", "--seed", "8", "--to", "ids", stdin=text)
    assert lines != output("encode", "--to", "ids", stdin=text)
    documents = [list(map(int, line.split())) for line in lines.splitlines()]
    assert len({tuple(ids) for ids in documents[::3]}) > 10  # the same line, each time with another chance
    assert output("decode", stdin=lines) == text
    (tmp_path / "a").write_bytes(text[: len(text) // 2 + 1].rpartition(b"\n")[0] + b"\n")
    (tmp_path / "b").write_bytes(text.removeprefix((tmp_path / "a").read_bytes()))
    for sources, stdin in ((["-"], text), ([str(tmp_path / "a"), str(tmp_path / "b")], b"")):
        flat = ["--to", "flat", "--eot", "none", "-o", str(tmp_path / "x.npy")]
        output("encode", *given, *flat, *sources, stdin=stdin)
        ids, starts = load_flat(tmp_path / "x.npy")
        assert ids.tolist() == [id_ for document in documents for id_ in document]
        assert len(starts) == len(documents) + 1
    counted = json.loads(output("encode", *given, "--count", "--to", "json", stdin=text))
    assert counted["tokens"] == len(ids)
    assert output("encode", "--dropout", "1", "--to", "tokens", stdin=b"bank\n") == b"b a n k\n"
    assert output("encode", "--dropout", "0", "--to", "tokens", stdin=b"bank\n") == b"bank\n"


def test_special_tokens_in_flat(tmp_path: Path) -> None:
    text = b"a<|endoftext|>b\n"
    output("encode", "--allow-special", "all", "--to", "flat", "-o", str(tmp_path / "x.npy"), stdin=text)
    ids, starts = load_flat(tmp_path / "x.npy")
    assert (len(ids), starts.tolist()) == (4, [0, 4])
    assert output("decode", str(tmp_path / "x.npy")) == text
    assert output("decode", "--skip-special", str(tmp_path / "x.npy")) == b"ab\n"


def test_seeds_count_on_from_the_largest() -> None:
    """Document number i draws from seed + i, and what comes after 2^64 - 1 is 0."""
    text = b"the river bank\n" * 3000  # more than one batch
    last = output("encode", "--dropout", "0.3", "--seed", str(2**64 - 1), "--to", "ids", stdin=text)
    first = output("encode", "--dropout", "0.3", "--seed", "0", "--to", "ids", stdin=text)
    assert last.splitlines()[1:] == first.splitlines()[:-1]


@pytest.mark.parametrize("size", ["9" * 400, "9999999999999T", "-1", "x"])
def test_no_size_of_memory(size: str) -> None:
    done = run("train-bpe", "--merges", "1", "--max-memory", size)
    assert done.returncode == 2
    assert "Invalid value for '--max-memory': '" + size in done.stderr.decode()


def test_decode_writes_what_the_outputs_name_says(tmp_path: Path) -> None:
    output("decode", "-o", "x.jsonl", stdin=b"1 2\n", cwd=tmp_path)
    assert json.loads((tmp_path / "x.jsonl").read_bytes())["text"] == '"#'


@pytest.mark.parametrize("fmt", ["ids", "tokens", "npy", "flat"])
def test_a_newline_that_cannot_be_told_is_told_once(fmt: str, tmp_path: Path) -> None:
    note = f"attncli encode: the last line has no newline, which {fmt} has no room to say: `decode` will write one\n"
    for text, said in ((b"a\nb", note), (b"a\nb\n", ""), (b"", "")):
        done = run("encode", "--to", fmt, "-o", str(tmp_path / "x"), stdin=text)
        assert (done.returncode, done.stderr.decode()) == (0, said)
    assert output("encode", "-q", "--to", fmt, "-o", str(tmp_path / "x"), stdin=b"a") == b""
    assert run("encode", stdin=b"a").stderr == b""


def test_counts_are_written_as_the_name_says(tmp_path: Path) -> None:
    for name in ("x.jsonl", "x.json"):
        output("encode", "--count", "-o", name, stdin=b"a b", cwd=tmp_path)
        assert json.loads((tmp_path / name).read_text())["tokens"] == 2
    output("encode", "--count", "-o", "x.txt", stdin=b"a b", cwd=tmp_path)
    assert (tmp_path / "x.txt").read_text().split() == ["2", "3", "1.500"]
