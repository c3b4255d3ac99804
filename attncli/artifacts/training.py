"""Training a tokenizer on files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import BinaryIO, Literal

from attncli import files
from attncli.artifacts.tokenizer import Tokenizer
from attncli.core.tokenizer.counts import Spill, count_words
from attncli.core.tokenizer.normalize import normalizer
from attncli.core.tokenizer.patterns import WHITESPACE, resolve
from attncli.core.tokenizer.train import Plan, learn
from attncli.scratch import Scratch
from attncli.wire import jsonl, streams, text

__all__ = ["documents", "planned", "train_bpe"]

CHUNK = 1 << 20
"""Bytes read at a time."""


def train_bpe(
    paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    *,
    vocab_size: int | None = None,
    merges: int | None = None,
    pattern: str | None = None,
    unit: Literal["bytes", "characters"] = "bytes",
    end_of_word: str | None = None,
    special: Sequence[str] = (),
    min_frequency: int = 2,
    max_token_length: int | None = None,
    normalize: str | None = None,
    by: str = "file",
    from_format: str | None = None,
    field: str = "text",
    name: str = "",
    threads: int | None = None,
    max_memory: int | None = None,
    temp_dir: str | os.PathLike[str] | None = None,
    progress: Callable[[str, int, int | None], None] | None = None,
    trace: Callable[[int, bytes, bytes, int], None] | None = None,
    on_spill: Callable[[int], None] | None = None,
) -> Tokenizer:
    """Learns a BPE tokenizer from files (folders stand for theirs, `-` for standard input).

    Give `vocab_size` (base symbols, merges and special tokens together) or `merges`. `pattern` is a known name or
    a regex; the default is gpt2, or `whitespace` where an end-of-word symbol is asked for. A file is one document,
    `by="line"` makes each line one; .jsonl files, and all with `from_format="json"`, hold records whose `field`
    is the text. `progress(stage, done, total)` and `trace(step, left, right, count)` are called back. The same merges
    come out on one thread, on many, and from either engine.

    `max_memory` bounds what counting and merging take, in bytes, beside about 40 MB for Python and what is being read:
    distinct words that outgrow it go through nameless temporary files in `temp_dir` (default: TMPDIR), and
    `on_spill(bytes)` hears of each. A pattern whose words cannot be told before a document's end (`none`, or a regex
    of one's own) needs the whole document in memory. Raises DataError where the limit is too low even so, and says
    how much is needed.

    >>> train_bpe(["corpus.txt"], vocab_size=258).merges
    [(b'a', b'n'), (b'an', b'a')]
    """
    listed = [paths] if isinstance(paths, (str, os.PathLike)) else list(paths)
    plan = planned(
        vocab_size=vocab_size,
        merges=merges,
        pattern=pattern,
        unit=unit,
        end_of_word=end_of_word,
        special=special,
        min_frequency=min_frequency,
        max_token_length=max_token_length,
        normalize=normalize,
    )
    sources = files.expand([os.fspath(path) for path in listed])
    sizes = [files.size(source) for source in sources]
    total = sum(size for size in sizes if size is not None) if None not in sizes else None
    folder = None if temp_dir is None else os.fspath(temp_dir)
    with ExitStack() as stack:
        spill = None
        if max_memory is not None:
            spill = Spill(max_memory, lambda: stack.enter_context(Scratch(folder)), on_spill)
        counts = count_words(
            documents(sources, by, from_format, field),
            plan.pattern,
            drop_gaps=plan.drop_gaps,
            threads=threads,
            change=normalizer(normalize),
            spill=spill,
            on_bytes=(lambda done: progress("counting", done, total)) if progress else None,
        )
        merging = (lambda *at: progress("merging", *at)) if progress else None
        learned = learn(counts, plan, max_memory=max_memory, on_merges=merging)
    model = learned.model
    if trace:
        for step, ((left, right), count) in enumerate(zip(learned.merges, learned.counts, strict=True), 1):
            trace(step, model.tokens[left], model.tokens[right], count)
    return Tokenizer(replace(model, name=name))


def planned(
    *,
    vocab_size: int | None,
    merges: int | None,
    pattern: str | None,
    unit: Literal["bytes", "characters"],
    end_of_word: str | None,
    special: Sequence[str],
    min_frequency: int,
    max_token_length: int | None,
    normalize: str | None,
) -> Plan:
    """What `train_bpe` is to learn, arguments as there. Raises CallError for those that do not fit each other.

    >>> planned(vocab_size=None, merges=9, pattern=None, unit="characters", end_of_word="_", special=[],
    ...     min_frequency=2, max_token_length=None, normalize=None).pattern
    '\\\\S+'
    """
    if pattern is None:
        pattern = "whitespace" if end_of_word is not None else "gpt2"
    source = resolve(pattern)
    return Plan(
        vocab_size=vocab_size,
        merges=merges,
        unit=unit,
        pattern=source,
        drop_gaps=source == WHITESPACE,
        end_of_word=end_of_word,
        special=list(special),
        min_frequency=min_frequency,
        max_token_length=max_token_length,
        normalizer=normalize,
    )


def documents(sources: Iterable[str], by: str, from_format: str | None, field: str) -> Iterator[Iterable[bytes]]:
    """Each document as a stream of chunks."""
    for source in sources:
        with files.open_input(source) as handle:
            if from_format == "json" or (from_format is None and streams.holds_records(source)):
                for batch in jsonl.read(handle, source, field=field):
                    yield from ([text.of(record, field, source)] for record in batch)
            elif by == "line":
                for batch in text.read(handle, source):
                    yield from ([record.text or b""] for record in batch)
            else:
                yield _chunks(handle)


def _chunks(handle: BinaryIO) -> Iterator[bytes]:
    while chunk := handle.read(CHUNK):
        yield chunk
