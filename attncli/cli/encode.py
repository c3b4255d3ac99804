"""`attncli encode`: text to ids."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from attncli.cli.command import subcommand
from attncli.cli.console import Console
from attncli.cli.options import (
    Common,
    FieldOption,
    PatternOption,
    TextFromOption,
    TokenizerOption,
    check_field,
    choice,
)
from attncli.errors import AttncliError, CallError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attncli.artifacts.corpus import Corpus
    from attncli.artifacts.tokenizer import Tokenizer
    from attncli.wire.record import Record

__all__ = ["run"]

FORMATS = ("json", "npy", "ids", "tokens", "flat")
DTYPES = ("uint16", "uint32", "int32", "int64")
"""Those of `artifacts.flat`, whose import each start would pay for; a test compares them."""


@subcommand("encode")
def run(
    common: Common,
    tokenizer: TokenizerOption = "starter",
    pattern: PatternOption = None,
    to: Annotated[
        str | None, typer.Option("--to", **choice("format", FORMATS), help="By the output's extension, else json.")
    ] = None,
    from_: TextFromOption = None,
    field: FieldOption = None,
    by: Annotated[str, typer.Option("--by", **choice("unit", ("line", "file")), help="What one document is.")] = "line",
    max_tokens: Annotated[
        int | None, typer.Option("--max-tokens", min=1, help="Cut each document to so many ids, --bos/--eos included.")
    ] = None,
    bos: Annotated[bool, typer.Option("--bos", help="Put the tokenizer's beginning ([CLS], <s>) first.")] = False,
    eos: Annotated[bool, typer.Option("--eos", help="Put the tokenizer's end ([SEP], </s>) last.")] = False,
    allow_special: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-special",
            metavar="all|none|NAME",
            help="Take this special token in the text for one; else it is text.",
        ),
    ] = None,
    offsets: Annotated[
        bool, typer.Option("--offsets", help="Add each token's span in the text to the records.")
    ] = False,
    offset_unit: Annotated[
        str | None,
        typer.Option(
            "--offset-unit",
            **choice("unit", ("bytes", "characters")),
            help="What --offsets count; bytes if not given.",
        ),
    ] = None,
    dropout: Annotated[
        float | None,
        typer.Option("--dropout", min=0, max=1, metavar="P", help="Leave each merge out with this probability."),
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="For --dropout; 0 if not given.")] = None,
    count: Annotated[bool, typer.Option("--count", help="Print tokens, bytes and bytes per token, as wc.")] = False,
    eot: Annotated[
        str,
        typer.Option(
            "--eot",
            metavar="TOKEN|auto|none",
            help="flat: this special token behind each document; auto: the first of <|endoftext|>, <|end_of_text|>, "
            "<｜end▁of▁sentence｜>, </s>, <eos>, [SEP] that the vocabulary has.",
        ),
    ] = "auto",
    dtype: Annotated[
        str | None,
        typer.Option(
            "--dtype", **choice("dtype", DTYPES), help="flat: uint16 up to 65,536 entries, else uint32, if not given."
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="flat: keep what is done when interrupted, and go on there the next time.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and stop.")] = False,
) -> None:
    """Turn text into token ids.

    \b
    attncli encode book.txt                     # one JSON record a line of the book
    attncli encode --by file --to npy book.txt -o book.npy
    attncli encode --to flat corpus -o ids.npy  # all ids in one array to memory-map, and ids.index.npy
    attncli encode --count *.txt                # tokens, bytes, bytes per token
    attncli encode book.txt | attncli decode    # gives every byte back

    Exit status: 0 done, 1 the data or the machine failed, 2 the call was wrong, 130 interrupted.
    """
    from attncli.artifacts.corpus import Corpus
    from attncli.artifacts.tokenizer import Tokenizer
    from attncli.core.tokenizer import special
    from attncli.wire import streams

    console = Console(common, tokenizer)
    named = streams.format_of(common.output, FORMATS, to)
    fmt = named or "json"
    _check(common, fmt, named, count, offsets, {"--resume": resume, "--dtype": dtype, "--eot": eot != "auto"})
    if offset_unit is not None and not offsets:
        raise CallError("--offset-unit goes with --offsets")
    if seed is not None and dropout is None:
        raise CallError("--seed goes with --dropout", hint="nothing else is left to chance")
    sources = console.sources()
    check_field(field, from_, sources)
    coder = Tokenizer.load(tokenizer, pattern=pattern)
    before, after = _around(coder, bos, eos)
    end = special.end_of_text(coder.special_tokens, eot) if fmt == "flat" else None
    encoding = _encoding(coder, allow_special, dropout, seed or 0)
    records = None if from_ is None else from_ == "json"
    corpus = Corpus(coder, by, records, field or "text", before, after, max_tokens, end, encoding, common.threads)
    if dry_run:
        console.tell(f"{console.plan(sources)}, tokenizer {coder.identity} of {len(coder):,} entries")
    elif count:
        from attncli.cli.count import print_counts

        print_counts(console, sources, corpus, named or "text")
    elif fmt == "flat":
        _flat(console, sources, corpus, common.output, dtype, resume)
    else:
        _records(console, sources, corpus, fmt, (offset_unit or "bytes") if offsets else None)
    console.progress.clear()
    for warning in coder.warnings:
        console.say(warning)


def _check(common: Common, fmt: str, named: str | None, count: bool, offsets: bool, for_flat: dict[str, Any]) -> None:
    """Raises CallError for options that do not go together."""
    if count and offsets:
        raise CallError("--count prints counts", hint="leave out --offsets")
    if count and named not in (None, "json"):
        raise CallError(f"counts are not written as {named}", hint="use --to json, or -o NAME.jsonl or NAME.txt")
    if offsets and fmt != "json":
        raise CallError(f"{fmt} has no room for offsets", hint="use --to json")
    if fmt == "flat" and (common.output == "-" or Path(common.output).is_dir()) and not count:
        raise CallError("flat is two files, whose headers are filled in last", hint="give -o FILE")
    for name, given in for_flat.items():
        if given and fmt != "flat":
            raise CallError(f"{name} goes with --to flat")


def _around(coder: Tokenizer, bos: bool, eos: bool) -> tuple[Sequence[int], Sequence[int]]:
    """The ids that --bos and --eos put around a document: those of the file's template."""
    found = (coder.model.bos if bos else ()), (coder.model.eos if eos else ())
    for name, wanted, ids in (("--bos", bos, found[0]), ("--eos", eos, found[1])):
        if wanted and not ids:
            raise CallError(f"this tokenizer names no token for {name}")
    return found


