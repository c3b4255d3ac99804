"""Sparse patterns: each against exact attention under the mask that its paper draws, on both engines."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attncli import attention
from attncli.core.attention.key_lists import KeyLists
from attncli.errors import CallError, DataError


def window_mask(n: int, left: int, right: int, dilation: int = 1) -> Any:
    away = np.arange(n) - np.arange(n)[:, None]
    return (away >= -left * dilation) & (away <= right * dilation) & (away % dilation == 0)


def strided_mask(n: int, stride: int) -> Any:
    away = np.abs(np.arange(n) - np.arange(n)[:, None])
    return (away < stride) | (away % stride == 0)


def block_of(n: int, block: int) -> Any:
    return np.arange(n) // block


def longformer_mask(n: int, left: int, right: int, tokens: Any) -> Any:
    mask = window_mask(n, left, right)
    mask[tokens] = True
    mask[:, tokens] = True
    return mask


@st.composite
def patterns(draw: st.DrawFn) -> tuple[int, dict[str, Any], Any]:
    """(length, arguments of a method, the mask that it means)."""
    n = draw(st.integers(1, 150))
    small = st.integers(0, 20)
    method = draw(st.sampled_from(["window", "dilated", "strided", "block", "block-mask", "longformer"]))
    left, right = draw(small), draw(small)
    size = draw(st.integers(1, 40))
    if method == "window":
        return n, {"method": "window", "window": (left, right)}, window_mask(n, left, right)
    if method == "dilated":
        mask = window_mask(n, left, right, size)
        return n, {"method": "window", "window": (left, right), "dilation": size}, mask
    if method == "strided":
        return n, {"method": method, "stride": size}, strided_mask(n, size)
    if method == "block":
        return n, {"method": method, "block": size}, block_of(n, size)[:, None] == block_of(n, size)
    if method == "block-mask":
        count = -(-n // size)
        heads = draw(st.sampled_from([(), (4,)]))
        blocks = np.random.default_rng(draw(small)).random((*heads, count, count)) < draw(st.sampled_from([0.1, 0.6]))
        mask = blocks[..., block_of(n, size)[:, None], block_of(n, size)]
        return n, {"method": method, "block": size, "blocks": blocks}, mask
    tokens = draw(st.lists(st.integers(-n, n - 1), max_size=4))
    options = {"method": method, "window": (left, right), "global_tokens": tokens}
    return n, options, longformer_mask(n, left, right, tokens)


def arrays(n: int, dtype: Any = np.float32) -> tuple[Any, Any, Any]:
    random = np.random.default_rng(n)
    return tuple(random.standard_normal((heads, n, 8)).astype(dtype) for heads in (4, 2, 2))  # type: ignore[return-value]


@given(patterns(), st.booleans(), st.sampled_from([None, "alibi", "relative", "sinks", "mask"]), st.booleans())
def test_every_pattern_against_its_mask(
    each_engine: str, pattern: Any, causal: bool, more: str | None, double: bool
) -> None:
    n, arguments, mask = pattern
    random = np.random.default_rng(n)
    options: dict[str, Any] = {
        None: {},
        "alibi": {"alibi_slopes": random.random(4)},
        "relative": {"relative_bias": random.standard_normal((4, 2 * (n // 3) + 1))},
        "sinks": {"sinks": random.standard_normal(4)},
        "mask": {"bias": random.standard_normal((4, n, n))},
    }[more]
    q, k, v = arrays(n, np.float64 if double else np.float32)
    options["causal"] = causal
    seen = {"mask": random.random((n, n)) < 0.8} if more == "mask" else {}
    found = attention(q, k, v, return_weights=True, return_lse=True, **arguments, **options, **seen)
    given_mask = mask & seen.get("mask", True)
    expected = attention(q, k, v, mask=given_mask, return_weights=True, return_lse=True, **options)
    tolerance = 1e-12 if double else 3e-6
    np.testing.assert_allclose(found.output, expected.output, atol=tolerance)
    np.testing.assert_allclose(found.weights, expected.weights, atol=tolerance)
    np.testing.assert_allclose(found.lse, expected.lse, atol=2 * tolerance, rtol=1e-6)


def test_a_pair_too_many_would_be_seen(each_engine: str) -> None:
    n = 60
    q, k, v = arrays(n)
    for arguments, mask in (
        ({"method": "strided", "stride": 7}, strided_mask(n, 7)),
        ({"method": "longformer", "window": 4, "global_tokens": [5]}, longformer_mask(n, 4, 4, [5])),
    ):
        mask[30, 37] ^= True
        wrong = attention(q, k, v, mask=mask)
        assert np.abs(attention(q, k, v, **arguments) - wrong).max() > 1e-3


def bigbird_blocks(n: int, **arguments: Any) -> Any:
    """Which block attends to which, read off the weights."""
    block = arguments["block"]
    q, k, v = (np.zeros((1, n, 4), np.float32) for _ in range(3))
    weights = attention(q, k, v, method="bigbird", return_weights=True, **arguments).weights[0]
    count = -(-n // block)
    return np.array([[weights[i * block, j * block] > 0 for j in range(count)] for i in range(count)])


def test_bigbirds_blocks(each_engine: str) -> None:
    arguments: dict[str, Any] = {"block": 4, "window_blocks": 3, "global_blocks": [0, -1], "random_blocks": 2}
    kept = bigbird_blocks(78, **arguments)
    near = np.abs(np.arange(20) - np.arange(20)[:, None]) <= 1
    assert kept[near].all()
    assert kept[[0, -1]].all()
    assert kept[:, [0, -1]].all()
    middle = kept[2:-2].sum(axis=1)
    np.testing.assert_array_equal(middle, 3 + 2 + 2)
    np.testing.assert_array_equal(bigbird_blocks(78, **arguments, seed=0), kept)
    assert (bigbird_blocks(78, **arguments, seed=1) != kept).any()
    q, k, v = arrays(78)
    mask = kept.repeat(4, axis=0).repeat(4, axis=1)[:78, :78]
    found = attention(q, k, v, method="bigbird", **arguments)
    np.testing.assert_allclose(found, attention(q, k, v, mask=mask), atol=3e-6)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize(
    "arguments",
    [
        {"method": "window", "window": 500},
        {"method": "window", "window": -1, "dilation": 1},
        {"method": "strided", "stride": 500},
        {"method": "strided", "stride": 1},
        {"method": "block", "block": 500},
        {"method": "block-mask", "block": 50, "blocks": np.ones((10, 10), bool)},
        {"method": "longformer", "window": 500},
        {"method": "longformer", "window": 0, "global_tokens": range(500)},
        {"method": "bigbird", "block": 50, "random_blocks": 10},
    ],
)
def test_all_pairs_are_exact_attention(each_engine: str, arguments: dict[str, Any], causal: bool) -> None:
    q, k, v = arrays(500)
    expected = attention(q, k, v, causal=causal)
    np.testing.assert_allclose(attention(q, k, v, causal=causal, **arguments), expected, atol=2e-6)


@pytest.mark.parametrize(
    ("arguments", "mask"),
    [
        ({"method": "window", "window": (300, 20)}, window_mask(1500, 300, 20)),
        ({"method": "window", "window": (30, 2), "dilation": 9}, window_mask(1500, 30, 2, 9)),
        ({"method": "strided", "stride": 40}, strided_mask(1500, 40)),
        ({"method": "block", "block": 70}, block_of(1500, 70)[:, None] == block_of(1500, 70)),
        ({"method": "longformer", "window": 60, "global_tokens": [3, 700]}, longformer_mask(1500, 60, 60, [3, 700])),
    ],
)
@pytest.mark.parametrize("causal", [False, True])
def test_many_tiles_and_threads(arguments: dict[str, Any], mask: Any, causal: bool) -> None:
    q, k, v = arrays(1500)
    expected = attention(q, k, v, mask=mask, causal=causal)
    np.testing.assert_allclose(attention(q, k, v, threads=3, causal=causal, **arguments), expected, atol=3e-6)


def test_order_of_keys_changes_nothing(each_engine: str) -> None:
    """Blocks of keys in another order, the mask of blocks with them."""
    random = np.random.default_rng(2)
    q, k, v = arrays(96)
    blocks, order = random.random((6, 6)) < 0.5, random.permutation(6)
    tokens = (order[:, None] * 16 + np.arange(16)).ravel()
    found = attention(q, k, v, method="block-mask", block=16, blocks=blocks)
    shuffled = attention(q, k[:, tokens], v[:, tokens], method="block-mask", block=16, blocks=blocks[:, order])
    np.testing.assert_allclose(shuffled, found, atol=2e-6)
    assert np.abs(attention(q, k, v, method="block-mask", block=16, blocks=blocks[:, order]) - found).max() > 0.01


def test_a_row_of_no_block_is_zeros(each_engine: str) -> None:
    q, k, v = arrays(20)
    blocks = np.array([[False, False], [True, False]])
    found = attention(q, k, v, method="block-mask", block=10, blocks=blocks, return_lse=True)
    assert not found.output[:, :10].any()
    assert np.isneginf(found.lse[:, :10]).all()
    assert found.output[:, 10:].any()


@pytest.mark.parametrize("method", ["strided", "block", "longformer", "bigbird"])
def test_empty_sequences(each_engine: str, method: str) -> None:
    empty = np.zeros((2, 0, 4), np.float32)
    options = {"global_tokens": [], "global_blocks": []}
    name = {"longformer": "global_tokens", "bigbird": "global_blocks"}.get(method)
    given = {name: options[name]} if name else {}
    assert attention(empty, empty, empty, method=method, **given).shape == (2, 0, 4)


@given(st.integers(1, 6), st.integers(1, 30), st.integers(0, 5), st.integers(1, 4), st.integers(0, 99))
def test_lists_keep_what_their_ranges_cover(lists: int, keys: int, ranges: int, block: int, seed: int) -> None:
    drawn = np.random.default_rng(seed).integers(-5, keys + 5, (lists, ranges, 2))
    mask = np.zeros((lists, keys), bool)
    for row, some in enumerate(drawn):
        for start, stop in some:
            mask[row, max(0, start) : max(0, stop)] = True
    made = KeyLists.of(drawn, keys=keys, block=block)
    found = made.mask(lists * block, keys)[0]
    np.testing.assert_array_equal(found, mask.repeat(block, axis=0))
    again = KeyLists.of_blocks(mask, block=1, keys=keys)
    np.testing.assert_array_equal(again.ranges, made.ranges)
    np.testing.assert_array_equal(again.starts, made.starts)


HUGE = (2**31, 2**63 - 1, 10**23)


@pytest.mark.parametrize("huge", HUGE)
@pytest.mark.parametrize(
    ("method", "name", "more"),
    [
        ("exact", "window", {}),
        ("window", "window", {"dilation": 2}),
        ("window", "dilation", {"window": 1}),
        ("strided", "stride", {}),
        ("block", "block", {}),
        ("block-mask", "block", {"blocks": [[True]]}),
        ("longformer", "window", {}),
        ("bigbird", "block", {}),
        ("bigbird", "random_blocks", {"block": 4, "window_blocks": 1}),
        ("bigbird", "window_blocks", {"block": 4, "random_blocks": 0}),
    ],
)
def test_beyond_the_sequence_is_as_at_its_end(
    each_engine: str, method: str, name: str, more: dict[str, Any], huge: int
) -> None:
    n = 31
    q, k, v = arrays(n)
    given = huge - (huge % 2 == 0) if name == "window_blocks" else huge
    found = attention(q, k, v, method=method, alibi_slopes=[1e-3] * 4, **{name: given}, **more)
    as_far = attention(q, k, v, method=method, alibi_slopes=[1e-3] * 4, **{name: 2 * n + 1}, **more)
    np.testing.assert_array_equal(found, as_far)
    assert found.any(axis=-1).all()


def test_random_blocks_take_memory_for_those_there_are() -> None:
    tracemalloc.start()
    attention(*arrays(64), method="bigbird", block=8, random_blocks=10**6)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 22


ONES = np.ones((2, 6, 4), np.float32)


@pytest.mark.parametrize(
    ("arguments", "error", "complaint"),
    [
        ({"method": "window"}, CallError, "needs a window"),
        ({"method": "window", "window": 2, "dilation": 0}, CallError, "dilation"),
        ({"method": "strided", "stride": 0}, CallError, "stride of 0"),
        ({"method": "strided", "keys": ONES[:, :5], "values": ONES[:, :5]}, DataError, "to itself"),
        ({"method": "block", "window": 3}, CallError, "no window"),
        ({"method": "block", "block": 0}, CallError, "block of 0"),
        ({"method": "block-mask"}, CallError, "needs one"),
        ({"method": "block-mask", "blocks": np.ones((1, 1))}, DataError, "float64, not bool"),
        ({"method": "block-mask", "blocks": np.ones((2, 2), bool)}, DataError, r"not \(1, 1\)"),
        ({"method": "longformer", "global_tokens": [6]}, CallError, "no token 6"),
        ({"method": "bigbird", "global_blocks": [1]}, CallError, "no block 1"),
        ({"method": "bigbird", "window_blocks": 2}, CallError, "no middle"),
    ],
)
def test_what_is_refused(arguments: dict[str, Any], error: type[Exception], complaint: str) -> None:
    given = {"queries": ONES, "keys": ONES, "values": ONES} | arguments
    with pytest.raises(error, match=complaint):
        attention(given.pop("queries"), given.pop("keys"), given.pop("values"), **given)


@pytest.mark.parametrize(
    ("starts", "ranges"),
    [
        ([0, 1], [[0, 9]]),
        ([0, 2], [[2, 4], [3, 5]]),
        ([0, 1], [[3, 3]]),
        ([0, 1, 2, 3], [[0, 1]] * 3),
        ([1, 1], [[0, 1]]),
    ],
)
def test_lists_that_lie_are_refused(starts: Any, ranges: Any) -> None:
    native = pytest.importorskip("attncli._native")
    lists = (6, np.array(starts, np.uint32), np.array(ranges, np.uint32))
    with pytest.raises(ValueError, match="lists? "):
        native.attention(ONES, ONES, ONES, scale=1.0, lists=lists)
