"""Training an embedding table on ids or words, from files and streams."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from attncli import files
from attncli.artifacts import starter
from attncli.artifacts.checkpoint import Checkpoint
from attncli.artifacts.embeddings import Embeddings
from attncli.artifacts.flat import is_flat, load_flat, load_flats
from attncli.artifacts.spool import Spool
from attncli.core.embedding.word2vec import BLOCK, Ids, Plan, Trainer, count_ids
from attncli.core.tokenizer.vocab import same
from attncli.errors import CallError, DataError
from attncli.wire import jsonl, streams, text

if TYPE_CHECKING:
    from attncli.artifacts.tokenizer import Tokenizer
    from attncli.wire.record import Record

__all__ = ["train_word2vec"]

Path = str | os.PathLike[str]
Progress = Callable[[str, int, int | None, float], None]


@dataclass
class _Text:
    """Documents as ids, and what is known of these."""

    ids: Ids
    starts: NDArray[np.integer[Any]]
    words: list[str] | None = None
    """What each id stands for, where they were made here."""
    tokenizer: Tokenizer | None = None
    identity: str | None = None
    """The tokenizer's `name@digest`."""


def train_word2vec(
    ids_or_paths: Path | ArrayLike | Sequence[Path] | Sequence[ArrayLike] | tuple[NDArray[Any], NDArray[Any]],
    *,
    mode: Literal["skipgram", "cbow"] = "skipgram",
    dim: int | None = None,
    window: int = 5,
    min_count: int = 5,
    negative: int | None = None,
    hs: bool = False,
    epochs: int = 5,
    subsample: float = 1e-3,
    lr: float = 0.025,
    min_lr: float = 1e-4,
    seed: int = 0,
    words: bool = False,
    tokenizer: Path | Tokenizer | None = None,
    init: Path | Embeddings | None = None,
    threads: int | None = None,
    deterministic: bool = False,
    checkpoint: Path | None = None,
    checkpoint_every: float = 30.0,
    resume: bool = False,
    from_format: str | None = None,
    field: str = "text",
    temp_dir: Path | None = None,
    progress: Progress | None = None,
    on_spool: Callable[[int], None] | None = None,
) -> Embeddings:
    """Learns a vector for each id by what stands around it (Mikolov et al. 2013; `Plan` says what the options mean).

    `ids_or_paths`: an array of ids (one document), a sequence of such, (ids, starts) as `load_flat` gives them, or
    files that hold ids in any format (json, npy, ids). Flat files are memory-mapped where no others are beside them,
    all else is spooled to a nameless temporary file in `temp_dir`; `on_spool` hears its bytes. With `words` files are
    text: a document a line (or a record's `field`), words between white space.

    `dim` is 100, or as wide as `init`; `negative` 5, or 0 with `hs`. Of ids the table has a row for each of the
    tokenizer's, of `init`'s, or up to the largest id: zeros where an id was too rare to learn. Records name their
    tokenizer, and the table keeps it, as it keeps `init`'s and its labels; `tokenizer` is for ids that come without,
    and labels the rows (the starter is known by itself). Its special tokens are left out of the text. Of words the
    table has the frequent ones, the most frequent first; `init`'s words come before them and keep their vectors where
    the text has them too rarely.

    Threads (None: one a core) change the vectors without locks, so that no two runs are the same; `deterministic` is
    one thread: the same seed, the same bytes. `checkpoint` is a file in which the state is kept every
    `checkpoint_every` seconds; with `resume` a later call goes on there, to the same end. It stays where it is.
    `progress(stage, done, total, loss)` is called back.

    Raises DataError for an empty text, one in which no two words meet, ids beyond the table, ids of two tokenizers;
    CallError for options that make no sense.

    >>> table = train_word2vec(["corpus.txt"], words=True, dim=8, min_count=1, subsample=0, deterministic=True)
    >>> table.vectors.shape, table.labels
    ((3, 8), ['banana', 'ananas', 'bandana'])
    """
    if deterministic and threads not in (None, 1):
        raise CallError(f"{threads} threads are not deterministic", hint="leave out one of the two")
    if resume and checkpoint is None:
        raise CallError("what should be resumed?", hint="name the checkpoint")
    start = Embeddings.load(init) if isinstance(init, (str, os.PathLike)) else init
    plan = Plan(
        mode=mode, dim=dim if dim is not None else 100 if start is None else start.vectors.shape[1], window=window,
        min_count=min_count, negative=(0 if hs else 5) if negative is None else negative, hs=hs, epochs=epochs,
        subsample=subsample, lr=lr, min_lr=min_lr, seed=seed,
    )  # fmt: skip
    folder = None if temp_dir is None else os.fspath(temp_dir)
    with ExitStack() as stack:
        reader = _Reader(words, tokenizer, from_format, field, progress)
        owner = None if start is None or words else start.tokenizer
        found = reader.read(ids_or_paths, lambda: stack.enter_context(Spool(folder)), on_spool, owner)
        run = _Run(plan, found, start)
        kept = None if checkpoint is None else Checkpoint(os.fspath(checkpoint), checkpoint_every)
        if kept is not None and resume:
            kept.restore(run.trainer)

        def on_block(done: int, total: int) -> None:
            if kept is not None:
                kept.keep(run.trainer)
            if progress is not None:
                progress("training", done, total, run.trainer.loss)

        threads = 1 if deterministic else threads
        run.trainer.train(found.ids, found.starts, threads=threads, on_block=on_block)
        return run.table(threads)


