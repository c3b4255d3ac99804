"""Flat files: what is written is what NumPy reads, and documents come back."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attncli.errors import DataError
from attncli.wire import flat, npy

DOCUMENTS = st.lists(st.lists(st.integers(0, 60_000), max_size=6), max_size=6)


def write(documents: list[list[int]], dtype: str, at: int = 0) -> tuple[io.BytesIO, io.BytesIO]:
    """The two files, written in two runs where `at` documents come first."""
    ids, index = io.BytesIO(), io.BytesIO()
    writer = flat.Writer(ids, index, dtype)
    for number, document in enumerate(documents):
        if number == at and at:
            writer = flat.Writer(ids, index, dtype, at=(writer.total, writer.documents))
        writer.add(np.array(document[:2], np.uint32), np.array([], np.uint64))
        assert writer.pending == len(document[:2])
        writer.add(np.array(document[2:], np.uint32), np.array([len(document[2:])], np.uint64))
        assert writer.pending == 0
    writer.finish()
    return ids, index


def saved(array: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


@pytest.mark.parametrize("dtype", ["uint16", "uint32", "int32", "int64"])
@given(documents=DOCUMENTS, at=st.integers(0, 6))
def test_both_files_are_byte_for_byte_what_numpy_saves(documents: list[list[int]], at: int, dtype: str) -> None:
    ids, index = write(documents, dtype, at)
    assert ids.getvalue() == saved(np.array([i for document in documents for i in document], dtype))
    starts = np.cumsum([0, *map(len, documents)]).astype(np.uint64)
    assert index.getvalue() == saved(starts)
    batches = flat.read(np.load(io.BytesIO(ids.getvalue())), starts, "x")
    assert [record.ids.tolist() for batch in batches for record in batch] == documents  # type: ignore[union-attr]


def test_what_was_half_written_is_written_over() -> None:
    whole, whole_index = write([[1, 2], [3], [4, 5]], "uint16")
    ids, index = write([[1, 2], [3], [9, 9, 9, 9]], "uint16")
    writer = flat.Writer(ids, index, "uint16", at=(3, 2))
    writer.add(np.array([4, 5]), np.array([2]))
    writer.finish()
    assert (ids.getvalue(), index.getvalue()) == (whole.getvalue(), whole_index.getvalue())


def test_a_part_that_is_gone_is_no_part() -> None:
    with pytest.raises(DataError, match="is gone"):
        flat.Writer(io.BytesIO(), io.BytesIO(), "uint16", at=(3, 2))


def test_a_header_has_room_for_any_length() -> None:
    assert {len(npy.header_bytes("<u2", (10**power,))) for power in range(19)} == {128}


def test_an_end_of_text_is_left_out_once() -> None:
    ids, starts = np.array([5, 0, 0, 0, 7]), np.array([0, 3, 4, 4, 5], np.uint64)
    found = [record.ids.tolist() for batch in flat.read(ids, starts, "x", end_of_text=0) for record in batch]  # type: ignore[union-attr]
    assert found == [[5, 0], [], [], [7]]


def test_batches_are_bounded_and_miss_nothing() -> None:
    lengths = np.random.default_rng(1).integers(0, 40_000, 50)
    lengths[10:20] = 0
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.uint64)
    ids = np.arange(starts[-1], dtype=np.uint32)
    batches = list(flat.read(ids, starts, "x"))
    assert len(batches) > 5
    assert max(sum(len(record.ids) for record in batch) for batch in batches) <= flat.BATCH  # type: ignore[arg-type]
    records = [record for batch in batches for record in batch]
    np.testing.assert_array_equal(np.concatenate([record.ids for record in records]), ids)
    assert [len(record.ids) for record in records] == lengths.tolist()  # type: ignore[arg-type]
    assert records[-1].id == "x:50"


@pytest.mark.parametrize("starts", [[], [1, 5], [0, 4], [0, 6], [0, 3, 2, 5], [0, 1 << 60, 5]])
def test_an_index_that_does_not_fit_is_refused(starts: list[int]) -> None:
    with pytest.raises(DataError, match="its index"):
        list(flat.read(np.arange(5), np.array(starts, np.uint64), "x"))
