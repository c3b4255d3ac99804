"""Sinusoidal positions against the formula in float64, and what makes them relative."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from attncli.core.embedding import positions
from attncli.errors import DataError


def formula(t: int, width: int, base: float = 10_000.0) -> list[float]:
    """Vaswani et al. 2017, section 3.5, number by number."""
    return [(math.sin if j % 2 == 0 else math.cos)(t / base ** ((j - j % 2) / width)) for j in range(width)]


@pytest.mark.parametrize("width", [2, 8, 50])
def test_sinusoidal_is_the_formula_far_out_too(width: int) -> None:
    found = positions.sinusoidal(100_001, width)
    for t in (0, 1, 7, 1000, 100_000):
        np.testing.assert_allclose(found[t], formula(t, width), atol=6e-8)
    near = np.array([formula(t, width, 10_001.0) for t in range(1000, 1003)])
    if width > 2:
        assert np.abs(found[1000:1003] - near).max() > 1e-5  # another base would be seen


def test_a_step_is_a_rotation_whatever_the_place() -> None:
    """PE(t + k) = R(k) PE(t), section 3.5: "a linear function"; the products depend on k alone."""
    found = positions.sinusoidal(600, 16).astype(np.float64)
    for k in (1, 5, 90):
        products = np.einsum("td,td->t", found[k:], found[:-k])
        np.testing.assert_allclose(products, products[0], atol=1e-5)
    assert abs(found[0] @ found[1] - found[0] @ found[5]) > 0.1


def test_learned_positions_are_the_first_rows() -> None:
    table = np.arange(12, dtype=np.float16).reshape(4, 3)
    np.testing.assert_array_equal(positions.learned(table, 3, 3), table[:3])
    assert positions.learned(table, 3, 3).dtype == np.float32


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        (np.zeros((4, 5), np.float32), r"\(4, 5\) of float32 is no table of positions for vectors of width 3"),
        (np.zeros((4, 3), np.int64), "of int64 is no table"),
        (np.zeros(3, np.float32), r"\(3,\) of float32 is no table"),
        (np.zeros((1, 3), np.float32), "2 tokens are more than the 1 positions"),
    ],
)
def test_tables_of_positions_that_do_not_fit(table: Any, complaint: str) -> None:
    with pytest.raises(DataError, match=complaint) as caught:
        positions.learned(table, 2, 3)
    assert caught.value.argument == "position_table"
