"""Many documents as one array of ids: cut to length, each with its end-of-text id behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from attncli.core.tokenizer.tokenizer import Tokenizer

__all__ = ["encode_lines", "finished"]


def encode_lines(
    tokenizer: Tokenizer, block: bytes, *, max_tokens: int | None = None, end_of_text: int | None = None, **encoding: Any
) -> tuple[NDArray[np.unsignedinteger[Any]], NDArray[np.uint64]]:
    r"""The ids of each line of a block in one array, and where each line's end there, its `end_of_text` included.

    A last line that has no `\n` is a document too. `encoding` is what `Tokenizer.encode_flat` takes.

    >>> from attncli.core.tokenizer.tokenizer import Tokenizer
    >>> from attncli.core.tokenizer.model import BPEModel
    >>> encode_lines(Tokenizer(BPEModel([*ALPHABET, b"<end>"], [])), b"Hi\n!", end_of_text=256)
    (array([ 39,  72, 256,   0, 256], dtype=uint32), array([3, 5], dtype=uint64))
    """
    lines = block.split(b"\n")
    if not lines[-1]:
        lines.pop()
    return finished(*tokenizer.encode_flat(lines, **encoding), max_tokens=max_tokens, end_of_text=end_of_text)


def finished(
    ids: NDArray[np.unsignedinteger[Any]],
    starts: NDArray[np.uint64],
    *,
    max_tokens: int | None = None,
    end_of_text: int | None = None,
) -> tuple[NDArray[np.unsignedinteger[Any]], NDArray[np.uint64]]:
    """Documents `ids[starts[i]:starts[i + 1]]`, cut to `max_tokens` ids, then each followed by `end_of_text`.

    Gives the ids and where each document ends, uint64 (documents,).

    >>> finished(np.array([1, 2, 3], np.uint16), np.array([0, 1, 3], np.uint64), max_tokens=1, end_of_text=9)
    (array([1, 9, 2, 9], dtype=uint16), array([2, 4], dtype=uint64))
    """
    import numpy as np

    lengths = np.diff(starts.astype(np.int64))
    if max_tokens is not None and len(lengths) and int(lengths.max()) > max_tokens:
        place = np.arange(len(ids)) - np.repeat(starts[:-1].astype(np.int64), lengths)
        ids, lengths = ids[place < max_tokens], np.minimum(lengths, max_tokens)
    ends = np.cumsum(lengths)
    if end_of_text is not None:
        ids = np.insert(ids, ends, ids.dtype.type(end_of_text))
        ends += np.arange(1, len(ends) + 1)
    return ids, ends.astype(np.uint64)
