"""`attncli embed`: ids to vectors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from attncli.cli.command import subcommand
from attncli.cli.console import Console
from attncli.cli.options import ARRAY_FORMATS, AllowNanOption, Common, choice
from attncli.cli.sif import INPUT, Component, Weights
from attncli.cli.stage import run_stage
from attncli.errors import CallError, DataError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from attncli.artifacts.embeddings import Embeddings
    from attncli.wire.record import Record

__all__ = ["run"]

FORMATS = ("json", "npy")
POSITIONS = ("none", "sinusoidal", "learned")
ELSEWHERE = {
    "rotary": "turns queries and keys inside attention and adds nothing to vectors; use `attend --rope`",
    "alibi": "is added to attention's logits and not to vectors; use `attend --alibi`",
    "t5": "is a bias of attention's logits and not added to vectors; use `attend --t5-bias`",
}
"""Position schemes that are no vectors to add."""
POOLS = ("mean", "max", "first", "last", "sif")


@subcommand("embed")
def run(
    common: Common,
    embeddings: Annotated[
        list[Path] | None,
        typer.Option(
            "-e",
            "--embeddings",
            envvar="ATTNCLI_EMBEDDINGS",
            metavar="FILE",
            help="A table; default: the built-in. Of several the rows are added.",
        ),
    ] = None,
    dim: Annotated[
        int | None, typer.Option("--dim", min=1, help="In place of a table: seeded random vectors this wide.")
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="For --dim; 0 if not given.")] = None,
    positions: Annotated[
        str,
        typer.Option("--positions", **choice("position scheme", POSITIONS, ELSEWHERE), help="Added to the vectors."),
    ] = "none",
    position_embeddings: Annotated[
        str | None,
        typer.Option("--position-embeddings", metavar="FILE", help="The table for --positions learned."),
    ] = None,
    pool: Annotated[
        str | None,
        typer.Option(
            "--pool", **choice("pooling", POOLS), help="One vector a document; sif weighs down what is frequent."
        ),
    ] = None,
    counts: Annotated[
        str | None,
        typer.Option(
            "--counts",
            metavar="FILE",
            help="How often each word stands somewhere, for sif: lines of a label and its count, or an .npy; default: "
            "the table's own, else those of the input, which is read twice.",
        ),
    ] = None,
    sif_a: Annotated[
        float | None, typer.Option("--sif-a", metavar="A", help="The weights of sif are A / (A + p); default 0.001.")
    ] = None,
    remove_component: Annotated[
        str | None,
        typer.Option(
            "--remove-component",
            metavar="input|FILE",
            help="Of sif the second step: take away what all documents' vectors have in common, their first principal "
            "component. input: of these documents, which are read twice; FILE: as kept from others.",
        ),
    ] = None,
    keep_component: Annotated[
        str | None,
        typer.Option("--keep-component", metavar="FILE", help="Write the input's component, an .npy, for other texts."),
    ] = None,
    normalize: Annotated[bool, typer.Option("--normalize", help="Vectors of length 1.")] = False,
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
    """Turn token ids into vectors: rows of a table, with positions added; with --pool one vector a document.

    \b
    attncli encode book.txt | attncli embed --to npy -o book.npy
    attncli embed -e table.safetensors --positions sinusoidal ids.npy -o vectors.npy
    attncli encode book.txt | attncli embed --pool mean --normalize    # a vector a line of the book
    attncli encode book.txt | attncli embed --pool sif --remove-component input --normalize
    echo 5 17 3 | attncli embed --dim 64 --seed 1

    Exit status: 0 done, 1 the data or the machine failed, 2 the call was wrong, 130 interrupted.
    """
    from attncli.artifacts import arrays
    from attncli.core.embedding.pooling import SIF_A, normalized, pooled
    from attncli.wire import streams

    names = [str(path) for path in embeddings or []]
    if dim is not None and names:
        raise CallError("give a table or --dim, not both")
    if (positions == "learned") != (position_embeddings is not None):
        raise CallError("--positions learned and --position-embeddings go together")
    if seed is not None and dim is None:
        raise CallError("--seed goes with --dim")
    _check_pooling(common, pool, counts, sif_a, remove_component, keep_component)
    console = Console(
        common, *names, position_embeddings, counts, remove_component if remove_component != INPUT else None
    )
    tables_for = _tables(names, dim, seed or 0)
    learned = arrays.load_one(position_embeddings) if position_embeddings else None
    weights = Weights(tables_for([])[0], counts, SIF_A if sif_a is None else sif_a) if pool == "sif" else None

    def vectors_of(record: Record) -> NDArray[Any]:
        ids = _ids(record)
        first, *others = tables_for(ids)
        if not force:
            _check_belonging(record, [first, *others])
        vectors = first.embed(ids, scheme=positions, position_table=learned, plus=others)
        return vectors if pool is None else pooled(vectors, pool, weights(ids) if weights else None)

    component = None
    if remove_component is not None:
        component = Component(
            remove_component,
            keep_component,
            vectors_of,
            width=tables_for([])[0].vectors.shape[1],
            inputs=[*console.sources(), *console.beside],
        )

    def embed(record: Record) -> None:
        vectors = vectors_of(record)
        if pool is not None:
            record.ids = record.tokens = record.offsets = None  # no row is any one token's
        if component is not None:
            vectors = component.without(vectors)
        record.vectors = normalized(vectors) if normalize else vectors

    run_stage(
        console,
        embed,
        from_=from_,
        format_for=lambda came_in: (
            streams.format_of(common.output, FORMATS, to) or (came_in if came_in in FORMATS else "json")
        ),
        writer_for=lambda fmt, handle: streams.writer(fmt, handle, array="vectors", allow_nan=allow_nan),
        surveys=[
            *([weights] if weights and weights.counts is None else []),
            *([component] if component and component.found is None else []),
        ],
        beside={"position_table": position_embeddings},
        allow_nan=allow_nan,
    )


def _ids(record: Record) -> Any:
    if record.ids is None:
        raise DataError("has no ids", hint="text goes through `encode` first")
    return record.ids


def _check_pooling(
    common: Common, pool: str | None, counts: str | None, a: float | None, component: str | None, keep: str | None
) -> None:
    """What is of no use without another option is refused."""
    for name, given in (("--counts", counts), ("--sif-a", a), ("--remove-component", component)):
        if given is not None and pool != "sif":
            raise CallError(f"{name} goes with --pool sif")
    if keep is not None and component != INPUT:
        raise CallError(f"--keep-component goes with --remove-component {INPUT}")
    if keep is not None and keep in ("", "-", common.output):
        raise CallError("--keep-component needs a file of its own")


def _check_belonging(record: Record, tables: list[Embeddings]) -> None:
    """Ids of one tokenizer are row numbers of no other's table."""
    from attncli.core.tokenizer.vocab import same

    for table in tables:
        if table.tokenizer and record.tokenizer and not same(table.tokenizer, record.tokenizer):
            raise DataError(
                f"ids of tokenizer {record.tokenizer} meet the table of {table.tokenizer}",
                hint="use the table that belongs to them, or --force",
            )


def _tables(names: list[str], dim: int | None, seed: int) -> Callable[[Any], list[Embeddings]]:
    """A function that gives the tables for some ids: those of files, or a seeded one that grows with the ids."""
    from attncli.artifacts.embeddings import Embeddings

    if dim is None:
        names = names or ["starter"]
        tables = [Embeddings.load(name) for name in names]
        width = tables[0].vectors.shape[1]
        for name, table in zip(names, tables, strict=True):
            if table.vectors.shape[1] != width:
                told = f"rows of width {table.vectors.shape[1]} cannot be added to those of width {width}"
                raise DataError(told, source=name)
        return lambda _: tables
    grown = Embeddings.random(0, dim, seed=seed)

    def grow(ids: Any) -> list[Embeddings]:
        nonlocal grown
        entries = int(max(ids)) + 1 if len(ids) else 0
        if entries > len(grown.vectors):
            # Twice as many at least: a stream of growing ids must not draw all rows anew for each.
            grown = Embeddings.random(max(entries, min(2 * len(grown.vectors), 1 << 20)), dim, seed=seed)
        return [grown]

    return grow
