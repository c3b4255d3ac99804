"""`attend`: sparse patterns, rotary positions, ALiBi, and what it tells of the weights."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from shell import failure, output

import attncli
from attncli.cli import main, patterns
from attncli.core.attention.alibi import slopes
from attncli.core.attention.multihead import join_heads, split_heads
from attncli.core.attention.relative import buckets
from attncli.core.attention.rope import Llama3Scaling, Rope

X = np.random.default_rng(6).standard_normal((40, 16)).astype(np.float32)
HEADS = split_heads(X, 2)


def saved(array: Any) -> bytes:
    np.save(handle := io.BytesIO(), array)
    return handle.getvalue()


def attended(*arguments: str) -> Any:
    return np.load(io.BytesIO(output("attend", "--heads", "2", *arguments, stdin=saved(X))))


def expected(**options: Any) -> Any:
    return join_heads(attncli.attention(HEADS, HEADS, HEADS, **options))


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ("window --window 3,0", {"window": (3, 0)}),
        ("window --window 3 --dilation 2", {"window": 3, "dilation": 2}),
        ("strided --stride 5 --causal", {"stride": 5, "causal": True}),
        ("block --block 8", {"block": 8}),
        (f"block --block 8 --threads {10**23}", {"block": 8}),
        ("longformer --window 2 --global 0,-1", {"window": 2, "global_tokens": [0, -1]}),
        (
            "bigbird --block 4 --global 1 --random-blocks 1 --window-blocks 1 --seed 7",
            {"block": 4, "global_blocks": [1], "random_blocks": 1, "window_blocks": 1, "seed": 7},
        ),
    ],
)
def test_sparse_methods(arguments: str, options: dict[str, Any]) -> None:
    method, *rest = arguments.split()
    found = attended("--method", method, *rest)
    np.testing.assert_array_equal(found, expected(method=method, **options))
    assert np.abs(found - expected(causal="causal" in options)).max() > 0.01


def test_a_mask_of_blocks_from_a_file(tmp_path: Path) -> None:
    blocks = np.random.default_rng(1).random((5, 5)) < 0.5
    np.save(tmp_path / "blocks.npy", blocks)
    found = attended("--method", "block-mask", "--block", "8", "--block-mask", str(tmp_path / "blocks.npy"))
    np.testing.assert_array_equal(found, expected(method="block-mask", block=8, blocks=blocks))


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ("--rope", {"rope": Rope()}),
        ("--rope --causal", {"rope": Rope(), "causal": True}),
        ("--rope interleaved --rope-theta 500", {"rope": Rope(500.0, interleaved=True)}),
        ("--rope half --rope-scaling 8,1,4,32", {"rope": Rope(scaling=Llama3Scaling(original_length=32))}),
        ("--alibi", {"alibi_slopes": slopes(2)}),
    ],
)
def test_positions(arguments: str, options: dict[str, Any]) -> None:
    np.testing.assert_array_equal(attended(*arguments.split()), expected(**options))


@pytest.mark.parametrize("causal", [False, True])
def test_t5_s_relative_biases(tmp_path: Path, causal: bool) -> None:
    """As its encoder counts distances, or its decoder."""
    table = np.random.default_rng(3).standard_normal((32, 2)).astype(np.float32)
    np.save(tmp_path / "t5.npy", table)
    arguments = ["--t5-bias", str(tmp_path / "t5.npy"), "--scale", "1", *(["--causal"] if causal else [])]
    distances = np.arange(40) - np.arange(40)[:, None]
    bias, other = (table[buckets(distances, bidirectional=both)].transpose(2, 0, 1) for both in (not causal, causal))
    found = attended(*arguments)
    np.testing.assert_allclose(found, expected(bias=bias, scale=1.0, causal=causal), atol=1e-5)
    assert np.abs(found - expected(bias=other, scale=1.0, causal=causal)).max() > 0.01
    np.save(tmp_path / "flat.npy", table[0])
    status, line = failure("attend", "--t5-bias", str(tmp_path / "flat.npy"), stdin=saved(X))
    assert status == 1
    assert "flat.npy: the table of relative biases has shape (2,) of float32, not numbers (buckets, heads)" in line


def test_what_is_told_of_the_weights() -> None:
    weights = attncli.attention(HEADS, HEADS, HEADS, causal=True, return_weights=True).weights
    arguments = ("attend", "--heads", "2", "--causal", "--emit", "top-k,entropy,distances", "--top", "3")
    record = json.loads(output(*arguments, "--to", "json", stdin=saved(X)))
    assert set(record) == {"id", "top_keys", "top_weights", "entropy", "distances"}
    np.testing.assert_allclose(record["top_weights"], -np.sort(-weights)[..., :3], atol=1e-6)
    assert record["top_keys"][0][1] == [*np.argsort(-weights[0, 1])[:2], -1]
    np.testing.assert_allclose(np.sum(record["distances"], axis=1), 40, rtol=1e-5)
    entropy = attended("--causal", "--emit", "entropy")
    np.testing.assert_allclose(entropy, record["entropy"])
    np.testing.assert_allclose(np.exp(entropy[:, 0]), 1, atol=1e-6)
    some = attended("--causal", "--emit", "weights", "--head", "1", "--row", "5,-1")
    np.testing.assert_allclose(some, weights[[1]][:, [5, -1]], atol=1e-6)


def test_what_the_help_says_of_scores_distances_and_dilation(tmp_path: Path) -> None:
    said = " ".join(output("attend", "--help").decode().split())
    assert "the scores: Q times K transposed times scale, after --rope and before softcap, ALiBi, bias and mask" in said
    np.save(tmp_path / "bias.npy", np.ones((40, 40), np.float32))
    changing = ["--softcap", "0.5", "--alibi", "--bias", str(tmp_path / "bias.npy"), "--causal"]
    products = HEADS @ HEADS.swapaxes(1, 2) / np.sqrt(8)
    np.testing.assert_allclose(attended("--emit", "scores", *changing), products, atol=1e-5)
    rotated = Rope().rotate(HEADS, np.arange(40))
    scores = attended("--emit", "scores", "--rope", *changing)
    np.testing.assert_allclose(scores, rotated @ rotated.swapaxes(1, 2) / np.sqrt(8), atol=1e-5)
    assert np.abs(scores - products).max() > 0.1

    assert "place t holds what it gives the key t + 1 - N before it" in said
    weights = attncli.attention(HEADS, HEADS, HEADS, return_weights=True).weights
    distances = attended("--emit", "distances")
    before = [weights.trace(39 - place, axis1=1, axis2=2) for place in range(79)]
    np.testing.assert_allclose(distances, np.transpose(before), rtol=1e-4)

    assert "only every so many keys, which is what --window then counts" in said
    dilated = attended("--method", "window", "--window", "1,0", "--dilation", "3", "--emit", "weights")
    assert [np.flatnonzero(row).tolist() for row in dilated[0, :5]] == [[0], [1], [2], [0, 3], [1, 4]]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ("--method block --dilation 2", "block attention takes no dilation; window would"),
        ("--rope-theta 5", "go with --rope"),
        ("--rope --rope-scaling 8", "is not FACTOR,LOW,HIGH,LENGTH"),
        ("--method longformer --global x", "--global x is no list of whole numbers"),
        ("--top 3", "--top goes with --emit top-k"),
        ("--row 3", "--head and --row go with --emit weights"),
        ("--emit weights --row 40", "there is no row 40"),
        (f"--emit weights --row {10**23}", "there is no row 1000"),
        (f"--emit weights --head {10**23}", "there is no head 1000"),
        (f"--method performer --features {10**14}", "features are too many; use 65536 or fewer"),
        ("--emit top-k --to npy", "npy has room for one array a record"),
        ("--emit entropy --method block", "of exact attention and windows alone"),
    ],
)
def test_what_is_refused(arguments: str, complaint: str) -> None:
    status, line = failure("attend", *arguments.split(), stdin=saved(X))
    assert status == 2
    assert complaint in line


def test_words_known_before_numpy() -> None:
    assert main.ROPES == patterns.ROPES


def test_a_grid_of_chosen_heads_and_rows_names_them() -> None:
    records = output("embed", stdin=output("encode", stdin=b"the bank of the river\n"))
    drawn = output("attend", "--heads", "2", "--head", "1", "--row", "4,1", "--to", "grid", stdin=records).decode()
    lines = drawn.splitlines()
    assert "head 1" in lines[0]
    assert [line.split()[0] for line in lines[2:4]] == ["river", "bank"]
    whole = output("attend", "--heads", "2", "--to", "grid", stdin=records).decode()
    assert lines[2] in whole.split("head 1")[1]
