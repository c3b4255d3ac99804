"""The command line: which subcommands there are, and what stands outside all of them.

Only the subcommand that is called is imported: importing all would cost each start what one alone needs.
"""

from __future__ import annotations

import gc
import importlib
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    import typer

__all__ = ["COMMANDS", "build", "main"]

COMMANDS = {
    "train-bpe": "train_bpe",
    "encode": "encode",
    "decode": "decode",
    "embed": "embed",
    "train-embed": "train_embed",
    "nearest": "nearest",
    "attend": "attend",
    "convert": "convert",
    "info": "info",
}
"""Subcommand -> module of this folder, whose function `run` it is: the one place where a new one is entered."""

PROGRESS = ("auto", "bar", "json", "none")
"""What `--progress` may be followed by."""
ROPES = ("half", "interleaved")
"""What `--rope` may be followed by."""

HELP = """A tokenizer and attention toolkit: text to ids to vectors to attention, in a Unix pipe.

echo "He left the roses by the bank." | attncli encode | attncli embed | attncli attend

Each command reads files, folders or standard input and writes JSON Lines or .npy on standard output.

Exit status: 0 done (also when the reader went away), 1 the data or the machine failed, 2 the call was wrong,
130 interrupted."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command line and returns its exit status."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    # A tokenizer is tens of thousands of objects that live to the end: looking through them for garbage every 700
    # new ones takes a quarter of its loading, and 5 % of a long run.
    gc.set_threshold(100_000, 50, 50)
    signal.signal(signal.SIGTERM, _terminated)
    try:
        if signal.getsignal(signal.SIGINT) == signal.SIG_DFL:  # as `__main__` left it
            signal.signal(signal.SIGINT, signal.default_int_handler)
        if arguments in (["--version"], ["-V"]):
            return _version()
        app = build(_called(arguments))
        return int(app(args=_spelled_out(arguments), prog_name="attncli", standalone_mode=False) or 0)
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):  # typer's own 1 for help whose reader went away
            return 0
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except KeyboardInterrupt:
        return 130
    except OSError as error:  # help or version into a full disk or a closed pipe
        if not isinstance(error, BrokenPipeError):
            print(f"attncli: {error.strerror}", file=sys.stderr)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return int(not isinstance(error, BrokenPipeError))
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        return _misused(error, _called(arguments))


def _misused(error: Any, called: list[str]) -> int:
    """A call that typer refuses (its classes have no public name): one line, as for every other failure.

    Typer's own are four: the usage, where help is, a blank one, and "Error:".
    """
    from attncli.printable import printable

    if type(error).__name__ == "NoArgsIsHelpError":
        error.show()
        return int(error.exit_code)
    command = f"attncli {called[0]}" if len(called) == 1 else "attncli"
    if getattr(error, "ctx", None) is not None:
        command = error.ctx.command_path
    message = error.format_message().removesuffix(".")
    advised = ";" in message or message.endswith(("?", ")"))  # a did-you-mean, or what there is
    print(f"{command}: {printable(message)}{'' if advised else f'; try {command} --help'}", file=sys.stderr)
    return int(error.exit_code)


def _terminated(*_: object) -> None:
    """SIGTERM ends as Ctrl-C does, with what is half written taken away."""
    raise SystemExit(128 + signal.SIGTERM)


def build(commands: Sequence[str]) -> typer.Typer:
    """The typer application with these subcommands."""
    import typer

    app = typer.Typer(
        help=HELP,
        rich_markup_mode=None,  # rich help costs 150 ms
        pretty_exceptions_enable=False,
        no_args_is_help=True,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )

    @app.callback()
    def toplevel(
        version: bool = typer.Option(
            False, "-V", "--version", callback=_show_version, is_eager=True, help="Show version and engine, and stop."
        ),
    ) -> None:
        """`--version` alone is answered before typer is imported; here it stands for the help."""

    for name in commands:
        app.command(name)(importlib.import_module(f"attncli.cli.{COMMANDS[name]}").run)
    return app


def _show_version(wanted: bool) -> None:
    if wanted:
        raise SystemExit(_version())


def _called(arguments: Sequence[str]) -> list[str]:
    """The subcommand to import: the one that is called, or all for help, completion and mistakes."""
    if "_ATTNCLI_COMPLETE" in os.environ:
        words = os.environ.get("COMP_WORDS") or os.environ.get("_TYPER_COMPLETE_ARGS") or ""
        arguments = words.split()[1:-1] if words else []
    named = next((word for word in arguments if not word.startswith("-")), "")
    return [named] if named in COMMANDS else list(COMMANDS)


def _spelled_out(arguments: Sequence[str]) -> list[str]:
    """`--progress` alone means a bar, `--cost` the usual lengths, `--rope` the first layout; to typer an option has a
    value always or never."""
    spelled = list(arguments)
    for place, word in enumerate(arguments):
        value = "".join(arguments[place + 1 : place + 2])
        if word == "--progress" and value not in PROGRESS:
            spelled[place] = "--progress=bar"
        if word == "--cost" and not value[:1].isdecimal():
            spelled[place] = "--cost=default"
        if word == "--rope" and value not in ROPES:
            spelled[place] = "--rope=half"
    return spelled


def _version() -> int:
    from attncli import __version__
    from attncli.core import engine
    from attncli.errors import AttncliError

    try:
        name = engine.name()
    except AttncliError as error:
        print(f"attncli: {error}", file=sys.stderr)
        return error.exit_status
    print(f"attncli {__version__} ({name} engine)", flush=True)
    return 0