@dataclass
class _Reader:
    """Whatever holds documents to a text."""

    words: bool
    tokenizer: Path | Tokenizer | None
    from_format: str | None
    key: str
    """Of a record's text."""
    progress: Progress | None
    identity: str | None = None
    index: dict[bytes, int] = field(default_factory=dict)
    """Word -> id."""

    def read(
        self, given: Any, spool: Callable[[], Spool], on_spool: Callable[[int], None] | None, owner: str | None
    ) -> _Text:
        """`owner` is the tokenizer of ids that do not say theirs."""
        if self.words and self.tokenizer is not None:
            raise CallError("words have no tokenizer", hint="leave out one of the two")
        coder = self._loaded(self.tokenizer)
        paths = _paths(given)
        ids: Ids
        if paths is None:
            if self.words:
                raise CallError("words are read from files", hint="give their names")
            ids, starts = _flattened(given)
        elif not self.words and all(is_flat(path, self.from_format) for path in paths):
            ids, starts = load_flats(paths)
        else:
            kept = spool()
            for path in paths:
                self._spool(path, kept)
            ids, starts = kept.flat()
            if on_spool is not None:
                on_spool(4 * len(ids))
        if not len(ids):
            raise DataError("there is nothing to learn from: the input is empty")
        if len(ids) < 2 or int(np.max(np.diff(starts.astype(np.int64)))) < 2:
            what = "word" if self.words else "token"
            hint = "a document is a line" if self.words else "encode lines or files, and not words"
            raise DataError(f"no document has more than one {what}: there is nothing around it", hint=hint)
        identity = self.identity or owner
        if coder is None and identity is not None and same(identity, starter.IDENTITY):
            coder = self._loaded(starter.NAME)
        words = [word.decode("utf-8", "surrogateescape") for word in self.index] if self.words else None
        return _Text(ids, starts, words, coder, identity)

    def _loaded(self, tokenizer: Path | Tokenizer | None) -> Tokenizer | None:
        if tokenizer is None:
            return None
        from attncli.artifacts.tokenizer import Tokenizer

        coder = tokenizer if isinstance(tokenizer, Tokenizer) else Tokenizer.load(tokenizer)
        self.identity = coder.identity
        return coder

    def _spool(self, path: str, spool: Spool) -> None:
        if not self.words and is_flat(path, self.from_format):
            ids, starts = load_flat(path)
            spool.add(ids, np.diff(starts))
            return
        with files.open_input(path) as handle:
            if not self.words:
                batches = streams.read_batches(handle, self.from_format, path)[1]
            elif self.from_format == "json" or (self.from_format is None and streams.holds_records(path)):
                batches = jsonl.read(handle, path, field=self.key)
            else:
                batches = text.read(handle, path)
            for batch in batches:
                spool.add(*(self._as_words(batch, path) if self.words else self._as_ids(batch, path)))
                if self.progress is not None:
                    self.progress("reading", spool.total, None, float("nan"))

    def _as_words(self, batch: list[Record], path: str) -> tuple[NDArray[np.uint32], list[int]]:
        split = [text.of(record, self.key, path).split() for record in batch]
        index = self.index
        ids = [index.setdefault(word, len(index)) for words in split for word in words]
        return np.array(ids, np.uint32), [len(words) for words in split]

    def _as_ids(self, batch: list[Record], path: str) -> tuple[NDArray[np.integer[Any]], list[int]]:
        for record in batch:
            if record.ids is None:
                hint = "text goes through `encode` first, or --words"
                raise DataError("has no ids", source=path, record=record.place(path), hint=hint)
            if record.tokenizer is not None:
                self.identity = self.identity or record.tokenizer
                if not same(self.identity, record.tokenizer):
                    raise DataError(
                        f"ids of tokenizer {record.tokenizer} meet those of {self.identity}",
                        source=path,
                        record=record.place(path),
                        hint="train on ids of one tokenizer",
                    )
        lists = [np.asarray(record.ids, np.int64) for record in batch]
        return np.concatenate([np.zeros(0, np.int64), *lists]), [len(ids) for ids in lists]


