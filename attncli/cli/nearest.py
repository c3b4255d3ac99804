"""`attncli nearest`: the words that lie nearest to a word, a text or an analogy."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, TypeVar

import typer

from attncli.cli.command import subcommand
from attncli.cli.console import Console
from attncli.cli.options import Common, choice
from attncli.errors import AttncliError, CallError
from attncli.wire.lines import read_lines

if TYPE_CHECKING:
    from attncli.artifacts.neighbours import Neighbour, Neighbours

__all__ = ["run"]

T = TypeVar("T")
METHODS = ("3cosadd", "3cosmul")
TOGETHER = 256
"""Queries that share one reading of the table."""
WORDS = typer.Argument(
    metavar="[WORD]...", help="Words or texts, each a query; - or none: those of standard input, a line each."
)


@subcommand("nearest", inputs=WORDS)
def run(
    common: Common,
    embeddings: Annotated[
        str,
        typer.Option(
            "-e", "--embeddings", envvar="ATTNCLI_EMBEDDINGS", metavar="FILE", help="A table of words or of tokens."
        ),
    ] = "starter",
    tokenizer: Annotated[
        str | None,
        typer.Option(
            "-t",
            "--tokenizer",
            metavar="FILE|NAME",
            help="Whose tokens the rows are; the starter's table knows its own, and a table of words needs none.",
        ),
    ] = None,
    k: Annotated[int, typer.Option("-k", "--count", min=1, metavar="N", help="How many neighbours.")] = 10,
    minus: Annotated[
        list[str] | None,
        typer.Option("--minus", metavar="WORD", help="Makes all words one analogy: king woman --minus man."),
    ] = None,
    method: Annotated[
        str, typer.Option("--method", **choice("method", METHODS), help="How an analogy is solved.")
    ] = "3cosadd",
    to: Annotated[
        str | None,
        typer.Option("--to", **choice("format", ("table", "json")), help="A table on a terminal, else json."),
    ] = None,
) -> None:
    """Find the words whose vectors lie nearest, by cosine; with --minus solve an analogy.

    \b
    attncli nearest river "the bank of the river"
    attncli nearest king woman --minus man -k 3
    printf 'river\\nmoney\\n' | attncli nearest -k 1

    All rows are compared: the answer is exact. A text of several rows is their mean, and its own rows are no answer.

    Exit status: 0 done, 1 the data or the machine failed, 2 the call was wrong, 130 interrupted.
    """
    from attncli.artifacts.embeddings import Embeddings
    from attncli.artifacts.neighbours import Neighbours

    if method != METHODS[0] and not minus:
        raise CallError("--method solves analogies, and there is no --minus")
    if common.null:
        raise CallError("-0 is for names of files, and queries stand a line each")
    console = Console(common, embeddings, tokenizer)
    as_table = to == "table" or (to is None and console.on_terminal())
    table = Neighbours(Embeddings.load(embeddings), tokenizer, say=console.say)
    with console.output("table" if as_table else "json") as handle:
        for batch in _queries(console, common, bool(minus)):
            answers: Iterable[tuple[Query, list[Neighbour]]]
            if minus:
                answers = ((query, _located(query, table.analogy, query.words, minus, k, method)) for query in batch)
            else:
                answers = _near(table, batch, k)
            for query, found in answers:
                handle.write(_drawn(query, minus, found, console.colored()) if as_table else _line(query, minus, found))
            handle.flush()


class Query(NamedTuple):
    """Words of one query, and where they stand."""

    words: list[str]
    source: str | None = None
    record: str | None = None


def _queries(console: Console, common: Common, analogies: bool) -> Iterator[list[Query]]:
    """The words of the call, then the lines of standard input or of --files-from, some at a time as they come.

    Words that are one analogy stand together: all those of the call, or those of a line.
    """
    names = common.inputs or []
    if words := [word for word in names if word != "-"]:
        yield [Query(words)] if analogies else [Query([word]) for word in words]
    source = common.files_from or ("-" if not words or "-" in names else None)
    if source is None:
        return
    console.tell_of_terminal([source])
    first = 1
    with console.input(source) as handle:
        for lines, _ in read_lines(handle):
            texts = [line.decode("utf-8", "surrogateescape").removesuffix("\r") for line in lines]
            queries = [
                Query(text.split() if analogies else [text], source, f"line {number}")
                for number, text in enumerate(texts, first)
                if text.strip()
            ]
            for start in range(0, len(queries), TOGETHER):
                yield queries[start : start + TOGETHER]
            first += len(lines)


def _near(table: Neighbours, batch: list[Query], k: int) -> Iterator[tuple[Query, list[Neighbour]]]:
    """The neighbours of each; where a query has none, those before it come first."""
    fine: list[Query] = []
    failed: AttncliError | None = None
    for query in batch:
        try:
            _located(query, table.mean, query.words[0])
        except AttncliError as error:
            failed = error
            break
        fine.append(query)
    yield from zip(fine, table.of([query.words[0] for query in fine], k), strict=True)
    if failed is not None:
        raise failed


def _located(query: Query, work: Callable[..., T], *arguments: Any) -> T:
    try:
        return work(*arguments)
    except AttncliError as error:
        raise error.at(source=query.source, record=query.record) from None


def _line(query: Query, minus: list[str] | None, found: list[Neighbour]) -> bytes:
    asked = {"query": query.words, "minus": minus} if minus else {"query": query.words[0]}
    neighbours = [{"word": word, "similarity": round(similarity, 6)} for word, similarity in found]
    line = json.dumps(asked | {"neighbours": neighbours}, ensure_ascii=False)
    return line.encode("utf-8", "backslashreplace") + b"\n"


def _drawn(query: Query, minus: list[str] | None, found: list[Neighbour], color: bool) -> bytes:
    from attncli.render.neighbours import draw_neighbours

    title = " + ".join(query.words) + "".join(f" − {word}" for word in minus or [])
    drawing = io.StringIO()  # rich would end the program itself where the reader has gone
    draw_neighbours(title, found, drawing, color=color)
    lines = [line.rstrip() for line in drawing.getvalue().splitlines()]
    return "\n".join([*lines, "", ""]).encode("utf-8", "backslashreplace")
