"""What a stream of arrays holds, told by its first bytes."""

from __future__ import annotations

from typing import BinaryIO

__all__ = ["detect"]

MAGIC = b"\x93NUMPY"
ENOUGH = 64
"""Bytes looked at: white space may stand before a record."""


def detect(handle: BinaryIO) -> str:
    """ "npy", "json" or "ids", without taking a byte from the handle (which has `peek`).

    >>> detect(io.BufferedReader(io.BytesIO(b" [1, 2]")))
    'json'
    """
    head: bytes = handle.peek(ENOUGH)  # type: ignore[attr-defined]
    # One byte is enough, and may be all that a slow pipe has given so far.
    first = head.lstrip()[:1]
    if first == MAGIC[:1]:
        return "npy"
    return "json" if first in (b"{", b"[") else "ids"
