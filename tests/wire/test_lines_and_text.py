"""Documents from bytes and back."""

from __future__ import annotations

import io
import os
import threading

from hypothesis import given
from hypothesis import strategies as st

from attncli.wire import text
from attncli.wire.lines import read_lines


def documents(data: bytes, by: str = "line") -> list[tuple[bytes | None, str | None]]:
    batches = text.read(io.BufferedReader(io.BytesIO(data)), "x", by=by)
    return [(record.text, record.end) for batch in batches for record in batch]


@given(st.lists(st.sampled_from([b"\n", b"\r", b"a", b"\xff", "\u2028".encode(), "\x85".encode(), b"\n\n"])))
def test_text_and_ends_give_every_byte_back(parts: list[bytes]) -> None:
    data = b"".join(parts)
    for by in ("line", "file"):
        out = io.BytesIO()
        for batch in text.read(io.BufferedReader(io.BytesIO(data)), "x", by=by):
            text.write(out, batch)
        assert out.getvalue() == data


def test_ends() -> None:
    assert documents(b"a\r\nb") == [(b"a\r", None), (b"b", "")]
    assert documents(b"") == []
    assert documents(b"\n") == [(b"", None)]
    assert documents(b"", by="file") == [(b"", "")]
    assert documents(b"a\n", by="file") == [(b"a\n", "")]


def test_an_end_of_ones_own() -> None:
    out = io.BytesIO()
    for batch in text.read(io.BufferedReader(io.BytesIO(b"a\nb\n")), "x"):
        text.write(out, batch, end="")
    assert out.getvalue() == b"ab"


def test_ids_count_lines() -> None:
    batches = text.read(io.BufferedReader(io.BytesIO(b"a\nb\nc")), "poem.txt")
    assert [record.id for batch in batches for record in batch] == ["poem.txt:1", "poem.txt:2", "poem.txt:3"]


def test_a_line_comes_out_before_the_writer_has_closed() -> None:
    reading, writing = os.pipe()
    with open(reading, "rb") as handle, open(writing, "wb", buffering=0) as pipe:
        batches = read_lines(handle)
        pipe.write(b"first\nsec")
        assert next(batches) == ([b"first"], True)
        threading.Timer(0.05, pipe.close).start()
        assert next(batches) == ([b"sec"], False)


def test_a_long_line_arrives_whole() -> None:
    line = b"x" * 5_000_000
    assert list(read_lines(io.BufferedReader(io.BytesIO(line + b"\n")))) == [([line], True)]
