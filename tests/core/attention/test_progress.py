"""Long calls tell how far they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from attncli import attention, multi_head
from attncli.core import engine

X = np.random.default_rng(4).standard_normal((2, 40_000, 64)).astype(np.float32)

pytestmark = pytest.mark.skipif(engine.name() != "native", reason="the long calls are the native engine's")


@pytest.mark.parametrize(
    "options",
    [
        {"method": "window", "window": 256},
        {"method": "block", "block": 256},
        {"method": "linear"},
        {"method": "performer", "causal": True},
        {"method": "linformer", "rank": 64},
        {"method": "nystrom"},
    ],
    ids=lambda options: options["method"],
)
def test_rows_are_told_as_they_are_done(options: dict[str, Any]) -> None:
    told: list[tuple[int, int]] = []
    output = attention(X, X, X, progress=lambda done, rows: told.append((done, rows)), **options)
    assert told[-1] == (80_000, 80_000)
    assert told == sorted(told)
    assert {rows for _, rows in told} == {80_000}
    np.testing.assert_array_equal(output, attention(X, X, X, **options))


def test_a_call_that_is_long_tells_on_the_way() -> None:
    told: list[int] = []
    rows = X[0, :, None].swapaxes(0, 1)
    attention(rows, rows, rows, threads=1, progress=lambda done, _: told.append(done))
    assert len(told) > 2
    assert 0 < told[len(told) // 2] < 40_000


def never(*_: int) -> None:
    raise AssertionError


def test_short_calls_and_other_engines_tell_nothing() -> None:
    few = X[:, :100]
    attention(few, few, few, progress=never)
    twice = X[:, :3000].astype(np.float64)
    attention(twice, twice, twice, progress=never)
    attention(twice, twice, twice, method="linear", progress=never)


def test_a_backend_that_cannot_tell_is_not_asked_to() -> None:
    pytest.importorskip("torch")
    multi_head(X[0, :3000], heads=2, backend="torch", progress=never)


def test_what_it_raises_ends_the_work() -> None:
    def full(*_: int) -> None:
        raise OSError(28, "No space left on device")

    for options in ({"method": "window", "window": 256}, {"method": "linear"}):
        with pytest.raises(OSError, match="No space left"):
            attention(X, X, X, progress=full, **options)
