"""What the vectors of documents have in common, and vectors without it: the second step of SIF, "common component
removal" (Arora, Liang and Ma 2017, "A Simple but Tough-to-Beat Baseline for Sentence Embeddings", algorithm 1)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from attncli.errors import DataError

__all__ = ["CommonComponent", "without_component"]

WIDEST = 8192
"""XᵀX of wider vectors would take more than 512 MiB."""
BLOCK = 256
"""Vectors that are multiplied at once."""
ONE_WAY = 1e-12
"""A second eigenvalue not above this share of the first is what float32 rounds: vectors of one direction."""


class CommonComponent:
    """The first right singular vector u of the matrix X of all vectors, which is not centred: the direction that holds
    most of their squared lengths.

    It is the first eigenvector of XᵀX, and that (D, D) is all that is in memory, however many vectors come.

    >>> common = CommonComponent()
    >>> common.add(np.array([[3.0, 1], [3, -1]]))
    >>> common.find()
    array([1., 0.])
    """

    def __init__(self) -> None:
        self._moment: NDArray[np.float64] | None = None
        self._waiting: list[NDArray[Any]] = []

    def add(self, vectors: NDArray[np.floating[Any]]) -> None:
        """Some vectors more, (N, D). Raises DataError for more than 8,192 numbers in a vector."""
        if vectors.shape[1] > WIDEST:
            raise DataError(f"vectors of width {vectors.shape[1]:,} are too wide to tell what they have in common")
        self._waiting.append(vectors)
        if len(self._waiting) == BLOCK:
            self._multiply()

    def find(self) -> NDArray[np.float64]:
        """u, float64 (D,), of length 1, its largest number above 0.

        Raises DataError where there is none to take away: all vectors are zeros, or of one direction, and nothing
        would be left of them.
        """
        self._multiply()
        if self._moment is None or not self._moment.any():
            raise DataError("no document has a vector that is not zeros: they have nothing in common")
        values, directions = np.linalg.eigh(self._moment)
        if len(values) < 2 or values[-2] <= ONE_WAY * values[-1]:
            raise DataError(
                "the vectors of all documents have one direction: nothing would be left of them",
                hint="give more documents, or the component of others",
            )
        component: NDArray[np.float64] = directions[:, -1]
        component *= np.sign(component[np.abs(component).argmax()])
        return component

    def _multiply(self) -> None:
        if not self._waiting:
            return
        rows = np.concatenate(self._waiting).astype(np.float64)
        self._waiting = []
        self._moment = rows.T @ rows if self._moment is None else self._moment + rows.T @ rows


def without_component(vectors: NDArray[np.floating[Any]], component: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """X − (Xu)uᵀ: vectors (N, D) and u (D,), which need not be of length 1 -> float32 (N, D).

    Raises DataError for what is no direction of that width.

    >>> without_component(np.array([[3.0, 1]]), np.array([2.0, 0]))
    array([[0., 1.]], dtype=float32)
    """
    direction = np.asarray(component, np.float64)
    if direction.shape != vectors.shape[1:] or not np.isfinite(direction).all() or not direction.any():
        told = f"an array {direction.shape} is no component of vectors of width {vectors.shape[1]}"
        raise DataError(told, hint="it is numbers (width,), not all of them 0")
    unit = direction / np.linalg.norm(direction)
    wide = vectors.astype(np.float64)
    left: NDArray[np.float32] = (wide - (wide @ unit)[:, None] * unit).astype(np.float32)
    return left
