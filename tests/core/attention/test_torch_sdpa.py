"""PyTorch's kernel gives the answers of ours."""

from __future__ import annotations

import builtins
import sys
from typing import Any

import numpy as np
import pytest

from attncli import attention
from attncli.core.attention import torch_sdpa
from attncli.core.attention.rope import Rope
from attncli.errors import CallError, DataError

RANDOM = np.random.default_rng(3)
INF = np.inf
Q = RANDOM.standard_normal((2, 6, 20, 16)).astype(np.float32)
K, V = (RANDOM.standard_normal((2, 3, 27, 16)).astype(np.float32) for _ in range(2))
MASK = RANDOM.random((2, 1, 20, 27)) < 0.5
MASK[0, 0, 4] = False
BIAS = np.where(RANDOM.random((6, 20, 27)) < 0.2, -INF, RANDOM.standard_normal((6, 20, 27)))
BIAS[2, 11] = -INF


def test_without_pytorch_the_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    found = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "torch":
            raise ImportError("No module named 'torch'")
        return found(name, *rest)

    monkeypatch.delitem(sys.modules, "torch", raising=False)
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(CallError, match=r"PyTorch cannot be imported .*; install attncli\[torch\]"):
        attention(Q, K, V, backend="torch")


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"backend": "tensorflow"}, "no backend is called 'tensorflow'; use torch"),
        ({"backend": "torch", "method": "linear"}, "torch runs exact attention alone, not linear"),
        ({"backend": "torch", "softcap": 3.0}, "torch attention takes no softcap; exact, "),
        ({"backend": "torch", "return_weights": True}, "torch attention gives no weights; exact, "),
        ({"device": "cpu"}, "exact attention takes no device; backend torch would"),
    ],
)
def test_wrong_calls(options: dict[str, Any], complaint: str) -> None:
    with pytest.raises(CallError, match=complaint):
        attention(Q, K, V, **options)


@pytest.mark.parametrize("device", ["cpu", "cpu,cpu", "cpu, cpu:0,cpu,cpu"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"causal": True},
        {"window": (3, 1)},
        {"window": (2, 0), "causal": True, "scale": 0.7},
        {"mask": MASK},
        {"bias": BIAS, "causal": True},
        {"mask": MASK, "bias": BIAS, "alibi_slopes": np.linspace(0.1, 0.6, 6)},
        {"rope": Rope(), "threads": 1},
    ],
    ids=lambda options: "-".join(options) or "plain",
)
def test_the_same_answers(options: dict[str, Any], device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    monkeypatch.setattr(torch_sdpa, "MASK", 27 * 6 * 7)  # rows in pieces
    found = attention(Q, K, V, backend="torch", device=device, **options)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, attention(Q, K, V, **options), atol=3e-6)
    assert np.abs(found - attention(Q, K, V, scale=0.6)).max() > 1e-2  # what is wrong would be seen


def test_equal_lengths_half_precision_double_and_nothing() -> None:
    pytest.importorskip("torch")
    q = Q[:, :3]
    np.testing.assert_allclose(
        attention(q, q, q, backend="torch", causal=True), attention(q, q, q, causal=True), atol=3e-6
    )
    half = Q.astype(np.float16)
    np.testing.assert_allclose(attention(half, half, half, backend="torch"), attention(half, half, half), atol=3e-6)
    double = attention(*(x.astype(np.float64) for x in (Q, K, V)), backend="torch")
    np.testing.assert_allclose(double, attention(*(x.astype(np.float64) for x in (Q, K, V))), rtol=1e-12)
    assert not attention(Q, K[:, :, :0], V[:, :, :0], backend="torch").any()
    with pytest.raises(DataError, match="hold NaN"):
        attention(Q * np.nan, K, V, backend="torch")


def test_a_device_that_is_not_there() -> None:
    torch = pytest.importorskip("torch")
    count = torch.cuda.device_count()
    there = ", ".join(["cpu", *(f"cuda:{index}" for index in range(count))])
    for name in ("gpu7", "cpu:3", "meta", f"cuda:{count}", "", *([] if count else ["cuda"])):
        with pytest.raises(CallError, match=f"^PyTorch has no device '{name}' here; there are {there}"):
            attention(Q, K, V, backend="torch", device=f"cpu,{name}")


def test_pytorch_is_imported_only_when_asked_for() -> None:
    import subprocess

    code = "import sys, attncli; attncli.attention([[[1.0]]], [[[1.0]]], [[[1.0]]]); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
