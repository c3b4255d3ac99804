"""A stream of documents, kept in a temporary file so that it can be gone through again and again."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from attncli.scratch import Scratch

__all__ = ["Spool"]


class Spool:
    """Ids as uint32, one document after another; in memory is a number for each document.

    >>> with Spool() as spool:
    ...     spool.add(np.array([5, 6, 7]), [2, 1])
    ...     [array.tolist() for array in spool.flat()]
    [[5, 6, 7], [0, 2, 3]]
    """

    def __init__(self, folder: str | None = None) -> None:
        """`folder` is where the file is made (default: TMPDIR); it has no name, and vanishes with the process."""
        self._scratch = Scratch(folder)
        self._lengths: list[NDArray[np.uint64]] = []
        self.total = 0
        """Ids so far."""

    def __enter__(self) -> Spool:
        return self

    def __exit__(self, *_: object) -> None:
        self._scratch.__exit__()

    def add(self, ids: NDArray[np.integer[Any]], lengths: Any) -> None:
        """Some documents more: their ids, one after another, and how many each has."""
        self._scratch.write(np.ascontiguousarray(ids, np.uint32).tobytes())
        self._lengths.append(np.asarray(lengths, np.uint64))
        self.total += len(ids)

    def flat(self) -> tuple[NDArray[np.uint32], NDArray[np.uint64]]:
        """All ids (total,), memory-mapped, and the documents' starts (documents + 1,)."""
        lengths = np.concatenate([np.zeros(1, np.uint64), *self._lengths])
        return np.frombuffer(self._scratch.map(), np.uint32), np.cumsum(lengths, dtype=np.uint64)
