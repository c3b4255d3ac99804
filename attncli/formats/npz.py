"""`.npz`: a zip of `.npy` arrays, numbers or strings, as `numpy.savez` writes it. No pickle."""

from __future__ import annotations

import io
import sys
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from attncli.errors import DataError
from attncli.wire import npy

__all__ = ["MAGICS", "read", "write"]

MAGICS = (b"PK\x03\x04", b"PK\x05\x06")
"""How an .npz begins, one with nothing in it too."""
KINDS = npy.KINDS + "U"
EPOCH = (1980, 1, 1, 0, 0, 0)
"""A zip's earliest time: the same arrays are the same bytes."""


def read(data: Any, *, limit: int | None = None) -> dict[str, NDArray[Any]]:
    """The arrays of a file's bytes (any buffer), by name. Raises DataError that names the wrong one.

    Also where the file and its arrays take more than `limit` bytes: a zip of a few kB can hold a TB of zeros.
    """
    arrays: dict[str, NDArray[Any]] = {}
    record: str | None = None
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            # Of these two no member gives more than its entry says; zipfile unpacks a piece of the others whole.
            if any(member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for member in members):
                raise DataError("is packed in a way that NumPy does not use", hint="write it by numpy.savez_compressed")
            size = len(data) + sum(member.file_size for member in members)  # zipfile reads a copy
            if limit is not None and size > limit:
                raise DataError(f"takes {size:,} bytes to read, and {limit:,} bytes of memory are there")
            for member in members:
                record = member.filename
                with archive.open(member) as handle:
                    # Read as it comes: what a header claims costs nothing.
                    array, _ = npy.read_array(handle, kinds=KINDS)  # type: ignore[arg-type]
                if array is None:
                    raise DataError("is empty")
                if array.dtype.kind == "U" and (array.reshape(-1).view(np.uint32) > sys.maxunicode).any():
                    raise DataError("holds a character that Unicode does not have")
                arrays[member.filename.removesuffix(".npy")] = array
    except DataError as error:
        raise error.at(record=record) from None
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError) as error:
        raise DataError(f"is no .npz that can be read ({error})") from error
    return arrays


def write(handle: BinaryIO, arrays: Mapping[str, NDArray[Any]]) -> None:
    """The file of these arrays, not compressed, as `numpy.savez` does it; from front to end, for pipes and gzip."""
    with zipfile.ZipFile(_Forward(handle), "w") as archive:
        for name, array in arrays.items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy", EPOCH), "w", force_zip64=True) as member:
                npy.write_array(member, array)  # type: ignore[arg-type]


class _Forward:
    """A handle that cannot go back: zipfile tries, and gzip's says too late that it will not."""

    def __init__(self, handle: BinaryIO) -> None:
        self._handle = handle

    def write(self, data: bytes, /) -> int:
        return self._handle.write(data)

    def flush(self) -> None:
        self._handle.flush()

    def close(self) -> None:
        """The handle is the caller's."""
