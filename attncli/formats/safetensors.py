"""safetensors: a JSON header with names, dtypes, shapes and places, then the bytes of all tensors.

Layout (https://github.com/huggingface/safetensors#format): 8 bytes little-endian N, N bytes of JSON, the data.
The header is believed in nothing: every place is checked against the file, holes and overlaps are refused.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from attncli.errors import DataError

__all__ = ["parts", "read", "sniff", "write"]

HEADER_LIMIT = 100_000_000
"""The reference implementation's own cap on the header, in bytes."""
DTYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1",
    "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "u1", "BOOL": "?",
}  # fmt: skip
NAMES = {np.dtype(code): name for name, code in DTYPES.items()}


def sniff(head: bytes) -> bool:
    """Whether the first eight bytes are a header's length: those of a text are a number far above any."""
    return head[8:9] in (b"{", b" ") and int.from_bytes(head[:8], "little") <= HEADER_LIMIT


def read(data: Any) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """The arrays of a file's bytes (any buffer, a memory map too) and its metadata.

    The arrays are views of `data`, in its order of the file; bfloat16 comes out as float32. Raises DataError
    that says which tensor is wrong.
    """
    view = memoryview(data)
    if len(view) < 8:
        raise DataError(f"{len(view)} bytes are no safetensors file")
    size = int.from_bytes(view[:8], "little")
    if size > min(HEADER_LIMIT, len(view) - 8):
        raise DataError(f"the safetensors header claims {size} bytes, and {len(view) - 8} follow")
    header, metadata = _header(bytes(view[8 : 8 + size]))
    body = view[8 + size :]
    arrays, spans = {}, []
    for name, entry in header.items():
        arrays[name], span = _tensor(name, entry, body)
        spans.append(span)
    end = 0
    for start, stop in sorted(spans):
        if start != end:
            raise DataError(f"the safetensors data has a hole or an overlap at byte {end}")
        end = stop
    if end != len(body):
        raise DataError(f"the safetensors data ends at byte {end}, the file at {len(body)}")
    return arrays, metadata


def write(arrays: Mapping[str, NDArray[Any]], metadata: Mapping[str, str] | None = None) -> bytes:
    """The file of these arrays; tensors in the order given, the header padded to 8 bytes.

    >>> list(read(write({"wte": np.zeros((2, 3), np.float16)}))[0])
    ['wte']
    """
    return b"".join(parts(arrays, metadata))


def parts(arrays: Mapping[str, NDArray[Any]], metadata: Mapping[str, str] | None = None) -> Iterator[Any]:
    """What `write` joins, a buffer at a time: the header, and the data of each array."""
    header: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    data, offset = [], 0
    for name, array in arrays.items():
        dtype = array.dtype.newbyteorder("<")
        if dtype not in NAMES:
            raise DataError(f"{name} holds {array.dtype}, which safetensors has no name for")
        part = np.ascontiguousarray(array, dtype)
        span = [offset, offset + part.nbytes]
        header[name] = {"dtype": NAMES[dtype], "shape": list(array.shape), "data_offsets": span}
        data.append(part)
        offset += part.nbytes
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    yield len(text).to_bytes(8, "little") + text
    # An array of no numbers has no buffer that could be joined.
    yield from (part.reshape(-1).view(np.uint8).data if part.size else b"" for part in data)


def _header(text: bytes) -> tuple[dict[str, Any], dict[str, str]]:
    try:
        header = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError("the safetensors header is not JSON") from error
    if not isinstance(header, dict):
        raise DataError("the safetensors header is not a JSON object")
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise DataError("the safetensors metadata is not a map of strings")
    return header, metadata


def _tensor(name: str, entry: Any, body: memoryview) -> tuple[NDArray[Any], tuple[int, int]]:
    """One tensor as a view of the body, and its span in it."""
    if not isinstance(entry, dict):
        raise DataError(f"tensor {name!r} is not described by an object")
    dtype, shape, span = entry.get("dtype"), entry.get("shape"), entry.get("data_offsets")
    if not (_are_sizes(shape) and _are_sizes(span) and len(span) == 2):
        raise DataError(f"tensor {name!r} has no valid shape and data_offsets")
    code = "<u2" if dtype == "BF16" else DTYPES.get(dtype) if isinstance(dtype, str) else None
    if code is None:
        raise DataError(f"tensor {name!r} has dtype {dtype!r}", hint=f"known are BF16, {', '.join(DTYPES)}")
    start, stop = span
    if stop > len(body) or start > stop or stop - start != math.prod(shape) * np.dtype(code).itemsize:
        raise DataError(f"tensor {name!r} of shape {shape} does not fit bytes {start} to {stop} of {len(body)}")
    array: NDArray[Any] = np.frombuffer(body[start:stop], code).reshape(shape)
    if dtype == "BF16":
        # A bfloat16 is the upper half of a float32.
        array = (array.astype(np.uint32) << 16).view(np.float32)
    return array, (start, stop)


def _are_sizes(value: Any) -> TypeGuard[list[int]]:
    """Whether this is a list of numbers that can be sizes (a bool is none)."""
    return isinstance(value, list) and all(type(item) is int and 0 <= item < 1 << 48 for item in value)
