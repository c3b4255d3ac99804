"""A corpus as `flat`: text files to one array of ids and its index, whole or not at all; and such a pair read."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, BinaryIO

from attncli import files
from attncli.artifacts.corpus import Corpus
from attncli.artifacts.journal import Journal, forget, journal
from attncli.core.tokenizer import special
from attncli.errors import CallError, DataError
from attncli.wire import flat

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from attncli.core.tokenizer.tokenizer import Tokenizer

__all__ = ["DTYPES", "Joined", "dtype_of", "forget_flat", "is_flat", "load_flat", "load_flats", "write", "write_flat"]

DTYPES = {"uint16": 1 << 16, "uint32": 1 << 32, "int32": 1 << 31, "int64": 1 << 63}
"""What ids can be written as, and how many each can tell apart."""
BEGINNING = {"input": 0, "offset": 0, "ids": 0, "documents": 0}
"""How far a job is before it has begun; the same is noted of each step."""
CHECKPOINT = 5.0
"""Seconds between two notes in the journal, each of which waits for the disk."""


def write_flat(
    tokenizer: Tokenizer,
    inputs: Sequence[str | os.PathLike[str]],
    output: str | os.PathLike[str],
    *,
    by: str = "line",
    records: bool | None = None,
    field: str = "text",
    end_of_text: str = "auto",
    dtype: str | None = None,
    before: Sequence[int] = (),
    after: Sequence[int] = (),
    max_tokens: int | None = None,
    threads: int | None = None,
    resume: bool = False,
    progress: Callable[[int], None] | None = None,
    **encoding: Any,
) -> tuple[int, int]:
    """Encodes files into `output`, an .npy of all ids, and its index beside it; gives (ids, documents).

    A document is a line (`by` "line"), a file ("file"), or the `field` of a record in JSON Lines (`records`; None:
    by the file's name), the ids `before` and `after` around it, cut to `max_tokens` ids in all. Behind each stands
    the vocabulary's end-of-text id ("auto"), that of a special token, or nothing ("none"). `dtype` is one of DTYPES;
    without it uint16 where the vocabulary has at most 65,536 entries, else uint32. Both files appear, or neither.
    With `resume` an interrupted job goes on where it was. `progress` is called with the bytes just done. `encoding`
    is what `Tokenizer.encode_flat` takes. Raises CallError where the ids do not fit `dtype`, DataError where the job
    to resume was another one.

    >>> from attncli.artifacts.tokenizer import Tokenizer
    >>> write_flat(Tokenizer.load("starter"), ["corpus.txt"], "out.npy")
    (19, 1)
    """
    last = special.end_of_text(tokenizer.special_tokens, end_of_text)
    allowed = encoding.get("allow_special")
    if allowed is not None and not isinstance(allowed, str):
        encoding["allow_special"] = sorted(allowed)  # asked for with every block, and noted in the journal
    corpus = Corpus(tokenizer, by, records, field, before, after, max_tokens, last, encoding, threads)
    return write(
        corpus, [os.fspath(name) for name in inputs], os.fspath(output), dtype, resume=resume, progress=progress
    )


def write(
    corpus: Corpus,
    names: Sequence[str],
    output: str,
    dtype: str | None = None,
    *,
    resume: bool = False,
    progress: Callable[[int], None] | None = None,
    others: Sequence[str] = (),
    on_restart: Callable[[], None] | None = None,
    on_unended: Callable[[], None] | None = None,
) -> tuple[int, int]:
    """`write_flat` for a corpus; the output must be none of `others` either.

    `on_restart` is called where an interrupted job is not resumed, and what it left is taken away; `on_unended` where
    a last line has no newline, which is not written down.
    """
    pair = [output, flat.index_name(output)]
    dtype = dtype_of(corpus.tokenizer, dtype)
    with ExitStack() as stack:
        kept = stack.enter_context(journal(output, _described(corpus, dtype, names))) if resume else None
        handles = stack.enter_context(files.open_together(pair, inputs=[*names, *others], keep=resume))
        # Not before it is sure that the new job can begin.
        if not resume and forget_flat(output) and on_restart is not None:
            on_restart()
        writer = _Run(corpus, handles, dtype, kept, progress or _silent, on_unended).through(names)
        writer.finish()
    return writer.total, writer.documents


def load_flat(path: str | os.PathLike[str]) -> tuple[NDArray[np.integer[Any]], NDArray[np.uint64]]:
    """The ids (total,) and the starts, uint64 (documents + 1,), of a flat file and its index, memory-mapped.

    Document i is `ids[starts[i]:starts[i + 1]]`. Raises DataError where the two do not fit.

    >>> from attncli.artifacts.tokenizer import Tokenizer
    >>> _ = write_flat(Tokenizer.load("starter"), ["corpus.txt"], "out.npy")
    >>> ids, starts = load_flat("out.npy")
    >>> ids.dtype, starts.tolist()
    (dtype('uint16'), [0, 19])
    """
    from attncli.artifacts import arrays

    name = os.fspath(path)
    ids, starts = arrays.load_one(name), arrays.load_one(flat.index_name(name))
    if ids.ndim != 1 or ids.dtype.kind not in "iu":
        raise DataError(f"an array {ids.shape} of {ids.dtype} is no ids", source=name)
    if starts.ndim != 1 or starts.dtype != "uint64":
        raise DataError(f"an array {starts.shape} of {starts.dtype} is no index", source=flat.index_name(name))
    if not len(starts) or starts[0] != 0 or starts[-1] != len(ids):
        raise DataError(
            f"does not fit {name}: it should go from 0 to {len(ids):,}",
            source=flat.index_name(name),
            hint="move it away to read the ids as one document",
        )
    return ids, starts


def load_flats(paths: Sequence[str]) -> tuple[Joined, NDArray[np.uint64]]:
    """Several flat files as one; of their ids nothing but the slices that are asked for is read.

    Raises DataError as `load_flat` does, and where an index goes backwards.
    """
    import numpy as np

    found = [load_flat(path) for path in paths]
    for path, (_, starts) in zip(paths, found, strict=True):
        if (starts[1:] < starts[:-1]).any():
            raise DataError("goes backwards", source=flat.index_name(path))
    before = np.cumsum([0, *(len(ids) for ids, _ in found)], dtype=np.uint64)
    moved = [starts[:-1] + first for (_, starts), first in zip(found, before[:-1], strict=True)]
    return Joined([ids for ids, _ in found]), np.concatenate([*moved, before[-1:]])


class Joined:
    """Arrays of whole numbers, one after another, that are read slice by slice."""

    def __init__(self, arrays: Sequence[NDArray[np.integer[Any]]]) -> None:
        self._arrays = arrays

    def __len__(self) -> int:
        return sum(map(len, self._arrays))

    def __getitem__(self, part: slice) -> NDArray[np.integer[Any]]:
        """A step of 1; int64."""
        import numpy as np

        start, stop, _ = part.indices(len(self))
        parts: list[NDArray[np.integer[Any]]] = [np.zeros(0, np.int64)]
        for array in self._arrays:
            parts.append(array[max(start, 0) : max(stop, 0)])
            start, stop = start - len(array), stop - len(array)
        return np.concatenate(parts, dtype=np.int64, casting="unsafe")


def is_flat(path: str, from_format: str | None = None) -> bool:
    """Whether a file is read as flat: where that is said, or an .npy has its index beside it."""
    has_index = path.endswith(".npy") and files.size(flat.index_name(path)) is not None
    return from_format == "flat" or (from_format is None and has_index)


def forget_flat(output: str) -> bool:
    """Takes away what an interrupted job has left beside an output; whether there was anything."""
    found = forget(output)
    files.forget([output, flat.index_name(output)])
    return found


def dtype_of(tokenizer: Tokenizer, wanted: str | None = None) -> str:
    """The dtype for a tokenizer's ids. Raises CallError where they do not fit the one that is wanted."""
    if wanted is None:
        return "uint16" if len(tokenizer) <= DTYPES["uint16"] else "uint32"
    if wanted not in DTYPES:
        raise CallError(f"ids are not written as {wanted!r}", hint=f"use one of {', '.join(DTYPES)}")
    if len(tokenizer) > DTYPES[wanted]:
        raise CallError(
            f"id {len(tokenizer) - 1} of this vocabulary overflows {wanted}",
            hint="use a wider --dtype, or leave it out",
        )
    return wanted


class _Run:
    """One run over the inputs: writes what they come to, and notes in the journal how far it is."""

    def __init__(
        self,
        corpus: Corpus,
        pair: Sequence[BinaryIO],
        dtype: str,
        kept: Journal | None,
        progress: Callable[[int], None],
        on_unended: Callable[[], None] | None,
    ) -> None:
        begun = (kept and kept.step) or BEGINNING
        if begun.keys() != BEGINNING.keys():
            raise DataError("its journal is of another kind of job", hint="leave out --resume to start over")
        self._corpus, self._pair, self._kept, self._progress = corpus, pair, kept, progress
        self._on_unended = on_unended
        self._writer = flat.Writer(pair[0], pair[1], dtype, at=(begun["ids"], begun["documents"]))
        self._step = begun
        """The last place from which the job could go on."""
        self._noted = time.monotonic()

    def through(self, names: Sequence[str]) -> flat.Writer:
        first, offset = self._step["input"], self._step["offset"]
        try:
            for number, name in enumerate(names[first:], first):
                writer = self._writer
                for part in self._corpus.parts(name, offset=offset, pending=writer.pending, number=writer.documents):
                    self._writer.add(part.ids, part.ends)
                    offset += part.size
                    self._progress(part.size)
                    if part.unended and self._on_unended is not None:
                        self._on_unended()
                    if part.resumable:
                        self._at(number, offset)
                offset = 0
                self._at(number + 1, 0)
        finally:
            self._note()
        return self._writer

    def _at(self, number: int, offset: int) -> None:
        writer = self._writer
        # One assignment: an interruption finds the old place or the new one.
        self._step = {"input": number, "offset": offset, "ids": writer.total, "documents": writer.documents}
        if time.monotonic() - self._noted > CHECKPOINT:
            self._note()

    def _note(self) -> None:
        if self._kept is not None:
            files.settle(self._pair)
            self._kept.note(**self._step)
        self._noted = time.monotonic()


def _described(corpus: Corpus, dtype: str, names: Sequence[str]) -> dict[str, Any]:
    """What a resumed job has to have in common with the one that was interrupted."""
    inputs = []
    for name in names:
        if files.size(name) is None:
            raise CallError(f"{name} cannot be read again", hint="--resume needs files")
        found = files.status(name)
        inputs.append([name, found.st_size, found.st_mtime_ns])
    options = {key: value for key, value in vars(corpus).items() if key not in ("tokenizer", "threads")}
    options["dtype"] = dtype
    return {"tokenizer": _fingerprint(corpus.tokenizer), "options": options, "inputs": inputs}


def _fingerprint(tokenizer: Tokenizer) -> str:
    """All that decides the ids, whatever the file is called and the engine keeps it in."""
    import hashlib

    model = tokenizer.model
    said = [tokenizer.digest, type(model.algorithm).__name__]
    for part, left_out in ((model.algorithm, ()), (model, ("tokens", "algorithm", "name"))):
        for key, value in vars(part).items():
            listed = hasattr(value, "__len__") and not isinstance(value, str)
            said += [] if key in left_out else [f"{key}={list(value) if listed else value!r}"]
    return hashlib.sha256("\n".join(said).encode("utf-8", "backslashreplace")).hexdigest()


def _silent(done: int) -> None:
    pass
