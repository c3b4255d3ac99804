"""Linear attention and FAVOR+: both engines against their definitions, in O(N²) and in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attncli import attention
from attncli.core import engine
from attncli.core.attention.performer import orthogonal_features
from attncli.core.reference.kernel_attention import kernel_attention as twin
from attncli.errors import CallError, DataError


def elu_plus_one(x: Any) -> Any:
    return np.where(x > 0, x + 1, np.exp(np.minimum(x, 0)))


def favor(w: Any, scale: float) -> Any:
    """exp(w·x − |x|²/2) / √m of the scaled x."""

    def phi(x: Any) -> Any:
        x = x * np.sqrt(scale)
        return np.exp(x @ w.T - (x**2).sum(-1, keepdims=True) / 2) / np.sqrt(len(w))

    return phi


def definition(q: Any, k: Any, v: Any, phi: Any, causal: bool) -> tuple[Any, Any, Any]:
    """(output, weights, log of the sums), a loop over the queries."""
    q, k, v = (np.asarray(array, np.float64) for array in (q, k, v))
    heads, n, _ = q.shape
    m = k.shape[1]
    weights, lse = np.zeros((heads, n, m)), np.full((heads, n), -np.inf)
    for h in range(heads):
        kv = h // (heads // k.shape[0])
        for i in range(n):
            seen = max(0, i + 1 + m - n) if causal else m
            similar = phi(k[kv, :seen]) @ phi(q[h, i])
            if seen:
                weights[h, i, :seen] = similar / similar.sum()
                lse[h, i] = np.log(similar.sum())
    return weights @ np.repeat(v, heads // k.shape[0], axis=0), weights, lse


@st.composite
def problems(draw: st.DrawFn) -> tuple[Any, Any, Any, Any, bool]:
    group, kv = draw(st.sampled_from([(1, 1), (1, 2), (2, 1), (2, 2)]))
    n, m = draw(st.integers(1, 150)), draw(st.integers(1, 150))
    d, dv = draw(st.integers(1, 19)), draw(st.integers(0, 19))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    q, k, v = (random.standard_normal(s).astype(np.float32) for s in ((group * kv, n, d), (kv, m, d), (kv, m, dv)))
    features = draw(st.integers(0, 40))
    projection = random.standard_normal((features, d)).astype(np.float32) if features else None
    return q, k, v, projection, draw(st.booleans())


@given(problems())
def test_the_engines_against_the_definition(each_engine: str, problem: Any) -> None:
    q, k, v, projection, causal = problem
    phi = elu_plus_one if projection is None else favor(projection.astype(np.float64), 0.4)
    output, _, lse = definition(q, k, v, phi, causal)
    run = engine.kernel_attention(q.dtype)
    assert (run is twin) == (each_engine == "reference")
    found, found_lse = run(q, k, v, projection=projection, scale=0.4, causal=causal)
    np.testing.assert_allclose(found, output, atol=2e-5)
    np.testing.assert_allclose(found_lse, lse, rtol=1e-5, atol=1e-5)
    again, _ = run(q, k, v, projection=projection, scale=0.4, causal=causal, threads=3)
    np.testing.assert_array_equal(found, again)


def test_a_wrong_answer_would_be_seen(each_engine: str) -> None:
    random = np.random.default_rng(0)
    q, k, v = (random.standard_normal((1, 90, 8)).astype(np.float32) for _ in range(3))
    output, _, _ = definition(q, k, v, elu_plus_one, True)
    for change in ({"causal": False}, {"causal": True, "projection": q[0, :8]}):
        found, _ = engine.kernel_attention(q.dtype)(q, k, v, **change)
        assert np.abs(found - output).max() > 1e-3
    k[0, 40] += np.float32(0.01)
    found, _ = engine.kernel_attention(q.dtype)(q, k, v, causal=True)
    assert np.abs(found - output).max() > 2e-5


@pytest.mark.parametrize("method", ["linear", "performer"])
@pytest.mark.parametrize("causal", [False, True])
def test_output_weights_and_lse_by_name(each_engine: str, method: str, causal: bool) -> None:
    random = np.random.default_rng(1)
    q = random.standard_normal((2, 4, 30, 8)).astype(np.float32)
    k, v = (random.standard_normal((2, 2, 33, 8)).astype(np.float32) for _ in range(2))
    options: dict[str, Any] = {"features": 12, "seed": 5} if method == "performer" else {}
    found = attention(q, k, v, method=method, causal=causal, return_weights=True, return_lse=True, **options)
    phi = elu_plus_one if method == "linear" else favor(orthogonal_features(12, 8, seed=5), 8**-0.5)
    for batch in range(2):
        output, weights, lse = definition(q[batch], k[batch], v[batch], phi, causal)
        np.testing.assert_allclose(found.output[batch], output, atol=2e-5)
        np.testing.assert_allclose(found.weights[batch], weights, atol=2e-5)
        np.testing.assert_allclose(found.lse[batch], lse, rtol=1e-5, atol=1e-5)


def test_double_precision() -> None:
    random = np.random.default_rng(2)
    q, k, v = (random.standard_normal((1, 70, 4)) for _ in range(3))
    found = attention(q, k, v, method="linear", causal=True)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, definition(q, k, v, elu_plus_one, True)[0], rtol=1e-12)


@pytest.mark.parametrize("length", [64, 65, 8192 + 7, 2 * 8192])
def test_long_sequences_of_both_engines(length: int) -> None:
    random = np.random.default_rng(length)
    q, k, v = (random.standard_normal((1, length, 4)).astype(np.float32) for _ in range(3))
    for projection in (None, random.standard_normal((6, 4)).astype(np.float32)):
        for causal in (False, True):
            options: dict[str, Any] = {"projection": projection, "scale": 0.5, "causal": causal}
            mine, other = engine.kernel_attention(q.dtype)(q, k, v, **options), twin(q, k, v, **options)
            for found, expected in zip(mine, other, strict=True):
                np.testing.assert_allclose(found, expected, rtol=1e-4, atol=2e-5)


def test_favors_error_falls_with_its_features() -> None:
    random = np.random.default_rng(3)
    q, k, v = (random.standard_normal((1, 512, 32)).astype(np.float32) * np.float32(0.5) for _ in range(3))
    exact = attention(q, k, v, return_lse=True)
    errors, lse_errors = [], []
    for features in (16, 128, 1024, 8192):
        runs = [
            attention(q, k, v, method="performer", features=features, seed=seed, return_lse=True) for seed in range(4)
        ]
        errors.append(np.mean([np.linalg.norm(run.output - exact.output) for run in runs]))
        lse_errors.append(np.mean([np.abs(run.lse - exact.lse).mean() for run in runs]))
    for found in (errors, lse_errors):
        assert all(after < 0.6 * before for before, after in zip(found, found[1:], strict=False)), found
    assert errors[-1] < 0.1 * np.linalg.norm(exact.output)


def test_features_are_orthogonal_and_as_long_as_normal_ones() -> None:
    w = orthogonal_features(40, 16, seed=7)
    for block in (w[:16], w[16:32], w[32:]):
        products = block @ block.T
        np.testing.assert_allclose(products - np.diag(np.diag(products)), 0, atol=1e-12)
    lengths = np.linalg.norm(orthogonal_features(4000, 16, seed=8), axis=1)
    assert abs(np.mean(lengths**2) - 16) < 0.5
    np.testing.assert_array_equal(w, orthogonal_features(40, 16, seed=7))
    assert not np.array_equal(w, orthogonal_features(40, 16, seed=8))


def test_long_vectors_overflow_nothing(each_engine: str) -> None:
    """exp(w·x) alone would leave float32, and the sums before a large key nearly vanish beside it."""
    random = np.random.default_rng(4)
    q, k, v = (random.standard_normal((1, 100, 4)).astype(np.float32) * np.float32(size) for size in (9, 9, 1))
    w = orthogonal_features(8, 4, seed=0)
    for causal in (False, True):
        found = attention(q, k, v, method="performer", features=8, causal=causal)
        log = lambda x: np.log(favor(w, 0.5)(x.astype(np.longdouble)))  # noqa: E731
        products = log(q[0])[:, None] + log(k[0])[None]  # [n, m, features], far inside long double
        weights = np.exp(products - products.max(axis=(1, 2), keepdims=True)).sum(-1)
        if causal:
            products = np.where(np.tri(100, dtype=bool)[..., None], products, -np.inf)
            weights = np.exp(products - products.max(axis=(1, 2), keepdims=True)).sum(-1)
        expected = (weights / weights.sum(-1, keepdims=True)) @ v[0]
        np.testing.assert_allclose(found[0], expected.astype(float), atol=1e-3)


@pytest.mark.parametrize(("n", "m"), [(0, 0), (0, 3), (3, 0), (5, 2)])
@pytest.mark.parametrize("method", ["linear", "performer"])
def test_queries_that_see_nothing_are_zeros(each_engine: str, method: str, n: int, m: int) -> None:
    arrays = np.ones((2, n, 4), np.float32), np.ones((2, m, 4), np.float32), np.ones((2, m, 5), np.float32)
    found = attention(*arrays, method=method, causal=True, return_lse=True, return_weights=True)
    blind = np.arange(n) < n - m
    assert found.output.shape == (2, n, 5)
    assert not found.output[:, blind].any()
    assert np.isneginf(found.lse[:, blind]).all()
    np.testing.assert_allclose(found.output[:, ~blind], 1, rtol=1e-6)
    np.testing.assert_allclose(found.weights.sum(axis=-1), np.tile(~blind, (2, 1)), rtol=1e-6)


ONES = np.ones((1, 3, 4), np.float32)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"method": "performer", "features": 0}, "0 features are too few"),
        ({"method": "performer", "features": 10**9}, "1000000000 features are too many"),
        ({"method": "linformer", "rank": 10**23}, "is too large; use 65536 or less"),
        ({"method": "performer", "scale": -1.0}, "scale -1.0 is not above 0"),
        ({"method": "linear", "scale": 0.5}, "linear attention takes no scale; exact, "),
        ({"method": "performer", "mask": np.ones((3, 3), bool)}, "performer attention takes no mask; exact"),
        ({"method": "exact", "features": 3}, "exact attention takes no features; performer would"),
    ],
)
def test_wrong_calls(options: dict[str, Any], complaint: str) -> None:
    with pytest.raises(CallError, match=complaint):
        attention(ONES, ONES, ONES, **options)


def test_numbers_beyond_float32_are_refused() -> None:
    with pytest.raises(DataError, match="features are beyond float32"):
        attention(ONES * np.float32(1e38), ONES * np.float32(1e38), ONES, method="linear")


@pytest.mark.parametrize("rows", [3, 200])
def test_rows_beyond_float32_are_told_in_place_of_their_logarithm(rows: int) -> None:
    assert engine.name() == "native"
    zeros = np.zeros((1, rows, 1), np.float32)  # φ(0) = 1
    values = np.full((1, rows, 9), 3e38, np.float32)
    values[:, :-2] = 1
    output, lse = engine.kernel_attention(zeros.dtype)(zeros, zeros, values, causal=True)
    np.testing.assert_allclose(lse[0, :-1], np.log(np.arange(1, rows)), rtol=1e-6)
    assert np.isfinite(output[0, :-1]).all()
    assert np.isnan(lse[0, -1])  # 3e38 + 3e38
    for causal in (False, True):
        with pytest.raises(DataError, match="features are beyond float32"):
            attention(zeros, zeros, values, method="linear", causal=causal)


@pytest.mark.parametrize("causal", [False, True])
def test_weights_beyond_float32_are_told_where_the_values_are_small(causal: bool) -> None:
    large = np.full((1, 4, 8), 1e20, np.float32)
    with pytest.raises(DataError, match="features are beyond float32"):
        attention(large, large, large * np.float32(1e-30), method="linear", causal=causal)


def test_the_reference_tells_rows_beyond_its_numbers() -> None:
    zeros = np.zeros((1, 3, 1))
    values = np.array([[[1.0], [1.7e308], [1.7e308]]])
    with np.errstate(over="ignore"):
        _, lse = twin(zeros, zeros, values, causal=True)
    np.testing.assert_allclose(lse[0], [0.0, np.log(2), np.nan])
    with np.errstate(over="ignore"), pytest.raises(DataError, match="features are beyond float64"):
        attention(zeros, zeros, values, method="linear")
