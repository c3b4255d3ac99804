"""`attncli embed`: ids to vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from attncli.cli.command import subcommand
from attncli.cli.console import Console
from attncli.cli.options import ARRAY_FORMATS, AllowNanOption, Common, choice
from attncli.cli.stage import run_stage
from attncli.errors import CallError, DataError

if TYPE_CHECKING:
    from collections.abc import Callable

    from attncli.artifacts.embeddings import Embeddings
    from attncli.wire.record import Record

__all__ = ["run"]

FORMATS = ("json", "npy")
POSITIONS = ("none", "sinusoidal", "learned")


@subcommand("embed")
def run(
    common: Common,
    embeddings: Annotated[
        str | None,
        typer.Option(
            "-e",
            "--embeddings",
            envvar="ATTNCLI_EMBEDDINGS",
            metavar="FILE",
            help="A table; default: the built-in.",
        ),
    ] = None,
    dim: Annotated[
        int | None, typer.Option("--dim", min=1, help="In place of a table: seeded random vectors this wide.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="For --dim.")] = 0,
    positions: Annotated[
        str, typer.Option("--positions", **choice("position scheme", POSITIONS), help="Added to the vectors.")
    ] = "none",
    position_embeddings: Annotated[
        str | None,
        typer.Option("--position-embeddings", metavar="FILE", help="The table for --positions learned."),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option("--to", **choice("format", FORMATS), help="By the output's name, else as it came in."),
    ] = None,
    from_: Annotated[
        str | None,
        typer.Option("--from", **choice("format", ARRAY_FORMATS), help="By the first bytes if not given."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Look ids up even in the table of another tokenizer.")] = False,
    allow_nan: AllowNanOption = False,
) -> None:
    """Turn token ids into vectors: rows of a table, with positions added.

    \b
    attncli encode book.txt | attncli embed --to npy -o book.npy
    attncli embed -e table.safetensors --positions sinusoidal ids.npy -o vectors.npy
    echo 5 17 3 | attncli embed --dim 64 --seed 1

    Exit status: 0 done, 1 the data or the machine failed, 2 the call was wrong, 130 interrupted.
    """
    from attncli.artifacts import arrays
    from attncli.core.tokenizer.vocab import same
    from attncli.wire import streams

    if dim is not None and embeddings is not None:
        raise CallError("give a table or --dim, not both")
    if (positions == "learned") != (position_embeddings is not None):
        raise CallError("--positions learned and --position-embeddings go together")
    console = Console(common, embeddings, position_embeddings)
    table_for = _tables(embeddings, dim, seed)
    learned = arrays.load_one(position_embeddings) if position_embeddings else None

    def embed(record: Record) -> None:
        if record.ids is None:
            raise DataError("has no ids", hint="text goes through `encode` first")
        table = table_for(record.ids)
        if table.tokenizer and record.tokenizer and not force and not same(table.tokenizer, record.tokenizer):
            raise DataError(
                f"ids of tokenizer {record.tokenizer} meet the table of {table.tokenizer}",
                hint="use the table that belongs to them, or --force",
            )
        record.vectors = table.embed(record.ids, scheme=positions, position_table=learned)

    run_stage(
        console,
        embed,
        from_=from_,
        format_for=lambda came_in: (
            to or streams.format_of(common.output, FORMATS) or (came_in if came_in in FORMATS else "json")
        ),
        writer_for=lambda fmt, handle: streams.writer(fmt, handle, array="vectors", allow_nan=allow_nan),
        allow_nan=allow_nan,
    )


def _tables(embeddings: str | None, dim: int | None, seed: int) -> Callable[[Any], Embeddings]:
    """A function that gives the table for some ids: the one of the file, or a seeded one that grows with them."""
    from attncli.artifacts.embeddings import Embeddings

    if dim is None:
        table = Embeddings.load(embeddings or "starter")
        return lambda _: table
    grown = Embeddings.random(0, dim, seed=seed)

    def grow(ids: Any) -> Embeddings:
        nonlocal grown
        entries = int(max(ids)) + 1 if len(ids) else 0
        if entries > len(grown.vectors):
            # Twice as many at least: a stream of growing ids must not draw all rows anew for each.
            grown = Embeddings.random(max(entries, min(2 * len(grown.vectors), 1 << 20)), dim, seed=seed)
        return grown

    return grow
