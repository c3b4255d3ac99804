"""Rotary positions: both engines against the definition by complex numbers, and what makes them relative."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attncli import attention
from attncli.core import engine
from attncli.core.attention.rope import Llama3Scaling, Rope
from attncli.errors import CallError, DataError


@given(st.integers(1, 3), st.integers(0, 40), st.integers(0, 9), st.integers(0, 5), st.booleans())
def test_pairs_turn_as_complex_numbers(
    each_engine: str, heads: int, length: int, pairs: int, rest: int, interleaved: bool
) -> None:
    random = np.random.default_rng(length)
    x = random.standard_normal((heads, length, 2 * pairs + rest)).astype(np.float32)
    positions = random.integers(-5, 5000, length)
    rope = Rope(interleaved=interleaved, width=2 * pairs)
    turned = rope.rotate(x, positions)
    split = (slice(0, 2 * pairs, 2), slice(1, 2 * pairs, 2)) if interleaved else (slice(pairs), slice(pairs, 2 * pairs))
    angles = positions[:, None] * rope.frequencies(2 * pairs)
    expected = (x[..., split[0]] + 1j * x[..., split[1]].astype(np.float64)) * np.exp(1j * angles)
    np.testing.assert_allclose(turned[..., split[0]], expected.real, atol=1e-6)
    np.testing.assert_allclose(turned[..., split[1]], expected.imag, atol=1e-6)
    np.testing.assert_array_equal(turned[..., 2 * pairs :], x[..., 2 * pairs :])


def test_a_wrong_angle_would_be_seen(each_engine: str) -> None:
    x = np.random.default_rng(0).standard_normal((1, 9, 8)).astype(np.float32)
    near = Rope(10_001.0).rotate(x, np.arange(9))
    assert np.abs(near - Rope().rotate(x, np.arange(9))).max() > 1e-6
    assert np.abs(Rope(interleaved=True).rotate(x, np.arange(9)) - Rope().rotate(x, np.arange(9))).max() > 0.1


@pytest.mark.parametrize("interleaved", [False, True])
def test_attention_depends_on_distances_alone(each_engine: str, interleaved: bool) -> None:
    random = np.random.default_rng(1)
    q, k, v = (random.standard_normal((2, 50, 16)) for _ in range(3))
    rope = Rope(interleaved=interleaved)
    found = attention(q, k, v, rope=rope, causal=True)
    far = attention(rope.rotate(q, np.arange(50) + 1000), rope.rotate(k, np.arange(50) + 1000), v, causal=True)
    np.testing.assert_allclose(found, far, atol=1e-10)
    last = attention(q[:, 40:], k, v, rope=rope, causal=True)  # new queries after cached keys
    np.testing.assert_allclose(last, found[:, 40:], atol=1e-12)
    assert np.abs(found - attention(q, k, v, causal=True)).max() > 0.01


def test_attention_hands_its_threads_on(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def rotate(x: Any, cos: Any, sin: Any, *, interleaved: bool, threads: int) -> Any:
        seen.append(threads)
        return x

    monkeypatch.setattr(engine, "rotate", lambda _: rotate)
    attention(*[np.ones((1, 3, 4), np.float32)] * 3, rope=Rope(), threads=3)
    assert seen == [3, 3]


def test_llama_3_leaves_fast_pairs_and_slows_slow_ones() -> None:
    plain, scaled = Rope(5e5).frequencies(128), Rope(5e5, scaling=Llama3Scaling()).frequencies(128)
    np.testing.assert_array_equal(scaled[:20], plain[:20])
    np.testing.assert_allclose(scaled[-20:], plain[-20:] / 8)
    assert (np.diff(scaled) < 0).all()


def test_what_is_refused() -> None:
    with pytest.raises(DataError, match="cannot pair 7"):
        Rope().rotate(np.ones((1, 2, 7)), np.arange(2))
    with pytest.raises(DataError, match="cannot pair 8 of 6"):
        Rope(width=8).rotate(np.ones((1, 2, 6)), np.arange(2))
    with pytest.raises(CallError, match="theta"):
        Rope(0.0)
    with pytest.raises(CallError, match="no sense"):
        Llama3Scaling(low_freq_factor=4.0, high_freq_factor=1.0)
