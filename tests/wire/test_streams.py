"""Formats told apart, and the public readers and writers."""

from __future__ import annotations

import io
import os

import numpy as np
import pytest

from attncli.errors import CallError, DataError
from attncli.wire import ids, streams
from attncli.wire.detect import detect
from attncli.wire.record import Record


def buffered(data: bytes) -> io.BufferedReader:
    return io.BufferedReader(io.BytesIO(data))


@pytest.mark.parametrize(
    ("data", "fmt"),
    [
        (b"\x93NUMPY", "npy"),
        (b'{"ids"', "json"),
        (b"\n [1]", "json"),
        (b"1 2 3", "ids"),
        (b"", "ids"),
        (b"hello", "ids"),
    ],
)
def test_detection_by_the_first_bytes(data: bytes, fmt: str) -> None:
    handle = buffered(data)
    assert detect(handle) == fmt
    assert handle.read() == data


def test_one_byte_on_a_pipe_is_enough() -> None:
    reading, writing = os.pipe()
    os.write(writing, b"\x93")
    with open(reading, "rb") as handle:
        assert detect(handle) == "npy"
    os.close(writing)


@pytest.mark.parametrize("fmt", ["json", "npy", "ids"])
def test_ids_round_trip_through_every_format(fmt: str) -> None:
    written = [Record(ids=[1, 2, 70000]), Record(ids=[]), Record(ids=[0])]
    out = io.BytesIO()
    streams.write_records(written, out, fmt, array="ids")
    back = list(streams.read_records(io.BytesIO(out.getvalue())))
    assert [list(record.ids or []) if fmt != "npy" else np.asarray(record.ids).tolist() for record in back] == [
        [1, 2, 70000], [], [0],
    ]  # fmt: skip


def test_vectors_round_trip() -> None:
    vectors = np.random.default_rng(0).standard_normal((3, 2)).astype(np.float32)
    for fmt in ("json", "npy"):
        out = io.BytesIO()
        streams.write_records([Record(vectors=vectors)], out, fmt, array="vectors")
        back = next(streams.read_records(buffered(out.getvalue())))
        np.testing.assert_array_equal(np.asarray(back.vectors), vectors)


def test_tokens_are_for_people() -> None:
    out = io.BytesIO()
    ids.write_tokens(out, [Record(tokens=["He", " left"]), Record(tokens=[])])
    assert out.getvalue() == b"He  left\n\n"


@pytest.mark.parametrize("word", ["1.5", "-1", "x", "1_000", "+1", "٣", "99999999999", "4294967296"])
def test_words_that_are_no_ids(word: str) -> None:
    with pytest.raises(DataError) as caught:
        list(ids.read(buffered(b"1 2\n" + word.encode()), "x"))
    assert (caught.value.source, caught.value.record) == ("x", 2)


def test_a_record_without_the_field_is_an_error() -> None:
    for fmt, array in (("npy", "vectors"), ("ids", "ids"), ("tokens", "ids"), ("text", "ids")):
        with pytest.raises(DataError, match="r7: has no"):
            streams.write_records([Record(id="r7")], io.BytesIO(), fmt, array=array)


def test_unknown_formats() -> None:
    with pytest.raises(CallError, match="'yaml'"):
        streams.writer("yaml", io.BytesIO())
    with pytest.raises(CallError, match="'yaml'"):
        list(streams.read_records(buffered(b""), "yaml"))


@pytest.mark.parametrize(
    ("name", "fmt"), [("a.npy", "npy"), ("a.NPY.gz", "npy"), ("a.jsonl.zst", "json"), ("a.dat", None), ("a.txt", None)]
)
def test_formats_by_name(name: str, fmt: str | None) -> None:
    assert streams.format_of(name, ("json", "npy")) == fmt
