"""Exact attention through PyTorch's own kernel, torch.nn.functional.scaled_dot_product_attention, on any device.

PyTorch is imported when this runs and not before: it takes seconds. The answers are those of `exact.attention`,
conventions included: causal is aligned to the end, and a row with nothing to attend to gives zeros.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from attncli.core.attention.attended import Attended
from attncli.core.attention.problem import Problem
from attncli.core.attention.rope import Rope
from attncli.errors import CallError

__all__ = ["attention"]

Floats = NDArray[np.floating[Any]]
MASK = 1 << 26
"""Numbers of a mask at once: causal attention of unequal lengths and windows are rules here, and arrays there."""


def attention(
    queries: ArrayLike,
    keys: ArrayLike,
    values: ArrayLike,
    *,
    device: str | None = None,
    causal: bool = False,
    mask: ArrayLike | None = None,
    bias: ArrayLike | None = None,
    scale: float | None = None,
    window: int | tuple[int, int] | None = None,
    alibi_slopes: ArrayLike | None = None,
    rope: Rope | None = None,
    threads: int | None = None,
    return_lse: bool = False,
    out: Floats | None = None,
) -> Any:
    """Arguments, shapes and errors as those of `exact.attention`; an `Attended` (where asked for) has no lse.

    `device` is cpu (one, with all its cores), cuda (all of them), cuda:1, mps, or several by commas: each takes some
    of the heads. Raises CallError where PyTorch is not installed or has no such device.
    """
    problem = Problem.of(
        queries, keys, values, causal=causal, mask=mask, bias=bias, scale=scale, window=window,
        alibi_slopes=alibi_slopes, rope=rope, threads=threads, out=out,
    )  # fmt: skip
    torch = _torch()
    heads = problem.shape[0]
    output = problem.zeros()
    group = heads // problem.keys.shape[0]
    devices = _devices(torch, device or "cpu")
    with _threads(torch, problem.options["threads"]), torch.inference_mode():
        running = []
        for place, part in zip(devices, np.array_split(np.arange(problem.keys.shape[0]), len(devices)), strict=True):
            if part.size:
                mine = slice(part[0] * group, (part[-1] + 1) * group)
                running.append((mine, _attend(torch, problem, slice(part[0], part[-1] + 1), mine, place)))
        for mine, blocks in running:  # each device works while the next one is fed
            for rows, block in blocks:
                output[mine, rows] = block.cpu().numpy()
    output = problem.spread(output)
    return Attended(output, None, None) if return_lse else output


def _attend(torch: Any, problem: Problem, kv_heads: slice, heads: slice, device: Any) -> list[tuple[slice, Any]]:
    """(rows, their output (heads, rows, dv) on the device) of some heads."""
    options = problem.options
    length, keys_length = problem.shape[1:]
    group = problem.shape[0] // problem.keys.shape[0]

    def to_device(array: Floats) -> Any:
        # A mapped file cannot be written to, which PyTorch warns of; nothing is written here.
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
            return torch.from_numpy(array).to(device)

    # The scale goes into the queries first: q·k can leave float32 where q·k·scale does not.
    q = to_device(problem.queries[heads])[None] * options["scale"]
    k, v = (to_device(x[kv_heads]).repeat_interleave(group, dim=0)[None] for x in (problem.keys, problem.values))
    sdpa = torch.nn.functional.scaled_dot_product_attention
    if keys_length == 0:
        return []
    plain = all(options[name] is None for name in ("window", "mask", "bias", "alibi_slopes"))
    if plain and (not options["causal"] or length == keys_length):
        return [(slice(0, length), sdpa(q, k, v, is_causal=options["causal"], scale=1.0)[0])]
    step = max(1, MASK // (keys_length * q.shape[1]))
    blocks = []
    for start in range(0, length, step):
        rows = slice(start, min(start + step, length))
        added = to_device(_added(problem, heads, rows))
        block = sdpa(q[:, :, rows], k, v, attn_mask=added[None], scale=1.0)[0]
        blind = torch.isneginf(added).all(dim=-1, keepdim=True)
        blocks.append((rows, torch.where(blind, 0.0, block)))
    return blocks


def _added(problem: Problem, heads: slice, rows: slice) -> Floats:
    """What is added to the logits of some rows, (heads or 1, rows, M): −inf where a query may not attend."""
    options = problem.options
    length, keys_length = problem.shape[1:]
    distance = np.arange(keys_length) - (np.arange(length)[rows, None] + keys_length - length)
    left, right = options["window"] or (-1, -1)
    right = 0 if options["causal"] else right
    seen = np.ones(distance.shape, bool)
    if left >= 0:
        seen &= distance >= -left
    if right >= 0:
        seen &= distance <= right
    added = np.where(seen, 0, -np.inf).astype(problem.queries.dtype)[None]
    if options["alibi_slopes"] is not None:
        added = added - options["alibi_slopes"][heads, None, None] * np.abs(distance)
    for name in ("mask", "bias"):
        if (array := options[name]) is not None:
            array = array[heads] if array.shape[0] > 1 else array
            array = array[:, rows] if array.shape[1] > 1 else array
            added = np.where(array, added, -np.inf) if name == "mask" else added + array
    return added.astype(problem.queries.dtype, copy=False)


def _torch() -> Any:
    try:
        import torch
    except ImportError as error:
        hint = "install attncli[torch], or leave out --backend"
        raise CallError(f"PyTorch cannot be imported ({error})", hint=hint) from error
    return torch


def _devices(torch: Any, names: str) -> list[Any]:
    """The devices that are meant, each tried with one number."""
    present = _present(torch)
    devices: list[Any] = []
    for name in map(str.strip, names.split(",")):
        found = [one for one in present if one in (name, name.removesuffix(":0")) or name == one[:4] == "cuda"]
        if not found:
            raise CallError(f"PyTorch has no device {name!r} here", hint=f"there are {', '.join(present)}")
        for one in found:
            try:
                torch.zeros(1, device=one)
            except RuntimeError as error:
                line = str(error).strip().splitlines()[0]
                raise CallError(f"PyTorch cannot use the device {one} ({line})", hint="try cpu") from error
            devices.append(torch.device(one))
    return devices


def _present(torch: Any) -> list[str]:
    """The devices of this machine; the processor is one, however many cores it has."""
    cuda = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    return ["cpu", *cuda, *(["mps"] if torch.backends.mps.is_available() else [])]


@contextlib.contextmanager
def _threads(torch: Any, threads: int) -> Iterator[None]:
    """So many threads for the time being; 0 leaves it to PyTorch."""
    before = torch.get_num_threads()
    if threads:
        torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
