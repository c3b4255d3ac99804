"""`flat`: the ids of all documents in one memory-mappable array, and an index of where each document starts.

Two `.npy` files, as training loops read them: `NAME.npy` holds the ids (total,), `NAME.index.npy` the starts, uint64
(documents + 1,), the first 0 and the last the total. Document i is `ids[starts[i]:starts[i + 1]]`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any, BinaryIO

from attncli.errors import DataError
from attncli.wire import npy
from attncli.wire.record import Record

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Writer", "blocks", "index_name", "read", "records"]

BATCH = 1 << 16
"""Ids, and at most as many documents, that are handed on at a time."""


def index_name(path: str) -> str:
    """The name of the index that goes with a file of ids.

    >>> index_name("out.npy"), index_name("ids")
    ('out.index.npy', 'ids.index.npy')
    """
    return f"{path.removesuffix('.npy')}.index.npy"


class Writer:
    """Writes both files as the ids arrive; the headers, which hold the lengths, are filled in at the end.

    Room for them is known beforehand: NumPy pads its header so that a longer array needs no more of it.
    """

    def __init__(self, ids: BinaryIO, index: BinaryIO, dtype: str, *, at: tuple[int, int] = (0, 0)) -> None:
        """`at` (ids, documents) goes on behind what stands there already. The handles can read, write and seek.

        Raises DataError where less stands there.
        """
        import numpy as np

        self._ids, self._index = ids, index
        self._dtype: np.dtype[Any] = np.dtype(dtype)
        self.total, self.documents = at
        """Ids and whole documents so far."""
        room = len(npy.header_bytes(self._dtype.str, (0,)))
        index.seek(room + 8 * self.documents)
        self._last = int.from_bytes(index.read(8), "little")
        for handle, end in ((ids, self.total * self._dtype.itemsize), (index, 8 * self.documents)):
            if self.total and handle.seek(0, 2) < room + end:
                raise DataError("what the interrupted job wrote is gone", hint="start over")
            handle.seek(room + end)
            handle.truncate()
        index.write(self._last.to_bytes(8, "little"))

    @property
    def pending(self) -> int:
        """Ids of the document that has not ended yet."""
        return self.total - self._last

    def add(self, ids: NDArray[np.integer[Any]], ends: NDArray[np.integer[Any]]) -> None:
        """Ids (T,), and the places in them where documents end; what follows the last end goes on in the next call."""
        import numpy as np

        self._ids.write(np.ascontiguousarray(ids, self._dtype).data)
        if len(ends):
            starts = np.asarray(ends, np.uint64) + np.uint64(self.total)
            self._index.write(starts.data)
            self._last = int(starts[-1])
        self.total += len(ids)
        self.documents += len(ends)

    def finish(self) -> None:
        """Writes the headers."""
        for handle, descr, length in (
            (self._ids, self._dtype.str, self.total),
            (self._index, "<u8", self.documents + 1),
        ):
            handle.seek(0)
            handle.write(npy.header_bytes(descr, (length,)))


def read(
    ids: NDArray[np.integer[Any]], starts: NDArray[np.uint64], source: str, *, end_of_text: int | None = None
) -> Iterator[list[Record]]:
    """A record for each document, in batches; a final `end_of_text` is left out.

    Raises DataError where the index does not fit.

    >>> [record.ids.tolist() for batch in read(np.array([5, 0, 0]), np.array([0, 2, 3]), "x", end_of_text=0)
    ...  for record in batch]
    [[5], []]
    """
    number = 0
    for places in blocks(ids, starts, source):
        batch = records(ids, places, source, number, end_of_text=end_of_text)
        number += len(batch)
        yield batch


def blocks(
    ids: NDArray[np.integer[Any]], starts: NDArray[np.uint64], source: str, size: int = BATCH
) -> Iterator[NDArray[np.uint64]]:
    """The starts of whole documents of about `size` ids, and where the last of them ends, block by block.

    Raises DataError where the index does not fit.

    >>> [block.tolist() for block in blocks(np.zeros(9), np.array([0, 2, 4, 9]), "x", size=4)]
    [[0, 2, 4], [4, 9]]
    """
    import numpy as np

    if not len(starts) or starts[0] != 0 or starts[-1] != len(ids):
        raise DataError(f"its index does not fit: it should go from 0 to {len(ids):,}", source=source)
    first = 0
    while first < len(starts) - 1:
        enough = int(np.searchsorted(starts, starts[first] + np.uint64(size), "right")) - 1 - first
        places = np.asarray(starts[first : first + min(max(enough, 1), size) + 1])
        if (places[1:] < places[:-1]).any() or places[-1] > len(ids):
            raise DataError("its index goes backwards", source=source)
        first += len(places) - 1
        yield places


def records(
    ids: NDArray[np.integer[Any]],
    places: NDArray[np.uint64],
    source: str,
    before: int,
    *,
    end_of_text: int | None = None,
) -> list[Record]:
    """A record for each document of a block, of which `before` come before it in the file."""
    batch = []
    for number, (start, end) in enumerate(pairwise(places.tolist()), before + 1):
        document = ids[start:end]
        if end > start and document[-1] == end_of_text:
            document = document[:-1]
        batch.append(Record(f"{source}:{number}", ids=document))
    return batch
