"""Projections and heads."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from attncli import Projections, attention, multi_head
from attncli.core.attention.multihead import join_heads, split_heads
from attncli.errors import CallError, DataError

RANDOM = np.random.default_rng(1)
X = RANDOM.standard_normal((6, 8)).astype(np.float32)
CONTEXT = RANDOM.standard_normal((9, 8)).astype(np.float32)


def test_heads_take_columns_in_order_and_join_again() -> None:
    np.testing.assert_array_equal(split_heads(X, 4)[2], X[:, 4:6])
    np.testing.assert_array_equal(join_heads(split_heads(X, 4)), X)


def test_without_projections_it_is_attention_of_the_split_vectors() -> None:
    heads = split_heads(X, 2)
    found = multi_head(X, heads=2, causal=True, emit=("output", "weights"))
    np.testing.assert_array_equal(found.output, join_heads(attention(heads, heads, heads, causal=True)))
    assert found.weights is not None
    assert found.weights.shape == (2, 6, 6)
    assert found.scores is None


def arrays() -> dict[str, Any]:
    named = {f"W{role}": RANDOM.standard_normal((8, 8)).astype(np.float32) for role in "qkvo"}
    return named | {f"b{role}": RANDOM.standard_normal(8).astype(np.float32) for role in "qkvo"}


def test_projections_act_as_x_w_plus_b() -> None:
    named = arrays()
    q, k, v = (x @ named[f"W{role}"] + named[f"b{role}"] for role, x in (("q", X), ("k", CONTEXT), ("v", CONTEXT)))
    inner = attention(split_heads(q, 2), split_heads(k, 2), split_heads(v, 2))
    expected = join_heads(inner) @ named["Wo"] + named["bo"]
    found = multi_head(X, heads=2, projections=Projections.from_arrays(named), keys=CONTEXT).output
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_pytorchs_names_stand_the_other_way_round() -> None:
    named = arrays()
    torch = {
        "in_proj_weight": np.concatenate([named[f"W{role}"].T for role in "qkv"]),
        "in_proj_bias": np.concatenate([named[f"b{role}"] for role in "qkv"]),
        "out_proj.weight": named["Wo"].T,
        "out_proj.bias": named["bo"],
    }
    ours = multi_head(X, heads=4, projections=Projections.from_arrays(named)).output
    theirs = multi_head(X, heads=4, projections=Projections.from_arrays(torch)).output
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def test_grouped_queries_and_random_projections() -> None:
    projections = Projections.random(8, heads=4, kv_heads=2, seed=3)
    found = multi_head(X, heads=4, kv_heads=2, projections=projections, emit=("output", "weights", "scores"))
    assert found.output is not None
    assert found.output.shape == (6, 8)
    again = multi_head(X, heads=4, kv_heads=2, projections=Projections.random(8, heads=4, kv_heads=2, seed=3))
    np.testing.assert_array_equal(found.output, again.output)
    other = Projections.random(8, heads=4, kv_heads=2, seed=4)
    assert not np.array_equal(found.output, multi_head(X, heads=4, kv_heads=2, projections=other).output)
    assert found.scores is not None
    assert found.scores.shape == (4, 6, 6)


def test_heads_already_split_stay_split() -> None:
    heads = split_heads(X, 2)
    found = multi_head(heads).output
    np.testing.assert_array_equal(found, attention(heads, heads, heads))
    with pytest.raises(CallError, match="take no projections"):
        multi_head(heads, projections=Projections())
    with pytest.raises(CallError, match="has 2 heads, not 4"):
        multi_head(heads, heads=4)


def test_rows_that_attend_to_nothing_are_counted() -> None:
    mask = np.ones((6, 6), bool)
    mask[2:4] = False
    assert multi_head(X, heads=2, mask=mask).empty_rows == 4
    assert multi_head(X, heads=2).empty_rows == 0


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        (lambda: multi_head(X, heads=3), "3 heads do not divide vectors of width 8; use one of 1, 2, 4, 8"),
        (lambda: multi_head(X, heads=4, kv_heads=2), "key heads need a projection"),
        (lambda: multi_head(X[0]), r"shape \(8,\)"),
        (lambda: multi_head(X, keys=CONTEXT[:, :4]), "width 8 cannot meet"),
        (lambda: multi_head(X, keys=CONTEXT, values=CONTEXT[:3]), "differ in heads or length"),
        (lambda: Projections.from_arrays({}), "holds no arrays"),
        (lambda: Projections.from_arrays({"Wx": X}), r"holds Wx \(6, 8\); they are named Wq, Wk"),
        (lambda: Projections.from_arrays({"Wq": X[0]}), r"not \(D_in, D_out\)"),
        (lambda: Projections.from_arrays({"Wq": X, "bq": X[0, :3]}), r"bq has shape \(3,\), not \(8,\)"),
        (lambda: Projections.from_arrays({"Wq": X}), r"lacks Wk, Wv beside Wq \(6, 8\)"),
        (lambda: Projections.from_arrays({"Wq": X * np.nan}), "finite numbers"),
        (lambda: Projections.from_arrays({"in_proj_weight": X}), r"not \(3·D, D\)"),
        (lambda: Projections.from_arrays({"in_proj_bias": X[0]}), r"not \(3·D,\)"),
        (lambda: Projections.from_arrays({"in_proj_bias": X[0], "Wq": X}), "beside PyTorch's names"),
        (lambda: multi_head(X[:, :4], projections=Projections.from_arrays(arrays())), "Wq has shape"),
    ],
)
def test_what_does_not_fit(call: Any, complaint: str) -> None:
    with pytest.raises(DataError, match=complaint):
        call()


def test_narrow_keys_tell_their_number_of_heads() -> None:
    projections = Projections.random(8, heads=4, kv_heads=2, seed=3)
    told = multi_head(X, heads=4, kv_heads=2, projections=projections).output
    np.testing.assert_array_equal(multi_head(X, heads=4, projections=projections).output, told)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("widths", [(8, 8), (5, 12)])
def test_pytorchs_own_module(bias: bool, widths: tuple[int, int]) -> None:
    torch = pytest.importorskip("torch")
    module = torch.nn.MultiheadAttention(8, 4, bias=bias, kdim=widths[0], vdim=widths[1], batch_first=True)
    if bias:
        torch.nn.init.normal_(module.in_proj_bias)
        torch.nn.init.normal_(module.out_proj.bias)
    projections = Projections.from_arrays({name: array.numpy() for name, array in module.state_dict().items()})
    keys, values = (RANDOM.standard_normal((9, width)).astype(np.float32) for width in widths)
    mask = np.tri(6, 9, 2, dtype=bool)
    with torch.inference_mode():
        q, k, v = (torch.from_numpy(array)[None] for array in (X, keys, values))
        output, weights = module(q, k, v, attn_mask=torch.from_numpy(~mask), average_attn_weights=False)
    found = multi_head(
        X, heads=4, projections=projections, keys=keys, values=values, mask=mask, emit=("output", "weights")
    )
    np.testing.assert_allclose(found.output, output[0].numpy(), atol=2e-6)
    np.testing.assert_allclose(found.weights, weights[0].numpy(), atol=2e-6)


METHODS: list[dict[str, Any]] = [
    {"method": "exact", "causal": True},
    {"method": "window", "window": 3},
    {"method": "window", "window": 3, "dilation": 2},
    {"method": "strided"},
    {"method": "block", "block": 5},
    {"method": "longformer", "window": 3, "global_tokens": [0]},
    {"method": "bigbird", "block": 4},
    {"method": "linformer", "rank": 5},
    {"method": "nystrom", "landmarks": 4},
    {"method": "performer", "features": 8},
    {"method": "linear", "causal": True},
]


@pytest.mark.parametrize("options", METHODS, ids=lambda options: "-".join(map(str, options.values())))
def test_heads_are_read_and_written_where_they_stand(options: dict[str, Any]) -> None:
    x = RANDOM.standard_normal((40, 3 * 8)).astype(np.float32)
    where = np.full((40, 3 * 8), np.nan, np.float32)  # what was there does not count
    view = split_heads(x, 3)
    whole = np.ascontiguousarray(view)
    expected = attention(whole, whole, whole, **options)
    found = attention(view, view, view, out=split_heads(where, 3), **options)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(join_heads(found), where)
    layer = multi_head(x, heads=3, room=lambda shape, _: where if shape == where.shape else None, **options)
    assert layer.output is not None
    assert np.may_share_memory(layer.output, where)
    np.testing.assert_array_equal(layer.output, join_heads(found))
    assert not np.allclose(where, split_heads(where, 3).reshape(40, 24))  # the control: heads elsewhere differ


def test_where_the_output_cannot_go() -> None:
    heads = np.ascontiguousarray(split_heads(X, 2))
    for out, message in [
        (np.empty((2, 6, 5), np.float32), "out is"),
        (np.empty((2, 6, 4)), "out is"),
        (np.empty((2, 4, 6), np.float32).swapaxes(1, 2), "side by side"),
        (heads, "overlaps"),
    ]:
        with pytest.raises(DataError, match=message):
            attention(heads, heads, heads, out=out)
