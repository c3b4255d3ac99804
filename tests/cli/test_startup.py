"""What a short command loads: nothing that it does not use."""

from __future__ import annotations

import subprocess
import sys
import tempfile

import pytest
from shell import environment

PROGRAM = """
import sys
from attncli.cli.main import main
status = main(sys.argv[1:])
print(sorted(name for name in {heavy} if name in sys.modules), file=sys.stderr)
sys.exit(status)
"""
HEAVY = ["numpy", "rich", "regex", "typer", "json.tool", "asyncio", "hypothesis", "urllib.request"]
HEAVY += ["huggingface_hub", "attncli.artifacts.encodings", "attncli.artifacts.hub_cache"]


def loaded(*arguments: str, stdin: bytes = b"") -> str:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(heavy=HEAVY), *arguments],
        input=stdin,
        capture_output=True,
        cwd=tempfile.gettempdir(),  # `python -c` looks for packages in the working directory first
        env=environment(),
        check=True,
    )
    return done.stderr.decode().strip()


def test_version_loads_not_even_typer() -> None:
    assert loaded("--version") == "[]"


@pytest.mark.parametrize("fmt", ["json", "ids", "tokens"])
def test_encoding_a_line_loads_no_numpy_and_no_rich(fmt: str) -> None:
    assert loaded("encode", "--to", fmt, stdin=b"one line\n") == "['typer']"


def test_decoding_loads_neither() -> None:
    assert loaded("decode", stdin=b"1 2 3\n") == "['typer']"


def test_help_loads_neither() -> None:
    assert loaded("--help") == "['typer']"
    assert loaded("attend", "--help") == "['typer']"


def test_the_list_can_fail() -> None:
    assert loaded("encode", "--to", "npy", stdin=b"one line\n") == "['numpy', 'typer']"
