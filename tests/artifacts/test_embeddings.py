"""Tables and arrays from files."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attncli.artifacts import arrays, starter
from attncli.artifacts.embeddings import Embeddings
from attncli.artifacts.tokenizer import Tokenizer
from attncli.core.embedding import positions
from attncli.core.embedding.lookup import lookup
from attncli.errors import CallError, DataError
from attncli.formats import npz, safetensors

ROWS = np.random.default_rng(3).standard_normal((5, 4)).astype(np.float32)


@pytest.mark.parametrize("suffix", [".npy", ".safetensors"])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_tables_come_back(tmp_path: Path, suffix: str, dtype: Any) -> None:
    path = tmp_path / f"t{suffix}"
    Embeddings(ROWS.astype(dtype), tokenizer="t@1").save(path)
    table = Embeddings.load(path)
    np.testing.assert_array_equal(table.vectors, ROWS.astype(dtype))
    assert table.tokenizer == (None if suffix == ".npy" else "t@1")
    assert table.embed([4, 0]).dtype == np.float32


def test_npz_and_files_of_several_arrays(tmp_path: Path) -> None:
    np.savez(tmp_path / "one.npz", anything=ROWS)
    np.savez_compressed(tmp_path / "two.npz", other=np.zeros(3), vectors=ROWS)
    (tmp_path / "gpt.safetensors").write_bytes(safetensors.write({"wpe.weight": ROWS[:2], "wte.weight": ROWS}))
    for name in ("one.npz", "two.npz", "gpt.safetensors"):
        np.testing.assert_array_equal(Embeddings.load(tmp_path / name).vectors, ROWS)
    np.savez(tmp_path / "none.npz", a=ROWS, b=ROWS)
    with pytest.raises(DataError, match=r"none.npz: holds 2 arrays, none by a table's name"):
        Embeddings.load(tmp_path / "none.npz")
    with pytest.raises(DataError, match="holds 2 arrays, and one is wanted"):
        arrays.load_one(str(tmp_path / "none.npz"))
    with pytest.raises(CallError, match="no table format"):
        Embeddings(ROWS).save(tmp_path / "t.xyz")


@pytest.mark.parametrize("name", ["t.npz", "t.safetensors"])
def test_all_that_is_known_comes_back(tmp_path: Path, name: str) -> None:
    labels = ["the", " bank", "\udce4", "", "\\x20"]
    counts = np.array([5, 4, 3, 2, 1])
    Embeddings(ROWS, labels, tokenizer="t@1", note="as \u00fcsual", counts=counts).save(tmp_path / name)
    first = (tmp_path / name).read_bytes()
    table = Embeddings.load(tmp_path / name)
    np.testing.assert_array_equal(table.vectors, ROWS)
    np.testing.assert_array_equal(table.counts, counts)
    assert (list(table.labels or []), table.tokenizer, table.note) == (labels, "t@1", "as \u00fcsual")
    table.save(tmp_path / name)
    assert (tmp_path / name).read_bytes() == first


@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
@pytest.mark.parametrize("name", ["t.txt", "t.bin", "t.npz"])
def test_compressed_tables(tmp_path: Path, name: str, suffix: str) -> None:
    Embeddings(ROWS, list("abcde")).save(tmp_path / f"{name}{suffix}")
    table = Embeddings.load(tmp_path / f"{name}{suffix}")
    np.testing.assert_array_equal(table.vectors, ROWS)
    assert list(table.labels or []) == list("abcde")


def test_labels_as_others_write_them(tmp_path: Path) -> None:
    words = ["the", "New York", "caf\u00e9", "a\nb", "\\frac"]
    np.savez(tmp_path / "w.npz", words=np.array(words), vectors=ROWS, tokenizer="t@1")
    table = Embeddings.load(tmp_path / "w.npz")
    assert (list(table.labels or []), table.tokenizer) == (words, "t@1")
    np.savez(tmp_path / "w.npz", labels=np.array(words[:4]), vectors=ROWS)
    with pytest.raises(DataError, match=r"w\.npz: a table of 5 rows has 4 labels"):
        Embeddings.load(tmp_path / "w.npz")
    np.savez(tmp_path / "w.npz", labels=np.arange(5), vectors=ROWS, counts=np.arange(4))
    table = Embeddings.load(tmp_path / "w.npz")
    assert (table.labels, table.counts) == (None, None)  # what cannot be labels or counts is left aside
    with pytest.raises(DataError, match="5 rows has 2 counts"):
        Embeddings(ROWS, counts=np.arange(2))


@pytest.mark.parametrize("order", ["C", "F"])
def test_npy_files_are_mapped(tmp_path: Path, order: Any) -> None:
    np.save(tmp_path / "t.npy", np.asarray(ROWS, order=order))
    loaded = arrays.load_one(str(tmp_path / "t.npy"))
    np.testing.assert_array_equal(loaded, ROWS)
    assert not loaded.flags.owndata
    whole = (tmp_path / "t.npy").read_bytes()
    for wrong in (whole[:-1], whole + b"x", whole[:20]):
        (tmp_path / "w.npy").write_bytes(wrong)
        with pytest.raises(DataError, match=r"w\.npy"):
            arrays.load(str(tmp_path / "w.npy"))


def test_what_is_no_table(tmp_path: Path) -> None:
    for name, array in (("flat", ROWS[0]), ("ints", np.ones((2, 2), int)), ("narrow", np.ones((2, 0)))):
        np.save(tmp_path / f"{name}.npy", array)
        with pytest.raises(DataError, match="is no table"):
            Embeddings.load(tmp_path / f"{name}.npy")
    np.save(tmp_path / "o.npy", np.array([{}]), allow_pickle=True)
    with pytest.raises(DataError, match=r"o\.npy: holds Python objects"):
        Embeddings.load(tmp_path / "o.npy")


def test_zip_files_that_lie(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.npy", b"nonsense")
    with pytest.raises(DataError, match=r"a\.npy: is no \.npy array"):
        npz.read(out.getvalue())
    np.savez_compressed(tmp_path / "t.npz", a=ROWS)
    whole = (tmp_path / "t.npz").read_bytes()
    for cut in range(4, len(whole), 7):
        with pytest.raises(DataError):
            npz.read(whole[:cut])


@pytest.mark.parametrize("packing", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_zip_files_packed_otherwise(packing: int) -> None:
    array, out = io.BytesIO(), io.BytesIO()
    np.save(array, ROWS)
    with zipfile.ZipFile(out, "w", packing) as archive:
        archive.writestr("a.npy", array.getvalue())
    with pytest.raises(DataError, match="is packed in a way that NumPy does not use"):
        npz.read(out.getvalue())


def test_zip_files_larger_than_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez_compressed(tmp_path / "bomb.npz", a=np.zeros((1000, 250), np.float32))
    packed = (tmp_path / "bomb.npz").read_bytes()
    assert len(packed) < 10_000
    need = 1_000_128 + len(packed)  # the numbers and a header of 128 bytes, and the file
    assert npz.read(packed, limit=need)["a"].shape == (1000, 250)
    with pytest.raises(DataError, match=f"takes {need:,} bytes to read, and {need - 1:,} bytes"):
        npz.read(packed, limit=need - 1)
    monkeypatch.setattr(arrays, "available", lambda: 10_000)
    with pytest.raises(DataError, match=r"bomb\.npz: takes"):
        arrays.load(str(tmp_path / "bomb.npz"))


@given(st.binary(max_size=40), st.integers(0, 300))
def test_zip_noise(noise: bytes, place: int) -> None:
    out = io.BytesIO()
    np.savez(out, a=ROWS)
    whole = out.getvalue()
    data = whole[:place] + noise + whole[place + len(noise) :]
    try:
        npz.read(data)
    except DataError as error:
        assert "\n" not in str(error)


def test_ids_without_a_row() -> None:
    with pytest.raises(DataError, match="id 5 has no row in a table of 5 rows"):
        lookup(ROWS, [0, 5])
    with pytest.raises(DataError, match="id -1"):
        lookup(ROWS, [-1])
    assert lookup(ROWS, []).shape == (0, 4)
    broken = ROWS.copy()
    broken[2, 1] = np.nan
    assert Embeddings(broken).embed([1]).shape == (1, 4)
    with pytest.raises(DataError, match="row 2 holds NaN"):
        Embeddings(broken).embed([1, 2])


def test_seeded_tables() -> None:
    one = Embeddings.random(1000, 64, seed=7).vectors
    np.testing.assert_array_equal(one, Embeddings.random(2000, 64, seed=7).vectors[:1000])
    assert not np.array_equal(one, Embeddings.random(1000, 64, seed=8).vectors)
    assert abs(float(one.std()) - 0.02) < 0.0005
    with pytest.raises(DataError, match="more than 4 GiB"):
        Embeddings.random(2**30, 64)


def test_sinusoidal_positions_are_the_formula() -> None:
    found = positions.sinusoidal(5000, 6)
    t, i = np.arange(5000)[:, None], np.arange(3)
    angles = t / 10000 ** (2 * i / 6)
    np.testing.assert_allclose(found[:, 0::2], np.sin(angles), atol=6e-8)
    np.testing.assert_allclose(found[:, 1::2], np.cos(angles), atol=6e-8)
    with pytest.raises(CallError, match="even width, not 3"):
        positions.sinusoidal(2, 3)


def test_positions_are_added() -> None:
    table, ids = Embeddings(ROWS), [3, 3]
    np.testing.assert_array_equal(table.embed(ids, scheme="sinusoidal"), ROWS[ids] + positions.sinusoidal(2, 4))
    wpe = ROWS[::-1].copy()
    np.testing.assert_array_equal(table.embed(ids, scheme="learned", position_table=wpe), ROWS[ids] + wpe[:2])
    with pytest.raises(DataError, match="6 tokens are more than the 5 positions"):
        table.embed([0] * 6, scheme="learned", position_table=wpe)
    with pytest.raises(DataError, match="is no table of positions for vectors of width 4"):
        table.embed(ids, scheme="learned", position_table=wpe[:, :3])


def test_the_starter_table_belongs_to_the_starter_tokenizer() -> None:
    table, coder = Embeddings.load("starter"), Tokenizer.load("starter")
    assert table.vectors.shape == (len(coder), 128)
    assert table.vectors.dtype == np.float16
    assert table.tokenizer == coder.identity == starter.IDENTITY
    assert table.note is not None
    assert table.note.startswith("attncli train-embed --mode skipgram --dim 128 ")


@pytest.mark.parametrize(
    ("word", "neighbours"),
    [(" mother", {" father", " sister", " husband"}), (" winter", {" summer", " autumn"}), (" string", {" strings"})],
)
def test_the_starter_table_was_trained(word: str, neighbours: set[str]) -> None:
    table, coder = Embeddings.load("starter"), Tokenizer.load("starter")
    vectors = table.vectors.astype(np.float32)
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    (row,) = coder.encode(word)
    nearest = {coder.decode([int(other)]).decode() for other in np.argsort(-(unit @ unit[row]))[1:9]}
    assert neighbours <= nearest
