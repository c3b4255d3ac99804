"""`attncli convert`: a tokenizer or an embedding table in another format."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from attncli.cli.command import subcommand
from attncli.cli.console import Console
from attncli.cli.options import Common, PatternOption, choice
from attncli.errors import CallError

__all__ = ["run"]

TOKENIZERS = ("tokenizer.json", "vocab.json", "tiktoken", "vocab.txt", "sentencepiece")
TABLES = ("npy", "npz", "safetensors", "word2vec", "word2vec-binary", "glove")


@subcommand("convert")
def run(
    common: Common,
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            **choice("format", (*TOKENIZERS, *TABLES)),
            help="By the output's name, else tokenizer.json; vocab.json has merges.txt beside it. A table's .txt is "
            "word2vec's text, .bin its binary.",
        ),
    ] = None,
    tokenizer: Annotated[
        str | None,
        typer.Option("-t", "--tokenizer", metavar="FILE|NAME", help="Whose tokens label the rows of a table."),
    ] = None,
    pattern: PatternOption = None,
) -> None:
    """Write a tokenizer or an embedding table in another format. What the format has no words for is refused, or told.

    \b
    attncli convert starter -o starter.tiktoken
    attncli convert small.json --to vocab.json -o .
    attncli convert --pattern gpt2 vocab.json > tokenizer.json
    attncli convert table.safetensors -o table.txt    # word2vec's text, for gensim
    attncli convert table.txt -o mapped.safetensors   # loads at once, memory-mapped

    Exit status: 0 done, 1 the data or the machine failed, 2 the call was wrong, 130 interrupted.
    """
    from attncli.artifacts import table_files

    console = Console(common, tokenizer)
    names = common.inputs or ["-"]
    if len(names) > 1 or common.files_from:
        raise CallError("one tokenizer or table is converted at a time")
    if to in TABLES or (names[0] != "-" and Path(names[0]).is_file() and table_files.is_table(names[0])):
        if to in TOKENIZERS:
            raise CallError(f"{names[0]} is a table, and {to} a tokenizer's format")
        if pattern is not None:
            raise CallError("--pattern is a tokenizer's, and this is a table")
        _convert_table(console, common.output, names[0], to, tokenizer)
    elif tokenizer is not None:
        raise CallError("-t labels a table's rows, and this is no table")
    else:
        _convert_tokenizer(console, common.output, names[0], to, pattern)


def _convert_table(console: Console, output: str, name: str, to: str | None, tokenizer: str | None) -> None:
    from attncli.artifacts import table_files
    from attncli.artifacts.embeddings import Embeddings

    if to is None and output == "-":
        raise CallError("a table's format is not said", hint=f"give -o FILE or --to {', '.join(TABLES)}")
    form = to or table_files.format_of(output)
    table = Embeddings.load(name).labelled(tokenizer)
    with console.output("npy" if form in table_files.BINARY else "text", [name]) as handle:
        table_files.dump(table.contents, handle, form)
    for line in table_files.unsaid(table.contents, form):
        console.say(f"not in the file: {line}")


def _convert_tokenizer(console: Console, output: str, name: str, to: str | None, pattern: str | None) -> None:
    from attncli import files
    from attncli.artifacts import tokenizer_files
    from attncli.artifacts.tokenizer import Tokenizer

    coder = Tokenizer.load(name, pattern=pattern)
    written, unsaid = tokenizer_files.dump(coder.model, output, to)
    inputs = [name, *(str(path) for path in Path(name).glob("*"))]  # a folder stands for its files
    if len(written) > 1 and output == "-":
        raise CallError(f"{', '.join(Path(path).name for path in written)} are several files", hint="give -o FOLDER")
    if len(written) > 1 and not (folder := Path(next(iter(written))).parent).is_dir():
        raise CallError(f"{folder} is no folder, and several files are written", hint="give -o FOLDER, which exists")
    files.write_all(written, inputs=inputs)
    for line in unsaid:
        console.say(f"not in the file: {line}")
