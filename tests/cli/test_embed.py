"""`embed`: pooling, sums, belonging, as a user meets them."""

from __future__ import annotations

import io
import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from shell import COMMAND, environment, failure, output, run

from attncli import Embeddings
from attncli.core.embedding.pooling import pooled, sif_weights

ROWS = np.random.default_rng(4).standard_normal((6, 3)).astype(np.float32)
IDS = b"1 2 2 5\n\n3\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Embeddings(ROWS, labels=list("abcdef")).save(tmp_path / "t.npz")
    Embeddings(ROWS, counts=np.arange(6)).save(tmp_path / "counted.safetensors")
    Embeddings(ROWS[::-1].copy()).save(tmp_path / "u.npy")
    (tmp_path / "ids").write_bytes(IDS)
    return tmp_path


def vectors(*arguments: str, cwd: Path, stdin: bytes = b"") -> np.ndarray:
    """What `embed --to npy` writes, one array below the other."""
    handle = io.BytesIO(output("embed", *arguments, "--to", "npy", stdin=stdin, cwd=cwd))
    return np.concatenate([np.load(handle) for _ in range(3)])


@pytest.mark.parametrize("pool", ["mean", "max", "first", "last"])
def test_a_vector_a_document(folder: Path, pool: str) -> None:
    found = vectors("-e", "t.npz", "--pool", pool, "ids", cwd=folder)
    assert found.shape == (3, 3)
    for row, ids in zip(found, ([1, 2, 2, 5], [], [3]), strict=True):
        np.testing.assert_array_equal(row, pooled(ROWS[ids], pool)[0])
    unit = vectors("-e", "t.npz", "--pool", pool, "--normalize", "ids", cwd=folder)
    np.testing.assert_allclose(np.linalg.norm(unit, axis=1), [1, 0, 1], rtol=1e-6)


def test_a_pooled_record_has_no_tokens_left() -> None:
    encoded = output("encode", "--offsets", stdin=b"He left.\n")
    found = json.loads(output("embed", "--pool", "mean", stdin=encoded))
    assert list(found) == ["id", "tokenizer", "vectors"]
    assert np.shape(found["vectors"]) == (1, 128)


def sif(counts: list[int], total: int | None = None, a: float = 1e-3) -> np.ndarray:
    documents = ([1, 2, 2, 5], [], [3])
    weights = [sif_weights(ids, np.array(counts), total, a) for ids in documents]
    return np.concatenate([pooled(ROWS[ids], "sif", each) for ids, each in zip(documents, weights, strict=True)])


def test_sif_by_a_file_of_counts_the_table_s_own_or_the_input(folder: Path) -> None:
    (folder / "vocab").write_bytes(b"the 100\nb 3\nc 1\nf 9\n")
    np.save(folder / "counts.npy", np.array([1, 2, 3, 4, 5, 6]))
    call = ("--pool", "sif", "ids")
    by_input = sif([0, 1, 2, 1, 0, 1])
    np.testing.assert_array_equal(vectors("-e", "t.npz", *call, cwd=folder), by_input)
    np.testing.assert_array_equal(vectors("-e", "t.npz", "--pool", "sif", stdin=IDS, cwd=folder), by_input)
    np.testing.assert_array_equal(vectors("-e", "counted.safetensors", *call, cwd=folder), sif([0, 1, 2, 3, 4, 5]))
    by_file = vectors("-e", "t.npz", *call, "--counts", "vocab", "--sif-a", "0.01", cwd=folder)
    np.testing.assert_array_equal(by_file, sif([0, 3, 1, 0, 0, 9], 113, 0.01))
    by_array = vectors("-e", "counted.safetensors", *call, "--counts", "counts.npy", cwd=folder)
    np.testing.assert_array_equal(by_array, sif([1, 2, 3, 4, 5, 6]))
    (folder / "numbers").write_bytes(b"1 3\n2 1\n5 9\n99 100\n")  # ids, of a table without labels
    by_ids = vectors("-e", "u.npy", *call, "--counts", "numbers", cwd=folder)
    weights = sif_weights([1, 2, 2, 5], np.array([0, 3, 1, 0, 0, 9]), 113)
    np.testing.assert_array_equal(by_ids[0], pooled(ROWS[::-1][[1, 2, 2, 5]], "sif", weights)[0])


