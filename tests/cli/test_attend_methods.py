"""`attend` by other methods than exact attention, what they cost, and how far off they are."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from shell import failure, output, run

import attncli
from attncli.cli.methods import BACKENDS
from attncli.core.attention import mechanisms
from attncli.core.attention.multihead import join_heads, split_heads

RANDOM = np.random.default_rng(5)
X = RANDOM.standard_normal((40, 16)).astype(np.float32)


def saved(array: Any) -> bytes:
    np.save(handle := io.BytesIO(), array)
    return handle.getvalue()


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        (["linear", "--causal"], {"causal": True}),
        (["performer", "--features", "32", "--seed", "3"], {"features": 32, "seed": 3}),
        (["nystrom", "--landmarks", "8"], {"landmarks": 8}),
        (["linformer", "--rank", "8", "--seed", "2"], {"rank": 8, "seed": 2}),
    ],
)
def test_methods(arguments: list[str], options: dict[str, Any]) -> None:
    found = np.load(io.BytesIO(output("attend", "--heads", "4", "--method", *arguments, stdin=saved(X))))
    x = split_heads(X, 4)
    np.testing.assert_array_equal(found, join_heads(attncli.attention(x, x, x, method=arguments[0], **options)))


def test_linformers_projections_come_from_a_file(tmp_path: Path) -> None:
    E, F = (RANDOM.standard_normal((5, 40)).astype(np.float32) for _ in range(2))
    np.savez(tmp_path / "both.npz", E=E, F=F)
    np.save(tmp_path / "one.npy", E)
    for name, options in (("both.npz", {"E": E, "F": F}), ("one.npy", {"E": E})):
        given = ["--method", "linformer", "--length-projection", str(tmp_path / name)]
        found = np.load(io.BytesIO(output("attend", *given, stdin=saved(X[None]))))
        np.testing.assert_allclose(
            found[0], attncli.attention(*[X[None]] * 3, method="linformer", **options)[0], atol=1e-6
        )
    np.savez(tmp_path / "wrong.npz", A=E, B=F)
    wrong = str(tmp_path / "wrong.npz")
    status, line = failure("attend", "--method", "linformer", "--length-projection", wrong, stdin=saved(X))
    assert status == 1
    assert "wrong.npz: holds A, B; name the arrays E and F" in line


def test_compare_exact_is_told_and_kept_in_the_record() -> None:
    done = run("attend", "--method", "nystrom", "--landmarks", "4", "--compare-exact", "--to", "json", stdin=saved(X))
    record = json.loads(done.stdout)
    x = X[None]
    y, exact = (attncli.attention(x, x, x, **o)[0] for o in ({"method": "nystrom", "landmarks": 4}, {}))
    assert record["relative_error"] == pytest.approx(np.linalg.norm(y - exact) / np.linalg.norm(exact), rel=1e-4)
    assert 0 < record["total_variation"] < 2
    assert record["exact_seconds"] > 0
    assert done.stderr.startswith(b"attncli attend: -:1: nystrom against exact: relative error ")
    assert done.stderr.count(b"\n") == 1
    plain = run("attend", "--method", "nystrom", "--landmarks", "4", "--to", "json", stdin=saved(X))
    assert (json.loads(plain.stdout)["output"], plain.stderr) == (record["output"], b"")


def test_cost_in_a_pipe_and_drawn() -> None:
    lines = [json.loads(line) for line in output("attend", "--cost", "16,64", "--heads", "2").splitlines()]
    assert {line["length"] for line in lines} == {16, 64}
    assert {line["method"] for line in lines} >= {"exact", "linear", "bigbird", "exact, weights kept"}
    assert all(line["seconds"] > 0 and line["heads"] == 2 for line in lines)
    sizes = ["--window", "4", "--landmarks", "3", "--block", "8", "--seed", "1"]
    causal = output("attend", "--cost", "32", "--causal", *sizes).decode()
    assert '"linear"' in causal
    assert '"nystrom"' not in causal
    drawn = output("attend", "--cost", "16,64", "--to", "grid").decode()
    assert "N 16" in drawn
    assert "grows" in drawn


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--cost", "12,x"], "--cost 12,x is no list of lengths; like 512,1024,2048"),
        (["--cost", "0"], "--cost 0 is no list"),
        (["--cost", "64", "x.npy"], "--cost reads no input"),
        (["--cost", "64", "--mask", "m.npy"], "--cost is of random vectors, and takes no mask"),
        (["--cost", "64", "--to", "npy"], "--cost writes a table or JSON Lines"),
        *(
            (
                ["--cost", "16", *given.split()],
                f"--cost is of random vectors, and takes no {given.split()[0].strip('-').replace('-', ' ')}",
            )
            for given in (
                "--alibi",
                "--method linear",
                "--emit weights",
                "--compare-exact",
                "--projections random",
                "--keys m.npy",
                "--context m.npy",
                "--kv-heads 1",
                "--top 3",
                "--head 0",
                "--row 0",
                "--from npy",
                "--allow-nan",
            )
        ),
        (["--seed", "1"], "--seed goes with random projections or a random method; nothing else"),
        (["--seed", "1", "--method", "nystrom"], "--seed goes with random projections"),
        (["--method", "window"], "attend: --method window wants --window LEFT[,RIGHT]; like 256"),
        (["--method", "block-mask"], "attend: --method block-mask wants --block-mask FILE"),
        (["--method", "nystrom", "--alibi"], "attend: --alibi: nystrom attention takes no alibi slopes; exact, "),
        (["--global", "3"], "attend: --global: exact attention takes no global tokens; longformer would"),
        (["--length-projection", "m.npy"], "attend: --length-projection: exact attention takes no E; linformer would"),
        (["--block-mask", "m.npy"], "attend: --block-mask: exact attention takes no blocks; block-mask would"),
        (
            ["--backend", "torch", "--emit", "weights"],
            "attend: --emit weights: torch attention gives no weights; exact",
        ),
        (["--device", "cuda"], "--device goes with --backend torch"),
        (["--backend", "torch", "--compare-exact"], "--compare-exact is of methods"),
        (["--backend", "torch", "--method", "linear"], "torch runs exact attention alone, not linear"),
        (["--method", "nystrom", "--causal"], "nystrom attention takes no causal; exact, "),
        (["--method", "linear", "--features", "8"], "linear attention takes no features; performer would"),
        (["--method", "performer", "--emit", "weights", "--mask", "m.npy"], "performer attention takes no mask"),
    ],
)
def test_wrong_calls(arguments: list[str], line: str, tmp_path: Path) -> None:
    np.save(tmp_path / "m.npy", np.ones((40, 40), bool))
    status, said = failure("attend", *arguments, stdin=saved(X), cwd=tmp_path)
    assert status == 2
    assert line in said
    assert "torch would" not in said


def test_backends_are_those_of_the_core() -> None:
    assert list(BACKENDS) == list(mechanisms.BACKENDS)


def test_pytorch_by_name() -> None:
    pytest.importorskip("torch")
    ours = np.load(io.BytesIO(output("attend", "--heads", "4", "--causal", stdin=saved(X))))
    given = ["--backend", "torch", "--device", "cpu,cpu"]
    theirs = np.load(io.BytesIO(output("attend", "--heads", "4", "--causal", *given, stdin=saved(X))))
    np.testing.assert_allclose(theirs, ours, atol=2e-6)


def test_without_pytorch_one_line_says_so() -> None:
    try:
        import torch  # noqa: F401
    except ImportError:
        status, line = failure("attend", "--backend", "torch", stdin=saved(X))
        assert status == 2
        assert "PyTorch cannot be imported" in line
        assert "install attncli[torch], or leave out --backend" in line
        return
    pytest.skip("PyTorch is here")
