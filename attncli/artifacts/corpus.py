"""Text files as ids, block by block: no more than a few blocks are in memory, and no object for a line."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as factory
from typing import TYPE_CHECKING, Any, NamedTuple

from attncli import files
from attncli.core.tokenizer.documents import encode_lines, finished, lines_of
from attncli.errors import AttncliError, CallError
from attncli.wire import jsonl, streams, text
from attncli.wire.lines import read_blocks

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from attncli.core.tokenizer.tokenizer import Tokenizer

__all__ = ["Corpus", "Count", "Part"]

STEP = 8 << 20
"""Bytes of text encoded at a time: between two steps one thread works alone, and the others wait.

100 MB as a command, two threads (Ice Lake), median of 15 by turns, s: 1.04 by 2 MB, 0.95 by 4, 0.89 by 8, 0.83 by 16,
which takes 50 MB more. Of it reading and writing are 0.1 s and waiting for the disk 0.03.
"""
SEEDS = 1 << 64
"""Seeds count up from the given one, and begin again at 0."""
LARGE = 1 << 18
"""Bytes of lines that are counted without an object for each."""


class Part(NamedTuple):
    """What one block of an input came to."""

    ids: NDArray[np.unsignedinteger[Any]]
    ends: NDArray[np.uint64]
    """Where documents end in the ids; behind the last end stands the beginning of one that goes on."""
    size: int
    """Bytes of the input, the newlines behind documents included; of records those of their texts."""
    resumable: bool
    """Whether reading can begin again right behind it."""
    unended: bool = False
    """Whether it ends in a line without its newline."""


class Count(NamedTuple):
    """Documents and tokens, and the bytes that they were made of."""

    documents: int
    tokens: int
    bytes: int


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
    before: Sequence[int] = ()
    """Ids in front of each document."""
    after: Sequence[int] = ()
    """Ids behind it."""
    max_tokens: int | None = None
    """What a document is cut to, `before` and `after` included."""
    end_of_text: int | None = None
    """One more id behind each document, which `max_tokens` does not count."""
    encoding: Mapping[str, Any] = factory(default_factory=dict)
    """What `Tokenizer.encode_flat` takes: allow_special, dropout, seed."""
    threads: int | None = None
    """Threads to encode with; None: one a core."""

    def __post_init__(self) -> None:
        if self.by not in ("line", "file"):
            raise CallError(f"no document is called {self.by!r}", hint="use line or file")
        if self.room is not None and self.room < 0:
            raise CallError(f"{self.max_tokens} tokens have no room for those around each document")

    @property
    def room(self) -> int | None:
        """Tokens of its own that a document can have."""
        return None if self.max_tokens is None else self.max_tokens - len(self.before) - len(self.after)

    def options(self, number: int) -> dict[str, Any]:
        """What `encoding` says for documents from `number` on: each has a chance of its own, wherever it is read."""
        seed = self.encoding.get("seed")
        return {**self.encoding} if seed is None else {**self.encoding, "seed": (seed + number) % SEEDS}

    def parts(self, name: str, *, offset: int = 0, pending: int = 0, number: int = 0) -> Iterator[Part]:
        """The ids of a file, from a byte of its (decompressed) text on, where a document has `pending` ids already.

        `number` is how many documents there were before. Raises DataError that names the file.
        """
        tail = [*self.after, *([] if self.end_of_text is None else [self.end_of_text])]
        if self._is_document(name):
            yield from self._document(name, offset, pending, number, tail)
            return
        threads = self.threads
        around: dict[str, Any] = {"limit": self.room, "before": self.before, "after": tail}
        for block, size in self._blocks(name, offset):
            if isinstance(block, bytes):
                lines = encode_lines(self.tokenizer, block, threads=threads, **around, **self.options(number))
                part = Part(*lines, size, True, unended=not block.endswith(b"\n"))
            else:
                flat = self.tokenizer.encode_flat(block, threads=threads, **self.options(number))
                part = Part(*finished(*flat, **around), size, False)
            number += len(part.ends)
            yield part

    def count(self, name: str, *, number: int = 0) -> Iterator[Count]:
        """Documents, tokens and bytes of a file, block by block; NumPy is imported for large ones alone."""
        around = len(self.before) + len(self.after)
        whole = self._is_document(name)
        tokens = 0
        for block, size in self._blocks(name):
            if whole:
                tokens += self.tokenizer.count_batch([block], threads=self.threads, **self.options(number))[0]
                yield Count(0, 0, size)
                continue
            documents, inside = self._counted(block, number)
            number += documents
            yield Count(documents, inside + documents * around, size)
        if whole:
            yield Count(1, (tokens if self.room is None else min(tokens, self.room)) + around, 0)

    def _counted(self, block: bytes | list[bytes], number: int) -> tuple[int, int]:
        """Documents of a block, and their tokens."""
        if isinstance(block, bytes) and len(block) > LARGE:
            options = self.options(number)
            ids, ends = encode_lines(self.tokenizer, block, threads=self.threads, limit=self.room, **options)
            return len(ends), len(ids)
        texts = lines_of(block) if isinstance(block, bytes) else block
        most = sys.maxsize if self.room is None else self.room
        counts = self.tokenizer.count_batch(texts, threads=self.threads, **self.options(number))
        return len(counts), sum(min(count, most) for count in counts)

    def _document(self, name: str, offset: int, pending: int, number: int, tail: list[int]) -> Iterator[Part]:
        """One document, encoded in pieces that its pattern lets be cut."""
        import numpy as np

        dtype, no_end = np.uint32, np.zeros(0, np.uint64)
        if not pending:
            yield Part(np.array(self.before, dtype), no_end, 0, False)
        left = None if self.room is None else self.room + len(self.before) - max(pending, len(self.before))
        for piece, size in self._blocks(name, offset):
            ids = self.tokenizer.encode_flat([piece], threads=self.threads, **self.options(number))[0][:left]
            left = None if left is None else left - len(ids)
            yield Part(ids, no_end, size, True)
            if left == 0:
                break
        yield Part(np.array(tail, dtype), np.array([len(tail)], np.uint64), 0, False)

    def _is_document(self, name: str) -> bool:
        return self.by == "file" and not self.holds_records(name)

    def holds_records(self, name: str) -> bool:
        """Whether a file is read as records."""
        return streams.holds_records(name) if self.records is None else self.records

    def _blocks(self, name: str, offset: int = 0) -> Iterator[tuple[Any, int]]:
        """Whole lines in bulk, pieces of one document, or lists of records' texts; and the size of each."""
        with files.open_input(name) as handle:
            try:
                if self.holds_records(name):
                    for batch in jsonl.read(handle, name, field=self.field):
                        texts = [text.of(record, self.field, name) for record in batch]
                        yield texts, sum(map(len, texts))
                    return
                if offset:
                    handle.seek(offset, os.SEEK_CUR)  # a decompressor reads over it
                # What is left to chance in a document depends on all of it.
                cut = (lambda _: 0) if self.encoding.get("dropout") else self.tokenizer.safe_cut
                blocks = read_blocks(handle.read, STEP) if self.by == "line" else _pieces(handle.read, cut)
                yield from ((block, len(block)) for block in blocks)
            except AttncliError as error:
                raise error.at(source=name) from None


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
