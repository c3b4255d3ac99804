"""The output of `attend` computed where it is to stand: in the .npy file itself, mapped into memory."""

from __future__ import annotations

import errno
import io
import math
import mmap
import os
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any, BinaryIO

from attncli.wire import npy

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.wire.record import Record

__all__ = ["InPlace", "Place", "place"]

POPULATE_WRITE = 23
"""MADV_POPULATE_WRITE of madvise(2), which Python's mmap does not name everywhere."""
WRITE = 2
"""SYNC_FILE_RANGE_WRITE of sync_file_range(2)."""
FIRST, STEP, AHEAD = 1 << 27, 1 << 28, 1 << 30
"""Bytes of a file whose memory is taken before the work and at a time beside it, and how far ahead of it. (With a
quarter or half as much ahead, threads that compute 1 GB/s caught up: 1.5 s in place of 1.25.)"""
SMALLEST = 1 << 20
"""Bytes of a part below which it is not worth a call of its own."""


class InPlace:
    """Writes the outputs of records as .npy arrays; a large one may have been computed in its place already.

    >>> import io
    >>> InPlace(io.BytesIO()).room((2, 3)) is None
    True
    """

    def __init__(self, handle: BinaryIO) -> None:
        self._handle = handle
        self._place: Place | None = None
        self._array: NDArray[Any] | None = None

    def room(self, shape: tuple[int, ...], told: bool = False) -> NDArray[Any] | None:
        """Where the next output, float32 of this shape, goes; None where it is small or the handle no plain file.
        `told`: `computed` is called on the way.

        What was worked on before has been written by then. Raises OSError where the disk is full.
        """
        import numpy as np

        dtype = np.dtype(np.float32)
        size = math.prod(shape) * dtype.itemsize
        self._array = self._place = None
        if size > npy.STEP:
            heads = shape[0] if len(shape) > 2 else 1  # heads that are joined in rows are computed together
            self._place = place(self._handle, npy.header_bytes(dtype.str, shape), size, parts=heads if told else 0)
        if self._place is not None:
            self._array = np.frombuffer(self._place.data, dtype).reshape(shape)
        return self._array

    def computed(self, done: int, rows: int) -> None:
        """So many of the next output's rows are computed, the last ones of all heads."""
        if self._place is not None:
            self._place.filled(done, rows)

    def write(self, records: Iterable[Record]) -> None:
        """Writes what does not stand there yet."""
        import numpy as np

        for record in records:
            if self._array is None or record.output is None or not np.may_share_memory(record.output, self._array):
                npy.write(self._handle, [record], array="output")
            self._array = self._place = None


class Place:
    """A part of a file mapped into memory, to be filled from its end on; as it is, more of its memory is taken, and
    the disk begins to write.

    To take it at once takes 0.04 s for 268 MB; page by page, as threads come to them, 0.3 s of their time. To wait for
    the disk at the end alone takes 0.5 s for 1 GB.
    """

    def __init__(self, number: int, mapped: mmap.mmap, start: int, size: int, parts: int) -> None:
        """The last `size` bytes that are mapped of the file of this number, `start` in the file; each of `parts` equal
        parts of them is filled from its end on, all together. 0 parts are filled in an order that nobody tells."""
        skipped = len(mapped) - size
        self._number, self._mapped, self._offset = number, mapped, start - skipped
        self._told = parts > 0 and size // parts >= SMALLEST
        self._part = size // parts if self._told else size
        self._parts = range(skipped, len(mapped), self._part)
        self.data = memoryview(mapped)[skipped:]
        # Of each part: from where on its memory is taken, it was filled, and the disk has begun to write.
        self._taken = self._filled = self._written = self._part
        self._take(self._part - FIRST // len(self._parts) if self._told else 0)

    def filled(self, done: int, of: int) -> None:
        """So much of it is filled, about: nothing is lost where it is less."""
        if not self._told:
            return
        before, self._filled = self._filled, self._part * (of - done) // of
        self._take(max(self._filled - AHEAD // len(self._parts), self._taken - STEP // len(self._parts)))
        # What was filled since the last call is left out: threads may still be at it.
        for start, size in self._pages(before, self._written):
            # Out of this map first, and not out of memory: while threads run, to begin to write a page that is mapped
            # interrupts all of them (1 GB 2.7 s in place of 0.1).
            with suppress(OSError):  # of pages that are locked in memory
                self._mapped.madvise(mmap.MADV_DONTNEED, start, size)
            begin_to_write(self._number, self._offset + start, size)
        self._written = before

    def _take(self, first: int) -> None:
        """Takes the memory of each part from byte `first` on, as far as it is not taken."""
        first = min(max(0, first), self._taken)
        for start, size in self._pages(first, self._taken):
            with suppress(OSError):  # before Linux 5.14 there is no such advice
                self._mapped.madvise(POPULATE_WRITE, start, size)
        self._taken = first

    def _pages(self, first: int, end: int) -> Iterator[tuple[int, int]]:
        """Start and size, whole pages in the map, of bytes `first` to `end` of each part."""
        if sys.platform == "linux" and first < end:
            for part in self._parts:
                start = (part + first) // mmap.PAGESIZE * mmap.PAGESIZE
                yield start, part + end - start


def begin_to_write(number: int, start: int, size: int) -> None:
    """Lets the disk begin to write a part of a file, and waits only where it has too much to do already; nothing where
    the system cannot."""
    begin = sync_file_range()
    if begin is not None:
        begin(number, start, size, WRITE)


@cache
def sync_file_range() -> Any:
    """The system's function, which Python does not have. (posix_fadvise's DONTNEED lets the disk begin too, but takes
    out of memory what it has written.)"""
    import ctypes

    with suppress(AttributeError, OSError):
        begin = ctypes.CDLL(None).sync_file_range
        begin.argtypes = [ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint]
        return begin
    return None


def place(handle: BinaryIO, head: bytes, size: int, *, parts: int = 0) -> Place | None:
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
    handle.write(head)
    handle.seek(start + size)
    return Place(handle.fileno(), data, start, size, parts)
