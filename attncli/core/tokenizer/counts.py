"""Words and their counts, from documents of any length, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from attncli.core import engine
from attncli.errors import CallError, DataError

if TYPE_CHECKING:
    from attncli._native import WordCounts

__all__ = ["count_words"]


def count_words(
    documents: Iterable[Iterable[bytes]],
    pattern: str,
    *,
    drop_gaps: bool = False,
    threads: int | None = None,
    change: Callable[[bytes], bytes] | None = None,
    on_bytes: Callable[[int], None] | None = None,
) -> WordCounts:
    """Counts the pieces of documents, each a stream of chunks.

    A chunk is cut where no following text could change the pieces before (`Splitter.safe_cut`), and the rest goes
    to the next one: the counts are those of the whole document. `change` normalizes what was cut; it must not see
    half a character, so it too gets text that ends at a safe cut. `on_bytes` hears how many bytes were read.
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
    return counts
