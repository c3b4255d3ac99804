"""The attention methods by name: the explicit table in which a new one is entered.

A method takes queries (…, H, N, d), keys (…, Hkv, M, d), values (…, Hkv, M, dv) and the options of
`exact.attention`, and gives what that gives.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attncli.core.attention import bigbird, block_local, block_mask, exact, longformer, sliding_window, strided
from attncli.errors import CallError

__all__ = ["MECHANISMS", "attention"]

MECHANISMS: dict[str, Callable[..., Any]] = {
    "exact": exact.attention,
    "window": sliding_window.attention,
    "strided": strided.attention,
    "block": block_local.attention,
    "block-mask": block_mask.attention,
    "longformer": longformer.attention,
    "bigbird": bigbird.attention,
}


def attention(queries: Any, keys: Any, values: Any, *, method: str = "exact", **options: Any) -> Any:
    """Attention by the named method; the arguments, shapes and errors of `exact.attention`.

    >>> attention([[[1.0]]], [[[0.0], [0.0]]], [[[2.0], [4.0]]], method="exact")
    array([[[3.]]], dtype=float32)
    """
    if method not in MECHANISMS:
        raise CallError(f"no attention method is called {method!r}", hint=f"use {', '.join(MECHANISMS)}")
    return MECHANISMS[method](queries, keys, values, **options)
