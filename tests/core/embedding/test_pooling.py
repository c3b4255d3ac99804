"""One vector a document: each way of pooling against its definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from attncli.core.embedding.pooling import POOLS, normalized, pooled, sif_weights
from attncli.errors import CallError, DataError

X = np.random.default_rng(0).standard_normal((7, 5)).astype(np.float32)
FLOATS = st.floats(-1e6, 1e6, width=32)


def expected(pool: str, weights: np.ndarray) -> np.ndarray:
    x = X.astype(np.float64)
    by_name = {
        "mean": sum(x) / 7,
        "max": [max(column) for column in x.T],
        "first": x[0],
        "last": x[6],
        "sif": sum(weight * row for weight, row in zip(weights, x, strict=True)) / 7,
    }
    return np.array([by_name[pool]])


@pytest.mark.parametrize("pool", POOLS)
def test_pools_are_their_definitions(pool: str) -> None:
    weights = np.linspace(0.1, 1, 7)
    found = pooled(X, pool, weights)
    np.testing.assert_allclose(found, expected(pool, weights), rtol=1e-6)
    assert (found.shape, found.dtype) == ((1, 5), np.float32)
    one = pooled(X[:1], pool, np.ones(1))
    np.testing.assert_array_equal(one, X[:1])  # a document of one token is that token
    np.testing.assert_array_equal(pooled(X[:0], pool, np.ones(0)), np.zeros((1, 5)))
    others = [name for name in POOLS if name != pool]
    assert all(np.abs(found - expected(name, weights)).max() > 1e-3 for name in others)


def test_sif_is_the_paper_s() -> None:
    counts = np.array([90, 9, 1, 0])
    weights = sif_weights([0, 1, 2, 3, 0], counts, a=1e-2)
    np.testing.assert_allclose(weights, [0.01 / 0.91, 0.01 / 0.1, 0.01 / 0.02, 1, 0.01 / 0.91], rtol=1e-12)
    np.testing.assert_allclose(sif_weights([0], counts, 1000, 1e-2), [0.01 / 0.1])
    assert sif_weights([], counts).shape == (0,)
    assert sif_weights([0], np.zeros(1, int)).tolist() == [1.0]
    with pytest.raises(CallError, match="not above 0"):
        sif_weights([0], counts, a=0)
    with pytest.raises(DataError, match="no count"):
        sif_weights([4], counts)
    with pytest.raises(DataError, match="id 1 was counted -3 times"):
        sif_weights([0, 1], np.array([2, -3]))
    most = np.full(4, 1 << 62)  # their sum is beyond int64
    np.testing.assert_allclose(sif_weights([2], most, a=1e-2), [0.01 / 0.26])


@given(arrays(np.float32, (3, 4), elements=FLOATS))
def test_lengths_are_one(rows: np.ndarray) -> None:
    found = normalized(rows).astype(np.float64)
    lengths = np.linalg.norm(found, axis=1)
    zero = ~rows.any(axis=1)
    np.testing.assert_allclose(lengths[~zero], 1, rtol=1e-6)
    assert not found[zero].any()


def test_what_is_refused() -> None:
    with pytest.raises(CallError, match="no pooling is called 'avg'"):
        pooled(X, "avg")
    with pytest.raises(CallError, match="a weight for each token"):
        pooled(X, "sif")
