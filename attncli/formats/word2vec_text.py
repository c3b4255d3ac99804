r"""word2vec's text: a first line with the number of rows and their width, then a label and its numbers on each line.

As the original tool writes it with `-binary 0` (https://code.google.com/archive/p/word2vec/), and gensim's
`save_word2vec_format`; fastText's `.vec` is the same. Behind the rows may stand the side line (`side_line.py`).
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attncli.core.embedding.labels import Labels
from attncli.errors import DataError
from attncli.formats import side_line, table_text

__all__ = ["read", "sniff", "write"]

CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")
ROW = re.compile(rb"[^ \n]* [-+]?[0-9.]+(e[-+]?[0-9]+)?[ \r\n]")
"""How a row begins; four bytes of a float32 are hardly ever digits."""
LOOKED_AT = 1024
"""Bytes by which text and binary are told apart: float32 are hardly ever UTF-8."""


def sniff(head: bytes) -> bool:
    """Whether a file that begins like this is one: a first line of two numbers, and behind it a row (its label may be
    in any encoding), or what looks like text."""
    found = table_text.sizes(head)
    if found is None:
        return False
    if ROW.match(head, found[2]):
        return True
    looked = head[found[2] : found[2] + LOOKED_AT]
    # A character may be cut at the end.
    return not CONTROL.search(looked) and codecs.utf_8_decode(looked, "replace", False)[0].count("\ufffd") == 0


def read(take: Callable[[int], bytes]) -> tuple[NDArray[np.float32], Labels, dict[str, str]]:
    r"""float32 (V, D), labels, and what the side line says; `take(n)` gives the next n bytes of the file.

    Raises DataError that names the line for a row that is short, long or no numbers, and for more or fewer rows than
    the first line says.

    >>> read(io.BytesIO(b"1 2\nthe 0.5 -1\n").read)[0]
    array([[ 0.5, -1. ]], dtype=float32)
    """
    blocks = table_text.blocks(take)
    first = next(blocks, b"")
    found = table_text.sizes(first)
    if found is None:
        raise DataError("its first line is not the number of rows and their width")
    claimed, width, start = found
    if not width:
        raise DataError("its first line tells of rows of width 0")
    rows = table_text.Rows(width, spaces=False, first_line=2, claimed=claimed)
    rest = b""
    for block in _from(first[start:], blocks):
        end = _end_of_lines(block, claimed - rows.count)
        rows.add(block[:end])
        if end < len(block):
            rest = b"".join([block[end:], *blocks])
    if rows.count < claimed:
        raise DataError(f"its first line tells of {claimed:,} rows, and {rows.count:,} follow", hint="is it cut short?")
    return *rows.table(), side_line.read(rest)


def write(vectors: NDArray[Any], labels: Labels, metadata: Mapping[str, str]) -> Iterator[bytes]:
    """The file, a part at a time."""
    yield b"%d %d\n" % vectors.shape
    yield from table_text.written(vectors, labels)
    yield side_line.write(metadata)


def _from(first: bytes, blocks: Iterator[bytes]) -> Iterator[bytes]:
    if first:
        yield first
    yield from blocks


def _end_of_lines(block: bytes, count: int) -> int:
    """Where the first `count` lines of a block end; its own end where there are no more."""
    if block.count(b"\n") <= count:
        return len(block)
    ends = np.flatnonzero(np.frombuffer(block, np.uint8) == ord("\n"))
    return int(ends[count - 1]) + 1 if count else 0
