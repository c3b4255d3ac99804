"""What makes a function a subcommand: the common options in front of its own, and one line for each failure."""

from __future__ import annotations

import functools
import inspect
import os
import sys
import typing
from collections.abc import Callable
from dataclasses import fields
from typing import Annotated, Any, NoReturn

from attncli.cli.options import Common
from attncli.errors import AttncliError
from attncli.printable import printable

__all__ = ["subcommand"]


def subcommand(name: str, inputs: Any = None) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Turns `run(common, its own options)` into what typer registers as `attncli NAME`.

    The fields of `Common` join the signature, so that every subcommand has them and none repeats them. `inputs` is a
    `typer.Argument` that describes them where they are no files.
    """

    def decorate(run: Callable[..., None]) -> Callable[..., None]:
        shared = [field.name for field in fields(Common)]

        @functools.wraps(run)
        def entry(**arguments: Any) -> None:
            common = Common(command=name, **{key: arguments.pop(key) for key in shared if key != "command"})
            _guarded(name, common.debug, lambda: run(common, **arguments))

        hints = typing.get_type_hints(Common, include_extras=True)
        if inputs is not None:
            hints["inputs"] = Annotated[list[str] | None, inputs]
        own_hints = typing.get_type_hints(run, include_extras=True)
        common_parameters = [
            inspect.Parameter(
                field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=hints[field.name]
            )
            for field in fields(Common)
            if field.name != "command"
        ]
        own_parameters = [
            parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=own_hints[parameter.name])
            for parameter in inspect.signature(run).parameters.values()
            if parameter.name != "common"
        ]
        first, *rest = common_parameters  # the input files lead, as in every usage line
        parameters = [first, *own_parameters, *rest]
        entry.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        entry.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        del entry.__wrapped__  # typing would look through it, at `run`
        return entry

    return decorate


def _guarded(name: str, debug: bool, work: Callable[[], None]) -> None:
    """Runs the work; what goes wrong leaves as one line on stderr and an exit status."""
    try:
        work()
        if sys.stdout is not None:
            sys.stdout.flush()
    except AttncliError as error:
        if debug:
            raise
        _leave(name, str(error), error.exit_status)
    except BrokenPipeError:
        # The reader has seen enough: that is success. Python would flush once more at its own end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except MemoryError:
        if debug:
            raise
        _leave(name, "out of memory; try smaller inputs, or fewer at once", 1)
    except OSError as error:
        if debug:
            raise
        place = f"{error.filename}: " if error.filename else ""
        _leave(name, f"{place}{error.strerror or error}", 1)
    except Exception as error:
        if debug:
            raise
        _leave(name, f"internal error ({type(error).__name__}: {error}); run with --debug and report it", 1)
    except BaseException as error:
        # A panic of the native engine is no Exception; SystemExit and the like go on.
        if debug or type(error).__name__ != "PanicException":
            raise
        _leave(name, f"internal error in the native engine ({error}); try smaller inputs, and report it", 1)


def _leave(name: str, line: str, status: int) -> NoReturn:
    # Names and records may hold anything: one line, and no control sequences, whatever stands in them.
    stream = sys.stderr.buffer if hasattr(sys.stderr, "buffer") else None
    text = f"attncli {name}: {printable(line)}\n"
    if stream is None:
        sys.stderr.write(text)
    else:
        sys.stderr.flush()
        stream.write(text.encode("utf-8", "backslashreplace"))
        stream.flush()
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        # A full disk fails a second time here; the line above has told it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise SystemExit(status)
