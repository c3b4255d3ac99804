"""How far an attention method's answer is from exact attention's on the same vectors, and what both cost."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attncli.core.attention import exact, linear, linformer, mechanisms, nystrom, performer
from attncli.core.attention.by_features import RowWeights
from attncli.core.attention.multihead import project
from attncli.core.attention.problem import Problem

__all__ = ["Comparison", "Measure", "compare_exact", "timed"]

Floats = NDArray[np.floating[Any]]
Measure = Callable[[Callable[[], Any]], tuple[Any, float, int | None]]
"""From some work to (what it gives, seconds, bytes at its peak or None)."""

ROW_WEIGHTS: dict[str, Callable[..., RowWeights]] = {
    "linformer": linformer.row_weights,
    "nystrom": nystrom.row_weights,
    "performer": performer.row_weights,
    "linear": linear.row_weights,
}
"""Of the methods whose weights are other than softmax's; those of the others are softmax's over some of the keys."""
ROWS = 1024
"""Rows whose weights are compared at most: the weights of all are the N×M numbers that the methods avoid."""
NUMBERS = 1 << 22
"""Weights held at once: 16 MiB of float32."""
PATTERN = ("window",)
"""Options that are no one's but a sparse method's own, though exact attention takes them too."""


@dataclass(frozen=True)
class Comparison:
    """The method's output Y against the exact Y*, and what each took."""

    method: str
    relative_error: float
    """‖Y − Y*‖F / ‖Y*‖F"""
    worst_row_error: float
    """The same of one token, of the one where it is largest."""
    worst_row: int
    """Which one."""
    total_variation: float
    """½ Σ_j |w_ij − w*_ij|, its mean over rows and heads: 0 is the same weights, 1 disjoint ones."""
    weights_rows: int
    """Rows of each head that it is the mean of, spread evenly."""
    seconds: float
    exact_seconds: float
    peak_bytes: int | None
    exact_peak_bytes: int | None

    def keys(self) -> dict[str, Any]:
        """For a record."""
        return asdict(self)

    def __str__(self) -> str:
        return (
            f"{self.method} against exact: relative error {self.relative_error:.4g}, worst row "
            f"{self.worst_row_error:.4g} (row {self.worst_row}), total variation of the weights "
            f"{self.total_variation:.4g} (mean of {self.weights_rows:,} rows); "
            f"{_cost(self.seconds, self.peak_bytes)} against {_cost(self.exact_seconds, self.exact_peak_bytes)}"
        )


def timed(work: Callable[[], Any]) -> tuple[Any, float, int | None]:
    """A `Measure` that knows nothing of memory.

    >>> timed(lambda: 3)[0]
    3
    """
    started = time.perf_counter()
    return work(), time.perf_counter() - started, None


def compare_exact(
    x: Floats,
    *,
    heads: int | None = None,
    kv_heads: int | None = None,
    projections: Any = None,
    keys: Floats | None = None,
    values: Floats | None = None,
    method: str,
    measure: Measure = timed,
    **options: Any,
) -> Comparison:
    """Runs a layer by the method and exactly, arguments as those of `multi_head`; no N×M array is held.

    >>> compare_exact(np.ones((4, 2), np.float32), method="nystrom", landmarks=2).relative_error < 1e-6
    True
    """
    q, k, v, finish = project(x, heads=heads, kv_heads=kv_heads, projections=projections, keys=keys, values=values)
    options = mechanisms.options_for(method, options)
    exactly = {
        name: value
        for name, value in options.items()
        if mechanisms.takes("exact", name) and (method == "exact" or name not in PATTERN)
    }
    asking: dict[str, Any] = {"return_lse": True}
    found, seconds, peak = measure(lambda: mechanisms.attention(q, k, v, method=method, **options, **asking))
    expected, exact_seconds, exact_peak = measure(lambda: exact.attention(q, k, v, **exactly, **asking))
    relative, worst, row = _errors(finish(found.output), finish(expected.output))
    if method in ROW_WEIGHTS:
        rows = np.linspace(0, q.shape[1] - 1, min(q.shape[1], ROWS)).astype(np.intp)
        variation = _total_variation(q, k, rows, method, options, exactly)
    else:
        rows, variation = np.arange(q.shape[1]), _lost(found.lse, expected.lse)
    return Comparison(method, relative, worst, row, variation, len(rows), seconds, exact_seconds, peak, exact_peak)


def _errors(output: Floats, expected: Floats) -> tuple[float, float, int]:
    """Relative error of all, of the worst row, and which that is; (T, D) or (H, T, d)."""
    axes = (1,) if output.ndim == 2 else (0, 2)
    far = ((output.astype(np.float64) - expected) ** 2).sum(axis=axes)
    size = (expected.astype(np.float64) ** 2).sum(axis=axes)
    if not size.size:
        return 0.0, 0.0, 0
    rows = np.sqrt(_ratio(far, size))
    worst = int(rows.argmax())
    return float(np.sqrt(_ratio(far.sum(), size.sum()))), float(rows[worst]), worst


def _ratio(far: Any, size: Any) -> Any:
    """far / size; nothing is as far from nothing as can be told: 0, and infinitely far where it should be nothing."""
    return np.divide(far, size, out=np.where(far > 0, np.inf, 0.0), where=size > 0)


def _total_variation(
    q: Floats, k: Floats, rows: NDArray[np.intp], method: str, options: dict[str, Any], exactly: dict[str, Any]
) -> float:
    """From the weights of some rows."""
    found = ROW_WEIGHTS[method](q, k, **{name: value for name, value in options.items() if name != "threads"})
    expected = Problem.of(q, k, k, **exactly)
    step = max(1, NUMBERS // max(1, q.shape[0] * k.shape[1]))
    total = 0.0
    for start in range(0, len(rows), step):
        some = rows[start : start + step]
        total += float(np.abs(found(some) - expected.where(queries=some).weigh()).sum(dtype=np.float64))
    return total / max(1, 2 * int(q.shape[0]) * len(rows))


def _lost(lse: Floats, exact_lse: Floats) -> float:
    """From the log-sum-exps, where both are softmax of the same logits and one sees some keys only.

    Its weights on them are the exact ones times a factor, to the sum of 1 again: so half of all differences is what
    the other keys weigh, 1 − Σ w*. A row that sees no key at all differs by w* itself.
    """
    if not lse.size:
        return 0.0
    seen = np.exp(lse - np.where(np.isneginf(exact_lse), 0, exact_lse), dtype=np.float64)
    lost = np.where(np.isneginf(lse), 0.5, 1 - np.minimum(seen, 1))
    return float(np.where(np.isneginf(exact_lse), 0, lost).mean())


def _cost(seconds: float, peak: int | None) -> str:
    return f"{seconds:.3g} s" + ("" if peak is None else f" and {peak / 1e6:,.0f} MB")
