"""The merges of a vocabulary in one piece of memory."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import overload

__all__ = ["Merges"]


class Merges(Sequence[tuple[int, int]]):
    """Merge `rank` is ``(ids[2 * rank], ids[2 * rank + 1])``; `ids` is uint32.

    >>> Merges(array("I", [0, 1, 2, 0]))[1]
    (2, 0)
    """

    __slots__ = ("ids",)

    def __init__(self, ids: array[int]) -> None:
        self.ids = ids

    def __len__(self) -> int:
        return len(self.ids) // 2

    @overload
    def __getitem__(self, place: int) -> tuple[int, int]: ...
    @overload
    def __getitem__(self, place: slice) -> list[tuple[int, int]]: ...
    def __getitem__(self, place: int | slice) -> tuple[int, int] | list[tuple[int, int]]:
        if isinstance(place, slice):
            return list(zip(self.ids[::2][place], self.ids[1::2][place], strict=True))
        at = range(len(self))[place]
        return self.ids[2 * at], self.ids[2 * at + 1]

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Merges):
            return self.ids == other.ids
        if isinstance(other, Sequence):
            return self[:] == list(other)
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]
