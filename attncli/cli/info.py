"""`attncli info`: what a file is."""

from __future__ import annotations

import io
import json
from typing import Annotated, Any

import typer

from attncli.cli.command import subcommand
from attncli.cli.console import Console
from attncli.cli.options import Common, PatternOption, choice
from attncli.errors import CallError, DataError

__all__ = ["run"]


@subcommand("info")
def run(
    common: Common,
    pattern: PatternOption = None,
    text: Annotated[
        list[str] | None,
        typer.Option("--text", metavar="FILE", help="How far tokenizers compress this text, in bytes per token."),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option("--to", **choice("format", ("table", "json")), help="A table on a terminal, else json."),
    ] = None,
) -> None:
    """Say what a file is: tokenizer, embedding table, ids, records, text. A tokenizer can be given by its name.

    \b
    attncli info starter                        # entries, merges, pattern, special tokens, digest
    attncli info --text book.txt starter small.json
    attncli info ids.npy table.safetensors | cat    # JSON, a line each

    Of several files those that cannot be read are told on stderr, and the others follow.

    Exit status: 0 done, 1 the data or the machine failed, 2 the call was wrong, 130 interrupted.
    """
    from attncli.artifacts.describe import compression, describe
    from attncli.artifacts.tokenizer import Tokenizer

    console = Console(common, *(text or []))
    names = console.sources() if common.files_from else list(common.inputs or [])
    if not names or "-" in names:
        raise CallError("info looks into a file more than once", hint="give its name")
    as_table = to == "table" or (to is None and console.on_terminal())
    with console.output("table" if as_table else "json", names) as handle:
        failed = False
        for name in names:
            try:
                facts = describe(name, pattern=pattern)
            except DataError as error:
                if len(names) == 1 or common.debug:
                    raise
                console.tell(str(error))
                failed = True
                continue
            if text:
                if facts["kind"] != "tokenizer":
                    raise CallError(f"--text measures tokenizers, and {name} is none")
                facts |= {
                    "text": text,
                    **compression(Tokenizer.load(name, pattern=pattern), text, threads=common.threads),
                }
            handle.write(_table(facts, console.colored()) if as_table else _line(facts))
            handle.flush()
    if failed:
        raise SystemExit(1)


def _line(facts: dict[str, Any]) -> bytes:
    return json.dumps(facts, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"


def _table(facts: dict[str, Any], color: bool) -> bytes:
    from attncli.render.facts import draw_facts

    drawing = io.StringIO()  # rich would end the program itself where the reader has gone
    draw_facts(facts, drawing, color=color)
    lines = [line.rstrip() for line in drawing.getvalue().splitlines()]
    return "\n".join([*lines, "", ""]).encode("utf-8", "backslashreplace")