def without_first_singular_vector(x: np.ndarray) -> np.ndarray:
    """The second step of SIF, as the paper has it."""
    u = np.linalg.svd(x.astype(np.float64))[2][0]
    return x - np.outer(x @ u, u)


def test_sif_s_second_step_of_the_input_and_of_a_file(folder: Path) -> None:
    """Counts and component both of the input, a file or a pipe: it is read three times."""
    expected = without_first_singular_vector(sif([0, 1, 2, 1, 0, 1]))
    call = ("-e", "t.npz", "--pool", "sif", "--remove-component")
    found = vectors(*call, "input", "--keep-component", "u.component", "ids", cwd=folder)
    np.testing.assert_allclose(found, expected, atol=1e-8)
    assert np.abs(found - sif([0, 1, 2, 1, 0, 1])).max() > 1e-4
    np.testing.assert_array_equal(vectors(*call, "input", cwd=folder, stdin=IDS), found)
    np.testing.assert_array_equal(vectors(*call, "u.component", "ids", cwd=folder), found)
    u = np.load(folder / "u.component")
    assert (u.shape, u.dtype) == ((3,), np.float64)
    np.save(folder / "components.npy", -2 * u[None].astype(np.float32))  # as scikit-learn has them
    np.testing.assert_allclose(vectors(*call, "components.npy", "ids", cwd=folder), found, atol=1e-9)
    unit = vectors(*call, "input", "--normalize", "ids", cwd=folder)
    np.testing.assert_allclose(unit[2], found[2] / np.linalg.norm(found[2]), atol=1e-6)


def test_the_component_of_two_inputs_is_one(folder: Path) -> None:
    (folder / "first").write_bytes(b"1 2 2 5\n\n")
    call = ("-e", "counted.safetensors", "--pool", "sif", "--remove-component", "input")
    found = vectors(*call, "first", "-", stdin=b"3\n", cwd=folder)
    np.testing.assert_array_equal(found, vectors(*call, "ids", cwd=folder))


def test_a_kept_component_lets_a_stream_flow(folder: Path) -> None:
    """Each vector comes out before the next document comes in."""
    np.save(folder / "common.npy", np.array([0.6, 0, 0.8]))
    call = [*COMMAND, "embed", "-e", "counted.safetensors", "--pool", "sif", "--remove-component", "common.npy"]
    with subprocess.Popen(call, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=folder, env=environment()) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        for ids in ([1, 2], [3]):
            child.stdin.write(json.dumps({"ids": ids, "title": "kept"}).encode() + b"\n")
            child.stdin.flush()
            record = json.loads(child.stdout.readline())
            assert record["title"] == "kept"
            assert np.array(record["vectors"]) @ [0.6, 0, 0.8] == pytest.approx(0, abs=1e-7)
        child.stdin.close()
        assert child.wait(timeout=60) == 0


def test_rows_of_several_tables_are_added(folder: Path) -> None:
    found = vectors("-e", "t.npz", "-e", "u.npy", "ids", cwd=folder)
    ids = [1, 2, 2, 5, 3]
    np.testing.assert_array_equal(found, ROWS[ids] + ROWS[::-1][ids])
    by_name = output("embed", "--to", "npy", "ids", cwd=folder, ATTNCLI_EMBEDDINGS="t.npz:u.npy")
    np.testing.assert_array_equal(np.load(io.BytesIO(by_name)), found[:4])


