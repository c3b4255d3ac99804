"""Running `attncli` as a user does: in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

COMMAND = [str(Path(sys.executable).parent / "attncli")]
"""The installed script: `python -m attncli` would take the package from the working directory."""


def environment(**variables: str) -> dict[str, str]:
    """This environment without the user's own defaults."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("ATTNCLI_", "NO_COLOR"))}
    return kept | variables


def run(
    *arguments: str, stdin: bytes = b"", cwd: Path | None = None, **variables: str
) -> subprocess.CompletedProcess[bytes]:
    """One command; its output as bytes."""
    return subprocess.run(
        [*COMMAND, *arguments], input=stdin, capture_output=True, cwd=cwd, env=environment(**variables), check=False
    )


def output(*arguments: str, stdin: bytes = b"", cwd: Path | None = None, **variables: str) -> bytes:
    """The standard output of a command that succeeds and says nothing."""
    done = run(*arguments, stdin=stdin, cwd=cwd, **variables)
    assert (done.returncode, done.stderr) == (0, b""), done.stderr.decode()
    return done.stdout


def failure(*arguments: str, stdin: bytes = b"", cwd: Path | None = None, **variables: str) -> tuple[int, str]:
    """Status and the one line of a command that fails."""
    done = run(*arguments, stdin=stdin, cwd=cwd, **variables)
    line = done.stderr.decode()
    assert line.count("\n") == 1, line
    assert "Traceback" not in line
    return done.returncode, line.rstrip("\n")
