"""word2vec's text and binary, and GloVe's text: there and back, and files that lie."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attncli.core.embedding.labels import Labels
from attncli.errors import DataError
from attncli.formats import glove, side_line, table_text, word2vec_binary, word2vec_text

ROWS = np.random.default_rng(5).standard_normal((3, 2)).astype(np.float32)
LABELS = Labels.of(["the", " bank", "\udce4"])
SAID = {"tokenizer": "t@123456789abc", "note": "as \u00fcsual"}
FLOAT = np.array([1, -2], "<f4").tobytes()

Read = Callable[[bytes], tuple[Any, Labels, dict[str, str]]]


def read_text(data: bytes) -> tuple[Any, Labels, dict[str, str]]:
    return word2vec_text.read(io.BytesIO(data).read)


def read_glove(data: bytes) -> tuple[Any, Labels, dict[str, str]]:
    return glove.read(io.BytesIO(data).read)


@pytest.mark.parametrize(
    ("module", "read"), [(word2vec_text, read_text), (word2vec_binary, word2vec_binary.read), (glove, read_glove)]
)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, ">f8"])
def test_there_and_back(module: Any, read: Read, dtype: Any, each_engine: str) -> None:
    table = ROWS.astype(dtype)
    data = b"".join(module.write(table, LABELS, SAID))
    vectors, labels, metadata = read(data)
    np.testing.assert_array_equal(vectors, table.astype(np.float32))
    assert vectors.dtype == np.float32
    assert list(labels) == list(LABELS)
    assert metadata == ({} if module is glove else SAID)
    assert module.sniff(data[:100])
    assert word2vec_text.sniff(data) == (module is word2vec_text)
    assert b"".join(module.write(table, LABELS, {})) == data.partition(b"# {")[0].removesuffix(
        b"\n" if module is word2vec_binary else b""
    )


def test_what_other_tools_write() -> None:
    c_text = b"2 2 \nthe 1.000000 -2.000000 \n</s> 0.5 3e-05 \n"  # a space behind each number
    np.testing.assert_array_equal(read_text(c_text)[0], np.float32([[1, -2], [0.5, 3e-5]]))
    c_binary = b"2 2\nthe " + FLOAT + b"\n</s> " + FLOAT + b"\n"  # a newline behind each row
    vectors, labels, _ = word2vec_binary.read(c_binary)
    np.testing.assert_array_equal(vectors, [[1, -2], [1, -2]])
    assert list(labels) == ["the", "</s>"]
    vectors, labels, _ = read_glove(b", 0.1 0.2\r\n. . . 0.3 0.4\r\nat me@x.org 1 2\r\n")
    assert list(labels) == [",", ". . .", "at me@x.org"]
    np.testing.assert_array_equal(vectors, np.float32([[0.1, 0.2], [0.3, 0.4], [1, 2]]))


def test_labels_in_another_encoding_are_text() -> None:
    """gensim refuses them; here they are bytes, which labels spell."""
    latin = "2 2\ncaf\u00e9 0.5 -1\n\u00fc\x1c 2e-05 1\n".encode("latin-1")
    assert word2vec_text.sniff(latin)
    vectors, labels, _ = read_text(latin)
    assert list(labels) == ["caf\udce9", "\udcfc\x1c"]
    np.testing.assert_array_equal(vectors, np.float32([[0.5, -1], [2e-5, 1]]))
    assert not word2vec_text.sniff(b"1 2\ncaf\xe9 " + FLOAT)
    for rows in ROWS[None] * np.float32([[[1]], [[1e-30]], [[1e30]]]):
        assert not word2vec_text.sniff(b"".join(word2vec_binary.write(rows, LABELS, {})))


def test_blocks_meet_in_any_place(monkeypatch: pytest.MonkeyPatch, each_engine: str) -> None:
    table = np.random.default_rng(1).standard_normal((40, 3)).astype(np.float32)
    labels = Labels.of([f"w{row}" for row in range(40)])
    whole = b"".join(word2vec_text.write(table, labels, SAID))
    for step in (20, 45, 100, 1000):
        monkeypatch.setattr(table_text, "STEP", step)
        vectors, found, metadata = read_text(whole)
        np.testing.assert_array_equal(vectors, table)
        assert (found.text, metadata) == (labels.text, SAID)
        assert b"".join(word2vec_text.write(table, labels, SAID)) == whole
        vectors, found, _ = read_glove(b"".join(glove.write(table, labels, {})))
        np.testing.assert_array_equal(vectors, table)
        assert found.text == labels.text


def test_no_rows() -> None:
    assert read_text(b"0 3\n")[0].shape == (0, 3)
    assert word2vec_binary.read(b"0 3\n")[0].shape == (0, 3)


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "first line is not the number of rows"),
        (b"two 2\na 1 2\n", "first line is not the number of rows"),
        (b"1 0\na\n", "rows of width 0"),
        (b"2 2\na 1 2\nb 1\n", r"line 3: has 1 numbers in place of 2 \('b 1'\)"),
        (b"2 2\na 1 2\nb 1 2 3\n", r"line 3: has more than a label and 2 numbers"),
        (b"2 2\na 1 2\n\n", "line 3: has 0 numbers"),
        (b"1 2\na 1 nan\n", "line 2: holds 'nan', which is no float32"),
        (b"1 2\na 1 1e39\n", "line 2: holds '1e39'"),
        (b"1 2\na 1 1_0\n", "line 2: holds '1_0'"),
        (b"3 2\na 1 2\n", "tells of 3 rows, and 1 follow; is it cut short"),
        (b"1 2\na 1 2\nb 1 2\n", "goes on behind the rows"),
        (b"1 2\na 1 2\n# {\n", "is no JSON"),
        (b'1 2\na 1 2\n# {"a": 1}\n', "no JSON object of strings"),
        (b"999999999999 999999999\na 1 2\n", "line 2: has 2 numbers in place of 999999999"),
        (b"999999999999 2\na 1 2\n", "tells of 999,999,999,999 rows, and 1 follow"),
    ],
)
def test_text_that_lies(data: bytes, complaint: str, each_engine: str) -> None:
    with pytest.raises(DataError, match=complaint) as caught:
        read_text(data)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"2 2\nthe " + FLOAT, r"tells of 2 rows of 2 numbers, and 12 bytes follow; is it cut short"),
        (b"1 2\nthe " + FLOAT[:-1], r"row 1: 'the' is cut short at byte 15"),
        (b"1 0\n", "width 0"),
        (b"999999999999 999999999\n" + FLOAT, "tells of 999,999,999,999 rows"),
        (b"1 1\nno_space_at_all", "row 1: no label stands at byte 4"),
        (b"2 1\na \0\0\0\0\n\nb \0\0\0\0", "row 2: no label stands at byte 11; is the width"),
        (b"1 1\na \0\0\0\0b \0\0\0\0", "goes on behind the rows"),
    ],
)
def test_binary_that_lies(data: bytes, complaint: str) -> None:
    with pytest.raises(DataError, match=complaint):
        word2vec_binary.read(data)


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "first line is no label with numbers"),
        (b"only words\n", "first line is no label with numbers"),
        (b"a 1 2\nb 1\n", "line 2: has 1 numbers in place of 2"),
        (b"a 1 2\nb 1 2 3\n", "line 2: has more than a label and 2 numbers"),
        (b"a 1 2\n\nb 1 2\n", "line 2: has 0 numbers"),
    ],
)
def test_glove_that_lies(data: bytes, complaint: str, each_engine: str) -> None:
    with pytest.raises(DataError, match=complaint):
        read_glove(data)


def test_what_text_has_no_word_for() -> None:
    with pytest.raises(DataError, match="row 1 holds a number that float32 text"):
        list(word2vec_text.write(np.array([[1.0], [1e39]]), Labels.of("ab"), {}))


def test_a_side_line_is_short() -> None:
    with pytest.raises(DataError, match="goes on behind"):
        side_line.read(b"# {" + b" " * (1 << 17))


@given(st.binary(max_size=40), st.integers(0, 60), st.sampled_from([word2vec_text, word2vec_binary, glove]))
def test_noise(noise: bytes, place: int, module: Any) -> None:
    whole = b"".join(module.write(ROWS, LABELS, SAID))
    data = whole[:place] + noise + whole[place + len(noise) :]
    module.sniff(data)
    try:
        module.read(data if module is word2vec_binary else io.BytesIO(data).read)
    except DataError as error:
        assert "\n" not in str(error)
