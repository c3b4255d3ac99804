"""The output of `attend` computed where it is to stand: in the .npy file itself, mapped into memory."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, BinaryIO

from attncli import files
from attncli.wire import npy

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.wire.record import Record

__all__ = ["InPlace"]


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
        data = files.room(self._handle, npy.header_bytes(dtype.str, shape), size) if size > npy.STEP else None
        self._placed = None if data is None else np.frombuffer(data, dtype).reshape(shape)
        return self._placed

    def write(self, records: Iterable[Record]) -> None:
        """Writes what does not stand there yet."""
        import numpy as np

        for record in records:
            if self._placed is None or record.output is None or not np.may_share_memory(record.output, self._placed):
                npy.write(self._handle, [record], array="output")
            self._placed = None
