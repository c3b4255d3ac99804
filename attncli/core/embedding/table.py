"""An embedding table: a row for each id, and what is known of where it belongs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from attncli.core.embedding import positions
from attncli.core.embedding.lookup import lookup
from attncli.errors import DataError

__all__ = ["INITIAL_SD", "Table", "random_rows"]

INITIAL_SD = 0.02
"""Standard deviation of GPT-2's initial embeddings (Radford et al. 2019; `initializer_range` of its checkpoints)."""


@dataclass(frozen=True)
class Table:
    """Vectors (V, D) of any float dtype, with labels and the tokenizer that their rows belong to, where known."""

    vectors: NDArray[Any]
    labels: Sequence[str] | None = None
    tokenizer: str | None = None
    """Its identity, `name@digest`."""
    note: str | None = None
    """How it was made, where its file says so."""
    counts: NDArray[Any] | None = None
    """How often each row's word or token stood in the text it was made from: integers (V,)."""

    def __post_init__(self) -> None:
        if self.vectors.ndim != 2 or self.vectors.dtype.kind != "f" or self.vectors.shape[1] == 0:
            raise DataError(
                f"an array {self.vectors.shape} of {self.vectors.dtype} is no table",
                hint="a table is floats (entries, width)",
            )
        for what, found in (("labels", self.labels), ("counts", self.counts)):
            if found is not None and len(found) != len(self.vectors):
                raise DataError(f"a table of {len(self.vectors):,} rows has {len(found):,} {what}")

    def embed(
        self,
        ids: ArrayLike,
        *,
        scheme: str = "none",
        position_table: NDArray[Any] | None = None,
        plus: Sequence[Table] = (),
    ) -> NDArray[np.float32]:
        """Rows of the ids plus position vectors, as in GPT: ids (T,) -> float32 (T, D).

        `scheme` is one of `positions.SCHEMES`; "learned" takes a second table (P, D). `plus` are tables of the same
        ids whose rows are added. Raises DataError for an id without a row, a document longer than the position table,
        NaN in the rows, widths that differ.

        >>> Table(np.eye(2, dtype=np.float32)).embed([1])
        array([[0., 1.]], dtype=float32)
        """
        vectors = self._rows(ids)
        for other in plus:
            if other.vectors.shape[1] != vectors.shape[1]:
                width = other.vectors.shape[1]
                raise DataError(f"rows of width {width} cannot be added to width {vectors.shape[1]}")
            vectors = vectors + other._rows(ids)
        if scheme == "sinusoidal":
            return vectors + positions.sinusoidal(*vectors.shape)
        if scheme == "learned" and position_table is not None:
            return vectors + positions.learned(position_table, *vectors.shape)
        return vectors

    def _rows(self, ids: ArrayLike) -> NDArray[np.float32]:
        vectors = lookup(self.vectors, ids)
        # A sum is finite only if all is; it takes a third of the time of looking at each number.
        if not np.isfinite(vectors.sum()) and not np.isfinite(vectors).all():
            row = int(np.argwhere(~np.isfinite(vectors))[0, 0])
            raise DataError(f"the table's row {np.asarray(ids)[row]} holds NaN or infinity")
        return vectors


def random_rows(count: int, width: int, seed: int) -> NDArray[np.float32]:
    """The seeded initial table, float32 (count, width): normal with sd 0.02.

    The first rows are the same whatever the count.

    >>> bool((random_rows(2, 4, seed=1) == random_rows(9, 4, seed=1)[:2]).all())
    True
    """
    generator = np.random.Generator(np.random.PCG64(seed))
    rows: NDArray[np.float32] = generator.standard_normal((count, width), np.float32) * np.float32(INITIAL_SD)
    return rows
