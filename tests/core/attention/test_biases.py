"""What is added to the logits by distance, and the score that is no product."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from attncli import attention
from attncli.core.attention.additive import additive_attention
from attncli.core.attention.alibi import slopes
from attncli.core.attention.relative import buckets, t5_bias
from attncli.errors import CallError, DataError


def test_alibis_slopes() -> None:
    np.testing.assert_array_equal(slopes(8), 2.0 ** -np.arange(1, 9))
    # The authors' code for 12 heads: those of 8, then every other one of 16.
    np.testing.assert_allclose(slopes(12)[8:], 2.0 ** -np.array([0.5, 1.5, 2.5, 3.5]), rtol=1e-6)
    with pytest.raises(CallError):
        slopes(0)


def test_relative_bias_is_the_dense_bias(each_engine: str) -> None:
    random = np.random.default_rng(0)
    q, k, v = (random.standard_normal((2, 300, 8)).astype(np.float32) for _ in range(3))
    table = random.standard_normal((32, 2)).astype(np.float32)
    distances = np.arange(300) - np.arange(300)[:, None]
    dense = table[buckets(distances)].transpose(2, 0, 1)
    expected = attention(q, k, v, bias=dense, scale=1.0)
    np.testing.assert_allclose(attention(q, k, v, relative_bias=t5_bias(table), scale=1.0), expected, atol=1e-5)
    wrong = attention(q, k, v, relative_bias=t5_bias(table, bidirectional=False), scale=1.0)
    assert np.abs(wrong - expected).max() > 0.01


def test_a_sink_takes_weight(each_engine: str) -> None:
    ones = np.ones((1, 3, 4), np.float32)
    found = attention(ones, ones, ones, sinks=[2.0 + np.log(3.0)], return_weights=True, return_lse=True)
    np.testing.assert_allclose(found.weights, 1 / 6, rtol=1e-6)
    np.testing.assert_allclose(found.lse, 2 + np.log(6.0), rtol=1e-6)
    hidden = attention(ones, ones, ones, sinks=[1.0], mask=np.zeros((3, 3), bool), return_lse=True)
    assert not hidden.output.any()
    np.testing.assert_array_equal(hidden.lse, 1.0)
    huge = attention(ones * 1e20, ones * 1e20, ones, sinks=[1.0])
    np.testing.assert_array_equal(huge, ones)
    large = attention(ones, ones, ones, sinks=[1e20])
    np.testing.assert_allclose(large, 0, atol=1e-30)


def test_a_sink_counts_once_where_keys_are_shared_by_threads(each_engine: str) -> None:
    random = np.random.default_rng(0)
    q, k, v = (random.standard_normal((1, n, 8)).astype(np.float32) for n in (1, 9000, 9000))
    expected = attention(*(array.astype(np.float64) for array in (q, k, v)), sinks=[6.0])
    np.testing.assert_allclose(attention(q, k, v, sinks=[6.0], threads=4), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"W1": np.ones((3, 3))}, "are not"),
        ({"u": np.full(2, np.nan)}, "NaN"),
        ({"values": np.ones((4, 1))}, "are not"),
    ],
)
def test_additive_attention_refuses(change: dict[str, Any], complaint: str) -> None:
    given = {"queries": np.ones((2, 3)), "keys": np.ones((5, 4)), "values": np.ones((5, 1)),
             "W1": np.ones((2, 3)), "W2": np.ones((2, 4)), "u": np.ones(2)}  # fmt: skip
    assert additive_attention(**given)[0].shape == (2, 1)
    with pytest.raises(DataError, match=complaint):
        additive_attention(**given | change)


def test_t5_bias_refuses() -> None:
    with pytest.raises(DataError, match="shape"):
        t5_bias(np.ones(3))
    with pytest.raises(CallError, match="no room"):
        buckets([1], count=2)
