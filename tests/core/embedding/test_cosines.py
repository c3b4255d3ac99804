"""Exact neighbours against the plain formula in float64, whatever the blocks, the floats and the sizes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attncli.core.embedding import nearest as core
from attncli.core.embedding.nearest import analogy, nearest
from attncli.errors import CallError, DataError


def cosines(table: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """The definition, row by row."""
    wide, asked = table.astype(np.float64), queries.astype(np.float64)
    return np.array(
        [
            [q @ row / (np.linalg.norm(q) * np.linalg.norm(row)) if row.any() and q.any() else 0.0 for row in wide]
            for q in asked
        ]
    )


def best(scores: np.ndarray, k: int, banned: Any = ()) -> list[int]:
    order = sorted((row for row in range(len(scores)) if row not in banned), key=lambda row: (-scores[row], row))
    return order[:k]


@given(
    st.integers(1, 70),
    st.integers(1, 9),
    st.integers(1, 4),
    st.integers(0, 12),
    st.integers(0, 99),
    st.sampled_from(["f2", "f4", "f8"]),
)
def test_the_definition(rows: int, width: int, queries: int, k: int, seed: int, dtype: str) -> None:
    random = np.random.default_rng(seed)
    table = random.standard_normal((rows, width)).astype(dtype)
    table[random.integers(rows)] = 0
    asked = random.standard_normal((queries, width))
    leave_out = [set(random.integers(0, rows, 2).tolist()) for _ in range(queries)]
    expected = cosines(table, asked)
    block = core.BLOCK
    try:
        for core.BLOCK in (block, 7 * max(width, queries)):
            found, scores = nearest(table, asked, k, leave_out=leave_out)
            for query in range(queries):
                wanted = best(expected[query], k, leave_out[query])[: found.shape[1]]
                assert found[query].tolist() == wanted
                np.testing.assert_allclose(scores[query], expected[query][wanted], atol=1e-12)
    finally:
        core.BLOCK = block


def test_a_wrong_order_would_be_seen() -> None:
    table = np.random.default_rng(1).standard_normal((50, 4))
    expected = cosines(table, table[:1])[0]
    assert best(expected, 5) != best(-expected, 5)
    assert best(table @ table[0], 10) != best(expected, 10)  # products without lengths


def test_equals_come_in_order_of_rows() -> None:
    table = np.ones((30, 3), np.float32)
    assert nearest(table, table[:1], 4, leave_out=[[0]])[0].tolist() == [[1, 2, 3, 4]]
    assert nearest(table[:3], table[:1], 9)[0].tolist() == [[0, 1, 2]]


@pytest.mark.parametrize(("size", "dtype"), [(1e-40, "f4"), (1e30, "f4"), (1e200, "f8"), (1e-200, "f8")])
def test_numbers_whose_squares_float32_has_not(size: float, dtype: str) -> None:
    table = (np.array([[1.0, 0], [3, 4], [0, 1]]) * size).astype(dtype)
    found, scores = nearest(table, table[1:2], 3)
    assert found.tolist() == [[1, 2, 0]]
    expected = cosines(table.astype(np.float64) / size, np.array([table[1].astype(np.float64) / size]))
    np.testing.assert_allclose(scores[0], expected[0][[1, 2, 0]], rtol=1e-12)


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_a_row_that_is_no_vector_is_named(wrong: float) -> None:
    table = np.ones((9, 2), np.float32)
    table[7, 1] = wrong
    with pytest.raises(DataError, match="row 7 holds NaN"):
        nearest(table, np.ones((1, 2)), 1)


@given(st.integers(3, 40), st.integers(0, 99))
def test_analogies_are_their_formulas(rows: int, seed: int) -> None:
    table = np.random.default_rng(seed).standard_normal((rows, 5))
    unit = table / np.linalg.norm(table, axis=1, keepdims=True)
    found, scores = analogy(table, table[1:3], table[:1], 4, leave_out=[0, 1, 2])
    by_sum = cosines(table, (unit[1] + unit[2] - unit[0])[None])[0]
    assert found[0].tolist() == best(by_sum, 4, {0, 1, 2})
    np.testing.assert_allclose(scores[0], by_sum[found[0]], atol=1e-12)
    shares = (1 + unit @ unit.T) / 2
    found, scores = analogy(table, table[1:3], table[:1], 4, method="3cosmul", leave_out=[0, 1, 2])
    by_product = shares[1] * shares[2] / (shares[0] + 1e-6)
    assert found[0].tolist() == best(by_product, 4, {0, 1, 2})
    np.testing.assert_allclose(scores[0], by_product[found[0]], rtol=1e-9)


def test_what_is_refused() -> None:
    with pytest.raises(CallError, match="no method is called '3cosdiv'; use 3cosadd or 3cosmul"):
        analogy(np.ones((2, 2)), np.ones((1, 2)), np.ones((1, 2)), 1, method="3cosdiv")
    with pytest.raises(CallError, match="queries of shape"):
        nearest(np.ones((2, 2)), np.ones((1, 3)), 1)


def test_a_table_that_is_mapped_is_never_copied_whole(tmp_path: Any) -> None:
    import tracemalloc

    table = np.lib.format.open_memmap(tmp_path / "t.npy", "w+", np.float16, (400_000, 64))  # 51 MB, in float32 102
    table[:, 0] = 1
    table[123_456] = np.arange(64)
    tracemalloc.start()
    found, _ = nearest(table, np.arange(64.0)[None], 1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.tolist() == [[123_456]]
    assert peak < 64 << 20
