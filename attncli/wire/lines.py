"""Lines as they arrive: bulk where there is much, at once where there is little."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import BinaryIO

__all__ = ["read_blocks", "read_lines"]

STEP = 1 << 20
"""Bytes asked for at a time; a pipe gives what it has."""


def read_blocks(take: Callable[[int], bytes], step: int = STEP) -> Iterator[bytes]:
    r"""Whole lines in bulk: each block ends in `\n`, but for the last one where the input does not.

    `take(n)` gives up to n bytes: a handle's `read1` what is there at once, its `read` all of them. Memory is three
    steps, or the longest line.

    >>> list(read_blocks(io.BytesIO(b"a\nb\nc").read, 3))
    [b'a\n', b'b\n', b'c']
    """
    rest: list[bytes] = []
    while chunk := take(step):
        end = chunk.rfind(b"\n") + 1
        if not end:
            rest.append(chunk)
            continue
        yield b"".join([*rest, memoryview(chunk)[:end]])
        rest = [chunk[end:]] if end < len(chunk) else []
    if rest:
        yield b"".join(rest)


def read_lines(handle: BinaryIO) -> Iterator[tuple[list[bytes], bool]]:
    r"""Batches of lines without their `\n`, each as soon as it is there, and whether the last one had its `\n`.

    Only `\n` ends a line: `\r`, NEL and U+2028 stay in it.

    >>> list(read_lines(io.BytesIO(b"a\nb")))
    [([b'a'], True), ([b'b'], False)]
    """
    for block in read_blocks(handle.read1):  # type: ignore[attr-defined]
        lines = block.split(b"\n")
        complete = not lines[-1]
        if complete:
            lines.pop()
        yield lines, complete
