"""Common component removal against the paper's algorithm on the whole matrix."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attncli.core.embedding import common_component
from attncli.core.embedding.common_component import CommonComponent, without_component
from attncli.errors import DataError


def algorithm_1(x: np.ndarray) -> np.ndarray:
    """Arora et al. 2017, the last four lines: u the first singular vector of X, which has a vector in each column."""
    u = np.linalg.svd(x.astype(np.float64).T)[0][:, 0]
    return np.array([row - u * (u @ row) for row in x.astype(np.float64)])


def documents(count: int, width: int, seed: int) -> np.ndarray:
    """Vectors that have something in common, as those of documents have."""
    random = np.random.default_rng(seed)
    return (random.standard_normal((count, width)) + 2 * random.standard_normal(width)).astype(np.float32)


@given(st.integers(3, 60), st.integers(2, 9), st.integers(0, 99), st.sampled_from([1, 2, 7, 256]))
def test_it_is_the_paper_s(count: int, width: int, seed: int, block: int) -> None:
    x = documents(count, width, seed)
    common, kept = CommonComponent(), common_component.BLOCK
    try:
        common_component.BLOCK = block
        for row in x:
            common.add(row[None])
        found = common.find()
    finally:
        common_component.BLOCK = kept
    assert np.linalg.norm(found) == pytest.approx(1, abs=1e-12)
    assert found[np.abs(found).argmax()] > 0
    singular = np.linalg.svd(x.astype(np.float64), compute_uv=False)
    if singular[1] < 0.9 * singular[0]:  # of two that are as large, either is the first
        np.testing.assert_allclose(without_component(x, found), algorithm_1(x), atol=2e-5)


def test_another_component_would_be_seen() -> None:
    x = documents(40, 5, 1)
    centred = x - x.mean(axis=0)  # principal component analysis centres; the paper does not
    of_centred = np.linalg.svd(centred)[2][0]
    assert np.abs(without_component(x, of_centred) - algorithm_1(x)).max() > 0.5
    assert np.abs(x - algorithm_1(x)).max() > 0.5


def test_a_direction_of_any_length_and_sign_is_taken_away() -> None:
    x = documents(9, 4, 2)
    direction = np.arange(1.0, 5)
    left = without_component(x, direction)
    np.testing.assert_array_equal(without_component(x, direction * -64), left)
    np.testing.assert_allclose(left @ direction, np.zeros(9), atol=1e-5)


def test_what_is_refused() -> None:
    with pytest.raises(DataError, match="nothing in common"):
        CommonComponent().find()
    zeros, one_way, wide = CommonComponent(), CommonComponent(), CommonComponent()
    zeros.add(np.zeros((2, 3)))
    with pytest.raises(DataError, match="nothing in common"):
        zeros.find()
    vector = documents(1, 300, 3)
    for length in (0.1, 1.3, 7):
        one_way.add(vector * np.float32(length))
    with pytest.raises(DataError, match="one direction: nothing would be left of them; give more documents"):
        one_way.find()
    with pytest.raises(DataError, match="width 8,193"):
        wide.add(np.zeros((1, 8193)))
    for component in (np.zeros(3), np.ones(2), np.array([1, np.nan, 0])):
        with pytest.raises(DataError, match="no component of vectors of width 3"):
            without_component(np.ones((1, 3)), component)
