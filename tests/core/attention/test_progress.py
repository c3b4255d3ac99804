"""Long calls tell how far they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from attncli import attention, multi_head
from attncli.core import engine
from attncli.errors import CallError

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
    rows = X[:1, :12_000]
    attention(rows, rows, rows, threads=1, progress=lambda done, _: told.append(done))
    assert len(told) > 2
    assert 0 < told[len(told) // 2] < 12_000


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


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), ValueError("closed"), CallError("no")])
def test_what_it_raises_ends_the_work_as_it_is(error: Exception) -> None:
    def fails(*_: int) -> None:
        raise error

    for options in ({"method": "window", "window": 256}, {"method": "linear"}):
        with pytest.raises(type(error)) as raised:
            attention(X, X, X, progress=fails, **options)
        assert raised.value is error


def test_methods_of_several_parts_tell_nothing() -> None:
    with pytest.raises(CallError, match="longformer attention takes no progress"):
        attention(X, X, X, method="longformer", window=4, progress=never)
    multi_head(X[0, :3000], heads=2, method="longformer", window=4, global_tokens=[0], progress=never)


def test_narrow_heads_tell_too() -> None:
    told: list[int] = []
    x = np.zeros((1, 600_000, 1), np.float32)
    attention(x, x, x, method="linear", threads=1, progress=lambda done, _: told.append(done))
    assert told[-1] == 600_000