class _Run:
    """A trainer for a text, and the table that comes of it."""

    def __init__(self, plan: Plan, found: _Text, init: Embeddings | None) -> None:
        self._found, self._init = found, init
        counts = count_ids(found.ids[first : first + BLOCK] for first in range(0, len(found.ids), BLOCK))
        self._rows = self._table_rows(len(counts))
        if found.words is None and len(counts) > self._rows:
            owner = "the table to begin with" if found.tokenizer is None else f"the tokenizer {found.identity}"
            raise DataError(
                f"id {len(counts) - 1} has no row: {owner} has {self._rows:,}",
                hint="use the one that these ids belong to",
            )
        if init is not None and not np.isfinite(init.vectors.sum(dtype=np.float64)):
            odd = np.flatnonzero(~np.isfinite(init.vectors).all(axis=1))
            if len(odd):
                raise DataError(f"row {odd[0]} of the table to begin with holds NaN or infinity")
        special = () if found.tokenizer is None else found.tokenizer.special_tokens.values()
        counts[[number for number in special if number < len(counts)]] = 0
        self._known = self._rows_of_init(len(counts))
        self.trainer = Trainer(plan, counts, init=None if init is None else init.vectors, init_rows=self._known)

    def _table_rows(self, ids: int) -> int:
        """Rows of a table of ids."""
        found, init = self._found, self._init
        if found.words is not None:
            return 0
        if init is not None and init.tokenizer and found.identity and not same(init.tokenizer, found.identity):
            raise DataError(
                f"ids of tokenizer {found.identity} meet the table of {init.tokenizer}",
                hint="begin with the table that belongs to them",
            )
        if found.tokenizer is not None and init is not None and len(found.tokenizer) != len(init.vectors):
            rows = f"the table to begin with {len(init.vectors):,} rows"
            raise DataError(f"the tokenizer has {len(found.tokenizer):,} entries, {rows}")
        if found.tokenizer is not None:
            return len(found.tokenizer)
        return ids if init is None else len(init.vectors)

    def _rows_of_init(self, ids: int) -> NDArray[np.int64] | None:
        """The row of `init` that each id begins with, −1 for none."""
        if self._init is None:
            return None
        if self._found.words is None:
            return np.arange(ids, dtype=np.int64)
        if self._init.labels is None:
            raise DataError("the table to begin with has no labels, by which words could be found")
        rows = {label: row for row, label in reversed(list(enumerate(self._init.labels)))}
        return np.array([rows.get(word, -1) for word in self._found.words], np.int64)

    def table(self, threads: int | None) -> Embeddings:
        """What was learned by so many threads, in rows as they are looked up."""
        found, init, trainer = self._found, self._init, self.trainer
        if found.words is None:
            places, rows = trainer.words, self._rows
        elif self._known is None:
            places, rows = np.arange(len(trainer.words)), len(trainer.words)
        else:
            known, rows = self._known[trainer.words], len(self._init.vectors) if self._init is not None else 0
            places = np.where(known >= 0, known, rows + np.cumsum(known < 0) - 1)
            rows += int((known < 0).sum())
        vectors = np.zeros((rows, trainer.plan.dim), np.float32)
        counts = np.zeros(rows, np.int64)
        labels = None if init is None or init.labels is None else list(init.labels)
        if init is not None:
            vectors[: len(init.vectors)] = init.vectors
            if init.counts is not None:
                counts[: len(init.vectors)] = init.counts
        vectors[places] = trainer.vectors
        counts[places] += trainer.counts
        if found.words is not None:
            labels = [*(labels or []), *[""] * (rows - len(labels or []))]
            for place, word in zip(places.tolist(), trainer.words.tolist(), strict=True):
                labels[place] = found.words[word]
        table = Embeddings(vectors, labels, tokenizer=found.identity, note=self._note(threads), counts=counts)
        return table if found.tokenizer is None else table.labelled(found.tokenizer)

    def _note(self, threads: int | None) -> str:
        """The command that makes such a table, and what of."""
        plan, words = self.trainer.plan, self._found.words is not None
        options = {
            "mode": plan.mode, "dim": plan.dim, "window": plan.window, "min-count": plan.min_count,
            "negative": plan.negative, "epochs": plan.epochs, "subsample": f"{plan.subsample:g}",
            "lr": f"{plan.lr:g}", "min-lr": f"{plan.min_lr:g}", "seed": plan.seed,
        }  # fmt: skip
        flags = {"words": words, "hs": plan.hs, "deterministic": threads == 1, "init …": self._init is not None}
        said = [f"--{name} {value}" for name, value in options.items()] + [f"--{name}" for name in flags if flags[name]]
        what = "words" if words else "ids"
        return f"attncli train-embed {' '.join(said)}, on {len(self._found.ids):,} {what}"


