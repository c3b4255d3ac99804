"""The output of `attend` computed where it is to stand: in the .npy file itself, mapped into memory."""

from __future__ import annotations

import errno
import io
import math
import mmap
import os
import stat
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, BinaryIO

from attncli.wire import npy

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.wire.record import Record

__all__ = ["InPlace", "room"]

POPULATE_WRITE = 23
"""MADV_POPULATE_WRITE of madvise(2), which Python's mmap does not name everywhere."""


class InPlace:
    """Writes the outputs of records as .npy arrays; a large one may have been computed in its place already.

    >>> import io
    >>> InPlace(io.BytesIO()).room((2, 3)) is None
    True
    """

    def __init__(self, handle: BinaryIO) -> None:
        self._handle = handle
        self._placed: NDArray[Any] | None = None

    def room(self, shape: tuple[int, ...]) -> NDArray[Any] | None:
        """Where the next output, float32 of this shape, goes; None where it is small or the handle no plain file.

        What was worked on before has been written by then. Raises OSError where the disk is full.
        """
        import numpy as np

        dtype = np.dtype(np.float32)
        size = math.prod(shape) * dtype.itemsize
        data = room(self._handle, npy.header_bytes(dtype.str, shape), size) if size > npy.STEP else None
        self._placed = None if data is None else np.frombuffer(data, dtype).reshape(shape)
        return self._placed

    def write(self, records: Iterable[Record]) -> None:
        """Writes what does not stand there yet."""
        import numpy as np

        for record in records:
            if self._placed is None or record.output is None or not np.may_share_memory(record.output, self._placed):
                npy.write(self._handle, [record], array="output")
            self._placed = None


def room(handle: BinaryIO, head: bytes, size: int) -> memoryview | None:
    """Writes `head` to an output, and gives the `size` bytes behind it as a map of the file, to be filled.

    None, and nothing is written, where the output is no plain file. The space is reserved first: on a full disk that
    raises OSError, and a map without it would end the process (SIGBUS).
    """
    raw = getattr(handle, "raw", None)
    mapped = isinstance(raw, io.FileIO) and raw.readable() and stat.S_ISREG(os.fstat(raw.fileno()).st_mode)
    if not mapped or not hasattr(os, "posix_fallocate"):
        return None
    start = handle.tell() + len(head)
    offset = start - start % mmap.ALLOCATIONGRANULARITY
    try:
        os.posix_fallocate(handle.fileno(), start, size)
        data = mmap.mmap(handle.fileno(), start + size - offset, offset=offset)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO):
            raise
        return None  # a file system that reserves or maps nothing; what is written over it is as long
    if sys.platform == "linux":
        with suppress(OSError):  # before Linux 5.14 there is no such advice
            # At once it takes 0.04 s for 268 MB; page by page, as threads came to them, it took 0.3 s of their time.
            data.madvise(POPULATE_WRITE)
    handle.write(head)
    handle.seek(start + size)
    return memoryview(data)[start - offset :]
