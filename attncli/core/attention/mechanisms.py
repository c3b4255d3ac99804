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
)
from attncli.errors import CallError

__all__ = ["MECHANISMS", "attention", "options_for", "takes"]

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


def attention(queries: Any, keys: Any, values: Any, *, method: str = "exact", **options: Any) -> Any:
    """Attention by the named method; the arguments, shapes and errors of `exact.attention`, and its own options.

    >>> attention([[[1.0]]], [[[0.0], [0.0]]], [[[2.0], [4.0]]], method="exact")
    array([[[3.]]], dtype=float32)
    """
    options = options_for(method, options)
    return MECHANISMS[method](queries, keys, values, **options)


def options_for(method: str, options: dict[str, Any]) -> dict[str, Any]:
    """The options that were given (None and False are not). Raises CallError for one that the method does not take.

    >>> options_for("linear", {"causal": True, "mask": None})
    {'causal': True}
    """
    if method not in MECHANISMS:
        raise CallError(f"no attention method is called {method!r}", hint=f"use {', '.join(MECHANISMS)}")
    given = {name: value for name, value in options.items() if value is not None and value is not False}
    for name in given:
        if not takes(method, name):
            others = [other for other in MECHANISMS if takes(other, name)]
            hint = f"{', '.join(others)} would" if others else "leave it out"
            raise CallError(f"{method} attention takes no {name.replace('_', ' ')}", hint=hint)
    return given


def takes(method: str, option: str) -> bool:
    """Whether a method has an option.

    >>> takes("nystrom", "landmarks"), takes("nystrom", "causal"), takes("bigbird", "causal")
    (True, False, True)
    """
    parameters = inspect.signature(MECHANISMS[method]).parameters
    # A pattern passes on to exact attention what it has no use for itself: all but the window, which is a pattern.
    passed_on = parameters.get("options") is not None and option != "window"
    return option in parameters or (passed_on and option in inspect.signature(exact.attention).parameters)
