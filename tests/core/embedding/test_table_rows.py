"""Rows as text: both engines read and write the same, and refuse the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from attncli import _native
from attncli.core.reference import table_rows as twin

FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)
FIELDS = st.sampled_from(
    [b"1", b"-0.5", b"1e5", b"1e39", b"nan", b"inf", b"1_0", b"+1", b".", b".5", b"5.", b"", b"a", b"0x1", b"\xd9\xa1",
     b"1e-50", b"\t1", b"1\r", b"the", b"3.4028236e38", b"3.4028235e38", b"Infinity", b"1E+5"]
)  # fmt: skip


def same(one: Any, other: Any) -> bool:
    if one is None or other is None:
        return one is other
    return bool(one[0] == other[0] and one[1].shape == other[1].shape and (one[1] == other[1]).all())


@given(
    st.lists(st.lists(FIELDS, max_size=5).map(b" ".join), max_size=4).map(b"\n".join), st.integers(1, 4), st.booleans()
)
def test_engines_read_the_same(text: bytes, width: int, spaces: bool) -> None:
    for end in (b"", b"\n", b" \r\n"):
        found = _native.read_table_rows(text + end, width, spaces)
        assert same(found, twin.read_table_rows(text + end, width, spaces))


@given(arrays(np.float32, st.tuples(st.integers(0, 4), st.integers(1, 4)), elements=FLOATS))
def test_engines_write_the_same_and_it_comes_back(vectors: np.ndarray) -> None:
    labels = b"".join(b"w%d\n" % row for row in range(len(vectors)))
    text = _native.write_table_rows(labels, vectors)
    assert text == twin.write_table_rows(labels, vectors)
    assert same(_native.read_table_rows(text, vectors.shape[1], False), (labels, vectors))


def test_the_comparison_can_fail() -> None:
    found = _native.read_table_rows(b"a 1\n", 1, False)
    assert not same(found, (b"a\n", np.array([[2]], np.float32)))
    assert not same(found, (b"b\n", np.array([[1]], np.float32)))
    assert not same(found, None)


def test_decimals_are_short() -> None:
    numbers = np.array([[0.1, 1, -0.0, 1e-8, 1e16, 1e15, 3.4028235e38, 1e-45]], np.float32)
    assert (
        _native.write_table_rows(b"x\n", numbers) == b"x 0.1 1.0 -0.0 1e-8 1e16 1000000000000000.0 3.4028235e38 1e-45\n"
    )


@pytest.mark.parametrize("engine", [_native, twin])
def test_what_cannot_be_written(engine: Any) -> None:
    with pytest.raises(ValueError, match="no number that text has a word for"):
        engine.write_table_rows(b"a\n", np.array([[np.nan]], np.float32))
    with pytest.raises(ValueError, match="2 labels for 1 rows"):
        engine.write_table_rows(b"a\nb\n", np.zeros((1, 1), np.float32))
