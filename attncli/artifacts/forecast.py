"""What training will take, told beforehand from a part of the text."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Sequence
from typing import NamedTuple

from attncli import files
from attncli.artifacts.training import documents
from attncli.core import engine
from attncli.core.tokenizer.counts import count_words
from attncli.core.tokenizer.patterns import WHITESPACE, resolve
from attncli.wire import streams

__all__ = ["Forecast", "forecast"]

SAMPLE = 8 << 20
"""Bytes of text that are counted."""
BLOCKS = 32
"""Places in a file that they come from."""
COMPRESSED = 5
"""Bytes of text that one byte of a compressed file is taken for."""
BASE = 32 << 20
"""Python, the package, and the blocks being read."""
WORD = 16 + 32
"""Bytes beside each distinct word: its end and its count, and slots of a table that is half empty and has its older
half beside it while it grows."""
LISTED = 16
"""The same when there is nothing more to count."""
PLACES = 4
"""Bytes for each symbol of the distinct words while merging, beside itself: its place in a list."""
PAIRS = (3, 25)
"""Bytes for the pairs of a symbol: what English and code came to, and the most, a pair for eight symbols."""
ENTRY = 400
"""Bytes for each entry of the vocabulary, in the engine, in Python and in the file."""


class Forecast(NamedTuple):
    """About how many bytes a job takes, at its peak, for a text that is everywhere as in the places looked at."""

    text: int
    """Bytes of all inputs, decompressed."""
    sampled: int
    """Bytes that this was made from."""
    document: int
    """What is held of a document that can be cut nowhere; `max_memory` does not bound it."""
    words: int
    """What the distinct words and their counts take."""
    merging: tuple[int, int]
    """What the words take in another form while they are merged: mostly, and at most."""
    entries: int
    """What the vocabulary takes."""

    def memory(self, limit: float = math.inf) -> tuple[int, int]:
        """Bytes in all, mostly and at most; `limit` as `max_memory`."""
        words = self.document + min(self.words, limit)
        usual, most = (int(max(words, min(merging, limit))) for merging in self.merging)
        return BASE + self.entries + usual, BASE + self.entries + most

    def spills(self, limit: int) -> bool:
        """Whether words would go through temporary files under a limit."""
        return self.words > limit // 2


def forecast(
    paths: Sequence[str | os.PathLike[str]],
    *,
    entries: int,
    pattern: str = "gpt2",
    from_format: str | None = None,
    field: str = "text",
    threads: int | None = None,
) -> Forecast | None:
    """What `train_bpe` takes for these files and a vocabulary of so many entries; None where one has no known length.

    The words of 8 MB are counted (of each file its share: blocks all over it, or the beginning of records and of what
    is compressed). Distinct words grow with the text as Heaps' law says, D = K * n^b (Heaps 1978, 7.5), whose b half
    of what was counted tells. Each thread counts in a table of its own, and those are joined in the end.
    """
    regex = resolve(pattern)
    count_words([], regex)  # whether it compiles
    sources = files.expand([os.fspath(path) for path in paths])
    sizes = [_size(source) for source in sources]
    if None in sizes:
        return None
    known = [size or 0 for size in sizes]
    text = sum(known)
    share = min(1.0, SAMPLE / max(1, text))
    blocks: list[bytes] = []
    for source, size in zip(sources, known, strict=True):
        blocks += _sample(source, size, math.ceil(size * share), from_format, field)
    half, whole = _Words.of(blocks[::2], regex), _Words.of(blocks, regex)
    sampled = sum(map(len, blocks))
    growth = max(1.0, text / max(1, sampled))

    counted = whole.grown(half, growth)
    workers = threads or os.cpu_count() or 1
    apart = workers * whole.grown(half, max(1.0, growth / workers)).table if workers > 1 else 0
    cuttable = engine.splitter()(regex, regex == WHITESPACE).safe_cut(max(blocks, key=len, default=b"")) > 0
    # Until its end is known, such a document is there in pieces, and then in one.
    document = 0 if cuttable else 2 * max(known, default=0)
    symbols = counted.letters + counted.words
    width = 2 if entries < 1 << 16 else 4
    laying_out = counted.letters + LISTED * counted.words + width * symbols
    usual, most = (max(laying_out, (width + PLACES + pairs) * symbols) for pairs in PAIRS)
    learned = ENTRY * min(entries, 256 + symbols)
    return Forecast(text, sampled, document, apart + counted.table, (usual, most), learned)


class _Words(NamedTuple):
    """Distinct words, and their bytes."""

    words: int
    letters: int

    @classmethod
    def of(cls, texts: list[bytes], regex: str) -> _Words:
        items = count_words([[text] for text in texts], regex, drop_gaps=regex == WHITESPACE).items()
        return cls(len(items), sum(len(word) for word, _ in items))

    def grown(self, half: _Words, growth: float) -> _Words:
        """Those of a text so many times as long."""
        pairs = [(now, max(1, before)) for now, before in zip(self, half, strict=True)]
        return _Words(*(int(now * growth ** min(1.0, math.log2(max(now / before, 1)))) for now, before in pairs))

    @property
    def table(self) -> int:
        """Bytes of the table that they are counted in."""
        return self.letters + WORD * self.words


def _size(source: str) -> int | None:
    """Bytes of a file's text; guessed at where it is compressed."""
    size = files.size(source)
    return size * COMPRESSED if size and files.is_compressed(source) else size


def _sample(source: str, size: int, most: int, from_format: str | None, field: str) -> list[bytes]:
    """So many bytes of a file's text, in blocks."""
    records = from_format == "json" or (from_format is None and streams.holds_records(source))
    if records or files.is_compressed(source):
        text = bytearray()
        for chunk in itertools.chain.from_iterable(documents([source], "file", from_format, field)):
            text += chunk[: most - len(text)]
            if len(text) >= most:
                break
        step = math.ceil(len(text) / BLOCKS) or 1
        return [bytes(text[start : start + step]) for start in range(0, len(text), step)]
    data = files.map_bytes(source)
    starts = (size * number // BLOCKS for number in range(BLOCKS))
    return [data[start : start + math.ceil(most / BLOCKS)] for start in starts]
