"""The options that all subcommands share, and how options are checked and completed."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from attncli.cli.main import PROGRESS
from attncli.errors import CallError

__all__ = [
    "ARRAY_FORMATS",
    "AllowNanOption",
    "Common",
    "FieldOption",
    "PatternOption",
    "TextFromOption",
    "TokenizerOption",
    "byte_size",
    "check_field",
    "choice",
]


def choice(what: str, allowed: Iterable[str], elsewhere: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Arguments for `typer.Option`: one of some words, completed by the shell, with a did-you-mean.

    `elsewhere` says of words that one may expect here where they belong.

    >>> typer.Option(**choice("method", ["exact"])).metavar
    'exact'
    """
    words = list(allowed)

    def check(value: str | None) -> str | None:
        if value is None or value in words:
            return value
        if elsewhere and value in elsewhere:
            raise typer.BadParameter(f"{value} {elsewhere[value]}")
        near = difflib.get_close_matches(value, words, 1)
        advice = f"did you mean {near[0]!r}?" if near else f"use one of {', '.join(words)}"
        raise typer.BadParameter(f"no {what} is called {value!r}; {advice}")

    def complete(incomplete: str) -> list[str]:
        return [word for word in words if word.startswith(incomplete)]

    return {"callback": check, "autocompletion": complete, "metavar": "|".join(words), "show_default": True}


def byte_size(text: str) -> int:
    """Bytes from a number with K, M, G or T (of 1,024) behind it.

    >>> byte_size("512M")
    536870912
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", text.strip(), re.IGNORECASE | re.ASCII)
    if match is None:
        raise typer.BadParameter(f"{text!r} is no size; write 512M or 2G")
    size = float(match[1]) * 1024 ** " KMGT".index(match[2].upper() or " ")
    if size >= 1 << 63:
        raise typer.BadParameter(f"{text!r} is more than any memory holds")
    return int(size)


def check_field(field: str | None, from_: str | None, sources: Iterable[str]) -> None:
    """Raises CallError for --field where no input holds records."""
    from attncli.wire.streams import holds_records

    if field is not None and from_ != "json" and (from_ == "text" or not any(map(holds_records, sources))):
        raise CallError("--field goes with records", hint="add --from json, or name the file .jsonl")


def _positive(value: int | None) -> int | None:
    if value is not None and value < 1:
        raise typer.BadParameter(f"{value} is not above 0")
    return value


ARRAY_FORMATS = ("json", "npy", "ids", "flat")
"""What `decode` and `embed` read."""
COLOR = ("auto", "always", "never")


@dataclass
class Common:
    """What every subcommand is called with."""

    inputs: Annotated[
        list[str] | None,
        typer.Argument(metavar="[INPUT]...", help="Files, folders, or - for standard input (the default)."),
    ] = None
    output: Annotated[
        str, typer.Option("-o", "--output", metavar="FILE", help="Write here, whole or not at all; - is stdout.")
    ] = "-"
    files_from: Annotated[
        str | None, typer.Option("--files-from", metavar="FILE", help="Read the names of the inputs from a file.")
    ] = None
    null: Annotated[
        bool, typer.Option("-0", "--null", help="The names of --files-from end in NUL, as `find -print0` does.")
    ] = False
    threads: Annotated[
        int | None,
        typer.Option("--threads", envvar="ATTNCLI_THREADS", callback=_positive, help="Threads; one a core by default."),
    ] = None
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="No warnings and no progress.")] = False
    progress: Annotated[
        str,
        typer.Option("--progress", **choice("progress", PROGRESS), help="Progress on stderr; alone: a bar."),
    ] = "auto"
    no_progress: Annotated[bool, typer.Option("--no-progress", help="The same as --progress none.")] = False
    color: Annotated[str, typer.Option("--color", **choice("color", COLOR), help="NO_COLOR is honoured.")] = "auto"
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of a failure.")] = False
    command: str = ""
    """The subcommand's name: not an option."""


def _tokenizer_names(incomplete: str) -> list[str]:
    """The names that -t takes; where none fits, the shell offers files."""
    from attncli.artifacts import names

    return [name for name in (*names.KNOWN, "hf:") if name.startswith(incomplete)]


TokenizerOption = Annotated[
    str,
    typer.Option(
        "-t",
        "--tokenizer",
        envvar="ATTNCLI_TOKENIZER",
        metavar="FILE|NAME",
        autocompletion=_tokenizer_names,
        help="A file or folder, or a name: starter (built in), gpt2, r50k_base, p50k_base, cl100k_base, o200k_base, "
        "or hf:owner/name[@revision], fetched once.",
    ),
]
PatternOption = Annotated[
    str | None,
    typer.Option(
        "--pattern",
        metavar="NAME|REGEX",
        help="How text is split, where the tokenizer's file does not say: gpt2, cl100k, …",
    ),
]
TextFromOption = Annotated[
    str | None, typer.Option("--from", **choice("format", ("text", "json")), help="json: records that hold a text.")
]
FieldOption = Annotated[
    str | None, typer.Option("--field", metavar="KEY", help="The key of a record's text; text if not given.")
]
AllowNanOption = Annotated[bool, typer.Option("--allow-nan", help="Let NaN and Infinity through in JSON.")]
