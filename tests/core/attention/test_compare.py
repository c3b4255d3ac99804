"""What a method's answer is worth, measured against exact attention."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from attncli import Projections, attention, multi_head
from attncli.core.attention import compare
from attncli.core.attention.compare import compare_exact
from attncli.core.attention.cost import costs
from attncli.core.attention.multihead import split_heads

RANDOM = np.random.default_rng(1)
X = RANDOM.standard_normal((50, 16)).astype(np.float32)
MASK = RANDOM.random((50, 50)) < 0.3
MASK[7] = False  # sees nothing, exactly or not
MASK[20] = False
MASK[20, 40] = True  # nothing in its own block


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("linear", {"causal": True}),
        ("performer", {"features": 32, "causal": True}),
        ("nystrom", {"landmarks": 8}),
        ("linformer", {"rank": 8, "seed": 3}),
        ("window", {"window": (3, 1)}),
        ("longformer", {"window": 2, "global_tokens": (0, 9)}),
        ("bigbird", {"block": 4, "random_blocks": 1, "causal": True, "softcap": 3.0}),
        ("block", {"block": 8, "mask": MASK}),
    ],
)
def test_figures_are_those_of_the_definition(method: str, options: dict[str, Any], monkeypatch: Any) -> None:
    monkeypatch.setattr(compare, "NUMBERS", 4 * 50 * 7)  # rows in pieces
    found = compare_exact(X, heads=4, method=method, **options)
    y = multi_head(X, heads=4, method=method, **options).output
    exactly = {name: value for name, value in options.items() if name in ("causal", "mask", "softcap")}
    expected = multi_head(X, heads=4, **exactly).output
    assert y is not None
    assert expected is not None
    assert found.relative_error == pytest.approx(np.linalg.norm(y - expected) / np.linalg.norm(expected), rel=1e-5)
    size = np.linalg.norm(expected, axis=1)
    rows = np.linalg.norm(y - expected, axis=1) / np.where(size > 0, size, 1)
    assert found.worst_row == rows.argmax()
    assert found.worst_row_error == pytest.approx(rows.max(), rel=1e-5)
    x = split_heads(X, 4)
    weights = attention(x, x, x, method=method, return_weights=True, **options).weights
    exact = attention(x, x, x, return_weights=True, **exactly).weights
    assert found.total_variation == pytest.approx(np.abs(weights - exact).sum(-1).mean() / 2, rel=1e-5)
    assert found.relative_error > 0.01


def test_rows_are_a_sample_of_long_sequences(monkeypatch: Any) -> None:
    monkeypatch.setattr(compare, "ROWS", 10)
    found = compare_exact(X, method="linear")
    assert found.weights_rows == 10
    weights = [attention(X[None], X[None], X[None], method=m, return_weights=True).weights for m in ("linear", "exact")]
    rows = np.abs(weights[0] - weights[1])[0].sum(-1)[np.linspace(0, 49, 10).astype(int)]
    assert found.total_variation == pytest.approx(rows.mean() / 2, rel=1e-5)


def test_exact_is_exact_and_split_heads_and_projections_are_taken() -> None:
    same = compare_exact(X, heads=2, method="exact", mask=RANDOM.random((50, 50)) < 0.5)
    assert (same.relative_error, same.worst_row_error, same.total_variation) == (0, 0, 0)
    split = compare_exact(split_heads(X, 2), method="nystrom", landmarks=5)
    joined = compare_exact(X, heads=2, method="nystrom", landmarks=5)
    assert split.relative_error == pytest.approx(joined.relative_error)
    assert split.worst_row == joined.worst_row
    projected = compare_exact(
        X, heads=2, method="nystrom", landmarks=5, projections=Projections.random(16, heads=2, kv_heads=2, seed=0)
    )
    assert projected.relative_error != pytest.approx(joined.relative_error)


def test_costs_are_those_of_the_measure() -> None:
    costs = iter([(0.5, 1_000_000), (2.0, None)])
    found = compare_exact(X, method="linear", measure=lambda work: (work(), *next(costs)))
    assert (found.seconds, found.peak_bytes, found.exact_seconds, found.exact_peak_bytes) == (0.5, 1_000_000, 2.0, None)
    assert str(found).endswith("; 0.5 s and 1 MB against 2 s")


def test_every_cost_is_of_the_threads_asked_for() -> None:
    threads: list[Any] = []

    def measure(work: Any) -> tuple[None, float, None]:
        threads.append(work.keywords["threads"])
        return None, 1.0, None

    found = list(costs([2], width=2, threads=3, measure=measure))
    assert threads == [3] * len(found)
    assert len(found) > 5


def test_nothing_to_compare() -> None:
    found = compare_exact(np.zeros((0, 4), np.float32), method="linear")
    assert (found.relative_error, found.total_variation) == (0, 0)
