"""`attncli train-bpe`: text to a tokenizer."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from attncli.cli.command import subcommand
from attncli.cli.console import Console
from attncli.cli.options import Common, FieldOption, TextFromOption, byte_size, check_field, choice
from attncli.errors import CallError, DataError

if TYPE_CHECKING:
    from attncli.artifacts.forecast import Forecast
    from attncli.artifacts.tokenizer import Tokenizer

__all__ = ["run"]

Trace = Callable[[int, bytes, bytes, int], None]


@subcommand("train-bpe")
def run(
    common: Common,
    vocab_size: Annotated[
        int | None,
        typer.Option("--vocab-size", min=1, max=1 << 31, help="Base symbols, merges and special tokens together."),
    ] = None,
    merges: Annotated[
        int | None, typer.Option("--merges", min=0, max=1 << 31, help="In its place: how many merges.")
    ] = None,
    pattern: Annotated[
        str | None,
        typer.Option(
            "--pattern",
            metavar="NAME|REGEX",
            help="gpt2 (the default), cl100k, o200k, whitespace, none, or a regex whose matches are words.",
        ),
    ] = None,
    unit: Annotated[
        str, typer.Option("--unit", **choice("unit", ("bytes", "characters")), help="What base symbols are.")
    ] = "bytes",
    end_of_word: Annotated[
        str | None, typer.Option("--end-of-word", metavar="C", help="A symbol after each word, as in textbooks.")
    ] = None,
    special: Annotated[
        list[str] | None, typer.Option("--special", metavar="TOKEN", help="A special token; may be repeated.")
    ] = None,
    min_frequency: Annotated[
        int, typer.Option("--min-frequency", min=0, max=1 << 62, help="Leave rarer pairs alone.")
    ] = 2,
    max_token_length: Annotated[
        int | None,
        typer.Option("--max-token-length", min=1, max=1 << 31, help="In bytes, or characters where they are the unit."),
    ] = None,
    normalize: Annotated[
        str | None,
        typer.Option(
            "--normalize",
            **choice("normalizer", ("nfc", "nfd", "nfkc", "nfkd", "lowercase")),
            help="Before all else.",
        ),
    ] = None,
    from_: TextFromOption = None,
    field: FieldOption = None,
    by: Annotated[str, typer.Option("--by", **choice("unit", ("file", "line")), help="What one document is.")] = "file",
    max_memory: Annotated[
        int | None,
        typer.Option(
            "--max-memory",
            metavar="SIZE",
            parser=byte_size,
            help="For words and merging, as 512M or 2G; what is more goes through temporary files.",
        ),
    ] = None,
    temp_dir: Annotated[
        str | None, typer.Option("--temp-dir", metavar="DIR", help="Where those are, if not in TMPDIR.")
    ] = None,
    trace: Annotated[bool, typer.Option("--trace", help="Print each merge with its count.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be read, and stop.")] = False,
) -> None:
    """Learn a byte-pair-encoding tokenizer and write it as tokenizer.json.

    \b
    attncli train-bpe --vocab-size 32000 corpus/ -o tokenizer.json
    attncli train-bpe --vocab-size 8000 --special '<|endoftext|>' a.txt b.txt.gz -o small.json
    echo "low lower newest wider" |
      attncli train-bpe --merges 4 --unit characters --end-of-word _ --trace -o low.json

    Exit status: 0 done, 1 the data or the machine failed, 2 the call was wrong, 130 interrupted.
    """
    from attncli import files
    from attncli.artifacts.training import planned, train_bpe

    console = Console(common)
    if vocab_size is None and merges is None:
        raise CallError("give --vocab-size or --merges", hint="32000 is a common vocabulary size")
    if vocab_size is not None and merges is not None:
        raise CallError("--vocab-size and --merges both say when to stop", hint="give one of them")
    sources = console.sources()
    check_field(field, from_, sources)
    learning: dict[str, Any] = {
        "vocab_size": vocab_size,
        "merges": merges,
        "pattern": pattern,
        "unit": unit,
        "end_of_word": end_of_word,
        "special": special or [],
        "min_frequency": min_frequency,
        "max_token_length": max_token_length,
        "normalize": normalize,
    }
    if temp_dir is not None and not Path(temp_dir).is_dir():
        raise DataError("is no folder", source=temp_dir, hint="make it first")
    if dry_run:
        from attncli.artifacts.forecast import forecast

        plan = planned(**learning)
        told = console.plan(sources)
        expected = forecast(
            sources,
            entries=vocab_size or 256 + (merges or 0),
            pattern=plan.pattern or "none",
            from_format=from_,
            field=field or "text",
            threads=common.threads,
        )
        console.tell(told)
        _tell_memory(console, expected, max_memory)
        return
    for source in sources:
        console.count(files.size(source) or 0)
    runs: list[int] = []
    with console.output("json", sources) as handle:
        tracing = _tracer(sys.stderr.buffer if common.output == "-" else sys.stdout.buffer) if trace else None
        tokenizer: Tokenizer = train_bpe(
            sources,
            **learning,
            by=by,
            from_format=from_,
            field=field or "text",
            threads=common.threads,
            max_memory=max_memory,
            temp_dir=temp_dir,
            progress=console.progress,
            trace=tracing,
            on_spill=runs.append,
        )
        handle.write(tokenizer.serialized())
    console.progress.clear()
    if runs:
        console.say(
            f"the words outgrew --max-memory: {len(runs)} runs, {sum(runs):,} bytes, went through temporary files"
        )
    wanted = vocab_size if vocab_size is not None else (merges or 0)
    have = len(tokenizer) if vocab_size is not None else len(tokenizer.merges)
    if have < wanted:
        what = "entries" if vocab_size is not None else "merges"
        often = f"{min_frequency} times" if min_frequency > 1 else "at all"
        console.say(f"the text gave {have} {what}, not {wanted}: no other pair occurs {often}")


def _tell_memory(console: Console, expected: Forecast | None, limit: int | None) -> None:
    """What `--dry-run` says of memory."""
    if expected is None:
        console.tell("memory: not known before a pipe's end; --max-memory bounds what words and merging take")
        return
    console.tell(
        f"memory: {_about(expected.memory())}, by the words of {_megabytes(expected.sampled)} of the text; "
        f"they take {_megabytes(expected.words)}, and merging them {_about(expected.merging)}"
    )
    if limit is not None:
        way = "the words go through temporary files" if expected.spills(limit) else "the words stay in memory"
        console.tell(f"with --max-memory: {_about(expected.memory(limit))}; {way}")


def _about(sizes: tuple[int, int]) -> str:
    usual, most = map(_megabytes, sizes)
    return f"about {usual}" if usual == most else f"about {usual} and at most {most}"


def _megabytes(size: int) -> str:
    return f"{math.ceil(size / 1e6):,} MB"


def _tracer(stream: BinaryIO) -> Trace:
    """Prints step, left, right, whole and count, separated by tabs."""
    from attncli.core.tokenizer.vocab import label

    open_ = True

    def trace(step: int, left: bytes, right: bytes, count: int) -> None:
        line = f"{step}\t{label(left)}\t{label(right)}\t{label(left + right)}\t{count}\n"
        nonlocal open_
        if open_:
            try:
                stream.write(line.encode("utf-8"))
                stream.flush()
            except BrokenPipeError:
                open_ = False  # the reader has seen enough; the tokenizer is still wanted

    return trace
