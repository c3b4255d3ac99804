"""tiktoken's files of ranks: the twins of `_native.read_ranks` and `_native.derive_merges`."""

from __future__ import annotations

import base64
import binascii
from array import array
from collections.abc import Mapping
from itertools import pairwise

__all__ = ["derive_merges", "flat", "read_ranks"]

LARGEST_ID = 1 << 31
LARGEST_HOLE = 1 << 16
"""Ranks may leave this many numbers out in all: more is no vocabulary."""


def read_ranks(data: bytes) -> tuple[bytes, bytes]:
    """The tokens by rank; see `_native.pyi`. Raises ValueError that names the line."""
    found: dict[int, bytes] = {}
    lines: dict[bytes, int] = {}
    for number, line in enumerate(data.split(b"\n"), 1):
        line = line.removesuffix(b"\r")
        if not line:
            continue
        token, rank = _entry(line, number)
        if token in lines:
            raise ValueError(f"line {number}: {token!r} stands on line {lines[token]} too")
        if rank in found:
            raise ValueError(f"line {number}: rank {rank} is that of line {lines[found[rank]]} too")
        found[rank] = token
        lines[token] = number
    count = max(found, default=-1) + 1
    if count > len(found) + LARGEST_HOLE:
        raise ValueError(f"line {lines[found[count - 1]]}: ranks go up to {count - 1:,} for {len(found):,} tokens")
    return flat([found.get(rank, b"") for rank in range(count)])


def flat(tokens: list[bytes]) -> tuple[bytes, bytes]:
    """All tokens in one buffer, and where each ends, uint32.

    >>> flat([b"a", b"bc"]) == (b"abc", array("I", [1, 3]).tobytes())
    True
    """
    ends, end = array("I"), 0
    for token in tokens:
        end += len(token)
        ends.append(end)
    return b"".join(tokens), ends.tobytes()


def derive_merges(tokens: bytes, ends: bytes) -> tuple[bytes, bytes] | None:
    """(left, right) and what they make; see `_native.pyi`."""
    ranks: dict[bytes, int] = {}
    start = 0
    for rank, end in enumerate(array("I", ends)):
        if end > start:
            ranks[tokens[start:end]] = rank
        start = end
    if any(bytes([byte]) not in ranks for byte in range(256)):
        return None
    pairs, new = array("I"), array("I")
    for token, rank in sorted(ranks.items(), key=lambda item: item[1]):
        parts = _parts(token, ranks)
        if len(parts) == 2:
            pairs.extend(ranks[part] for part in parts)
            new.append(rank)
    return pairs.tobytes(), new.tobytes()


def _entry(line: bytes, number: int) -> tuple[bytes, int]:
    word, space, digits = line.partition(b" ")
    if not space or not digits.isdigit():
        raise ValueError(f"line {number} is not a token in base64, a space, and its rank")
    try:
        token = base64.b64decode(word, validate=True)
    except binascii.Error as error:
        raise ValueError(f"line {number} holds no base64 ({str(error).lower()})") from None
    if not token or base64.b64encode(token) != word:
        raise ValueError(f"line {number} holds no base64 of a token")
    if len(digits) > 10 or int(digits) >= LARGEST_ID:
        raise ValueError(f"line {number}: {digits[:20].decode()} is too large for a rank")
    return token, int(digits)


def _parts(token: bytes, ranks: Mapping[bytes, int]) -> list[bytes]:
    """What a token's bytes come to before they are the token: the pair of lowest rank merges, leftmost first."""
    parts = [token[at : at + 1] for at in range(len(token))]
    while len(parts) > 2:
        rank, place = min(
            (ranks.get(left + right, LARGEST_ID), place) for place, (left, right) in enumerate(pairwise(parts))
        )
        if rank == LARGEST_ID:
            break
        parts[place : place + 2] = [parts[place] + parts[place + 1]]
    return parts
