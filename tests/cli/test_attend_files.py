"""`attend` from file to file: large outputs are computed in the file itself."""

from __future__ import annotations

import os
import resource
import subprocess
from pathlib import Path

import numpy as np
import pytest
from shell import COMMAND, environment, failure, output

from attncli import multi_head

X = np.random.default_rng(2).standard_normal((20_000, 64), np.float32)
FEW = X[:3]
ATTEND = ["attend", "--heads", "2", "--method", "window", "--window", "2"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with open(tmp_path / "x.npy", "wb") as handle:
        for array in (FEW, X, FEW, X[::-1]):
            np.save(handle, array)
    return tmp_path


def test_large_and_small_ones_in_their_order(folder: Path) -> None:
    output(*ATTEND, "x.npy", "-o", "y.npy", cwd=folder)
    with open(folder / "y.npy", "rb") as handle:
        for array in (FEW, X, FEW, X[::-1]):
            expected = multi_head(array, heads=2, method="window", window=2).output
            np.testing.assert_array_equal(np.load(handle), expected)
        assert not handle.read()
    piped = output(*ATTEND, "x.npy", cwd=folder)
    assert piped == (folder / "y.npy").read_bytes()
    output(*ATTEND, "x.npy", "-o", "y.npy.gz", cwd=folder)
    assert output("attend", "--method", "window", "--window", "0", "y.npy.gz", "--to", "npy", cwd=folder) == piped


@pytest.mark.parametrize("shape", [(3, 33_333, 64), (60_000, 128), (4000, 30, 16)])
@pytest.mark.parametrize("method", [["linear"], ["window", "--window", "300"]])
def test_what_the_disk_begins_to_write_on_the_way_is_whole(
    shape: tuple[int, ...], method: list[str], tmp_path: Path
) -> None:
    x = np.random.default_rng(3).standard_normal(shape, np.float32)
    np.save(tmp_path / "x.npy", x)
    heads = [] if len(shape) > 2 else ["--heads", "2"]
    output("attend", *heads, "--method", *method, "--threads", "1", "x.npy", "-o", "y.npy", cwd=tmp_path)
    options = {"window": 300} if len(method) > 1 else {}
    expected = multi_head(x, heads=2 if heads else None, method=method[0], **options).output
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), expected)


def test_a_file_that_grows_too_large_is_one_line_and_no_file(folder: Path) -> None:
    def cramped() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))

    done = subprocess.run(
        [*COMMAND, *ATTEND, "x.npy", "-o", "y.npy"],
        cwd=folder,
        capture_output=True,
        preexec_fn=cramped,
        env=environment(),
        check=False,
    )
    assert (done.returncode, done.stderr.decode()) == (1, "attncli attend: y.npy: file too large\n")
    assert os.listdir(folder) == ["x.npy"]


def test_a_record_that_fails_leaves_no_file(folder: Path) -> None:
    spoiled = X.copy()
    spoiled[-1, -1] = np.nan
    with open(folder / "x.npy", "ab") as handle:
        np.save(handle, spoiled)
    status, line = failure(*ATTEND, "x.npy", "-o", "y.npy", cwd=folder)
    assert status == 1
    assert line.startswith("attncli attend: x.npy, record 5: the queries hold NaN or infinity")
    assert os.listdir(folder) == ["x.npy"]
