"""`attncli convert`: a tokenizer in another format."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from attncli.cli.command import subcommand
from attncli.cli.console import Console
from attncli.cli.options import Common, PatternOption, choice
from attncli.errors import CallError

__all__ = ["run"]

FORMATS = ("tokenizer.json", "vocab.json", "tiktoken", "vocab.txt", "sentencepiece")


@subcommand("convert")
def run(
    common: Common,
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            **choice("tokenizer format", FORMATS),
            help="By the output's name, else tokenizer.json; vocab.json has merges.txt beside it.",
        ),
    ] = None,
    pattern: PatternOption = None,
) -> None:
    """Write a tokenizer in another format. What the format has no words for is refused, or told, by name.

    \b
    attncli convert starter -o starter.tiktoken
    attncli convert small.json --to vocab.json -o .
    attncli convert --pattern gpt2 vocab.json > tokenizer.json

    Exit status: 0 done, 1 the data or the machine failed, 2 the call was wrong, 130 interrupted.
    """
    from attncli import files
    from attncli.artifacts import tokenizer_files
    from attncli.artifacts.tokenizer import Tokenizer

    console = Console(common)
    names = common.inputs or ["-"]
    if len(names) > 1 or common.files_from:
        raise CallError("one tokenizer is converted at a time")
    coder = Tokenizer.load(names[0], pattern=pattern)
    written, unsaid = tokenizer_files.dump(coder.model, common.output, to)
    inputs = [*names, *(str(path) for path in Path(names[0]).glob("*"))]  # a folder stands for its files
    if len(written) > 1 and common.output == "-":
        raise CallError(f"{', '.join(Path(path).name for path in written)} are several files", hint="give -o FOLDER")
    if len(written) > 1 and not (folder := Path(next(iter(written))).parent).is_dir():
        raise CallError(f"{folder} is no folder, and several files are written", hint="give -o FOLDER, which exists")
    files.write_all(written, inputs=inputs)
    for line in unsaid:
        console.say(f"not in the file: {line}")
