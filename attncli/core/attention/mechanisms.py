"""The attention methods by name: the explicit table in which a new one is entered.

A method takes queries (…, H, N, d), keys (…, Hkv, M, d), values (…, Hkv, M, dv) and those options of
`exact.attention` that mean something to it, beside its own, and gives what that gives.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from attncli.core.attention import (
    bigbird,
    block_local,
    block_mask,
    exact,
    linear,
    linformer,
    longformer,
    nystrom,
    performer,
    sliding_window,
    strided,
    torch_sdpa,
)
from attncli.errors import CallError

__all__ = ["BACKENDS", "MECHANISMS", "attention", "options_for", "takes"]

MECHANISMS: dict[str, Callable[..., Any]] = {
    "exact": exact.attention,
    "window": sliding_window.attention,
    "strided": strided.attention,
    "block": block_local.attention,
    "block-mask": block_mask.attention,
    "longformer": longformer.attention,
    "bigbird": bigbird.attention,
    "linformer": linformer.attention,
    "nystrom": nystrom.attention,
    "performer": performer.attention,
    "linear": linear.attention,
}


SILENT = (strided.attention, longformer.attention)
"""Methods of several parts, which cannot tell how far they are."""
BACKENDS: dict[str, Callable[..., Any]] = {"torch": torch_sdpa.attention}
"""Other libraries' kernels for exact attention."""


def attention(
    queries: Any, keys: Any, values: Any, *, method: str = "exact", backend: str | None = None, **options: Any
) -> Any:
    """Attention by the named method; the arguments, shapes and errors of `exact.attention`, and its own options.

    `backend` "torch" runs exact attention by PyTorch, on a `device` (`torch_sdpa`).

    >>> attention([[[1.0]]], [[[0.0], [0.0]]], [[[2.0], [4.0]]], method="exact")
    array([[[3.]]], dtype=float32)
    """
    run = _run(method, backend)
    options = options_for(method, options, backend=backend)
    return run(queries, keys, values, **options)


def options_for(method: str, options: dict[str, Any], *, backend: str | None = None) -> dict[str, Any]:
    """The options that were given (None and False are not). Raises CallError for one that the method does not take.

    >>> options_for("linear", {"causal": True, "mask": None})
    {'causal': True}
    """
    run = _run(method, backend)
    given = {name: value for name, value in options.items() if value is not None and value is not False}
    for name in given:
        if not _has(run, name):
            others = [other for other in MECHANISMS if _has(MECHANISMS[other], name)]
            others = others or [f"backend {other}" for other in BACKENDS if _has(BACKENDS[other], name)]
            hint = f"{', '.join(others)} would" if others else "leave it out"
            verb, what = ("gives", name[7:]) if name.startswith("return_") else ("takes", name.replace("_", " "))
            raise CallError(f"{backend or method} attention {verb} no {what}", hint=hint, argument=name)
    return given


def takes(method: str, option: str, backend: str | None = None) -> bool:
    """Whether a method, or its backend, has an option.

    >>> takes("nystrom", "landmarks"), takes("nystrom", "causal"), takes("bigbird", "causal")
    (True, False, True)
    """
    return _has(_run(method, backend), option)


def _run(method: str, backend: str | None) -> Callable[..., Any]:
    if backend is not None and backend not in BACKENDS:
        raise CallError(f"no backend is called {backend!r}", hint=f"use {', '.join(BACKENDS)}, or leave it out")
    if method not in MECHANISMS:
        raise CallError(f"no attention method is called {method!r}", hint=f"use {', '.join(MECHANISMS)}")
    if backend is None:
        return MECHANISMS[method]
    if method != "exact":
        raise CallError(f"{backend} runs exact attention alone, not {method}", hint="leave out the backend")
    return BACKENDS[backend]


def _has(run: Callable[..., Any], option: str) -> bool:
    if option == "progress" and run in SILENT:
        return False
    parameters = inspect.signature(run).parameters
    # A pattern passes on to exact attention what it has no use for itself: all but the window, which is a pattern.
    passed_on = parameters.get("options") is not None and option != "window"
    return option in parameters or (passed_on and option in inspect.signature(exact.attention).parameters)
