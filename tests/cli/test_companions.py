"""Files that are read beside the input: what is wrong with one of them names it, and the record that it meets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from shell import failure, output

X = np.random.default_rng(8).standard_normal((6, 8)).astype(np.float32)
NAN = np.where(np.arange(8) == 3, np.nan, X)
W = np.eye(8, dtype=np.float32)


def saved(folder: Path, content: Any) -> None:
    """The input x.npy, and beside it `given`."""
    np.save(folder / "x.npy", X)
    with (folder / "given").open("wb") as handle:
        if isinstance(content, bytes):
            handle.write(content)
        elif isinstance(content, dict):
            np.savez(handle, **content)
        else:
            np.save(handle, content)


@pytest.mark.parametrize(
    ("option", "content", "complaint"),
    [
        ("--mask", np.ones((3, 3), bool), "the mask has shape (3, 3), which does not broadcast to (1, 6, 6)"),
        ("--mask", np.ones((6, 6)), "the mask holds float64, not bool"),
        ("--bias", np.ones((3, 3)), "the bias has shape (3, 3)"),
        ("--bias", NAN, "the bias holds NaN"),
        ("--bias", np.ones((6, 6), bool), "the bias holds bool, not numbers"),
        ("--context", X[:, :5], "1 query heads of width 8 cannot meet 1 key heads of width 5"),
        ("--context", NAN, "hold NaN or infinity"),
        ("--context", b"", "has fewer records than the input"),
        ("--heads 2 --context", X[:, :5], "2 heads do not divide vectors of width 5"),
        ("--keys", X[0], "the keys have shape (8,)"),
        ("--keys", NAN, "hold NaN or infinity"),
        ("--keys x.npy --values", X[:3], "keys (1, 6, 8) and values (1, 3, 8) differ"),
        ("--keys x.npy --values", NAN, "the values hold NaN"),
        ("--projections", {"Wq": W[:5], "Wk": W, "Wv": W}, "Wq has shape (5, 8), and meets vectors of width 8"),
        ("--projections", {"Wq": W, "Wk": W, "Wv": W, "Wo": W[:5]}, "Wo has shape (5, 8)"),
        ("--heads 3 --projections", {"Wq": W, "Wk": W, "Wv": W}, "3 heads do not divide vectors of width 8"),
        ("--heads 2 --projections", {"Wq": W, "Wk": W[:, :6], "Wv": W}, "2 key heads of width 3"),
        ("--heads 2 --projections", {"Wq": W, "Wk": W[:, :6], "Wv": W}, "Wk needs a multiple of 4 columns"),
        ("--method block-mask --block-mask", np.ones((3, 3)), "the mask of blocks holds float64, not bool"),
        ("--method block-mask --block 3 --block-mask", np.ones((3, 3), bool), "the mask of blocks has shape (3, 3)"),
        ("--method linformer --length-projection", X, "E holds float32 of shape (6, 8); give floats (k, 6)"),
        ("--method linformer --length-projection", {"E": W[:, :6], "F": NAN[:, :6]}, "F holds NaN"),
    ],
)
def test_attend_names_the_file(tmp_path: Path, option: str, content: Any, complaint: str) -> None:
    saved(tmp_path, content)
    status, line = failure("attend", *option.split(), "given", "x.npy", "-o", "y.npy", cwd=tmp_path)
    assert status == 1
    assert line.startswith("attncli attend: given, for record 1 of x.npy: ")
    assert complaint in line
    assert not (tmp_path / "y.npy").exists()


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (X, "holds an array without a name (6, 8); they are named Wq, Wk, Wv and Wo (D_in, D_out), bq, bk, bv and bo"),
        ({"W_Q": W, "Wk": W, "Wv": W}, "holds W_Q (8, 8); they are named Wq, "),
        ({"Wq": W, "Wv": W}, "lacks Wk beside Wq (8, 8), Wv (8, 8); "),
        ({"Wq": W, "Wk": W, "Wv": W, "bq": W[0, :5]}, "bq has shape (5,), not (8,), which fits Wq"),
    ],
)
def test_projections_say_what_was_found_and_what_is_wanted(tmp_path: Path, content: Any, complaint: str) -> None:
    saved(tmp_path, content)
    status, line = failure("attend", "--projections", "given", "x.npy", "-o", "y.npy", cwd=tmp_path)
    assert status == 1
    assert f"attend: given: {complaint}" in line


def test_what_is_wrong_with_the_input_names_the_input(tmp_path: Path) -> None:
    saved(tmp_path, X)
    np.save(tmp_path / "x.npy", NAN)
    for option in ("--bias", "--context"):
        _, line = failure("attend", option, "given", "x.npy", "-o", "y.npy", cwd=tmp_path)
        assert "attend: x.npy, record 1: the queries hold NaN or infinity" in line


@pytest.mark.parametrize("table", [np.ones((9, 5)), np.ones(9), np.ones((9, 128), int), np.ones((1, 128))])
def test_embed_names_the_table_of_positions(tmp_path: Path, table: Any) -> None:
    saved(tmp_path, table)
    (tmp_path / "text").write_text("the bank\n")
    (tmp_path / "ids").write_bytes(output("encode", "text", cwd=tmp_path))
    status, line = failure("embed", "--positions", "learned", "--position-embeddings", "given", "ids", cwd=tmp_path)
    assert status == 1
    assert "attncli embed: given, for text:1: " in line
