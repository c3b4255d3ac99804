"""Largest weights, entropy, mass by distance, chosen heads and rows: against the weights themselves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from test_exact import problems

from attncli import attention
from attncli.core.attention.summary import chosen_weights, summary
from attncli.errors import CallError, DataError


def expected(weights: Any) -> tuple[Any, Any]:
    """Entropy and mass of weights (H, N, M)."""
    heads, n, m = weights.shape
    weights = weights.astype(np.float64)
    entropy = -(weights * np.log(np.where(weights > 0, weights, 1))).sum(axis=2)
    mass = np.zeros((heads, n + m - 1))
    for h, i, j in np.ndindex(weights.shape):
        mass[h, (i + m - n - j) - (1 - n)] += weights[h, i, j]
    return entropy, mass


@given(problems())
def test_every_option_against_the_weights(each_engine: str, problem: Any) -> None:
    q, k, v, options = problem
    options.pop("positions", None)
    weights = attention(q, k, v, return_weights=True, **options).weights
    found = summary(q, k, top_k=3, entropy=True, mass=True, **options)
    entropy, mass = expected(weights)
    # Eight units in the last place: the weights have a few themselves, and up to 70 terms are added up.
    np.testing.assert_allclose(found.entropy, entropy, rtol=8 * np.finfo(np.float32).eps, atol=1e-6)
    np.testing.assert_allclose(found.mass, mass, atol=1e-5)
    width = min(3, weights.shape[2])
    assert found.top_keys.shape == (*weights.shape[:2], width)
    np.testing.assert_allclose(found.top_weights, -np.sort(-weights, axis=2)[..., :width], atol=1e-6)
    listed = found.top_keys >= 0
    np.testing.assert_array_equal(listed, found.top_weights > 0)
    at_keys = np.take_along_axis(weights, np.maximum(found.top_keys, 0), axis=2)
    np.testing.assert_allclose(at_keys[listed], found.top_weights[listed], atol=1e-6)


def test_a_wrong_summary_would_be_seen(each_engine: str) -> None:
    random = np.random.default_rng(0)
    q, k = (random.standard_normal((2, 30, 8)).astype(np.float32) for _ in range(2))
    right, wrong = (summary(q, k, top_k=3, entropy=True, mass=True, scale=scale) for scale in (0.3, 0.301))
    assert np.abs(right.entropy - wrong.entropy).max() > 1e-4
    assert np.abs(right.mass - wrong.mass).max() > 1e-4
    assert np.abs(right.top_weights - wrong.top_weights).max() > 1e-4


@pytest.mark.parametrize("n", [1, 300, 700])
def test_many_tiles_and_threads(each_engine: str, n: int) -> None:
    random = np.random.default_rng(n)
    q, k = (random.standard_normal((2, size, 16)).astype(np.float32) * 2 for size in (n, 700))
    weights = attention(q, k, k, causal=True, return_weights=True).weights
    found, again = (summary(q, k, top_k=5, entropy=True, mass=True, causal=True, threads=t) for t in (3, 1))
    np.testing.assert_allclose(found.top_weights, -np.sort(-weights, axis=2)[..., :5], atol=1e-6)
    np.testing.assert_allclose(found.entropy, expected(weights)[0], atol=1e-5)
    np.testing.assert_allclose(found.mass.sum(axis=1), n, rtol=1e-5)
    np.testing.assert_array_equal(found.mass, again.mass)


def test_the_first_key_among_equals(each_engine: str) -> None:
    ones = np.ones((1, 4, 2), np.float32)
    found = summary(ones, ones, top_k=9, entropy=True, causal=True)
    assert found.top_keys[0].tolist() == [[0, -1, -1, -1], [0, 1, -1, -1], [0, 1, 2, -1], [0, 1, 2, 3]]
    np.testing.assert_allclose(found.entropy[0], np.log([1, 2, 3, 4]), atol=1e-6)


def test_numbers_beyond_float32(each_engine: str) -> None:
    large = np.array([[[1e30], [-1e30]]], np.float32)
    found = summary(large, large, top_k=1, entropy=True, mass=True)
    assert found.top_keys[0].tolist() == [[0], [1]]
    np.testing.assert_allclose(found.entropy, 0, atol=1e-6)
    np.testing.assert_allclose(found.mass, [[0, 2, 0]])


def test_chosen_heads_and_rows(each_engine: str) -> None:
    random = np.random.default_rng(3)
    q, k = random.standard_normal((4, 20, 8)).astype(np.float32), random.standard_normal((2, 30, 8)).astype(np.float32)
    options: dict[str, Any] = {
        "causal": True,
        "bias": random.standard_normal((4, 20, 30)).astype(np.float32),
        "mask": random.random((20, 1)) < 0.9,
        "alibi_slopes": random.random(4),
        "sinks": random.random(4),
        "relative_bias": random.random((4, 5)),
    }
    all_weights = attention(q, k, k, return_weights=True, **options).weights
    found = chosen_weights(q, k, heads=[3, 0], rows=[5, -1, 7], **options)
    np.testing.assert_allclose(found, all_weights[[3, 0]][:, [5, -1, 7]], atol=1e-6)
    np.testing.assert_allclose(chosen_weights(q, k, **options), all_weights, atol=1e-6)


def test_what_is_refused(each_engine: str) -> None:
    ones = np.ones((2, 3, 4), np.float32)
    with pytest.raises(CallError, match="there is no row 3"):
        chosen_weights(ones, ones, rows=[3])
    with pytest.raises(CallError, match="there is no head -3"):
        chosen_weights(ones, ones, heads=[-3])
    with pytest.raises(CallError, match="largest"):
        summary(ones, ones, top_k=0)
    with pytest.raises(DataError, match="end of the keys"):
        summary(ones, ones, mass=True, positions=[0, 1, 2])
    with pytest.raises(DataError, match="NaN"):
        summary(ones, ones * np.nan, entropy=True)
