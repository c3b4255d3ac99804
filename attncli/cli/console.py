"""Talk on stderr: warnings, hints, progress; and what may go to a terminal. stdout belongs to the data."""

from __future__ import annotations

import json
import math
import os
import sys
import time
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, BinaryIO

from attncli import files
from attncli.core import engine
from attncli.errors import CallError
from attncli.printable import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from attncli.cli.options import Common

__all__ = ["Console"]

LARGE_INPUT = 1_000_000
"""Bytes above which the reference engine is slow enough to be told."""
FIRST_BAR = 0.5
"""Seconds before a progress bar shows: short work needs none."""
INTERVAL = 0.1
"""Seconds between two reports."""
BINARY = ("npy",)
"""Formats that a terminal cannot show."""


class Console:
    """One subcommand's inputs and output, and its talk."""

    def __init__(self, common: Common, *beside: str | None) -> None:
        """`beside` are other files that are read: one of all can be standard input, and none the output."""
        engine.name()  # a wrong ATTNCLI_ENGINE is told before any work
        if "" in (common.output, common.files_from, *beside):  # as a path, "" is the working folder
            raise CallError("a file's name is empty", hint="look at the variable that should hold it")
        self._common = common
        self._beside = [path for path in beside if path is not None]
        named = [*(common.inputs or []), *self._beside, common.files_from]
        implied = not common.inputs and common.files_from is None
        if named.count("-") + implied > 1:
            raise CallError("only one file can come from standard input", hint="name the others")
        self._said: set[str] = set()
        self._bytes = 0
        self.progress = Progress(self._progress_mode())

    def sources(self) -> list[str]:
        """The names of the inputs, folders expanded; standard input where none is given."""
        common = self._common
        if common.null and common.files_from is None:
            raise CallError("-0 goes with --files-from")
        sources = files.expand(common.inputs or [], files_from=common.files_from, null_separated=common.null)
        self.tell_of_terminal(sources)
        return sources

    def tell_of_terminal(self, sources: list[str]) -> None:
        """A hint where one of the sources is the keyboard."""
        if "-" in sources and sys.stdin is not None and sys.stdin.isatty():
            self.say("reading from the terminal; Ctrl-D ends the input")

    @contextmanager
    def input(self, source: str) -> Iterator[BinaryIO]:
        """One input, decompressed."""
        self.count_input(source)
        with files.open_input(source) as handle:
            yield handle

    def output(self, fmt: str = "json", sources: list[str] | None = None) -> AbstractContextManager[BinaryIO]:
        """The output; refused where binary data would go to a terminal, or onto an input."""
        path = self._common.output
        if fmt in BINARY and self.on_terminal():
            raise CallError(f"{fmt} is not for a terminal", hint="use -o FILE, a pipe, or --to json")
        return files.open_output(path, inputs=[*(sources or []), *self.beside])

    def plan(self, sources: list[str]) -> str:
        """What a dry run says of the inputs, once it is sure that the output could be opened."""
        files.check_output(self._common.output, inputs=[*sources, *self.beside])
        sizes = [files.size(source) for source in sources]
        told = f"{sum(size or 0 for size in sizes):,} bytes"
        if unknown := sizes.count(None):
            told = "" if unknown == len(sizes) else f"{told} and "
            told += f"{unknown} of unknown length (pipe)"
        return f"{len(sources)} inputs, {told}, {self._common.threads or 'all'} threads"

    @property
    def beside(self) -> list[str]:
        """The files that are read beside the inputs."""
        return [*self._beside, *([self._common.files_from] if self._common.files_from else [])]

    def on_terminal(self) -> bool:
        """Whether the output goes to a terminal."""
        return self._common.output == "-" and sys.stdout is not None and sys.stdout.isatty()

    def colored(self) -> bool:
        """Whether to color the output: --color, else NO_COLOR, TERM=dumb and whether there is a terminal."""
        if self._common.color != "auto":
            return self._common.color == "always"
        return self.on_terminal() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"

    def say(self, line: str) -> None:
        """One line on stderr, said once."""
        if self._common.quiet or line in self._said:
            return
        self._said.add(line)
        self.tell(line)

    def tell(self, line: str) -> None:
        """One line on stderr, quiet or not."""
        self.progress.clear()
        sys.stderr.write(f"attncli {self._common.command}: {printable(line)}\n")

    def bytes_done(self, sources: list[str], stage: str) -> Callable[[int], None]:
        """A function to call with the bytes just done, which shows the progress over all inputs."""
        sizes = [files.size(source) for source in sources]
        total = None if None in sizes else sum(size or 0 for size in sizes)
        done = 0

        def advance(size: int) -> None:
            nonlocal done
            done += size
            self.progress(stage, done, total)

        return advance

    def count_input(self, source: str) -> None:
        """Counts an input whose size is known beforehand."""
        self.count(files.size(source) or 0)

    def count(self, size: int) -> None:
        """Tells once that the slow engine runs, when the inputs have come to more than 1 MB."""
        self._bytes += size
        if self._bytes > LARGE_INPUT and engine.name() == "reference":
            self.say("the reference engine runs, which is slow on large inputs; install Rust and attncli again")

    def _progress_mode(self) -> str:
        common = self._common
        if common.no_progress or common.quiet:
            return "none"
        if common.progress == "auto":
            return "bar" if sys.stderr.isatty() and not self.on_terminal() else "none"
        return common.progress


class Progress:
    """Progress on stderr: a bar for people, JSON lines for programs, or nothing."""

    def __init__(self, mode: str) -> None:
        self._mode = mode
        self._started = time.monotonic()
        self._last = 0.0
        self._shown = False

    def __call__(self, stage: str, done: int, total: int | None, **figures: float) -> None:
        """`done` of `total` (None: unknown) in this stage, and what else there is to tell, by name."""
        if self._mode == "none":
            return
        now = time.monotonic()
        finished = total is not None and done >= total
        early = self._mode == "bar" and now - self._started < FIRST_BAR
        if early or (now - self._last < INTERVAL and not finished):
            return
        self._last = now
        if self._mode == "json":
            line = {"stage": stage, "done": done, "total": total, "seconds": round(now - self._started, 3)}
            line |= {name: figure for name, figure in figures.items() if math.isfinite(figure)}
            sys.stderr.write(json.dumps(line) + "\n")
            return
        share = f"{100 * done / total:3.0f} %" if total else f"{done:,}"
        filled = int(30 * done / total) if total else 0
        told = "".join(f", {name.replace('_', ' ')} {figure:,.4g}" for name, figure in figures.items())
        sys.stderr.write(f"\r{stage:<12} {'█' * filled}{'░' * (30 - filled)} {share}{told}\x1b[K")
        sys.stderr.flush()
        self._shown = True

    def clear(self) -> None:
        """Clears the bar's line, so that a line of talk can stand there."""
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            self._shown = False
