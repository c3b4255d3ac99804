"""What would take more memory than there is, is refused before any is taken."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from shell import COMMAND, environment

LIMIT = 2 << 30
LAUNCHER = f"""
import resource, subprocess, sys
limit = lambda: resource.setrlimit(resource.RLIMIT_AS, ({LIMIT}, {LIMIT}))
done = subprocess.run(sys.argv[1:], preexec_fn=limit)
print(done.returncode, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def limited(folder: Path, *arguments: str) -> tuple[int, int, str]:
    """Status, peak bytes and what was said, of a run that may have so much address space."""
    command = [sys.executable, "-c", LAUNCHER, *COMMAND, *arguments]
    done = subprocess.run(command, capture_output=True, cwd=folder, env=environment(), check=True)
    status, peak = map(int, done.stdout.split())
    return status, peak * 1024, done.stderr.decode()


@pytest.mark.parametrize(
    ("emitted", "told"),
    [
        ("weights --to npy", "the weights (2, 40,000, 40,000) take 12.8 GB as npy, and "),
        ("scores --to npy", "the scores (2, 40,000, 40,000) take 12.8 GB as npy, and "),
        (
            "weights,scores --to json",
            "weights (2, 40,000, 40,000) and scores (2, 40,000, 40,000) take 307.2 GB as json",
        ),
        ("weights --head 0 --to npy", "the weights (1, 40,000, 40,000) take 6.4 GB as npy, and "),
    ],
)
def test_weights_that_no_memory_holds(tmp_path: Path, emitted: str, told: str) -> None:
    np.save(tmp_path / "x.npy", np.ones((40_000, 4), np.float32))
    status, peak, said = limited(tmp_path, "attend", "--heads", "2", "--emit", *emitted.split(), "x.npy", "-o", "y")
    assert status == 1
    assert said.startswith("attncli attend: x.npy, record 1: ")
    assert told in said
    assert said.endswith("; choose some by --head and --row, or ask for --emit top-k or entropy\n")
    assert peak < 200 << 20
    assert not (tmp_path / "y").exists()


def test_some_of_them_fit(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.ones((40_000, 4), np.float32))
    arguments = ["attend", "--heads", "2", "--emit", "weights", "--row", "5,-1", "x.npy", "-o", "y.npy"]
    assert limited(tmp_path, *arguments)[0] == 0
    assert np.load(tmp_path / "y.npy").shape == (2, 2, 40_000)
