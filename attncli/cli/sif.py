"""The two steps of `embed --pool sif`, and what each has to know before: counts of words, and what all documents'
vectors have in common; from files, or from the input, which is read over once for each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from attncli import files
from attncli.errors import CallError, DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.artifacts.embeddings import Embeddings
    from attncli.wire.record import Record

__all__ = ["INPUT", "Component", "Weights"]

INPUT = "input"
"""What --remove-component calls that of the input itself."""


class Weights:
    """SIF's weights: by a file of counts, the table's own, or those of the input."""

    def __init__(self, table: Embeddings, path: str | None, a: float) -> None:
        self._a = a
        self._seen: dict[int, int] = {}
        self.counts: NDArray[Any] | None = table.counts
        self._total: int | None = None
        if not a > 0:
            raise CallError(f"sif's a is {a}, not above 0")
        if path is not None:
            from attncli.artifacts.frequencies import load_frequencies

            self.counts, self._total = load_frequencies(path, table)

    def see(self, record: Record) -> None:
        """Counts the ids of a record."""
        import numpy as np

        if record.ids is not None:
            for id_, count in zip(*np.unique(np.asarray(record.ids), return_counts=True), strict=True):
                self._seen[int(id_)] = self._seen.get(int(id_), 0) + int(count)

    def end(self) -> None:
        """All were counted."""
        import numpy as np

        self.counts = np.zeros(max(self._seen, default=-1) + 1, np.int64)
        self.counts[list(self._seen)] = list(self._seen.values())

    def __call__(self, ids: Any) -> NDArray[Any]:
        """A weight for each id."""
        from attncli.core.embedding.pooling import sif_weights

        if self.counts is None:
            raise CallError("nothing was counted")
        return sif_weights(ids, self.counts, self._total, self._a)


class Component:
    """The common component: of a file, or of the input, then kept in a file where one is named."""

    def __init__(
        self,
        wanted: str,
        keep: str | None,
        document: Callable[[Record], NDArray[Any]],
        *,
        width: int,
        inputs: Sequence[str],
    ) -> None:
        """`document` makes the vector (1, D) of a record; `width` is D; `inputs` are files that `keep` must not be."""
        from attncli.core.embedding.common_component import CommonComponent

        self._document, self._keep, self._inputs = document, keep, inputs
        self._common = CommonComponent()
        self.found = None if wanted == INPUT else _read(wanted, width)

    def see(self, record: Record) -> None:
        """Learns from the vector of a record."""
        self._common.add(self._document(record))

    def end(self) -> None:
        """All were learned from."""
        from attncli.wire import npy

        self.found = self._common.find()
        if self._keep is not None:
            with files.open_output(self._keep, inputs=self._inputs) as handle:
                npy.write_array(handle, self.found)

    def without(self, vectors: NDArray[Any]) -> NDArray[Any]:
        """Vectors (1, D) that have lost it."""
        from attncli.core.embedding.common_component import without_component

        if self.found is None:
            raise CallError("no component was learned")
        return without_component(vectors, self.found)


def _read(path: str, width: int) -> NDArray[Any]:
    """(D,); scikit-learn's `components_` are (1, D)."""
    import numpy as np

    from attncli.artifacts import arrays

    array = arrays.load_one(path)
    if array.dtype.kind != "f" or array.shape not in ((width,), (1, width)):
        told = f"an array {array.shape} of {array.dtype} is no component of vectors of width {width}"
        raise DataError(told, source=path, hint=f"it is floats ({width},)")
    if not np.isfinite(array).all() or not array.any():
        raise DataError("is no direction: it holds NaN or infinity, or zeros alone", source=path)
    return array.reshape(-1)
