"""The man page, made from the same descriptions as the help: `python -m attncli.cli.man > attncli/cli/attncli.1`."""

from __future__ import annotations

import inspect
from typing import Any

from attncli import __version__
from attncli.cli.main import COMMANDS, HELP, build

__all__ = ["page"]


def page() -> str:
    """The page in roff (man(7)); a test holds the file beside this one to it."""
    from typer.main import get_command

    commands: dict[str, Any] = get_command(build(list(COMMANDS))).commands  # type: ignore[attr-defined]
    lines = [
        f'.TH ATTNCLI 1 "" "attncli {__version__}" "User Commands"',
        ".SH NAME",
        r"attncli \- tokens, embeddings and attention in a Unix pipe",
        ".SH SYNOPSIS",
        r".B attncli",
        r"\fICOMMAND\fR [\fIOPTIONS\fR] [\fIINPUT\fR]...",
        ".SH DESCRIPTION",
        *_text(HELP),
    ]
    for name in COMMANDS:
        lines += [f".SH {_escaped(name).upper()}", *_text(inspect.cleandoc(commands[name].help or ""))]
        lines += [line for parameter in commands[name].params for line in _option(parameter)]
    return "\n".join(lines) + "\n"


def _text(text: str) -> list[str]:
    """Paragraphs; those that help prints as they stand (behind a \\b) are examples."""
    lines: list[str] = []
    for paragraph in text.split("\n\n"):
        if paragraph.startswith("\b"):
            lines += [".PP", ".nf", *map(_escaped, paragraph.splitlines()[1:]), ".fi"]
        else:
            lines += [".PP", *map(_escaped, paragraph.splitlines())]
    return lines


def _option(parameter: Any) -> list[str]:
    """One option or argument as a tagged paragraph."""
    if parameter.param_type_name == "argument":
        names = parameter.metavar or parameter.name.upper()
    else:
        names = ", ".join([*parameter.opts, *parameter.secondary_opts])
        if not parameter.is_flag:
            names += f" {parameter.metavar or 'N'}"
    lines = [".TP", rf"\fB{_escaped(names)}\fR", _escaped(parameter.help or "")]
    if getattr(parameter, "envvar", None):
        lines.append(_escaped(f"Environment: {parameter.envvar}."))
    return lines


def _escaped(line: str) -> str:
    """A line that roff does not take for a request."""
    line = line.replace("\\", r"\e").replace("-", r"\-")
    return rf"\&{line}" if line.startswith((".", "'")) else line


if __name__ == "__main__":
    print(page(), end="")
