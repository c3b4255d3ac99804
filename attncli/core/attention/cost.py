"""How time and memory of each attention method grow with the length N, on random vectors."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from attncli.core.attention import exact, mechanisms
from attncli.core.attention.compare import Measure, timed

__all__ = ["LENGTHS", "Cost", "costs", "exponent"]

LENGTHS = (512, 1024, 2048, 4096, 8192, 16384, 32768, 65536)
SECONDS = 2.0
"""A method that took longer is not run on longer sequences."""
BYTES = 1 << 31
"""Weights above this are not computed."""
SHORT = 0.2
"""Seconds below which the best of three runs counts."""
WINDOW = 256
"""To both sides, where none is given."""
WEIGHTS = "exact, weights kept"
"""What attention costs where its N×M weights are held, as it is often taught."""


@dataclass(frozen=True)
class Cost:
    """One method at one length."""

    method: str
    length: int
    heads: int
    width: int
    causal: bool
    seconds: float
    peak_bytes: int | None
    """Beside the queries, keys and values."""


def costs(
    lengths: Sequence[int] = LENGTHS,
    *,
    heads: int = 1,
    width: int = 64,
    causal: bool = False,
    measure: Measure = timed,
    limit: float = SECONDS,
    **options: Any,
) -> Iterator[Cost]:
    """Runs every method at each length; `options` go to those methods that take them, None is not given.

    With `causal` only the methods that can be. Queries, keys and values are normal, (H, N, d).

    >>> [cost.length for cost in costs([2, 4], width=2) if cost.method == "linear"]
    [2, 4]
    """
    running = dict(_methods(causal, options))
    for length in sorted(set(lengths)):
        random = np.random.default_rng(0)
        q, k, v = (random.standard_normal((heads, length, width), np.float32) for _ in range(3))
        for method, run in list(running.items()):
            if method == WEIGHTS and 4 * heads * length**2 > BYTES:
                del running[method]
                continue
            _, seconds, peak = measure(partial(run, q, k, v))
            if seconds < SHORT:
                seconds = min(seconds, *(measure(partial(run, q, k, v))[1] for _ in range(2)))
            yield Cost(method, length, heads, width, causal, seconds, peak)
            if seconds > limit:
                del running[method]


def exponent(lengths: Sequence[int], amounts: Sequence[float | None]) -> float | None:
    """p in amount ~ N^p between the last length and the one a quarter as long, or the first.

    >>> exponent([1, 2, 4], [3.0, 12.0, 48.0])
    2.0
    """
    if len(lengths) < 2:
        return None
    first = max((i for i, n in enumerate(lengths) if 4 * n <= lengths[-1]), default=0)
    start, end = amounts[first], amounts[-1]
    if not start or not end:
        return None
    return math.log(end / start) / math.log(lengths[-1] / lengths[first])


def _methods(causal: bool, options: dict[str, Any]) -> Iterator[tuple[str, Callable[..., Any]]]:
    yield WEIGHTS, partial(exact.attention, causal=causal, threads=options.get("threads"), return_weights=True)
    for method, run in mechanisms.MECHANISMS.items():
        if (causal and not mechanisms.takes(method, "causal")) or (method == "block-mask" and "blocks" not in options):
            continue
        given = {name: value for name, value in options.items() if value is not None and mechanisms.takes(method, name)}
        if method == "exact":
            given.pop("window", None)  # it is the windows' own, and exact attention is what they are compared with
        elif method == "window":
            given.setdefault("window", WINDOW)
        yield method, partial(run, **given, **({"causal": True} if causal else {}))
