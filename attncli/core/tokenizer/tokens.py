"""The tokens of a vocabulary in one piece of memory: 200,000 of them are two objects, not 200,000."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import overload

__all__ = ["Tokens"]


class Tokens(Sequence[bytes]):
    """Token `id` is ``blob[ends[id - 1]:ends[id]]``; `ends` is uint32.

    >>> Tokens.from_list([b"a", b"", b"bc"])[2]
    b'bc'
    """

    __slots__ = ("blob", "ends")

    def __init__(self, blob: bytes, ends: array[int]) -> None:
        self.blob = blob
        self.ends = ends

    @classmethod
    def from_list(cls, tokens: Iterable[bytes]) -> Tokens:
        """Those of a list; Tokens themselves are handed back. Raises OverflowError above 4 GiB."""
        if isinstance(tokens, Tokens):
            return tokens
        listed = list(tokens)
        return cls(b"".join(listed), array("I", accumulate(map(len, listed))))

    def __len__(self) -> int:
        return len(self.ends)

    @overload
    def __getitem__(self, place: int) -> bytes: ...
    @overload
    def __getitem__(self, place: slice) -> list[bytes]: ...
    def __getitem__(self, place: int | slice) -> bytes | list[bytes]:
        if isinstance(place, slice):
            return [self[at] for at in range(*place.indices(len(self)))]
        at = place + len(self.ends) if place < 0 else place
        if not 0 <= at < len(self.ends):
            raise IndexError(f"id {place} is not in a vocabulary of {len(self)}")
        return self.blob[self.ends[at - 1] if at else 0 : self.ends[at]]

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Tokens):
            return self.blob == other.blob and self.ends == other.ends
        if isinstance(other, Sequence):
            return len(self) == len(other) and all(one == two for one, two in zip(self, other, strict=True))
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]
