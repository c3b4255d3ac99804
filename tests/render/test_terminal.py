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
    assert "rows sum to 1 within 5e-04" in drawn([[[0.25, 0.75], [0.5, 0.5005]]], ["a", "b"])
    assert "rows sum to between 0.500 and 1.000" in drawn([[[0.25, 0.25], [0.5, 0.5]]], ["a", "b"])
    assert "rows sum to between -2.500 and 0.000" in drawn([[[-2.25, -0.25], [-0.5, 0.5]]], ["a", "b"])
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


SIGNED = [[[-1.5, 0.25, 0.0], [0.75, -0.001, 12.0], [0.5, 0.5, -0.25]]]


def test_numbers_below_0_and_above_9_are_whole() -> None:
    lines = drawn(SIGNED, ["a", "b", "c"]).splitlines()
    assert [line.split() for line in lines[1:5]] == [
        ["a", "b", "c", "sum"],
        ["a", "-1.500", "0.250", "0.000", "-1.250"],
        ["b", "0.750", "-0.001", "12.000", "12.749"],
        ["c", "0.500", "0.500", "-0.250", "0.750"],
    ]
    assert len({len(line) for line in lines[2:5]}) == 1
    assert lines[5] == "rows sum to between -1.250 and 12.749"


def test_shades_of_signed_weights_go_by_size() -> None:
    weights = np.zeros((1, 2, 30))
    weights[0, :, :5] = [[-2, -0.3, 0, 0.3, 2], [1, 1, 1, -1, -1]]
    lines = drawn(weights).splitlines()
    assert lines[1].split(maxsplit=1)[1].rstrip() == "-█-·  ··██"
    assert lines[2].split(maxsplit=1)[1].rstrip() == "▒▒▒▒▒▒-▒-▒"
    assert lines[3] == "rows sum to between 0.000 and 1.000, darkest cell 2.000, a minus is below 0"
    colored = drawn(-weights, color=True)
    assert "darkest cell 2.000, red is below 0" in colored
    assert "48;2;180;90;30" in colored  # -2
    assert "48;2;30;90;180" in colored  # 2


def test_pooled_cells_are_the_largest_by_size() -> None:
    weights = np.full((1, 1000, 1000), 0.001)
    weights[0, 0, 1] = -0.5
    text = drawn(weights)
    assert text.splitlines()[1].split(maxsplit=1)[1].startswith("-█··")
    told = " ".join(text.split())
    assert "darkest cell -0.500, a minus is below 0, a cell is the largest of 16 x 28" in told
