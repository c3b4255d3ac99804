"""A stage of the pipe: records in, one at a time through some work, records out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from attncli import files
from attncli.errors import AttncliError
from attncli.scratch import Scratch
from attncli.wire import flat, streams

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from attncli.cli.console import Console
    from attncli.wire.record import Record

__all__ = ["Survey", "run_stage"]

Source = AbstractContextManager[tuple[str, Iterator[list["Record"]]]]
"""The format and the batches of an input."""
BULK = 1 << 20
"""Ids whose text is made at a time."""
BLOCK = 1 << 20
"""Bytes that are copied at a time."""


class Survey(Protocol):
    """What has to know all records before any is worked on."""

    def see(self, record: Record) -> None:
        """Each of them."""

    def end(self) -> None:
        """All were seen."""


def run_stage(
    console: Console,
    work: Callable[[Record], None],
    *,
    from_: str | None,
    format_for: Callable[[str], str],
    writer_for: Callable[[str, BinaryIO], Callable[[Iterable[Record]], None]],
    together: Callable[[list[Record]], None] | None = None,
    in_bulk: Callable[[NDArray[np.integer[Any]], NDArray[np.uint64]], bytes] | None = None,
    surveys: Sequence[Survey] = (),
    beside: Mapping[str, str | None] | None = None,
    allow_nan: bool = False,
    end_of_text: int | None = None,
) -> None:
    """Reads ids or vectors from all inputs, changes each record in place, and writes them as they come.

    `together` is the same work for a whole batch, where that is quicker; it changes none where one of them fails.
    `in_bulk` gives the text of many flat documents (ids, starts), where text is wanted and no record is.
    Each of `surveys` sees all records before the next does, and before any work: files are read again for it, and what
    comes from elsewhere is kept in a temporary file.
    `format_for` chooses the output's format by the first input's, `writer_for` makes its writer. `end_of_text` is
    left out behind the documents of flat files. What goes wrong names the source and the record; in an argument of
    the work that is `beside` them, the file that it came from.
    """
    sources = console.sources()
    located = partial(_located, work, beside or {})
    with ExitStack() as stack:
        kept = {
            source: stack.enter_context(_kept(console, source))
            for source in sources
            if surveys and files.size(source) is None
        }
        opened = partial(_opened, console, kept, from_=from_, allow_nan=allow_nan, end_of_text=end_of_text)
        for survey in surveys:
            _survey(sources, survey, opened)
        output: BinaryIO | None = None
        for source in sources:
            with opened(source) as (came_in, batches):
                if output is None:
                    fmt = format_for(came_in)
                    output = stack.enter_context(console.output(fmt, sources))
                    write = writer_for(fmt, output)
                if in_bulk is not None and fmt == "text" and (arrays := _flat_arrays(source, from_)) is not None:
                    batches = _written_in_bulk(*arrays, source, in_bulk, output, end_of_text)
                for batch in batches:
                    _work_through(batch, located, together, source, write)
                    output.flush()


def _survey(sources: list[str], survey: Survey, opened: Callable[[str], Source]) -> None:
    """Shows all records to it."""
    for source in sources:
        with opened(source) as (_, batches):
            for batch in batches:
                for record in batch:
                    _located(survey.see, {}, record, source)
    survey.end()


@contextmanager
def _kept(console: Console, source: str) -> Iterator[Scratch]:
    """All of an input that can be read only once."""
    with Scratch() as scratch:
        with console.input(source) as stream:
            while block := stream.read(BLOCK):
                scratch.write(block)
        yield scratch


def _flat_arrays(source: str, from_: str | None) -> tuple[NDArray[np.integer[Any]], NDArray[np.uint64]] | None:
    """The ids and the starts of a flat input: an .npy that has its index beside it is one."""
    from attncli.artifacts.flat import is_flat, load_flat

    if is_flat(source, from_):
        return load_flat(source)
    return None


def _written_in_bulk(
    ids: NDArray[np.integer[Any]],
    starts: NDArray[np.uint64],
    source: str,
    in_bulk: Callable[[NDArray[np.integer[Any]], NDArray[np.uint64]], bytes],
    output: BinaryIO,
    end_of_text: int | None,
) -> Iterator[list[Record]]:
    """Writes what goes well; the records of a block that does not are left to others, who tell which it is."""
    number = 0
    for places in flat.blocks(ids, starts, source, BULK):
        try:
            output.write(in_bulk(ids[int(places[0]) : int(places[-1])], places))
        except AttncliError:
            yield flat.records(ids, places, source, number, end_of_text=end_of_text)
        number += len(places) - 1


@contextmanager
def _opened(
    console: Console,
    kept: Mapping[str, Scratch],
    source: str,
    from_: str | None,
    allow_nan: bool,
    end_of_text: int | None,
) -> Iterator[tuple[str, Iterator[list[Record]]]]:
    """The format and the records of an input."""
    if (arrays := _flat_arrays(source, from_)) is not None:
        yield "npy", flat.read(*arrays, source, end_of_text=end_of_text)
        return
    with kept[source].open() if source in kept else console.input(source) as stream:
        yield streams.read_batches(stream, from_, source, allow_nan=allow_nan)


def _work_through(
    batch: list[Record],
    work: Callable[[Record, str], None],
    together: Callable[[list[Record]], None] | None,
    source: str,
    write: Callable[[Iterable[Record]], None],
) -> None:
    """Works on a batch and writes it; where a record fails, those before it are written."""
    if together is not None:
        try:
            together(batch)
        except AttncliError:
            pass  # which record it was is found below
        else:
            write(batch)
            return
    for record in batch:
        work(record, source)
        write([record])


def _located(work: Callable[[Record], None], beside: Mapping[str, str | None], record: Record, source: str) -> None:
    try:
        work(record)
    except AttncliError as error:
        place = record.place(source)
        if error.at(source=beside.get(error.argument or "")).source is not None:
            place = f"for {place}" if isinstance(place, str) else f"for record {place} of {source}"
        raise error.at(source=source, record=place) from None
