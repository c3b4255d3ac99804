"""The grid: three sizes, labels that command nothing, sums as computed."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from attncli.render.terminal import draw_attention


def drawn(weights: Any, labels: list[str] | None = None, **options: Any) -> str:
    weights = np.asarray(weights)
    rows = labels or [f"t{number}" for number in range(weights.shape[1])]
    columns = labels or [f"t{number}" for number in range(weights.shape[2])]
    out = io.StringIO()
    draw_attention(weights, rows, columns, out, **({"width": 80} | options))
    return out.getvalue()


def uniform(size: int) -> Any:
    return np.full((1, size, size), 1 / size)


def test_numbers_where_they_fit() -> None:
    lines = drawn([[[0.25, 0.75], [1.0, 0.0]]], ["a", "b"], title="x").splitlines()
    assert lines[0] == "x · queries down, keys across"
    assert lines[1].split() == ["a", "b", "sum"]
    assert lines[2].split() == ["a", "0.250", "0.750", "1.000"]
    assert lines[4] == "rows sum to 1 within 0e+00"


def test_shades_where_numbers_do_not_fit() -> None:
    weights = np.zeros((1, 30, 30))
    weights[0, :, 3] = 1
    text = drawn(weights)
    assert "██" in text
    assert "darkest cell 1.000" in text
    assert all(len(line) <= 80 for line in text.splitlines())


def test_large_grids_are_pooled() -> None:
    text = drawn(uniform(1000))
    assert "a cell is the largest of 16 x 28" in text
    assert len(text.splitlines()) == 63 + 2
    assert all(len(line) <= 80 for line in text.splitlines())


def test_sums_are_told_as_they_are() -> None:
    assert "rows sum to 1 within 5e-01" in drawn([[[0.25, 0.25], [0.5, 0.5]]], ["a", "b"])
    assert "1 rows attend to nothing" in drawn([[[0.0, 0.0], [0.5, 0.5]]], ["a", "b"])
    assert "no rows" in drawn(np.zeros((1, 0, 0)))


def test_heads_are_numbered() -> None:
    text = drawn(np.ones((2, 1, 1)), ["x"])
    assert "head 0 ·" in text
    assert "head 1 ·" in text


def test_labels_are_plain_and_fitted() -> None:
    text = drawn(uniform(2), ["[red]x[/red]", "河岸的银行旁边有一朵玫瑰"])
    assert "[red]x" in text
    assert "…" in text
    lines = text.splitlines()
    assert lines[2].endswith("1.000")


def test_color_only_where_asked() -> None:
    assert "\x1b[" not in drawn(uniform(2))
    assert "48;2;" in drawn(uniform(2), color=True)
