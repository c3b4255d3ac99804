r"""`.npy` arrays, one after another: what repeated `numpy.save` to one handle writes.

Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html, versions 1 to 3: magic, version,
header length, a Python dict literal, the data. Parsed strictly: object arrays (pickle) and structured ones are
refused, a header is believed in nothing, and memory is taken as the data arrive; the data of a plain file are mapped.
"""

from __future__ import annotations

import ast
import io
import math
import mmap
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, BinaryIO

from attncli.errors import DataError
from attncli.wire.record import Record

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Header", "header_bytes", "read", "read_array", "read_header", "write", "write_array"]

MAGIC = b"\x93NUMPY"
HEADER_LIMIT = 1 << 16
"""Bytes of header text: NumPy's own headers take 118."""
STEP = 1 << 22
"""Bytes of data taken at first; twice as many each further time."""
KINDS = "fiub"
"""Floats, integers, unsigned integers, booleans."""


@dataclass(frozen=True)
class Header:
    """What stands before the data."""

    dtype: np.dtype[Any]
    fortran: bool
    shape: tuple[int, ...]
    size: int
    """Bytes of the header itself."""

    @property
    def bytes_of_data(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize


def read(handle: BinaryIO, source: str) -> Iterator[list[Record]]:
    """A record for each array: integers (T,) are `ids`, floats (T, D) or (H, T, d) are `vectors`.

    Raises DataError that names the record, and the byte offset where the stream is cut short.
    """
    number, offset = 0, 0
    while True:
        number += 1
        try:
            array, taken = read_array(handle)
        except DataError as error:
            error.message = f"{error.message} (the array begins at byte {offset} of the stream)"
            raise error.at(source=source, record=number) from None
        if array is None:
            return
        offset += taken
        record = Record(id=f"{source}:{number}")
        if array.dtype.kind in "iu" and array.ndim == 1:
            record.ids = _checked_ids(array, source, number)
        elif array.dtype.kind == "f" and array.ndim in (2, 3):
            record.vectors = array
        else:
            raise DataError(
                f"an array {array.shape} of {array.dtype} is neither ids nor vectors",
                source=source,
                record=number,
                hint="ids are integers (T,), vectors floats (T, D) or (H, T, d)",
            )
        yield [record]


def read_array(handle: BinaryIO, *, kinds: str = KINDS) -> tuple[NDArray[Any] | None, int]:
    """The next array of a stream and how many bytes it took; None at the end of the stream. `kinds` are NumPy's."""
    import numpy as np

    taken = 0

    def take(size: int) -> bytes:
        nonlocal taken
        data = _take(handle, size)
        taken += len(data)
        return bytes(data)

    header = read_header(take, kinds)
    if header is None:
        return None, 0
    data = _mapped(handle, header) or _take(handle, header.bytes_of_data)
    if len(data) < header.bytes_of_data:
        raise DataError(
            f"the array {header.shape} of {header.dtype} is cut short: {len(data):,} of {header.bytes_of_data:,} bytes"
        )
    return shaped(header, np.frombuffer(data, header.dtype)), taken + len(data)


def shaped(header: Header, flat: NDArray[Any]) -> NDArray[Any]:
    """The flat data in the header's shape and order, in the machine's byte order."""
    native = flat.astype(header.dtype.newbyteorder("="), copy=False)
    return native.reshape(header.shape, order="F" if header.fortran else "C")


def read_header(take: Callable[[int], bytes], kinds: str = KINDS) -> Header | None:
    """Parses one header; `take(n)` gives the next n bytes, or fewer at the end. None where nothing is left."""
    start = take(8)
    if not start:
        return None
    if len(start) < 8 or not start.startswith(MAGIC):
        raise DataError("is no .npy array", hint="arrays stand one right after another, as numpy.save writes them")
    major = start[6]
    if major not in (1, 2, 3):
        raise DataError(f"has .npy version {major}, and 1, 2 and 3 are known")
    width = 2 if major == 1 else 4
    length = take(width)
    size = int.from_bytes(length, "little")
    if len(length) < width or size > HEADER_LIMIT:
        raise DataError(f"its .npy header claims {size:,} bytes" if len(length) == width else "is cut in its header")
    text = take(size)
    if len(text) < size:
        raise DataError("is cut in its header")
    dtype, fortran, shape = _header_fields(text.decode("utf-8" if major == 3 else "latin-1", "replace"), kinds)
    return Header(dtype, fortran, shape, 8 + width + size)


def write(handle: BinaryIO, records: Iterable[Record], *, array: str, vocab_size: int | None = None) -> None:
    """The field named `array` of each record, one .npy array after another.

    `ids` are uint16 where the vocabulary has at most 65,536 entries, else uint32; all else is float32.
    """
    import numpy as np

    for number, record in enumerate(records, 1):
        value = record.summary.get(array) if array in record.summary else getattr(record, array, None)
        if value is None:
            raise DataError(f"has no {array}", record=record.id or number)
        if array == "ids":
            small = vocab_size is not None and vocab_size <= 1 << 16
            write_array(handle, np.asarray(value, np.uint16 if small else np.uint32))
        else:
            write_array(handle, np.asarray(value, np.float32))


def write_array(handle: BinaryIO, array: NDArray[Any]) -> None:
    """One array, byte for byte as `numpy.save` writes it."""
    import numpy as np

    array = np.asarray(array, order="C")  # ascontiguousarray would give a scalar an axis
    handle.write(header_bytes(array.dtype.str, array.shape))
    handle.write(array.data)


@lru_cache(maxsize=4096)
def header_bytes(descr: str, shape: tuple[int, ...]) -> bytes:
    """NumPy's own header; kept, since it takes 8 µs to make and many documents have the same length."""
    import numpy as np

    out = io.BytesIO()
    fields = {"descr": descr, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(out, fields)
    return out.getvalue()


def _header_fields(text: str, kinds: str) -> tuple[np.dtype[Any], bool, tuple[int, ...]]:
    import numpy as np

    try:
        fields = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        raise DataError("its .npy header is no Python literal") from None
    if not isinstance(fields, dict) or set(fields) != {"descr", "fortran_order", "shape"}:
        raise DataError("its .npy header does not hold descr, fortran_order and shape")
    descr, fortran, shape = fields["descr"], fields["fortran_order"], fields["shape"]
    if not isinstance(descr, str):
        raise DataError("holds a structured array", hint="one plain array of numbers is wanted")
    try:
        dtype = np.dtype(descr)
    except (TypeError, ValueError, SyntaxError):
        raise DataError(f"has an unknown dtype {descr[:20]!r}") from None
    if dtype.hasobject:
        raise DataError("holds Python objects, which would have to be unpickled", hint="save it as numbers")
    if dtype.kind not in kinds or dtype.subdtype is not None or not dtype.itemsize:
        raise DataError(f"holds {dtype}, not numbers")
    if not isinstance(fortran, bool) or not isinstance(shape, tuple) or len(shape) > 32:
        raise DataError("its .npy header has no valid shape and order")
    if not all(type(size) is int and 0 <= size < 1 << 48 for size in shape):
        raise DataError(f"has the shape {str(shape)[:60]}")
    return dtype, fortran, shape


def _mapped(handle: BinaryIO, header: Header) -> memoryview | None:
    """The data as a memory map, where they lie whole in a plain file: read as they are used, and never copied."""
    size = header.bytes_of_data
    raw = getattr(handle, "raw", None)
    if size <= STEP or not isinstance(raw, io.FileIO) or not stat.S_ISREG((found := os.fstat(raw.fileno())).st_mode):
        return None
    start = handle.tell()
    if start + size > found.st_size or start % header.dtype.alignment:
        return None
    offset = start - start % mmap.ALLOCATIONGRANULARITY
    data = mmap.mmap(raw.fileno(), start + size - offset, access=mmap.ACCESS_READ, offset=offset)
    handle.seek(start + size)
    return memoryview(data)[start - offset :]


def _take(handle: BinaryIO, size: int) -> bytes | bytearray:
    """Up to `size` bytes, in growing steps: a header that lies costs no memory."""
    if size <= STEP:
        return handle.read(size)
    data = bytearray()
    step = STEP
    while len(data) < size:
        part = handle.read(min(step, size - len(data)))
        if not part:
            break
        data += part
        step *= 2
    return data


def _checked_ids(array: NDArray[Any], source: str, number: int) -> NDArray[Any]:
    if array.size and (int(array.min()) < 0 or int(array.max()) >= 1 << 32):
        raise DataError("holds ids that are not between 0 and 2^32 - 1", source=source, record=number)
    return array
