"""JSON Lines: every key of a record, there and back."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from attncli.errors import DataError
from attncli.wire import jsonl
from attncli.wire.record import Record


def lines(*records: Record, **options: Any) -> bytes:
    out = io.BytesIO()
    jsonl.write(out, records, **options)
    return out.getvalue()


def records(data: bytes, **options: Any) -> list[Record]:
    return [record for batch in jsonl.read(io.BufferedReader(io.BytesIO(data)), "x", **options) for record in batch]


def test_all_keys_in_their_order() -> None:
    vectors = np.array([[1, 0.1]], np.float32)
    record = Record("a:1", "", b"hi", [1, 2], ["h", "i"], "t@1", [(0, 1), (1, 2)], vectors, extra={"k": [1]})
    line = lines(record)
    assert list(json.loads(line)) == [
        "id", "end", "text", "ids", "tokens", "tokenizer", "offsets", "vectors", "k",
    ]  # fmt: skip
    back = records(line)[0]
    assert (back.id, back.end, back.text, back.ids, back.tokens) == ("a:1", "", b"hi", [1, 2], ["h", "i"])
    assert (back.tokenizer, back.offsets, back.extra) == ("t@1", [[0, 1], [1, 2]], {"k": [1]})
    np.testing.assert_array_equal(back.vectors, vectors)


@given(st.binary())
def test_any_text_comes_back(text: bytes) -> None:
    assert records(lines(Record(text=text)))[0].text == text


def test_what_is_no_utf8_stands_as_bytes() -> None:
    assert json.loads(lines(Record(text=b"\xff"))) == {"bytes": "/w=="}


@given(hnp.arrays(np.float32, (3, 2), elements=st.floats(width=32, allow_nan=False, allow_infinity=False)))
def test_float32_comes_back_exactly(array: np.ndarray) -> None:
    back = records(lines(Record(vectors=array)))[0].vectors
    assert back is not None
    np.testing.assert_array_equal(back, array)


def test_floats_are_short() -> None:
    assert b"[[0.1, 1e-20]]" in lines(Record(vectors=np.array([[0.1, 1e-20]], np.float32)))


def test_nan_is_refused_unless_allowed() -> None:
    record = Record(id="r", vectors=np.array([[np.nan, np.inf]], np.float32))
    with pytest.raises(DataError, match="r: vectors hold NaN"):
        lines(record)
    line = lines(record, allow_nan=True)
    with pytest.raises(DataError, match="NaN is no JSON number"):
        records(line)
    back = records(line, allow_nan=True)[0].vectors
    assert back is not None
    np.testing.assert_array_equal(back, record.vectors)


def test_a_bare_list_is_ids_and_blank_lines_are_none() -> None:
    assert [record.ids for record in records(b"[1, 2]\n\n  \n[]\n")] == [[1, 2], []]


def test_another_field_holds_the_text() -> None:
    record = records(b'{"body": "hi", "text": 5, "n": null}', field="body")[0]
    assert record.text == b"hi"
    assert record.extra == {"text": 5, "n": None}
    assert json.loads(lines(Record(extra=record.extra))) == {"text": 5, "n": None}


def test_file_names_that_are_no_text_are_json_all_the_same() -> None:
    line = lines(Record(id="caf\udce9:1"))
    assert json.loads(line)["id"] == "caf\udce9:1"


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (b'{"ids": [1, 2', "record 2: is no JSON"),
        (b"17", "is no JSON object"),
        (b'"text"', "is no JSON object"),
        (b"\xff\xfe", "not valid UTF-8"),
        (b'{"ids": [1.5]}', "no list of whole numbers"),
        (b'{"ids": [true]}', "no list of whole numbers"),
        (b'{"ids": [-1]}', "id -1 is not between"),
        (b'{"ids": [4294967296]}', "id 4294967296 is not between"),
        (b'{"ids": [' + b"9" * 4000 + b"]}", "of many digits"),
        (b'{"ids": [' + b"9" * 9000 + b"]}", "too many digits"),
        (b'{"text": 5}', "its text is no string"),
        (b'{"text": "\\ud800"}', "half a surrogate pair"),
        (b'{"bytes": "###"}', "no base64"),
        (b'{"vectors": [[1, 2], [3]]}', "no rectangular array"),
        (b'{"vectors": [[1, "2"]]}', "no array of numbers"),
        (b'{"vectors": [[1, null]]}', "no array of numbers"),
        (b'{"vectors": [[1, true]]}', "no array of numbers"),
        (b'{"vectors": [1, 2]}', "no array of numbers"),
        (b'{"vectors": [[1e39]]}', "float32 has not"),
        (b'{"vectors": [[NaN]]}', "NaN is no JSON number"),
        (b'{"tokens": [1]}', "no list of strings"),
        (b'{"offsets": [[1]]}', r"no list of \[start, end\]"),
        (b'{"id": []}', "its id is no string"),
        (b"[" * 200_000, "nested too deep"),
    ],
)
def test_wrong_lines_are_named(line: bytes, complaint: str) -> None:
    with pytest.raises(DataError, match=complaint) as caught:
        records(b'{"ids": []}\n' + line)
    assert (caught.value.source, caught.value.record) == ("x", 2)


@given(st.binary(max_size=60) | st.text(alphabet='{}[]":,0123456789.eE-+ntfalsru \\"idtexvcor\n', max_size=60))
def test_anything_gives_records_or_a_data_error(data: bytes | str) -> None:
    try:
        records(data if isinstance(data, bytes) else data.encode())
    except DataError as error:
        assert error.source == "x"


def test_keys_of_the_users_own_may_have_our_names() -> None:
    line = b'{"text": "a", "output": "answer", "end": 12, "ids": "mine", "tokens": null}\n'
    record = records(line)[0]
    assert record.extra == {"output": "answer", "end": 12, "ids": "mine"}
    record.ids = [1]
    assert json.loads(lines(record)) == {"id": "x:1", "text": "a", "ids": [1], "output": "answer", "end": 12}


def test_a_byte_order_mark_is_no_text() -> None:
    assert records(b'\xef\xbb\xbf{"ids": [1]}')[0].ids == [1]


def test_records_before_a_wrong_one_come_out() -> None:
    found = []
    with pytest.raises(DataError, match="record 3"):
        for batch in jsonl.read(io.BufferedReader(io.BytesIO(b"[1]\n[2]\nx\n")), "x"):
            found += batch
    assert [record.ids for record in found] == [[1], [2]]


def test_empty_documents_keep_their_place() -> None:
    empty = np.zeros((0, 4), np.float32)
    back = records(lines(Record(vectors=empty), Record(output=np.zeros((2, 0, 4), np.float32))))
    assert back[0].vectors is not None
    assert back[0].vectors.shape == (0, 0)
    assert back[1].output is not None
    assert back[1].output.shape[1] == 0
