"""Many documents as one array of ids: cut to length, each with its end-of-text id behind it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from attncli.core.tokenizer.tokenizer import Tokenizer

__all__ = ["encode_lines", "finished", "lines_of"]


def lines_of(block: bytes) -> list[bytes]:
    r"""Lines without their `\n`; a last one that has none counts too.

    >>> lines_of(b"a\n\nb")
    [b'a', b'', b'b']
    """
    lines = block.split(b"\n")
    if not lines[-1]:
        lines.pop()
    return lines


def encode_lines(
    tokenizer: Tokenizer,
    block: bytes,
    *,
    threads: int | None = None,
    limit: int | None = None,
    before: Sequence[int] = (),
    after: Sequence[int] = (),
    **encoding: Any,
) -> tuple[NDArray[np.unsignedinteger[Any]], NDArray[np.uint64]]:
    r"""The ids of each line of a block in one array, and where each line's end there: `finished` documents.

    `encoding` is what `Tokenizer.encode_flat` takes.

    >>> from attncli.core.tokenizer.tokenizer import Tokenizer
    >>> from attncli.core.tokenizer.model import BPE, Model
    >>> encode_lines(Tokenizer(Model([*ALPHABET, b"<end>"], BPE([]))), b"Hi\n!", after=[256])
    (array([ 39,  72, 256,   0, 256], dtype=uint16), array([3, 5], dtype=uint64))
    """
    ids: NDArray[Any]
    if encoding:
        ids, starts = tokenizer.encode_flat(lines_of(block), threads=threads, **encoding)
    elif limit is None and not before and len(after) == 1:
        ids, starts = tokenizer.encode_lines(block, end_of_text=after[0], threads=threads)
        return ids, starts[1:]
    else:
        ids, starts = tokenizer.encode_lines(block, threads=threads)
    return finished(ids, starts, limit=limit, before=before, after=after)


def finished(
    ids: NDArray[np.unsignedinteger[Any]],
    starts: NDArray[np.uint64],
    *,
    limit: int | None = None,
    before: Sequence[int] = (),
    after: Sequence[int] = (),
) -> tuple[NDArray[np.unsignedinteger[Any]], NDArray[np.uint64]]:
    """Documents `ids[starts[i]:starts[i + 1]]`, cut to `limit` ids each, between the ids `before` and `after`.

    Gives the ids and where each document ends, uint64 (documents,).

    >>> finished(np.array([1, 2, 3], np.uint16), np.array([0, 1, 3], np.uint64), limit=1, after=[9])
    (array([1, 9, 2, 9], dtype=uint16), array([2, 4], dtype=uint64))
    """
    import numpy as np

    starts = starts.astype(np.int64)
    lengths = np.diff(starts)
    if limit is not None and len(lengths) and int(lengths.max()) > limit:
        place = np.arange(len(ids)) - np.repeat(starts[:-1], lengths)
        ids, lengths = ids[place < limit], np.minimum(lengths, limit)
    ends = np.cumsum(lengths)
    if before or after:
        around = np.array([*before, *after], ids.dtype)
        places = np.stack([ends - lengths] * len(before) + [ends] * len(after), axis=1)  # (documents, around)
        ids = np.insert(ids, places.ravel(), np.tile(around, len(ends)))
        ends += len(around) * np.arange(1, len(ends) + 1)
    return ids, ends.astype(np.uint64)
