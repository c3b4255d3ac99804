"""Named arrays from any file that holds some: .npy, .npz, .safetensors, told apart by their first bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attncli import files
from attncli.errors import AttncliError, DataError
from attncli.formats import npz, safetensors
from attncli.memory import available
from attncli.wire import npy

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["load", "load_one", "read"]


def load(path: str) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """The arrays of a file by name (an .npy has one, named ""), and its metadata.

    .npy and .safetensors are memory-mapped: rows that nobody asks for are not read. Raises DataError that names
    the file.
    """
    try:
        return read(files.map_bytes(path))
    except AttncliError as error:
        raise error.at(source=path) from None


def read(data: Any) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """The arrays of a file's bytes, or of a memory map."""
    head = bytes(data[: npy.HEADER_LIMIT])
    if head.startswith(npy.MAGIC):
        return {"": _mapped(data)}, {}
    if head.startswith(npz.MAGICS):
        return npz.read(data, limit=available()), {}
    if not safetensors.sniff(head):
        raise DataError("is no .npy, .npz or .safetensors file")
    return safetensors.read(data)


def load_one(path: str) -> NDArray[Any]:
    """The only array of a file. Raises DataError where it has several."""
    arrays, _ = load(path)
    if len(arrays) != 1:
        raise DataError(f"holds {len(arrays)} arrays, and one is wanted", source=path)
    return next(iter(arrays.values()))


def _mapped(data: Any) -> NDArray[Any]:
    """An .npy file's array as a view of its bytes."""
    import numpy as np

    at = 0

    def take(size: int) -> bytes:
        nonlocal at
        part = bytes(data[at : at + size])
        at += len(part)
        return part

    header = npy.read_header(take)
    if header is None or len(data) - header.size != header.bytes_of_data:
        have = len(data) - (header.size if header else 0)
        wanted = header.bytes_of_data if header else 0
        raise DataError(f"the array has {have:,} bytes of data, and its header says {wanted:,}")
    flat = np.frombuffer(data, header.dtype, offset=header.size)
    return npy.shaped(header, flat)
