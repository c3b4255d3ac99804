"""Room on the disk for the time being."""

from __future__ import annotations

import mmap
import os
from typing import Any, BinaryIO

from attncli.files import os_error

__all__ = ["Scratch"]


class Scratch:
    """A temporary file without a name, in `folder` (default: TMPDIR): it vanishes with the process, however it ends.

    >>> with Scratch() as scratch:
    ...     scratch.write(b"abc")
    ...     scratch.read(1, 2)
    b'bc'
    """

    def __init__(self, folder: str | None = None) -> None:
        import tempfile

        self._place = folder or tempfile.gettempdir()
        try:
            self._file = tempfile.TemporaryFile(buffering=0, dir=self._place)  # noqa: SIM115 - closed by __exit__
        except OSError as error:
            raise os_error(error, self._place) from error

    def __enter__(self) -> Scratch:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, block: bytes) -> None:
        """Appends. Raises DataError, on a full disk above all."""
        rest = memoryview(block)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            raise os_error(error, f"temporary file in {self._place}") from error

    def read(self, offset: int, size: int) -> bytes:
        """Up to `size` bytes from an offset on."""
        return os.pread(self._file.fileno(), size, offset)

    def open(self) -> BinaryIO:
        """All that was written, to be read from its beginning: one reader at a time, and nothing is written behind."""
        number = self._file.fileno()
        os.lseek(number, 0, os.SEEK_SET)
        return open(os.dup(number), "rb")

    def map(self) -> Any:
        """All that was written so far, as a read-only memory map."""
        number = self._file.fileno()
        return mmap.mmap(number, 0, access=mmap.ACCESS_READ) if os.fstat(number).st_size else b""
