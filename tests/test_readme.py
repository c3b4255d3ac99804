"""The README's commands print what it says they print."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from attncli.cli.main import COMMANDS
from attncli.core import engine

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```console\n(.*?)```", README, flags=re.S)


def steps(block: str) -> list[tuple[str, str]]:
    """(command, what it prints) in order."""
    parts = re.split(r"^\$ ", block, flags=re.M)[1:]
    return [tuple(part.split("\n", 1)) for part in parts]  # type: ignore[misc]


def settled(text: str) -> str:
    """Without what rounding decides differently on another processor, and without times and memory."""
    return re.sub(r"[\d.]+ s and \d+ [kMG]B", "so much", re.sub(r"within \de-\d\d", "within rounding", text))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all blocks: later ones use what earlier ones wrote."""
    made = tmp_path_factory.mktemp("readme")
    (made / "sample_corpora").symlink_to(ROOT / "sample_corpora")
    return made


def run(command: str, folder: Path) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=os.environ | {"PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    return done.stdout.decode()


def test_console_blocks(folder: Path) -> None:
    for block in BLOCKS:
        for command, expected in steps(block):
            assert settled(run(command, folder)) == settled(expected), command


def test_the_comparison_can_fail(folder: Path) -> None:
    command, expected = steps(BLOCKS[0])[0]
    assert run(command.replace("roses", "noses"), folder) != expected


def test_python_block(folder: Path) -> None:
    code = re.findall(r"```python\n(.*?)```", README, flags=re.S)
    assert len(code) == 1
    (folder / "example.py").write_text(code[0])
    assert run("python3 example.py", folder) == ""


def test_the_pipe_after_installation_draws_a_grid(folder: Path) -> None:
    install = re.search(r"pip install \. && (.*)", README)
    assert install is not None
    grid = run(install[1].replace(".venv/bin/", ""), folder)
    assert "rows sum to 1 within" in grid
    assert grid.count(" 1.000\n") == 8


def test_every_command_and_folder_is_there() -> None:
    assert all(f"### `attncli {name}`" in README for name in COMMANDS)
    for place in re.findall(r"^\| `(attncli/[^`]+)` \|", README, flags=re.M):
        assert (ROOT / place).exists(), place


def test_it_was_written_with_the_native_engine() -> None:
    assert engine.name() == "native"
