"""Words and their counts, from documents of any length, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Protocol

from attncli.core import engine
from attncli.errors import CallError, DataError

if TYPE_CHECKING:
    from attncli._native import WordCounts

__all__ = ["Spill", "Store", "count_words"]


class Store(Protocol):
    """Room outside of memory."""

    def write(self, block: bytes) -> object:
        """Appends."""

    def read(self, offset: int, size: int) -> bytes:
        """So many bytes from an offset on."""


class Spill:
    """Keeps counted words within a limit: those that outgrow it go to a store, as sorted runs."""

    def __init__(
        self, limit: int, open_store: Callable[[], Store], on_run: Callable[[int], None] | None = None
    ) -> None:
        """`limit` bytes for counting and merging; `open_store` is called at the first run, `on_run(bytes)` at each."""
        self._limit = limit
        self._open_store = open_store
        self._on_run = on_run
        self._store: Store | None = None
        self._end = 0

    def check(self, counts: WordCounts) -> None:
        """Between two texts. A table takes as much again while it grows, so half of the limit is its own."""
        if counts.memory > self._limit // 2:
            self._write(counts)

    def finish(self, counts: WordCounts) -> None:
        """After the last text: merging lays the words out anew, beside them if they are few."""
        if self._store or counts.memory > self._limit // 4:
            self._write(counts)

    def _write(self, counts: WordCounts) -> None:
        store = self._store = self._store or self._open_store()
        start = self._end
        size, pieces = counts.spill(store.write)
        self._end += size
        counts.add_run(lambda offset, length: store.read(start + offset, length), size, pieces)
        if self._on_run:
            self._on_run(size)


def count_words(
    documents: Iterable[Iterable[bytes]],
    pattern: str,
    *,
    drop_gaps: bool = False,
    threads: int | None = None,
    change: Callable[[bytes], bytes] | None = None,
    spill: Spill | None = None,
    on_bytes: Callable[[int], None] | None = None,
) -> WordCounts:
    """Counts the pieces of documents, each a stream of chunks.

    A chunk is cut where no following text could change the pieces before (`Splitter.safe_cut`), and the rest goes
    to the next one: the counts are those of the whole document. `change` normalizes what was cut; it must not see
    half a character, so it too gets text that ends at a safe cut. `spill` bounds the memory of the distinct words.
    `on_bytes` hears how many bytes were read.
    """
    counter, cutter = engine.word_counts(), engine.splitter()
    try:
        counts = counter(pattern, drop_gaps, threads or 0)
        splitter = cutter(pattern, drop_gaps)
    except ValueError as error:
        raise CallError(str(error)) from error

    def add(text: bytes) -> None:
        try:
            counts.add(change(text) if change else text)
        except ValueError as error:  # a regex that gives up backtracking
            raise DataError(str(error)) from error
        if spill:
            spill.check(counts)

    done = 0
    for document in documents:
        rest: list[bytes] = []
        for chunk in document:
            done += len(chunk)
            if on_bytes:
                on_bytes(done)
            # The cut is looked for in the new chunk alone: all of the rest has been searched before.
            cut = splitter.safe_cut(chunk)
            if not cut:
                rest.append(chunk)
                continue
            add(b"".join([*rest, chunk[:cut]]))
            rest = [chunk[cut:]]
        add(b"".join(rest))
    if spill:
        spill.finish(counts)
    return counts
