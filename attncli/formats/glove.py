r"""GloVe's text (https://nlp.stanford.edu/projects/glove/): a label and its numbers on each line, and no first line
that tells how many. Some of its labels hold spaces (". . .", "at name@domain.com"); `\x20` is written in their place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attncli.core.embedding.labels import Labels
from attncli.core.reference.table_rows import row
from attncli.errors import DataError
from attncli.formats import table_text

__all__ = ["read", "sniff", "write"]

LONGEST_LINE = 1 << 20


def sniff(head: bytes) -> bool:
    """Whether a file that begins like this is one: a first line that ends in two numbers at least, one with a point."""
    line, newline, _ = head.partition(b"\n")
    return bool(newline) and _width(line) > 1 and b"." in line.partition(b" ")[2]


def read(take: Callable[[int], bytes]) -> tuple[NDArray[np.float32], Labels, dict[str, str]]:
    r"""float32 (V, D) and labels; `take(n)` gives the next n bytes of the file.

    Raises DataError that names the line for a row that is not as wide as the first, or no numbers.

    >>> read(io.BytesIO(b"the 0.5 -1\n. . 2 3\n").read)[1][:]
    ['the', '. .']
    """
    blocks = table_text.blocks(take)
    first = next(blocks, b"")
    width = _width(first[:LONGEST_LINE].partition(b"\n")[0])
    if not width:
        raise DataError("its first line is no label with numbers behind it")
    rows = table_text.Rows(width, spaces=True, first_line=1)
    rows.add(first)
    for block in blocks:
        rows.add(block)
    return *rows.table(), {}


def write(vectors: NDArray[Any], labels: Labels, metadata: Mapping[str, str]) -> Iterator[bytes]:
    """The file, a part at a time; `metadata` has no place in it."""
    del metadata
    yield from table_text.written(vectors, labels)


def _width(line: bytes) -> int:
    """How many numbers a row ends in, its label aside; 0 where it is no row."""
    fields = line.rstrip(b" \t\r").split(b" ")
    width = 0
    for field in reversed(fields[1:]):
        try:
            row(b"_ " + field, 1, False)
        except ValueError:
            break
        width += 1
    return width