def _paths(given: Any) -> list[str] | None:
    """The files that are meant, folders expanded; None where arrays are given."""
    listed = [given] if isinstance(given, (str, os.PathLike)) else given
    if isinstance(listed, np.ndarray) or not all(isinstance(each, (str, os.PathLike)) for each in listed):
        return None
    return files.expand([os.fspath(path) for path in listed])


def _flattened(given: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    """Ids and starts of arrays."""
    if isinstance(given, tuple) and len(given) == 2 and getattr(given[1], "dtype", None) == np.uint64:
        ids, starts = given
        if not len(starts) or starts[0] != 0 or starts[-1] != len(ids) or (starts[1:] < starts[:-1]).any():
            raise CallError("the starts do not fit the ids", hint="they go from 0 up to the number of ids")
        return ids, starts
    documents: Iterable[Any] = [given] if isinstance(given, np.ndarray) or np.isscalar(next(iter(given), 0)) else given
    arrays = [np.asarray(document) for document in documents]
    if any(array.ndim != 1 or (array.size and array.dtype.kind not in "iu") for array in arrays):
        raise CallError("documents are lists of integers")
    ids = np.concatenate([np.zeros(0, np.int64), *(array.astype(np.int64) for array in arrays)])
    return ids, np.cumsum([0, *(len(array) for array in arrays)]).astype(np.uint64)
