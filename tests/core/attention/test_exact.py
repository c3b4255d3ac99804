"""Exact attention: both engines against the definition in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attncli import attention
from attncli.core.attention.exact import logits
from attncli.errors import CallError, DataError

INF = np.inf


def definition(q: Any, k: Any, v: Any, dtype: Any = np.float64, **options: Any) -> tuple[Any, Any]:
    """softmax(QKᵀ·scale + bias)V written down plainly, one head after another: (output, weights)."""
    q, k, v = (np.asarray(array, dtype) for array in (q, k, v))
    heads, n, d = q.shape
    m = k.shape[1]
    group = heads // k.shape[0]
    scale = options.get("scale") or 1 / np.sqrt(d)
    output = np.zeros((heads, n, v.shape[2]), dtype)
    weights = np.zeros((heads, n, m), dtype)
    bias = np.broadcast_to(options.get("bias", 0.0), (heads, n, m))
    mask = np.broadcast_to(options.get("mask", True), (heads, n, m))
    left, right = options.get("window") or (-1, -1)
    positions = options.get("positions", np.arange(n) + m - n)
    for h in range(heads):
        scores = (q[h] @ k[h // group].T * dtype(scale)).astype(dtype)
        if softcap := options.get("softcap"):
            scores = softcap * np.tanh(scores / softcap)
        scores = scores + bias[h].astype(dtype)
        distance = np.arange(m) - positions[:, None]
        if (slopes := options.get("alibi_slopes")) is not None:
            scores = scores - slopes[h] * np.abs(distance)
        if (relative := options.get("relative_bias")) is not None:
            reach = relative.shape[1] // 2
            scores = scores + relative[h].astype(dtype)[distance.clip(-reach, reach) + reach]
        seen = mask[h].copy()
        if options.get("causal"):
            seen &= distance <= 0
        if left >= 0:
            seen &= distance >= -left
        if right >= 0:
            seen &= distance <= right
        for i in range(n):
            row = np.where(seen[i], scores[i], -INF)
            if m and row.max() > -INF:
                sink = options["sinks"][h].astype(dtype) if "sinks" in options else dtype(-INF)
                peak = max(row.max(), sink)
                exponentials = np.exp(row - peak)
                weights[h, i] = exponentials / (exponentials.sum() + np.exp(sink - peak))
        output[h] = weights[h] @ v[h // group]
    return output, weights


def close(found: Any, exact: Any, plain: Any, logit: float = 1.0) -> None:
    """Within twice the error that plain float32 makes, plus what rounding the logits alone can do.

    float32 knows a logit of size L to L·eps / 2, and each weight depends on two of them (its own and the peak): so
    L·eps of the largest number; the accumulation of the output adds a few units in the last place.
    """
    eps = np.finfo(np.float32).eps
    allowed = 2 * np.abs(plain - exact).max(initial=0) + (4 + logit) * eps * np.abs(exact).max(initial=0)
    error = np.abs(found - exact).max(initial=0)
    assert error <= allowed + 1e-38, f"{error} > {allowed}"


def largest_logit(q: Any, k: Any, options: dict[str, Any]) -> float:
    """How large the sums get that make up a logit: product, bias and distance."""
    product = logits(q.astype(np.float64), k.astype(np.float64), scale=options.get("scale"))
    bias = np.asarray(options.get("bias", 0.0))
    slopes = np.asarray(options.get("alibi_slopes", 0.0))
    distance = q.shape[1] + k.shape[1] + 18
    relative = np.abs(options.get("relative_bias", 0.0)).max()
    product = float(np.abs(product).max()) + np.abs(bias[np.isfinite(bias)]).max(initial=0)
    return float(product + slopes.max() * distance + relative)


@st.composite
def problems(draw: st.DrawFn) -> tuple[Any, Any, Any, dict[str, Any]]:
    group, kv = draw(st.sampled_from([(1, 1), (1, 2), (2, 1), (2, 2)]))
    n, m = draw(st.integers(1, 40)), draw(st.integers(1, 70))
    d, dv = draw(st.integers(1, 19)), draw(st.integers(1, 19))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    heads = group * kv
    q, k, v = (
        random.standard_normal(shape).astype(np.float32) * draw(st.sampled_from([0.1, 1, 8]))
        for shape in ((heads, n, d), (kv, m, d), (kv, m, dv))
    )
    options: dict[str, Any] = {"causal": draw(st.booleans())}
    if draw(st.booleans()):
        options["scale"] = draw(st.sampled_from([0.01, 0.5, 3.0]))
    if draw(st.booleans()):
        options["window"] = (draw(st.integers(-1, 9)), draw(st.integers(-1, 9)))
    if draw(st.booleans()):
        options["softcap"] = 5.0
    shape = tuple(size if draw(st.booleans()) else 1 for size in (heads, n, m))
    if draw(st.booleans()):
        options["mask"] = random.random(shape) < 0.7
    if draw(st.booleans()):
        options["bias"] = random.standard_normal(shape).astype(np.float32)
        options["bias"][random.random(shape) < 0.1] = -INF
    if draw(st.booleans()):
        options["alibi_slopes"] = random.random(heads).astype(np.float32)
    if draw(st.booleans()):
        options["relative_bias"] = random.standard_normal((heads, 2 * draw(st.integers(0, 9)) + 1)).astype(np.float32)
    if draw(st.booleans()):
        options["sinks"] = random.standard_normal(heads).astype(np.float32)
    if draw(st.booleans()):
        options["positions"] = random.integers(-9, m + 9, n)
    return q, k, v, options


@given(problems())
def test_every_option_against_the_definition(each_engine: str, problem: Any) -> None:
    q, k, v, options = problem
    exact_output, exact_weights = definition(q, k, v, **options)
    plain_output, plain_weights = definition(q, k, v, np.float32, **options)
    found = attention(q, k, v, return_weights=True, return_lse=True, threads=2, **options)
    assert found.output.dtype == np.float32
    logit = largest_logit(q, k, options)
    close(found.output, exact_output, plain_output, logit)
    close(found.weights, exact_weights, plain_weights, logit)
    empty = exact_weights.sum(axis=-1) == 0
    assert (found.output[empty] == 0).all()
    if "sinks" not in options:
        assert np.isneginf(found.lse[empty]).all()
        np.testing.assert_allclose(found.weights.sum(axis=-1)[~empty], 1, rtol=1e-5)


def test_a_wrong_answer_would_be_seen() -> None:
    random = np.random.default_rng(0)
    q, k, v = (random.standard_normal((1, 9, 8)).astype(np.float32) for _ in range(3))
    exact, _ = definition(q, k, v)
    plain, _ = definition(q, k, v, np.float32)
    with pytest.raises(AssertionError):
        close(attention(q, k, v, scale=0.36), exact, plain)
    with pytest.raises(AssertionError):
        close(attention(q, k, v) + np.float32(3e-6), exact, plain)


@pytest.mark.parametrize(("n", "m", "d"), [(600, 600, 64), (257, 1031, 32), (1, 3000, 16)])
@pytest.mark.parametrize("causal", [False, True])
def test_many_tiles(each_engine: str, n: int, m: int, d: int, causal: bool) -> None:
    random = np.random.default_rng(n)
    q, k, v = (random.standard_normal((2, size, d)).astype(np.float32) for size in (n, m, m))
    exact, _ = definition(q, k, v, causal=causal)
    plain, _ = definition(q, k, v, np.float32, causal=causal)
    close(attention(q, k, v, causal=causal), exact, plain)


def test_order_of_keys_and_threads_change_nothing(each_engine: str) -> None:
    random = np.random.default_rng(5)
    q, k, v = (random.standard_normal((2, 300, 24)).astype(np.float32) for _ in range(3))
    order = random.permutation(300)
    np.testing.assert_allclose(attention(q, k[:, order], v[:, order]), attention(q, k, v), atol=2e-6)
    np.testing.assert_array_equal(attention(q, k, v, threads=1), attention(q, k, v, threads=2))


def test_leading_axes_and_broadcast_masks(each_engine: str) -> None:
    random = np.random.default_rng(6)
    q = random.standard_normal((3, 4, 7, 8)).astype(np.float32)
    k, v = (random.standard_normal((3, 2, 9, 8)).astype(np.float32) for _ in range(2))
    mask = random.random((3, 1, 1, 9)) < 0.6
    mask[..., 0] = True
    found = attention(q, k, v, mask=mask)
    for batch in range(3):
        exact, _ = definition(q[batch], k[batch], v[batch], mask=mask[batch])
        np.testing.assert_allclose(found[batch], exact, atol=2e-6)


def test_rows_with_nothing_to_attend_to_are_zeros(each_engine: str) -> None:
    ones = np.ones((1, 3, 4), np.float32)
    mask = np.array([[True, False, False], [False, False, False], [True, True, True]])
    found = attention(ones, ones, ones, mask=mask, return_lse=True)
    assert found.output[0, 1].tolist() == [0, 0, 0, 0]
    assert np.isneginf(found.lse[0, 1])
    bias = np.where(mask, 0, -INF).astype(np.float32)
    np.testing.assert_array_equal(attention(ones, ones, ones, bias=bias), found.output)


def test_extremes(each_engine: str) -> None:
    v = np.array([[[1.0], [2.0]]], np.float32)
    one = np.ones((1, 1, 1), np.float32)
    keys = np.array([[[1e4], [-1e4]]], np.float32)
    np.testing.assert_array_equal(attention(one * 1e4, keys, v), [[[1.0]]])
    huge = attention(one * np.float32(1e30), keys * np.float32(1e15), v, scale=1e-38)
    np.testing.assert_allclose(huge, definition(one * 1e30, keys * 1e15, v, scale=1e-38)[0], rtol=1e-5)
    tiny = np.full((1, 1, 3), 1e-42, np.float32)
    np.testing.assert_allclose(attention(tiny, tiny, tiny), tiny, rtol=0.01)


@pytest.mark.parametrize(("n", "m"), [(0, 0), (0, 3), (3, 0)])
def test_empty_sequences(each_engine: str, n: int, m: int) -> None:
    found = attention(np.ones((2, n, 4)), np.ones((2, m, 4)), np.ones((2, m, 5)), return_weights=True)
    assert found.output.shape == (2, n, 5)
    assert not found.output.any()
    assert found.weights.shape == (2, n, m)


def test_precisions() -> None:
    random = np.random.default_rng(8)
    q, k, v = (random.standard_normal((1, 20, 8)) for _ in range(3))
    exact, _ = definition(q, k, v)
    double = attention(q, k, v)
    assert double.dtype == np.float64
    np.testing.assert_allclose(double, exact, rtol=1e-12, atol=1e-14)
    half = [array.astype(np.float16) for array in (q, k, v)]
    found = attention(*half)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, definition(*half)[0], atol=1e-6)


def test_scores_beyond_float32_are_the_same_from_both_engines(each_engine: str) -> None:
    random = np.random.default_rng(3)
    q, k, v = (random.standard_normal((1, 4, 8)).astype(np.float32) for _ in range(3))
    for factor, scale in ((1.0, 1e300), (1e30, None)):
        exact, _ = definition(q.astype(np.float64) * factor, k.astype(np.float64) * factor, v, scale=scale)
        found = attention(q * np.float32(factor), k * np.float32(factor), v, scale=scale)
        np.testing.assert_allclose(found, exact, rtol=1e-5)
    with pytest.raises(DataError, match="scores are beyond float32"):
        logits(q * np.float32(1e30), k * np.float32(1e30))


def test_alibi_far_outside_the_keys(each_engine: str) -> None:
    """Where float32 has no number for each distance: shifting all of a row's logits changes nothing."""
    random = np.random.default_rng(5)
    q, k, v = (random.standard_normal((2, 9, 4)).astype(np.float32) for _ in range(3))
    for far in (2**24 + 1, 2**40):
        found = attention(q, k, v, alibi_slopes=[0.25, 0.01], positions=[far] * 9)
        near = attention(q, k, v, alibi_slopes=[0.25, 0.01], positions=[9] * 9)
        np.testing.assert_allclose(found, near, atol=2e-5 if far < 2**30 else 2e-4)
        assert np.abs(found - attention(q, k, v)).max() > 0.01