def test_ids_belong_to_a_tokenizer(folder: Path) -> None:
    Embeddings(ROWS, tokenizer="small@0123456789ab").save(folder / "small.txt", "word2vec")
    record = b'{"ids": [1], "tokenizer": "other@ba9876543210"}\n'
    status, line = failure("embed", "-e", "small.txt", stdin=record, cwd=folder)
    assert status == 1
    assert "ids of tokenizer other@ba9876543210 meet the table of small@0123456789ab; use the table" in line
    assert "--force" in line
    assert run("embed", "-e", "small.txt", "--force", stdin=record, cwd=folder).returncode == 0
    # Of several tables each is looked at; the digest decides, and not the name.
    assert failure("embed", "-e", "t.npz", "-e", "small.txt", stdin=record, cwd=folder)[0] == 1
    assert (
        run("embed", "-e", "small.txt", stdin=record.replace(b"ba9876543210", b"0123456789ab"), cwd=folder).stderr
        == b""
    )


@pytest.mark.parametrize(
    ("arguments", "status", "line"),
    [
        (["--counts", "ids"], 2, "--counts goes with --pool sif"),
        (["--sif-a", "1", "--pool", "mean"], 2, "--sif-a goes with --pool sif"),
        (["--seed", "1"], 2, "--seed goes with --dim"),
        (["--remove-component", "input"], 2, "--remove-component goes with --pool sif"),
        (["--pool", "sif", "--keep-component", "u"], 2, "--keep-component goes with --remove-component input"),
        (
            ["--pool", "sif", "--remove-component", "input", "--keep-component", "-"],
            2,
            "--keep-component needs a file of its own",
        ),
        (
            ["--pool", "sif", "--dim", "3", "--remove-component", "input", "--keep-component", "ids", "ids"],
            2,
            "ids is an input too",
        ),
        (["--pool", "sif", "--dim", "3", "--remove-component", "input"], 1, "all documents have one direction"),
        (
            ["--pool", "sif", "--dim", "3", "--remove-component", "u.npy"],
            1,
            "u.npy: an array (6, 3) of float32 is no comp",
        ),
        (["--pool", "sif", "--dim", "4", "--remove-component", "three.npy"], 1, "three.npy: an array (3,) of float"),
        (["--pool", "sif", "--dim", "3", "--remove-component", "zero.npy"], 1, "zero.npy: is no direction"),
        (["--pool", "sif", "--sif-a", "-1"], 2, "sif's a is -1.0, not above 0"),
        (["--pool", "sif", "-e", "t.npz", "--counts", "bad"], 1, "bad, line 2: 'b' is no label with its count"),
        (
            ["--pool", "sif", "-e", "t.npz", "--counts", "many"],
            1,
            "many, line 10: the counts come to more than 2^63 - 1",
        ),
        (["--pool", "sif", "-e", "t.npz", "--counts", "foreign"], 1, "foreign: counts no word of the table"),
        (
            ["--pool", "sif", "-e", "t.npz", "--counts", "u.npy"],
            1,
            "u.npy: an array (6, 3) of float32 is no counts of 6 rows",
        ),
        (["-e", "t.npz", "-e", "narrow.npy"], 1, "narrow.npy: rows of width 2 cannot be added to those of width 3"),
        (["--pool", "mean", "-e", "t.npz"], 1, "id 99 has no row in a table of 6 rows"),
        (["--pool", "sif", "-e", "counted.safetensors"], 1, "id 99 has no row"),
    ],
)
def test_what_is_wrong_is_one_line(folder: Path, arguments: list[str], status: int, line: str) -> None:
    (folder / "bad").write_bytes(b"a 1\nb\n")
    (folder / "foreign").write_bytes(b"x 1\n")
    (folder / "many").write_bytes(b"a 999999999999999999\n" * 10)
    np.save(folder / "narrow.npy", ROWS[:, :2])
    np.save(folder / "three.npy", ROWS[0])
    np.save(folder / "zero.npy", np.zeros(3))
    found = failure("embed", *arguments, stdin=b"99\n", cwd=folder)
    assert found[0] == status
    assert line in found[1]


@pytest.mark.parametrize("scheme", ["rotary", "alibi", "t5"])
def test_positions_that_act_in_attention_are_explained(scheme: str) -> None:
    done = run("embed", "--positions", scheme, stdin=b"1\n")
    assert done.returncode == 2
    assert f"{scheme} " in done.stderr.decode()
    assert "use `attend --" in done.stderr.decode()
