"""Nyströmformer and Linformer against their equations, written down plainly in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attncli import attention
from attncli.core import engine
from attncli.core.attention.nystrom import pseudo_inverse, segment_means
from attncli.core.reference.linformer import project_keys as project_twin
from attncli.errors import CallError, DataError


def softmax(x: Any) -> Any:
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def arrays(seed: int, shapes: tuple[tuple[int, ...], ...]) -> list[Any]:
    random = np.random.default_rng(seed)
    return [random.standard_normal(shape).astype(np.float32) for shape in shapes]


def pinv_by_razavi(A: Any) -> Any:
    """Eq. 11, six times."""
    Z = A.T / (np.linalg.norm(A, 1) * np.linalg.norm(A, np.inf))
    eye = np.eye(len(A))
    for _ in range(6):
        Z = 0.25 * Z @ (13 * eye - A @ Z @ (15 * eye - A @ Z @ (7 * eye - A @ Z)))
    return Z


@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 20), st.integers(1, 2), st.integers(0, 99))
def test_nystrom_against_its_equation(each_engine: str, n: int, m: int, landmarks: int, group: int, seed: int) -> None:
    q, k, v = arrays(seed, ((2 * group, n, 6), (2, m, 6), (2, m, 5)))
    found = attention(q, k, v, method="nystrom", landmarks=landmarks, return_weights=True)
    count = min(landmarks, n, m)
    mean = lambda x: np.array([x[i * len(x) // count : (i + 1) * len(x) // count].mean(0) for i in range(count)])  # noqa: E731
    for h in range(2 * group):
        Q, K, V = (np.asarray(x, np.float64) for x in (q[h], k[h // group], v[h // group]))
        F, A, B = (softmax(a @ b.T / np.sqrt(6)) for a, b in ((Q, mean(K)), (mean(Q), mean(K)), (mean(Q), K)))
        S = F @ pinv_by_razavi(A) @ B
        allowed = 1e-5 * max(1.0, np.abs(pinv_by_razavi(A)).max())
        np.testing.assert_allclose(found.weights[h], S, atol=allowed)
        np.testing.assert_allclose(found.output[h], S @ V, atol=4 * allowed)


def test_nystrom_with_every_token_a_landmark_is_exact() -> None:
    q, k, v = arrays(1, ((2, 40, 8),) * 3)
    exact = attention(q, k, v)
    found = attention(q, k, v, method="nystrom", landmarks=40, iterations=30)
    np.testing.assert_allclose(found, exact, atol=2e-4)
    assert np.abs(attention(q, k, v, method="nystrom", landmarks=10, iterations=30) - exact).max() > 1e-2


def smooth(length: int, width: int, seed: int) -> Any:
    """A path of few slow waves: what landmarks can stand for."""
    random = np.random.default_rng(seed)
    waves = np.arange(length)[:, None] / length * np.arange(1, 13) * np.pi + random.uniform(0, 6, 12)
    return (np.sin(waves) @ random.standard_normal((12, width)) / 2).astype(np.float32)[None]


def test_nystroms_error_falls_with_its_landmarks() -> None:
    q, k, v = smooth(1024, 16, 0), smooth(1024, 16, 1), smooth(1024, 16, 2)
    exact = attention(q, k, v)
    errors = [
        np.linalg.norm(attention(q, k, v, method="nystrom", landmarks=m) - exact) / np.linalg.norm(exact)
        for m in (4, 16, 64)  # six iterations invert no more
    ]
    assert all(after < 0.7 * before for before, after in zip(errors, errors[1:], strict=False)), errors


def test_segments_and_inverse() -> None:
    x = np.arange(7.0).reshape(1, 7, 1)
    np.testing.assert_array_equal(segment_means(x, 3)[0, :, 0], [0.5, 2.5, 5.0])
    A = np.eye(5) + 0.1 * np.random.default_rng(0).random((3, 5, 5))
    np.testing.assert_allclose(pseudo_inverse(A) @ A, np.broadcast_to(np.eye(5), (3, 5, 5)), atol=1e-9)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 12), st.sampled_from(["one", "two", "heads"]))
def test_linformer_against_its_equation(each_engine: str, n: int, m: int, rank: int, shape: str) -> None:
    q, k, v, E, F = arrays(n + m, ((4, n, 6), (2, m, 6), (2, m, 5), (2, rank, m), (2, rank, m)))
    given: dict[str, Any] = (
        {"E": E[0]} if shape == "one" else {"E": E[0], "F": F[0]} if shape == "two" else {"E": E, "F": F}
    )
    found = attention(q, k, v, method="linformer", return_weights=True, return_lse=True, **given)
    for h in range(4):
        e, f = (np.asarray(given[x] if x in given else given["E"], np.float64) for x in "EF")
        e, f = (x if x.ndim == 2 else x[h // 2] for x in (e, f))
        logits = np.asarray(q[h], np.float64) @ (e @ k[h // 2]).T / np.sqrt(6)
        scale = max(1.0, np.abs(f).sum(axis=1).max())
        np.testing.assert_allclose(found.weights[h], softmax(logits) @ f, atol=1e-4 * scale)
        np.testing.assert_allclose(found.output[h], softmax(logits) @ (f @ v[h // 2]), atol=1e-4 * scale)
        np.testing.assert_allclose(found.lse[h], np.log(np.exp(logits).sum(-1)), rtol=1e-4, atol=1e-4)


@given(
    st.integers(1, 3), st.booleans(), st.integers(1, 40), st.integers(0, 9000), st.integers(0, 70), st.integers(0, 9)
)
def test_projected_keys_are_the_product(
    each_engine: str, heads: int, shared: bool, rank: int, length: int, width: int, seed: int
) -> None:
    E, keys = arrays(seed, ((1 if shared else heads, rank, length), (heads, length, width)))
    project = engine.project_keys(keys.dtype)
    assert (project is project_twin) == (each_engine == "reference")
    found = project(E, keys)
    assert found.shape == (heads, rank, width)
    E64, keys64 = E.astype(np.float64), keys.astype(np.float64)
    # Heads side by side in rows, as checkpoints have them.
    rows = np.ascontiguousarray(keys.swapaxes(0, 1)).swapaxes(0, 1)
    for projected in (found, project(E, rows)):
        assert np.all(np.abs(projected - E64 @ keys64) <= 5e-7 * (np.abs(E64) @ np.abs(keys64)))
    if each_engine == "native":  # NumPy's BLAS adds in another order where strides are others: 31 of 6,000 differed
        np.testing.assert_array_equal(project(E, rows), found)
    np.testing.assert_array_equal(project(E, keys, threads=3), found)


@pytest.mark.parametrize("shape", [(1, 4, 6), (3, 4, 5), (0, 4, 5)])
@pytest.mark.parametrize("heads", [1, 2])
def test_a_projection_of_other_keys_is_refused(each_engine: str, shape: tuple[int, ...], heads: int) -> None:
    with pytest.raises(ValueError, match="a projection"):
        engine.project_keys(np.dtype(np.float32))(np.ones(shape, np.float32), np.ones((heads, 5, 4), np.float32))


def test_projections_at_odd_addresses_and_beyond_float32(each_engine: str) -> None:
    E = np.frombuffer(b"\0" + np.ones((2, 5), np.float32).tobytes(), np.float32, offset=1).reshape(2, 5)
    ones = np.ones((1, 5, 4), np.float32)
    np.testing.assert_array_equal(attention(ones, ones, ones, method="linformer", E=E), ones * 5)
    with pytest.raises(DataError, match="E holds NaN or infinity"):
        attention(ones, ones, ones, method="linformer", E=np.full((2, 5), 1e39))
    with pytest.raises(DataError, match="projected keys or values are beyond float32"):
        attention(ones, ones * np.float32(1e20), ones, method="linformer", E=np.full((2, 5), 1e20, np.float32))


def test_linformer_with_an_identity_is_exact_and_a_seed_is_a_seed() -> None:
    q, k, v = arrays(3, ((2, 50, 8),) * 3)
    np.testing.assert_allclose(attention(q, k, v, method="linformer", E=np.eye(50)), attention(q, k, v), atol=2e-6)
    first, second = (attention(q, k, v, method="linformer", rank=16, seed=seed) for seed in (0, 1))
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(first, attention(q, k, v, method="linformer", rank=16, seed=0))


def test_a_drawn_projection_is_the_same_in_pieces() -> None:
    q, k, v = arrays(4, ((1, 3, 4), (1, 4100, 4), (1, 4100, 4)))
    found = attention(q, k, v, method="linformer", rank=8, seed=2, return_weights=True)
    np.testing.assert_allclose(found.weights @ v, found.output, atol=2e-3)


@pytest.mark.parametrize("method", ["nystrom", "linformer"])
@pytest.mark.parametrize(("n", "m"), [(0, 0), (0, 3), (3, 0)])
def test_empty_sequences(each_engine: str, method: str, n: int, m: int) -> None:
    found = attention(np.ones((2, n, 4)), np.ones((2, m, 4)), np.ones((2, m, 5)), method=method, return_weights=True)
    assert found.output.shape == (2, n, 5)
    assert not found.output.any() or m
    assert found.weights.shape == (2, n, m)


ONES = np.ones((1, 3, 4), np.float32)


@pytest.mark.parametrize(
    ("options", "error", "complaint"),
    [
        ({"method": "nystrom", "landmarks": 0}, CallError, "0 landmarks are too few"),
        ({"method": "nystrom", "causal": True}, CallError, "nystrom attention takes no causal; exact, "),
        ({"method": "linformer", "rank": -1}, CallError, "rank -1 is too small"),
        (
            {"method": "linformer", "E": np.ones((2, 4))},
            DataError,
            r"E holds float64 of shape \(2, 4\); give floats \(k, 3\)",
        ),
        ({"method": "linformer", "E": np.full((2, 3), np.nan)}, DataError, "E holds NaN"),
        ({"method": "linformer", "F": np.ones((2, 3))}, CallError, "E is not"),
        ({"method": "linformer", "E": np.ones((2, 3)), "rank": 4}, CallError, "the rank is 4"),
    ],
)
def test_wrong_calls(options: dict[str, Any], error: type[Exception], complaint: str) -> None:
    with pytest.raises(error, match=complaint):
        attention(ONES, ONES, ONES, **options)
