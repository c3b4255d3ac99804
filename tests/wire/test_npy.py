"""`.npy` streams: what NumPy writes, byte for byte; and everything else refused."""

from __future__ import annotations

import io
import mmap
import os
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attncli.errors import DataError
from attncli.wire import npy
from attncli.wire.record import Record


def saved(*arrays: Any, version: tuple[int, int] | None = None) -> bytes:
    out = io.BytesIO()
    for array in arrays:
        np.lib.format.write_array(out, np.asanyarray(array), version=version, allow_pickle=False)
    return out.getvalue()


def records(data: bytes) -> list[Record]:
    return [record for batch in npy.read(io.BufferedReader(io.BytesIO(data)), "x") for record in batch]


def header(text: str, version: int = 1, data: bytes = b"") -> bytes:
    body = text.encode("latin-1") + b"\n"
    return b"\x93NUMPY" + bytes([version, 0]) + len(body).to_bytes(2 if version == 1 else 4, "little") + body + data


def test_what_numpy_saves_is_read() -> None:
    ids, vectors = np.array([5, 70000], np.uint32), np.arange(6, dtype=np.float32).reshape(2, 3)
    found = records(saved(ids, vectors, vectors[None]))
    np.testing.assert_array_equal(found[0].ids, ids)
    np.testing.assert_array_equal(found[1].vectors, vectors)
    np.testing.assert_array_equal(found[2].vectors, vectors[None])
    assert [record.id for record in found] == ["x:1", "x:2", "x:3"]


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<f8", ">f2"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_versions_byte_orders_and_fortran(version: tuple[int, int], dtype: str, order: Any) -> None:
    array = np.asarray(np.arange(6).reshape(2, 3), dtype, order=order)
    found = records(saved(array, version=version))[0].vectors
    assert found is not None
    assert found.dtype.isnative
    np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize(
    ("field", "array"),
    [
        ("ids", np.array([1, 2], np.uint16)),
        ("vectors", np.ones((2, 3), np.float32)),
        ("weights", np.ones((1, 2, 2), np.float32)),
    ],
)
def test_our_writer_is_numpys_byte_for_byte(field: str, array: Any) -> None:
    out, theirs = io.BytesIO(), io.BytesIO()
    npy.write(out, [Record(**{field: array})], array=field, vocab_size=65536)
    np.save(theirs, array)
    assert out.getvalue() == theirs.getvalue()


def test_ids_are_as_narrow_as_the_vocabulary() -> None:
    for size, dtype in ((65536, np.uint16), (65537, np.uint32), (None, np.uint32)):
        out = io.BytesIO()
        npy.write(out, [Record(ids=[1, 2])], array="ids", vocab_size=size)
        assert np.load(io.BytesIO(out.getvalue())).dtype == dtype


def test_a_stream_cut_anywhere_is_an_error_that_says_where() -> None:
    first, second = saved(np.arange(3, dtype=np.uint16)), saved(np.ones((2, 2), np.float32))
    whole = first + second
    for cut in range(1, len(whole)):
        if cut == len(first):
            assert len(records(whole[:cut])) == 1
            continue
        with pytest.raises(DataError) as caught:
            records(whole[:cut])
        assert caught.value.record == (1 if cut < len(first) else 2)
        assert f"begins at byte {0 if cut < len(first) else len(first)}" in str(caught.value)


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"\x93NUMPX" + b"0" * 90, "is no .npy array"),
        (header("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1)}", version=4), "version 4"),
        (header("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}"), "Python objects"),
        (header("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}"), "structured"),
        (header("{'descr': '<f4,<f4', 'fortran_order': False, 'shape': (1,)}"), "not numbers"),
        (header("{'descr': '<U4', 'fortran_order': False, 'shape': (1,)}"), "not numbers"),
        (header("{'descr': '<x9', 'fortran_order': False, 'shape': (1,)}"), "unknown dtype"),
        (header("{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 4)}"), "has the shape"),
        (header("{'descr': '<f4', 'fortran_order': False, 'shape': (1.5,)}"), "has the shape"),
        (header(f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({10**400},)}}"), "has the shape"),
        (header("{'descr': '<f4', 'fortran_order': False, 'shape': [1, 1]}"), "no valid shape"),
        (header("{'descr': '<f4', 'fortran_order': 'no', 'shape': (1, 1)}"), "no valid shape"),
        (header("{'descr': '<f4', 'shape': (1, 1)}"), "does not hold descr"),
        (header("__import__('os').system('true')"), "no Python literal"),
        (header("(" * 30_000), "no Python literal"),
        (b"\x93NUMPY\x02\x00\xff\xff\xff\x7f", "claims 2,147,483,647 bytes"),
        (saved(np.float32(1)), "neither ids nor vectors"),
        (saved(np.ones(3, np.float32)), "neither ids nor vectors"),
        (saved(np.array([-1])), "not between 0"),
        (saved(np.array([2**40])), "not between 0"),
    ],
)
def test_what_is_wrong_is_named(data: bytes, complaint: str) -> None:
    with pytest.raises(DataError, match=complaint) as caught:
        records(data)
    assert (caught.value.source, caught.value.record) == ("x", 1)


def test_a_header_that_lies_costs_no_memory() -> None:
    lie = header("{'descr': '<f4', 'fortran_order': False, 'shape': (1048576, 1048576)}", data=b"short")
    tracemalloc.start()
    with pytest.raises(DataError, match=r"5 of 4,398,046,511,104 bytes"):
        records(lie)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000_000


def test_empty_arrays() -> None:
    found = records(saved(np.zeros(0, np.uint16), np.zeros((0, 4), np.float32)))
    assert found[0].ids is not None
    assert len(found[0].ids) == 0
    assert found[1].vectors is not None
    assert found[1].vectors.shape == (0, 4)


@given(st.binary(max_size=200), st.integers(0, 150))
def test_anything_gives_records_or_a_data_error(noise: bytes, place: int) -> None:
    whole = saved(np.arange(4, dtype=np.uint16))
    for data in (noise, whole[:place] + noise + whole[place + len(noise) :]):
        try:
            records(data)
        except DataError as error:
            assert error.source == "x"


@pytest.mark.parametrize("odd", [0, 1])
def test_large_arrays_of_a_plain_file_are_mapped(tmp_path: Path, odd: int) -> None:
    """Where they stand at a place that suits their type; else they are read."""
    arrays = [np.random.default_rng(n).standard_normal((1_200_000 + n, 2)).astype(np.float32) for n in range(2)]
    with (tmp_path / "two.npy").open("wb") as file:
        np.save(file, np.zeros(odd, np.uint8))
        for array in arrays:
            np.save(file, array)
    with (tmp_path / "two.npy").open("rb") as file:
        npy.read_array(file)
        for array in arrays:
            found, taken = npy.read_array(file)
            assert found is not None
            np.testing.assert_array_equal(found, array)
            assert taken == array.nbytes + 128
            assert isinstance(found.base.base.obj, mmap.mmap) == (not odd)
        assert npy.read_array(file) == (None, 0)
    os.truncate(tmp_path / "two.npy", 5_000_000)
    with (tmp_path / "two.npy").open("rb") as file, pytest.raises(DataError, match="is cut short"):
        npy.read_array(file)
        npy.read_array(file)
