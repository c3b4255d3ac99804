"""`attncli encode`: text to ids."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from attncli.cli.command import subcommand
from attncli.cli.console import Console
from attncli.cli.options import Common, FieldOption, TextFromOption, TokenizerOption, choice
from attncli.errors import AttncliError, CallError

if TYPE_CHECKING:
    from attncli.artifacts.tokenizer import Tokenizer
    from attncli.wire.record import Record

__all__ = ["run"]

FORMATS = ("json", "npy", "ids", "tokens")


@subcommand("encode")
def run(
    common: Common,
    tokenizer: TokenizerOption = "starter",
    to: Annotated[
        str | None, typer.Option("--to", **choice("format", FORMATS), help="By the output's extension, else json.")
    ] = None,
    from_: TextFromOption = None,
    field: FieldOption = "text",
    by: Annotated[str, typer.Option("--by", **choice("unit", ("line", "file")), help="What one document is.")] = "line",
    count: Annotated[bool, typer.Option("--count", help="Print tokens, bytes and bytes per token, as wc.")] = False,
    offsets: Annotated[bool, typer.Option("--offsets", help="Add each token's byte span to the records.")] = False,
    allow_special: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-special",
            metavar="all|NAME",
            help="Take this special token in the text for one; else it is text.",
        ),
    ] = None,
) -> None:
    """Turn text into token ids.

    \b
    attncli encode book.txt                     # one JSON record a line of the book
    attncli encode --by file --to npy book.txt -o book.npy
    attncli encode --count *.txt                # tokens, bytes, bytes per token
    attncli encode book.txt | attncli decode    # gives every byte back

    Exit status: 0 done, 1 the data or the machine failed, 2 the call was wrong, 130 interrupted.
    """
    from attncli.artifacts.tokenizer import Tokenizer
    from attncli.wire import streams

    console = Console(common, tokenizer)
    special = _allowed(allow_special)
    sources = console.sources()
    coder = Tokenizer.load(tokenizer)
    if special not in (None, "all"):
        coder.check_special(special)
    if count and (to is not None or offsets):
        raise CallError("--count prints counts", hint="leave out --to and --offsets")
    if count:
        _count(console, coder, sources, by, from_, field, special)
        return
    fmt = to or streams.format_of(common.output, FORMATS) or "json"
    if offsets and fmt != "json":
        raise CallError(f"{fmt} has no room for offsets", hint="use --to json")
    with console.output(fmt, sources) as handle:
        write = streams.writer(fmt, handle, array="ids", vocab_size=len(coder))
        for source, batch in _batches(console, sources, by, from_, field):
            try:
                _encode(coder, batch, common.threads, special, offsets, labels=fmt in ("json", "tokens"))
            except AttncliError as error:
                raise error.at(source=source) from None
            write(batch)
            handle.flush()
    console.progress.clear()
    for warning in coder.warnings:
        console.say(warning)


def _encode(
    coder: Tokenizer,
    batch: list[Record],
    threads: int | None,
    special: list[str] | str | None,
    offsets: bool,
    labels: bool,
) -> None:
    """Fills ids, and what goes with them, into the records, and takes the text out."""
    texts = [record.text or b"" for record in batch]
    identity = coder.identity
    for record, ids in zip(batch, coder.encode_lists(texts, threads=threads, allow_special=special), strict=True):
        record.ids = ids
        record.tokenizer = identity
        record.text = None
        if labels:
            record.tokens = coder.labels(ids)
        if offsets:
            record.offsets = coder.offsets(ids)


def _batches(
    console: Console, sources: list[str], by: str, from_: str | None, field: str
) -> Iterator[tuple[str, list[Record]]]:
    """(source, records) as they arrive."""
    from attncli import files
    from attncli.wire import jsonl, streams, text

    sizes = [files.size(source) for source in sources]
    total = None if None in sizes else sum(size or 0 for size in sizes)
    done = 0
    for source in sources:
        with console.input(source) as handle:
            records = from_ == "json" or (from_ is None and streams.holds_records(source))
            reader = jsonl.read(handle, source, field=field) if records else text.read(handle, source, by=by)
            for batch in reader:
                missing = next((place for place, record in enumerate(batch) if record.text is None), None)
                if missing is not None:
                    yield source, batch[:missing]
                    text.of(batch[missing], field, source)
                size = sum(len(record.text or b"") + (record.end is None) for record in batch)
                if source == "-":
                    console.count(size)
                yield source, batch
                done += size
                console.progress("encoding", done, total)


def _count(
    console: Console,
    coder: Tokenizer,
    sources: list[str],
    by: str,
    from_: str | None,
    field: str,
    special: list[str] | str | None,
) -> None:
    """Prints a line for each source, as `wc` does: tokens, bytes, bytes per token, name."""
    totals = {source: [0, 0] for source in sources}
    for source, batch in _batches(console, sources, by, from_, field):
        texts = [record.text or b"" for record in batch]
        totals[source][0] += sum(coder.count_batch(texts, allow_special=special))
        # The newline after a document is part of its source, though of no document.
        totals[source][1] += sum(map(len, texts)) + sum(record.end is None for record in batch)
    rows = [(tokens, size, "" if name == "-" else name) for name, (tokens, size) in totals.items()]
    if len(rows) > 1:
        rows.append((sum(row[0] for row in rows), sum(row[1] for row in rows), "total"))
    with console.output("text", sources) as handle:
        _print_counts(handle, rows)


def _print_counts(handle: BinaryIO, rows: list[tuple[int, int, str]]) -> None:
    widths = [max(len(str(row[column])) for row in rows) for column in (0, 1)]
    for tokens, size, name in rows:
        ratio = size / tokens if tokens else 0.0
        line = f"{tokens:>{widths[0]}} {size:>{widths[1]}} {ratio:.3f} {name}".rstrip()
        handle.write(line.encode("utf-8", "surrogateescape") + b"\n")


def _allowed(names: list[str] | None) -> list[str] | str | None:
    if not names or names == ["none"]:
        return None
    return "all" if "all" in names else names
