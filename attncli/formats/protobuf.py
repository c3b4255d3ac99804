"""Protocol buffers on the wire: numbered fields, read strictly and written.

Reference: https://protobuf.dev/programming-guides/encoding. Every length is checked against what is left of its
message, every varint against 64 bits; groups, which nothing here uses, are refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from attncli.errors import DataError

__all__ = ["BYTES", "FIXED32", "FIXED64", "VARINT", "Field", "fields", "tagged", "varint", "written"]

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
"""Wire types."""
LONGEST = 10
"""Bytes of a varint of 64 bits."""
Field: TypeAlias = tuple[int, int, int, int, int]
"""(number, wire type, value of a varint, start and end of the others' bytes)"""


def fields(data: bytes, start: int, end: int, place: str) -> Iterator[Field]:
    """The fields of the message that lies at ``data[start:end]``, in order. `place` names it in a DataError.

    >>> list(fields(bytes([0x08, 0x96, 0x01, 0x12, 0x01, 0x41]), 0, 6, "message"))
    [(1, 0, 150, 3, 3), (2, 2, 0, 5, 6)]
    """
    at = start
    while at < end:
        tag_at = at
        tag, at = varint(data, at, end, place)
        number, wire = tag >> 3, tag & 7
        if not 0 < number < 1 << 29:
            raise DataError(f"{place} has a field of number {number} at byte {tag_at}")
        if wire == VARINT:
            value, at = varint(data, at, end, place)
            yield number, wire, value, at, at
            continue
        if wire == BYTES:
            size, at = varint(data, at, end, place)
        elif wire in (FIXED32, FIXED64):
            size = 4 if wire == FIXED32 else 8
        else:
            raise DataError(f"{place} has a field of wire type {wire} at byte {tag_at}, which is not supported")
        if size > end - at:
            raise DataError(f"{place}: field {number} at byte {tag_at} claims {size} bytes, and {end - at} follow")
        yield number, wire, 0, at, at + size
        at += size


def varint(data: bytes, at: int, end: int, place: str) -> tuple[int, int]:
    """(value, where it ends) of the varint at `at`: seven bits a byte, low ones first."""
    value = shift = 0
    for here in range(at, min(end, at + LONGEST)):
        byte = data[here]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if value >> 64:
                break
            return value, here + 1
        shift += 7
    what = "is cut off" if end - at < LONGEST and not value >> 64 else "has more than 64 bits"
    raise DataError(f"{place}: the number at byte {at} {what}")


def tagged(number: int, value: bytes) -> bytes:
    """A field of bytes.

    >>> tagged(1, b"hi").hex()
    '0a026869'
    """
    return written(number << 3 | BYTES) + written(len(value)) + value


def written(value: int) -> bytes:
    """A varint; a negative value as its 64 bits."""
    value &= (1 << 64) - 1
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)
