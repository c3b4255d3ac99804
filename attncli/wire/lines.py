"""Lines as they arrive: bulk where there is much, at once where there is little."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

__all__ = ["read_lines"]

STEP = 1 << 20
"""Bytes asked for at a time; a pipe gives what it has."""


def read_lines(handle: BinaryIO) -> Iterator[tuple[list[bytes], bool]]:
    r"""Batches of lines without their `\n`, each as soon as it is there, and whether the last one had its `\n`.

    Only `\n` ends a line: `\r`, NEL and U+2028 stay in it. Memory is one step, or the longest line.

    >>> list(read_lines(io.BytesIO(b"a\nb")))
    [([b'a'], True), ([b'b'], False)]
    """
    rest: list[bytes] = []
    while chunk := handle.read1(STEP):  # type: ignore[attr-defined]
        end = chunk.rfind(b"\n")
        if end < 0:
            rest.append(chunk)
            continue
        lines = b"".join([*rest, chunk[:end]]).split(b"\n")
        rest = [chunk[end + 1 :]] if end + 1 < len(chunk) else []
        yield lines, True
    if rest:
        yield [b"".join(rest)], False