def test_logits_are_before_mask_and_softmax() -> None:
    random = np.random.default_rng(9)
    q, k = random.standard_normal((4, 3, 8)).astype(np.float32), random.standard_normal((2, 5, 8)).astype(np.float32)
    expected = q @ np.repeat(k, 2, axis=0).swapaxes(1, 2) / np.sqrt(8)
    np.testing.assert_allclose(logits(q, k), expected, atol=1e-6)


ONES = np.ones((2, 3, 4), np.float32)


def test_keys_of_no_width_take_no_memory_however_many() -> None:
    queries, keys = np.zeros((1, 0, 0), np.float32), np.zeros((1, 1 << 50, 0), np.float32)
    assert attention(queries, keys, keys).shape == (1, 0, 0)


@pytest.mark.parametrize("place", [0, 17, 79_999, 80_000, -1])
@pytest.mark.parametrize("wrong", [np.nan, INF, -INF])
def test_one_number_that_is_none_is_found_wherever_it_lies(each_engine: str, place: int, wrong: float) -> None:
    rows = np.ones((10_000, 2, 8), np.float32)
    heads = rows.swapaxes(0, 1)  # side by side in rows
    few = np.ones((2, 1, 8), np.float32)
    assert np.all(attention(few, heads, heads) == 1)
    rows.ravel()[place] = wrong
    for name, arrays in (("keys", (few, heads, few)), ("values", (few, np.ones_like(rows).swapaxes(0, 1), heads))):
        with pytest.raises(DataError, match=f"the {name} hold NaN or infinity"):
            attention(*arrays)
    assert np.all(attention(few, few, few) == 1)