def _encoding(coder: Tokenizer, allow_special: list[str] | None, dropout: float | None, seed: int) -> dict[str, Any]:
    """What the options say about encoding beyond the tokenizer's own ways."""
    chosen: dict[str, Any] = {}
    if allow_special and allow_special != ["none"]:
        chosen["allow_special"] = "all" if "all" in allow_special else allow_special
        coder.check_special(chosen["allow_special"])
    if dropout:
        coder.check_dropout(dropout)
        chosen |= {"dropout": dropout, "seed": seed}
    return chosen


def _flat(console: Console, sources: list[str], corpus: Corpus, output: str, dtype: str | None, resume: bool) -> None:
    from attncli.artifacts import flat

    for source in sources:
        console.count_input(source)
    progress = console.bytes_done(sources, "encoding")
    unended: list[str] = []
    note = "an interrupted job left a part of its output, which is started over; --resume goes on with it"
    flat.write(
        corpus,
        sources,
        output,
        dtype,
        resume=resume,
        progress=progress,
        others=console.beside,
        on_restart=lambda: console.say(note),
        on_unended=lambda: unended.append("flat"),
    )
    _tell_unended(console, unended)


def _records(console: Console, sources: list[str], corpus: Corpus, fmt: str, unit: str | None) -> None:
    from attncli.wire import streams

    with console.output(fmt, sources) as handle:
        write = streams.writer(fmt, handle, array="ids", vocab_size=len(corpus.tokenizer))
        number, unended = 0, []
        for source, batch in _batches(console, sources, corpus):
            try:
                _encode(corpus, batch, number, unit, labels=fmt in ("json", "tokens"))
            except AttncliError as error:
                raise error.at(source=source) from None
            if fmt != "json" and corpus.by == "line" and batch and batch[-1].end == "":
                unended.append(fmt)
            write(batch)
            handle.flush()
            number += len(batch)
    _tell_unended(console, unended)


def _tell_unended(console: Console, formats: list[str]) -> None:
    """Says where a last line without its newline will come back with one."""
    for fmt in formats:
        console.say(f"the last line has no newline, which {fmt} has no room to say: `decode` will write one")


def _encode(corpus: Corpus, batch: list[Record], number: int, unit: str | None, labels: bool) -> None:
    """Fills ids, and what goes with them, into the records, and takes the text out."""
    texts = [record.text or b"" for record in batch]
    coder, identity = corpus.tokenizer, corpus.tokenizer.identity
    spans: list[list[tuple[int, int]]] = [[]] * len(texts)
    if unit is None:
        lists = coder.encode_lists(texts, threads=corpus.threads, **corpus.options(number))
    else:
        lists, spans = coder.encode_offsets(texts, unit=cast(Any, unit), **corpus.options(number))
    for record, inside, within in zip(batch, lists, spans, strict=True):
        ids = [*corpus.before, *inside[: corpus.room], *corpus.after]
        record.ids = ids
        record.tokenizer = identity
        record.text = None
        if labels:
            record.tokens = coder.labels(ids)
        if unit is not None:
            # A token that was put there stands for nothing of the text: (0, 0), as in Hugging Face's encodings.
            none = (0, 0)
            record.offsets = [*[none] * len(corpus.before), *within[: corpus.room], *[none] * len(corpus.after)]


def _batches(console: Console, sources: list[str], corpus: Corpus) -> Iterator[tuple[str, list[Record]]]:
    """(source, records) as they arrive."""
    from attncli.wire import jsonl, text

    progress = console.bytes_done(sources, "encoding")
    for source in sources:
        with console.input(source) as handle:
            if corpus.holds_records(source):
                reader = jsonl.read(handle, source, field=corpus.field)
            else:
                reader = text.read(handle, source, by=corpus.by)
            for batch in reader:
                missing = next((place for place, record in enumerate(batch) if record.text is None), None)
                if missing is not None:
                    yield source, batch[:missing]
                    text.of(batch[missing], corpus.field, source)
                size = sum(len(record.text or b"") + (record.end is None) for record in batch)
                if source == "-":
                    console.count(size)
                yield source, batch
                progress(size)
