"""Text to ids to vectors to attention, through real pipes."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

import numpy as np
import pytest
from shell import output, run

from attncli import Embeddings, Tokenizer, multi_head

LINE = b"He left the roses by the bank.\n"


def test_the_default_pipe_needs_no_file() -> None:
    ids = output("encode", stdin=LINE)
    record = json.loads(ids)
    assert record["tokens"][-2:] == [" bank", "."]
    assert record["id"] == "-:1"
    assert "text" not in record
    vectors = output("embed", stdin=ids)
    weights = json.loads(output("attend", "--emit", "weights", "--heads", "4", stdin=vectors))["weights"]
    np.testing.assert_allclose(np.sum(weights, axis=-1), 1, rtol=1e-6)
    assert np.shape(weights) == (4, len(record["ids"]), len(record["ids"]))
    attended = json.loads(output("attend", stdin=vectors))
    table, tokenizer = Embeddings.load("starter"), Tokenizer.load("starter")
    expected = multi_head(table.embed(tokenizer.encode(LINE.rstrip()))).output
    np.testing.assert_array_equal(np.array(attended["output"], np.float32), expected)
    assert list(attended) == ["id", "ids", "tokens", "tokenizer", "output"]
    grid = output("attend", "--to", "grid", stdin=vectors).decode()
    assert "rows sum to 1 within" in grid
    assert grid.count("1.000") == len(record["ids"])
    assert "\x1b" not in grid


def test_the_same_answers_from_either_engine() -> None:
    def run_through(engine: str) -> dict[str, object]:
        ids = output("encode", stdin=LINE, ATTNCLI_ENGINE=engine)
        vectors = output("embed", "--positions", "sinusoidal", stdin=ids, ATTNCLI_ENGINE=engine)
        return json.loads(output("attend", "--causal", "--heads", "2", stdin=vectors, ATTNCLI_ENGINE=engine))

    native, reference = run_through("native"), run_through("reference")
    np.testing.assert_allclose(native.pop("output"), reference.pop("output"), atol=1e-6)
    assert native == reference


CASES = {
    "random": os.urandom(200_000),
    "empty": b"",
    "no last newline": b"one\ntwo",
    "brace": b'{"not": "a record"\n}\n{',
    "blank lines": b"\n\r\n\n",
    "magic": b"\x93NUMPY\n[1]\n",
}


@pytest.mark.parametrize("by", ["line", "file"])
@pytest.mark.parametrize("name", [*CASES, "english.txt", "multilingual.txt", "adversarial.bin"])
def test_every_byte_comes_back(samples: Path, tmp_path: Path, name: str, by: str) -> None:
    data = CASES[name] if name in CASES else (samples / name).read_bytes()
    (tmp_path / "f").write_bytes(data)
    encoded = output("encode", "--by", by, str(tmp_path / "f"))
    assert output("decode", stdin=encoded) == data
    assert output("decode", "--to", "json", stdin=encoded).count(b"\n") == len(encoded.splitlines())


@pytest.mark.parametrize("fmt", ["npy", "ids"])
@pytest.mark.parametrize("name", [*CASES, "multilingual.txt", "adversarial.bin"])
def test_formats_without_ends_give_bytes_back_by_file(samples: Path, tmp_path: Path, name: str, fmt: str) -> None:
    data = CASES[name] if name in CASES else (samples / name).read_bytes()
    (tmp_path / "f").write_bytes(data)
    encoded = output("encode", "--by", "file", "--to", fmt, str(tmp_path / "f"))
    assert output("decode", "--end", "", stdin=encoded) == data


def test_npy_is_what_numpy_reads(tmp_path: Path) -> None:
    output("encode", "-o", str(tmp_path / "ids.npy"), stdin=b"one two\nthree\n")
    with (tmp_path / "ids.npy").open("rb") as handle:
        first, second = np.load(handle), np.load(handle)
    assert first.dtype == np.uint16
    tokenizer = Tokenizer.load("starter")
    assert (tokenizer.decode(first), tokenizer.decode(second)) == (b"one two", b"three")
    vectors = np.load(io.BytesIO(output("embed", str(tmp_path / "ids.npy"))))
    assert vectors.shape == (len(first), 128)
    weights = np.load(io.BytesIO(output("attend", "--emit", "weights", "--to", "npy", stdin=_saved(vectors))))
    assert weights.shape == (1, len(first), len(first))


def test_train_and_use(samples: Path, tmp_path: Path) -> None:
    path = str(tmp_path / "small.json")
    output("train-bpe", "--vocab-size", "600", "--special", "<|end|>", str(samples / "code"), "-o", path)
    encoded = output("encode", "--allow-special", "<|end|>", stdin=b"x = 1<|end|>\n", ATTNCLI_TOKENIZER=path)
    record = json.loads(encoded)
    assert record["ids"][-1] == 599
    assert record["tokenizer"].startswith("small@")
    assert output("decode", "-t", path, "--skip-special", stdin=encoded) == b"x = 1\n"
    (tmp_path / "e").write_bytes(encoded)
    assert output("decode", "-t", "-", str(tmp_path / "e"), stdin=Path(path).read_bytes()) == b"x = 1<|end|>\n"


def test_the_textbook_example_is_traced() -> None:
    arguments = ("train-bpe", "--merges", "4", "--unit", "characters", "--end-of-word", "_", "--trace")
    traced = output(*arguments, "-o", "/dev/null", stdin=b"low lower newest wider")
    assert traced == b"1\te\tr\ter\t2\n2\tl\to\tlo\t2\n3\ter\t_\ter_\t2\n4\tlo\tw\tlow\t2\n"
    done = run(*arguments, stdin=b"low lower newest wider")
    assert done.stderr == traced
    assert json.loads(done.stdout)["model"]["merges"][0] == ["e", "r"]


def test_records_pass_through(tmp_path: Path) -> None:
    (tmp_path / "r.jsonl").write_text('{"id": "a", "body": "hi there", "lang": "en"}\n')
    encoded = json.loads(output("encode", "--field", "body", str(tmp_path / "r.jsonl")))
    assert (encoded["id"], encoded["lang"], encoded["tokens"]) == ("a", "en", ["hi", " there"])
    assert "body" not in encoded
    vectors = json.loads(output("embed", "--dim", "4", "--seed", "1", stdin=json.dumps(encoded).encode()))
    assert np.shape(vectors["vectors"]) == (2, 4)
    assert vectors["lang"] == "en"


def test_count_is_wc_for_tokens(samples: Path, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"one two three\nfour")
    counted = output("encode", "--count", str(tmp_path / "a"), str(samples / "code/matrix.c")).decode().splitlines()
    assert counted[0].split()[1:] == ["18", "4.500", str(tmp_path / "a")]
    assert counted[-1].endswith("total")
    assert int(counted[-1].split()[0]) == sum(int(line.split()[0]) for line in counted[:-1])
    assert output("encode", "--count", stdin=b"") == b"0 0 0.000\n"


def test_tokens_and_offsets() -> None:
    assert output("encode", "--to", "tokens", stdin="über\x1b\n".encode()) == b"\xc3\xbcber \\x1b\n"
    assert json.loads(output("encode", "--offsets", stdin=b"one two"))["offsets"] == [[0, 3], [3, 7]]


def test_tables_of_all_formats_and_positions(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).standard_normal((10, 4)).astype(np.float32)
    np.save(tmp_path / "t.npy", rows)
    np.savez(tmp_path / "t.npz", wte=rows, wpe=rows)
    Embeddings(rows).save(tmp_path / "t.safetensors")
    for name in ("t.npy", "t.npz", "t.safetensors"):
        found = json.loads(output("embed", "-e", str(tmp_path / name), stdin=b"3 9\n"))
        np.testing.assert_array_equal(np.array(found["vectors"], np.float32), rows[[3, 9]])
    wpe = ("--positions", "learned", "--position-embeddings", str(tmp_path / "t.npy"))
    found = json.loads(output("embed", "-e", str(tmp_path / "t.npy"), *wpe, stdin=b"[3, 9]\n"))
    np.testing.assert_array_equal(np.array(found["vectors"], np.float32), rows[[3, 9]] + rows[:2])


def test_cross_attention_masks_and_projections(tmp_path: Path) -> None:
    random = np.random.default_rng(2)
    x, context = (random.standard_normal(shape).astype(np.float32) for shape in ((3, 8), (5, 8)))
    mask = random.random((3, 5)) < 0.7
    bias = random.standard_normal((3, 5)).astype(np.float32)
    named = {name: random.standard_normal((8, 8)).astype(np.float32) for name in ("Wq", "Wk", "Wv", "Wo")}
    for name, array in {"x": x, "c": context, "m": mask, "b": bias}.items():
        np.save(tmp_path / f"{name}.npy", array)
    np.savez(tmp_path / "w.npz", **named)
    common = ("--heads", "2", "--mask", "m.npy", "--bias", "b.npy", "--projections", "w.npz", "--scale", "0.3")
    by_context = output("attend", "x.npy", "--context", "c.npy", *common, cwd=tmp_path)
    by_keys = output("attend", "x.npy", "--keys", "c.npy", "--values", "c.npy", *common, cwd=tmp_path)
    assert by_context == by_keys
    from attncli import Projections

    expected = multi_head(
        x, heads=2, projections=Projections.from_arrays(named), keys=context, mask=mask, bias=bias, scale=0.3
    ).output
    np.testing.assert_array_equal(np.load(io.BytesIO(by_context)), expected)


def test_heads_already_split() -> None:
    heads = np.random.default_rng(3).standard_normal((2, 5, 4)).astype(np.float32)
    found = np.load(io.BytesIO(output("attend", "--window", "1,0", stdin=_saved(heads))))
    assert found.shape == (2, 5, 4)
    assert output("attend", stdin=_saved(found))[:6] == b"\x93NUMPY"


def _saved(array: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


@pytest.mark.parametrize("fmt", ["json", "npy"])
def test_empty_documents_go_through_the_whole_pipe(fmt: str) -> None:
    vectors = output("embed", stdin=output("encode", "--to", fmt, stdin=b"one\n\ntwo\n"))
    attended = output("attend", "--heads", "4", "--causal", stdin=vectors)
    assert attended.count(b"\n" if fmt == "json" else b"\x93NUMPY") == 3
    weights = output("attend", "--emit", "weights", stdin=vectors)
    assert weights != attended
    assert output("attend", "--to", "grid", stdin=vectors).count(b"queries down") == 3