@pytest.mark.parametrize(
    ("change", "error", "complaint"),
    [
        ({"queries": ONES * np.nan}, DataError, "queries hold NaN"),
        ({"values": ONES * INF}, DataError, "values hold NaN or infinity"),
        ({"keys": ONES.astype(np.float64) * 1e300}, DataError, "keys hold NaN or infinity"),
        ({"queries": ONES[0]}, DataError, r"queries have shape \(3, 4\)"),
        ({"keys": ONES[:, :, :3]}, DataError, "width 4 cannot meet keys of width 3"),
        ({"keys": ONES[:, :2]}, DataError, "differ in heads or length"),
        ({"queries": np.ones((3, 3, 4))}, DataError, "cannot share keys"),
        ({"queries": np.array([[["a"]]])}, DataError, "not numbers"),
        ({"mask": np.ones((3, 3))}, DataError, "holds float64, not bool"),
        ({"mask": np.ones((3, 4), bool)}, DataError, r"does not broadcast to \(2, 3, 3\)"),
        ({"mask": np.ones((5, 2, 3, 3), bool)}, DataError, "does not broadcast"),
        ({"bias": np.full((3, 3), np.nan)}, DataError, "bias holds NaN"),
        ({"bias": np.ones((3, 3), bool)}, DataError, "a boolean array is a mask"),
        ({"alibi_slopes": np.ones(3)}, DataError, "ALiBi slopes for 2 heads"),
        ({"sinks": np.ones(3)}, DataError, "sinks for 2 heads"),
        ({"sinks": [0.0, np.nan]}, DataError, "sinks hold NaN"),
        ({"relative_bias": np.ones((2, 4))}, DataError, "no middle"),
        ({"positions": [0, 1]}, DataError, "for 3 queries"),
        ({"positions": [0.5, 1, 2]}, DataError, "for 3 queries"),
        ({"positions": [0, 1, -(2**63)]}, DataError, "beyond 2\\^53"),
        ({"positions": np.array([0, 1, 2**64 - 1], np.uint64)}, DataError, "beyond 2\\^53"),
        ({"scale": np.nan}, CallError, "not a finite number"),
        ({"softcap": -1.0}, CallError, "softcap"),
        ({"window": (-2, 0)}, CallError, "negative"),
        ({"method": "exakt"}, CallError, "no attention method is called 'exakt'"),
    ],
)
def test_what_is_refused(change: dict[str, Any], error: type[Exception], complaint: str) -> None:
    arguments = {"queries": ONES, "keys": ONES, "values": ONES} | change
    with pytest.raises(error, match=complaint):
        attention(arguments.pop("queries"), arguments.pop("keys"), arguments.pop("values"), **arguments)
