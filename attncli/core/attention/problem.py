"""What the engines are asked: arrays as heads, checked, in one float type, with options that fit them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from attncli.core import engine
from attncli.core.attention.masks import as_bias, as_mask, as_window
from attncli.core.attention.rope import Rope
from attncli.core.reference import attention as reference
from attncli.core.reference.attention_summary import attention_summary
from attncli.errors import CallError, DataError

__all__ = ["Problem", "Progress", "finite"]

Floats = NDArray[np.floating[Any]]
Progress = Callable[[int, int], None]
"""Told how many rows of the output are done, and how many there are; the last rows come first."""
FARTHEST = 1 << 53
"""Positions beyond are refused: sums of two of them are still exact, in floats and in integers."""
MOST_THREADS = 1 << 16
"""No machine has more, and the engines count them in 64 bits."""


@dataclass(frozen=True)
class Problem:
    """Queries, keys and values of one call, and the options as `_native.pyi` documents them."""

    queries: Floats
    """(heads, N, d), the leading axes (…, H) as one."""
    keys: Floats
    """(kv heads, M, d)"""
    values: Floats
    """(kv heads, M, dv)"""
    leading: tuple[int, ...]
    """(…, H)"""
    options: dict[str, Any]
    out: Floats | None = None
    """(heads, N, dv), where the output is to be written; None is anywhere."""
    progress: Progress | None = None

    @classmethod
    def of(
        cls,
        queries: ArrayLike,
        keys: ArrayLike,
        values: ArrayLike,
        *,
        causal: bool = False,
        mask: ArrayLike | None = None,
        bias: ArrayLike | None = None,
        scale: float | None = None,
        softcap: float | None = None,
        window: int | tuple[int, int] | None = None,
        alibi_slopes: ArrayLike | None = None,
        relative_bias: ArrayLike | None = None,
        sinks: ArrayLike | None = None,
        rope: Rope | None = None,
        positions: ArrayLike | None = None,
        threads: int | None = None,
        out: Floats | None = None,
        progress: Progress | None = None,
    ) -> Problem:
        """Arguments and errors as those of `exact.attention`."""
        threads = min(threads or 0, MOST_THREADS)
        q, k, v, leading = _checked(queries, keys, values, threads=threads)
        shape = (*leading, q.shape[1], k.shape[1])
        if softcap is not None and not softcap > 0:
            raise CallError(f"softcap {softcap} is not above 0", hint="leave it out for none")
        places = _positions(positions, q.shape[1])
        if rope is not None:
            at = np.arange(q.shape[1]) + k.shape[1] - q.shape[1] if places is None else places
            q = rope.rotate(q, at, threads=threads)
            k = rope.rotate(k, np.arange(k.shape[1]), threads=threads)
        return cls(q, k, v, leading, {
            "scale": as_scale(scale, q.shape[2]),
            "causal": causal,
            "window": as_window(window),
            "softcap": softcap or 0.0,
            "mask": as_mask(mask, shape),
            "bias": as_bias(bias, shape, q.dtype),
            "alibi_slopes": _for_heads("ALiBi slopes", alibi_slopes, 1, leading, q.dtype),
            "relative_bias": _for_heads("relative biases", relative_bias, 2, leading, q.dtype),
            "sinks": _for_heads("sinks", sinks, 1, leading, q.dtype),
            "positions": places,
            "threads": threads,
        }, _room(out, (*leading, q.shape[1], v.shape[2]), q, k, v), progress)  # fmt: skip

    @property
    def shape(self) -> tuple[int, int, int]:
        """(heads, N, M)"""
        return self.queries.shape[0], self.queries.shape[1], self.keys.shape[1]

    def attend(self, **more: Any) -> tuple[Floats, Floats]:
        """output (heads, N, dv) and log-sum-exp (heads, N)."""
        run = engine.attention() if self._narrow else reference.attention
        arrays, options = (self.queries, self.keys, self.values), self.options | more
        return _refusing(run, *arrays, out=self.out, progress=self.progress, **options)  # type: ignore[no-any-return]

    def zeros(self) -> Floats:
        """The output (heads, N, dv) before anything is in it, for those who fill it themselves."""
        heads, length, _ = self.shape
        output = np.empty((heads, length, self.values.shape[2]), self.queries.dtype) if self.out is None else self.out
        output[...] = 0
        return output

    def weigh(self, **more: Any) -> Floats:
        """weights (heads, N, M)."""
        run = engine.attention_weights() if self._narrow else reference.attention_weights
        return _refusing(run, self.queries, self.keys, **self.options | more)  # type: ignore[no-any-return]

    def summarize(self, **asked: Any) -> tuple[NDArray[Any] | None, ...]:
        """top keys and weights (heads, N, k), entropy (heads, N), mass (heads, N + M − 1); None where not asked."""
        run = engine.attention_summary() if self._narrow else attention_summary
        return _refusing(run, self.queries, self.keys, **self.options | asked)  # type: ignore[no-any-return]

    @property
    def _narrow(self) -> bool:
        """float64 runs in the reference engine alone."""
        return self.queries.dtype == np.float32

    def spread(self, array: NDArray[Any]) -> NDArray[Any]:
        """(heads, …) in the axes that the queries came in: (…, H, …)."""
        return array.reshape(*self.leading, *array.shape[1:])

    def where(self, queries: NDArray[np.intp] | None = None, keys: NDArray[np.intp] | None = None) -> Problem:
        """The same of some queries, or with the keys in another order; None is all as they are."""
        q, k, v, options = self.queries, self.keys, self.values, dict(self.options)
        if queries is not None:
            if options["positions"] is None:
                options["positions"] = np.arange(q.shape[1]) + k.shape[1] - q.shape[1]
            q, options["positions"] = np.ascontiguousarray(q[:, queries]), options["positions"][queries]
        if keys is not None:
            k, v = (np.ascontiguousarray(array[:, keys]) for array in (k, v))
        for name in ("mask", "bias"):
            array = options[name]
            for axis, chosen in ((1, queries), (2, keys)):
                if array is not None and chosen is not None and array.shape[axis] > 1:
                    array = np.ascontiguousarray(np.take(array, chosen, axis=axis))
            options[name] = array
        return replace(self, queries=q, keys=k, values=v, options=options, out=None, progress=None)

    def of_heads(self, heads: NDArray[np.intp]) -> Problem:
        """The same of some query heads, each with a key head of its own."""
        group = self.queries.shape[0] // self.keys.shape[0]
        q, k, v = self.queries[heads], self.keys[heads // group], self.values[heads // group]
        options = dict(self.options)
        for name in ("mask", "bias", "alibi_slopes", "relative_bias", "sinks"):
            array = options[name]
            full = array is not None and (array.ndim < 3 or array.shape[0] > 1)
            options[name] = np.ascontiguousarray(array[heads]) if full else array
        return replace(self, queries=q, keys=k, values=v, leading=(len(heads),), options=options)


def as_scale(scale: float | None, width: int) -> float:
    """1/√d unless given."""
    if scale is None:
        return 1.0 / math.sqrt(max(1, width))
    if not math.isfinite(scale):
        raise CallError(f"scale {scale} is not a finite number")
    return float(scale)


def _refusing(run: Any, *arrays: Floats, progress: Progress | None = None, **options: Any) -> Any:
    failed = False

    def tell(done: int, rows: int) -> None:
        nonlocal failed
        failed = True
        if progress is not None:
            progress(done, rows)
        failed = False

    try:
        return run(*arrays, **options if progress is None else options | {"progress": tell})
    except ValueError as error:
        if failed:
            raise  # as `progress` raised it
        raise DataError(str(error)) from error


def _positions(positions: ArrayLike | None, length: int) -> NDArray[np.int64] | None:
    if positions is None:
        return None
    array = np.asarray(positions)
    if array.dtype.kind not in "iu" or array.shape != (length,):
        raise DataError(f"positions of shape {array.shape} and type {array.dtype} for {length} queries")
    if array.size and max(-int(array.min()), int(array.max())) > FARTHEST:
        raise DataError("positions are beyond 2^53", hint="attention looks at distances; move all closer to 0")
    return np.ascontiguousarray(array, np.int64)


def _for_heads(
    what: str, given: ArrayLike | None, axes: int, leading: tuple[int, ...], dtype: np.dtype[Any]
) -> Floats | None:
    """An array with one entry a head, repeated for the axes before the heads."""
    if given is None:
        return None
    array = np.asarray(given, dtype)
    heads = math.prod(leading)
    if array.ndim != axes or array.shape[0] not in (leading[-1], heads):
        raise DataError(f"{array.shape} {what} for {leading[-1]} heads", hint="give one a head")
    if not np.isfinite(array).all():
        raise DataError(f"the {what} hold NaN or infinity")
    if axes == 2 and array.shape[1] % 2 == 0:
        raise DataError(f"{array.shape} {what} have no middle", hint="give 2R + 1 a head, for j - i from -R to R")
    return np.ascontiguousarray(np.resize(array, (heads, *array.shape[1:])))


def finite(array: Floats, threads: int = 0) -> bool:
    """Whether there is no NaN and no infinity."""
    numbers = array.ravel(order="K")  # as they lie in memory, no copy where they lie together
    found: bool = engine.finite(array.dtype)(numbers, threads=threads)
    return found


def _side_by_side(array: Floats) -> Floats:
    """With the numbers of each vector next to each other."""
    together = array.shape[-1] < 2 or array.strides[-1] == array.itemsize
    if together and array.flags.aligned and min(array.strides) >= 0:  # PyTorch takes no negative ones
        return array
    return np.require(array, requirements=["C", "A"])


def _room(out: Floats | None, shape: tuple[int, ...], *inputs: Floats) -> Floats | None:
    """`out` (…, H, N, dv) as (heads, N, dv), if the output can be written there."""
    if out is None:
        return None
    if out.shape != shape or out.dtype != inputs[0].dtype or not out.flags.writeable:
        raise DataError(f"out is {out.shape} of {out.dtype}, the output {shape} of {inputs[0].dtype}")
    room = out.reshape(math.prod(shape[:-2]), *shape[-2:])
    if (out.size and not np.may_share_memory(room, out)) or _side_by_side(room) is not room:
        raise DataError("out does not hold the numbers of each vector side by side", hint="give a plain array")
    if any(np.may_share_memory(out, array) for array in inputs):
        raise DataError("out overlaps the vectors that are read")
    return room


def _checked(*arrays: ArrayLike, threads: int) -> tuple[Floats, Floats, Floats, tuple[int, ...]]:
    """The three as (heads, length, width) of one float dtype, and the leading axes (…, H).

    The numbers of each vector stand side by side; the vectors stay where they are, if that can be.
    """
    raw = [np.asarray(array) for array in arrays]
    dtype: np.dtype[Any] = np.dtype(np.float32)
    # Lists of Python floats arrive as float64, but nobody asked for double precision by writing 1.0.
    if all(isinstance(array, np.ndarray) and array.dtype == np.float64 for array in arrays):
        dtype = np.dtype(np.float64)
    for name, array in zip(("queries", "keys", "values"), raw, strict=True):
        # NumPy has no bfloat16; the package ml_dtypes adds one, of no kind that NumPy knows.
        if array.dtype.kind not in "fiu" and array.dtype.name != "bfloat16":
            raise DataError(f"the {name} hold {array.dtype}, not numbers", argument=name)
        if array.ndim < 3:
            told = f"the {name} have shape {array.shape}, not (..., heads, length, width)"
            raise DataError(told, argument=name)
    with np.errstate(over="ignore"):  # what leaves float32 becomes infinity, and is refused as that
        q, k, v = (_side_by_side(np.asarray(array, dtype)) for array in raw)
    named = {id(array): (name, array) for name, array in (("values", v), ("keys", k), ("queries", q))}
    for name, array in named.values():  # in self-attention they are one array
        if not finite(array, threads):
            raise DataError(f"the {name} hold NaN or infinity", hint="look where they were computed", argument=name)
    leading, kv_leading = q.shape[:-2], k.shape[:-2]
    if k.shape[:-1] != v.shape[:-1]:
        raise DataError(f"keys {k.shape} and values {v.shape} differ in heads or length", argument="values")
    if q.shape[-1] != k.shape[-1]:
        told = f"queries of width {q.shape[-1]} cannot meet keys of width {k.shape[-1]}"
        raise DataError(told, argument="keys")
    if leading[:-1] != kv_leading[:-1] or kv_leading[-1] == 0 or leading[-1] % kv_leading[-1]:
        raise DataError(f"queries with heads {leading} cannot share keys with heads {kv_leading}", argument="keys")
    heads, kv_heads = math.prod(leading), math.prod(kv_leading)
    return (
        q.reshape(heads, *q.shape[-2:]),
        k.reshape(kv_heads, *k.shape[-2:]),
        v.reshape(kv_heads, *v.shape[-2:]),
        leading,
    )
