"""Text files as ids, block by block: no more than a few blocks are in memory, and no object for a line."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from dataclasses import field as factory
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from attncli import files
from attncli.core.tokenizer.documents import encode_lines, finished
from attncli.errors import AttncliError, CallError
from attncli.wire import jsonl, streams, text
from attncli.wire.lines import read_blocks

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from attncli.core.tokenizer.tokenizer import Tokenizer

__all__ = ["Corpus", "Part"]

STEP = 1 << 23
"""Bytes of text encoded at a time: enough to keep the threads busy, little enough for a small peak."""


class Part(NamedTuple):
    """What one block of an input came to."""

    ids: NDArray[np.unsignedinteger[Any]]
    ends: NDArray[np.uint64]
    """Where documents end in the ids; behind the last end stands the beginning of one that goes on."""
    size: int
    """Bytes of the input, the newlines behind documents included; of a record those of its text."""
    resumable: bool
    """Whether reading can begin again right behind it."""


@dataclass(frozen=True)
class Corpus:
    """How files are read as documents, and documents as ids."""

    tokenizer: Tokenizer
    by: str = "line"
    """A document is a "line" without its newline, or a "file"."""
    records: bool | None = None
    """Whether files hold JSON Lines, a document each; None: told by the name."""
    field: str = "text"
    """The key of a record's text."""
    end_of_text: int | None = None
    """An id behind each document."""
    max_tokens: int | None = None
    """What a document is cut to, the end of text not counted."""
    encoding: Mapping[str, Any] = factory(default_factory=dict)
    """What `Tokenizer.encode_flat` takes."""

    def __post_init__(self) -> None:
        if self.by not in ("line", "file"):
            raise CallError(f"no document is called {self.by!r}", hint="use line or file")

    def parts(self, name: str, *, offset: int = 0, pending: int = 0) -> Iterator[Part]:
        """The ids of a file, from a byte of its (decompressed) text on, where a document has `pending` ids already.

        Raises DataError that names the file.
        """
        with files.open_input(name) as handle:
            try:
                if self.records or (self.records is None and streams.holds_records(name)):
                    yield from self._records(handle, name)
                    return
                _skip(handle, offset)
                yield from self._lines(handle) if self.by == "line" else self._whole(handle, pending)
            except AttncliError as error:
                raise error.at(source=name) from None

    def _lines(self, handle: BinaryIO) -> Iterator[Part]:
        for block in read_blocks(handle.read, STEP):
            ids, ends = encode_lines(
                self.tokenizer, block, max_tokens=self.max_tokens, end_of_text=self.end_of_text, **self.encoding
            )
            yield Part(ids, ends, len(block), True)

    def _records(self, handle: BinaryIO, name: str) -> Iterator[Part]:
        for batch in jsonl.read(handle, name, field=self.field):
            texts = [text.of(record, self.field, name) for record in batch]
            ids, starts = self.tokenizer.encode_flat(texts, **self.encoding)
            ids, ends = finished(ids, starts, max_tokens=self.max_tokens, end_of_text=self.end_of_text)
            yield Part(ids, ends, sum(map(len, texts)), False)

    def _whole(self, handle: BinaryIO, pending: int) -> Iterator[Part]:
        """One document, encoded in pieces that its pattern lets be cut."""
        import numpy as np

        for piece in _pieces(handle.read, self.tokenizer.safe_cut):
            ids, _ = self.tokenizer.encode_flat([piece], **self.encoding)
            if self.max_tokens is not None:
                ids = ids[: self.max_tokens - pending]
            pending += len(ids)
            yield Part(ids, np.zeros(0, np.uint64), len(piece), True)
            if pending == self.max_tokens:
                break
        end = np.array([] if self.end_of_text is None else [self.end_of_text], np.uint32)
        yield Part(end, np.array([len(end)], np.uint64), 0, False)


def _pieces(take: Callable[[int], bytes], safe_cut: Callable[[bytes], int]) -> Iterator[bytes]:
    """A text in pieces that can be encoded apart. One that can be cut nowhere is read whole, in growing steps."""
    rest = b""
    while block := take(max(STEP, len(rest))):
        rest += block
        cut = safe_cut(rest)
        if cut:
            yield rest[:cut]
            rest = rest[cut:]
    if rest:
        yield rest


def _skip(handle: BinaryIO, size: int) -> None:
    """Leaves out what has been read before; a decompressor reads over it."""
    if size:
        handle.seek(size, os.SEEK_CUR)
