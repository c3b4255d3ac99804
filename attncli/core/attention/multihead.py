"""Multi-head attention (Vaswani et al. 2017, section 3.2.2): project, split, attend, join, project.

    x (T, D) --Wq--> Q (T, D) --split--> (H, T, d) --attention--> (H, T, d) --join--> (T, D) --Wo--> y (T, D)

Heads are split and joined where they stand: attention reads and writes each head's columns of the rows. Vectors
whose heads are split already, (H, T, d), are attended as they are and stay so.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attncli.core.attention import exact, mechanisms
from attncli.core.attention.problem import Progress
from attncli.core.attention.projections import Linear, Projections
from attncli.core.attention.summary import Summary, chosen_weights, summary
from attncli.errors import CallError, DataError

__all__ = ["MultiHead", "join_heads", "multi_head", "project", "split_heads"]

Floats = NDArray[np.floating[Any]]
Room = Callable[[tuple[int, ...], bool], Floats | None]
"""From a shape, and whether progress is told while it is filled, to an array of float32, or None."""


@dataclass(frozen=True)
class MultiHead:
    """What one attention layer made; what was not asked for is None."""

    output: Floats | None = None
    """(T, D), or (H, T, d) where the heads came split."""
    weights: Floats | None = None
    """(H, T, M)"""
    scores: Floats | None = None
    """(H, T, M): QKᵀ·scale, after RoPE and before softcap, ALiBi, bias, mask and softmax."""
    summary: Summary | None = None
    """Of the weights, where something of it was asked for."""
    empty_rows: int = 0
    """Rows that may attend to nothing, and are zeros."""


def split_heads(x: Floats, heads: int) -> Floats:
    """(T, H·d) -> (H, T, d): head h takes the columns h·d to (h + 1)·d.

    >>> split_heads(np.arange(4.0).reshape(1, 4), 2)[1]
    array([[2., 3.]])
    """
    length, width = x.shape
    if heads < 1 or width % heads:
        raise DataError(f"{heads} heads do not divide vectors of width {width}", hint=_divisors(width))
    split: Floats = x.reshape(length, heads, width // heads).swapaxes(0, 1)
    return split


def join_heads(heads: Floats) -> Floats:
    """(H, T, d) -> (T, H·d), the way back from `split_heads`."""
    joined: Floats = heads.swapaxes(0, 1).reshape(heads.shape[1], heads.shape[0] * heads.shape[2])
    return joined


def multi_head(
    x: Floats,
    *,
    heads: int | None = None,
    kv_heads: int | None = None,
    projections: Projections | None = None,
    keys: Floats | None = None,
    values: Floats | None = None,
    emit: Collection[str] = ("output",),
    top: int = 10,
    weights_of: tuple[Sequence[int] | None, Sequence[int] | None] = (None, None),
    method: str = "exact",
    room: Room | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> MultiHead:
    """One layer of attention over vectors.

    x (T, D) or (H, T, d) gives the queries. `keys` and `values` (M, D) or (Hkv, M, d) default to x
    (self-attention); `values` defaults to `keys` (cross-attention over a context). Without `kv_heads` they are as
    many as `heads`, or as the projection of the keys has room for. `options` are those of `attncli.attention`.

    `emit` names what is wanted: output, weights (of the heads and rows `weights_of`, all where None), scores; and of
    exact attention and windows, without building the weights: top-k (the `top` largest of each row), entropy,
    distances. `room(shape, told)` gives an array, float32, in which the output is then computed, or None where it
    can be anywhere; `progress` is told how far it is, by methods that can tell. Raises DataError where shapes don't
    fit.

    >>> multi_head(np.ones((3, 4), np.float32), heads=2).output.shape
    (3, 4)
    """
    q, k, v, finish = project(x, heads=heads, kv_heads=kv_heads, projections=projections, keys=keys, values=values)
    made = MultiHead()
    if "scores" in emit:
        made = replace(made, scores=exact.logits(q, k, scale=options.get("scale"), rope=options.get("rope")))
    asked: dict[str, Any] = {"entropy": "entropy" in emit, "mass": "distances" in emit}
    if "top-k" in emit:
        asked["top_k"] = top
    if any(asked.values()):
        made = replace(made, summary=summary(q, k, **asked, **_exact_options(method, options)))
    whole = weights_of == (None, None)
    if "weights" in emit and not whole:
        chosen, rows = weights_of
        weights = chosen_weights(q, k, heads=chosen, rows=rows, **_exact_options(method, options))
        made = replace(made, weights=weights)
    if "output" not in emit and ("weights" not in emit or not whole):
        return made
    wanted: dict[str, Any] = {"return_weights": whole and "weights" in emit, "return_lse": True}
    if "output" in emit:
        told = progress is not None and mechanisms.takes(method, "progress", options.get("backend"))
        wanted["progress"] = progress if told else None
        wanted["out"] = _out(x, q, k, v, room if projections is None else None, told)
    attended = mechanisms.attention(q, k, v, method=method, **wanted, **options)
    return replace(
        made,
        output=finish(attended.output) if "output" in emit else None,
        weights=attended.weights if whole else made.weights,
        empty_rows=0 if attended.lse is None or not k.shape[1] else int(np.isneginf(attended.lse).sum()),
    )


def _exact_options(method: str, options: dict[str, Any]) -> dict[str, Any]:
    """A method's options as exact attention's, where it is that, with a window or without."""
    given = {name: value for name, value in options.items() if name != "backend"}
    given = mechanisms.options_for(method, given, backend=options.get("backend"))
    if method not in ("exact", "window") or "dilation" in given or options.get("backend") is not None:
        raise CallError(
            "largest weights, entropy, distances, chosen heads and rows are told of exact attention and windows alone"
        )
    return given


def project(
    x: Floats,
    *,
    heads: int | None = None,
    kv_heads: int | None = None,
    projections: Projections | None = None,
    keys: Floats | None = None,
    values: Floats | None = None,
) -> tuple[Floats, Floats, Floats, Callable[[Floats], Floats]]:
    """Queries, keys and values of each head, and what makes the layer's output of the heads' outputs.

    Arguments and errors as those of `multi_head`.

    >>> q, k, v, finish = project(np.ones((3, 4), np.float32), heads=2)
    >>> q.shape, finish(q).shape
    ((2, 3, 2), (3, 4))
    """
    keys = x if keys is None else keys
    values = keys if values is None else values
    for name, array in (("input", x), ("keys", keys), ("values", values)):
        if array.ndim not in (2, 3):
            told = f"the {name} {'has' if name == 'input' else 'have'} shape {array.shape}, not (T, D) or (H, T, d)"
            raise DataError(told, argument=name)
    if x.ndim == 3 and projections is not None:
        raise CallError("heads already split take no projections", hint="give vectors (T, D)")
    if x.ndim == 3 and heads not in (None, x.shape[0]):
        raise CallError(f"the input has {x.shape[0]} heads, not {heads}", hint="leave out the number of heads")
    heads = x.shape[0] if x.ndim == 3 else heads or 1
    if projections is None and kv_heads in (None, heads) and keys is x and values is x:
        q = k = v = _heads(x, Linear(), heads, "input")
    else:
        q, k, v = _projected(x, keys, values, projections or Projections(), heads, kv_heads)
    if q.shape[-1] != k.shape[-1]:
        told = f"{heads} query heads of width {q.shape[-1]} cannot meet {k.shape[0]} key heads of width {k.shape[-1]}"
        if projections is None:
            hint = "fewer key heads need a projection to fewer columns: --projections random, or a file"
            raise DataError(told, hint=hint, argument="keys")
        raise DataError(told, hint=f"Wk needs a multiple of {q.shape[-1]} columns", argument="projections")
    back = projections.o if projections is not None else Linear()
    return q, k, v, lambda output: output if x.ndim == 3 else back(join_heads(output))


def _out(x: Floats, q: Floats, k: Floats, v: Floats, room: Room | None, told: bool) -> Floats:
    """Where the output (H, T, dv) goes: joined in rows (T, H·dv) where x came so."""
    heads, length, depth = *q.shape[:2], v.shape[2]
    shape = (length, heads * depth) if x.ndim == 2 else (heads, length, depth)
    double = all(array.dtype == np.float64 for array in (q, k, v))
    place = None if room is None or double else room(shape, told)
    if place is None:
        place = np.empty(shape, np.float64 if double else np.float32)
    return split_heads(place, heads) if x.ndim == 2 else place


def _projected(
    x: Floats, keys: Floats, values: Floats, projections: Projections, heads: int, kv_heads: int | None
) -> tuple[Floats, Floats, Floats]:
    q = _heads(x, projections.q, heads, "input")
    if keys.ndim == 2:
        keys = projections.k(keys)
        made_for = heads if projections.k.W is None else _kv_heads(keys.shape[1], q.shape[2], heads)
        kv_heads = kv_heads or made_for
    k = _heads(keys, Linear(), kv_heads or keys.shape[0], "keys" if projections.k.W is None else "projections")
    return q, k, _heads(values, projections.v, k.shape[0], "values")


def _heads(x: Floats, projection: Linear, heads: int, argument: str) -> Floats:
    """x (T, D) projected and split, or (H, T, d) as it is."""
    try:
        return x if x.ndim == 3 else split_heads(projection(x), heads)
    except DataError as error:
        raise error.at(argument=argument if projection.W is None else "projections") from None


def _kv_heads(width: int, head_width: int, heads: int) -> int:
    """As many as the projection of the keys is wide enough for, where it was made for fewer."""
    fewer = width // max(1, head_width)
    return fewer if 0 < fewer < heads and fewer * head_width == width and heads % fewer == 0 else heads


def _divisors(width: int) -> str:
    fitting = [str(number) for number in range(1, min(width, 128) + 1) if width % number == 0]
    return f"use one of {', '.join(fitting)}" if fitting else "the vectors are empty"
