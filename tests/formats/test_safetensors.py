"""safetensors: what the reference library writes, and headers that lie."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attncli.errors import DataError
from attncli.formats import safetensors

ARRAYS = {
    "wte": np.arange(6, dtype=np.float16).reshape(2, 3),
    "ids": np.array([1, -2], np.int64),
    "empty": np.zeros((0, 4), np.float32),
    "mask": np.array([True, False]),
}


def file(header: Any, data: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def tensor(dtype: Any = "F32", shape: Any = (1,), span: Any = (0, 4)) -> dict[str, Any]:
    return {"x": {"dtype": dtype, "shape": shape, "data_offsets": span}}


def test_there_and_back() -> None:
    arrays, metadata = safetensors.read(safetensors.write(ARRAYS, {"tokenizer": "t@1"}))
    assert metadata == {"tokenizer": "t@1"}
    assert list(arrays) == list(ARRAYS)
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(arrays[name], array)
        assert arrays[name].dtype == array.dtype


def test_the_reference_library_agrees() -> None:
    peer = pytest.importorskip("safetensors.numpy")
    for name, array in peer.load(safetensors.write(ARRAYS)).items():
        np.testing.assert_array_equal(array, ARRAYS[name])
    arrays, _ = safetensors.read(peer.save(ARRAYS))
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, ARRAYS[name])


def test_bfloat16_is_the_upper_half_of_float32() -> None:
    half = (np.array([1.5, -2.0], np.float32).view(np.uint32) >> 16).astype("<u2")
    arrays, _ = safetensors.read(file(tensor("BF16", [2], [0, 4]), half.tobytes()))
    np.testing.assert_array_equal(arrays["x"], np.array([1.5, -2.0], np.float32))


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"abc", "3 bytes are no safetensors"),
        ((2**62).to_bytes(8, "little"), "claims 4611686018427387904 bytes"),
        (file(b"{nope"), "not JSON"),
        (file(b"[" * 100_000), "not JSON"),
        (file([1]), "not a JSON object"),
        (file({"__metadata__": {"a": 1}}), "not a map of strings"),
        (file({"x": 5}), "not described by an object"),
        (file(tensor("F8"), b"1234"), "dtype 'F8'"),
        (file(tensor(["F32"]), b"1234"), "dtype"),
        (file(tensor(shape=[-1]), b"1234"), "no valid shape"),
        (file(tensor(shape=[True]), b"1234"), "no valid shape"),
        (file(tensor(shape=[2**40, 2**40]), b"1234"), "does not fit"),
        (file(tensor(span=[0, 8]), b"1234"), "does not fit bytes 0 to 8 of 4"),
        (file(tensor(span=[4, 0]), b"1234"), "does not fit"),
        (file(tensor(), b"12345"), "ends at byte 4, the file at 5"),
        (file(tensor(span=[1, 5]), b"12345"), "hole or an overlap at byte 0"),
    ],
)
def test_headers_that_lie(data: bytes, complaint: str) -> None:
    with pytest.raises(DataError, match=complaint):
        safetensors.read(data)


def test_a_dtype_without_a_name_is_not_written() -> None:
    with pytest.raises(DataError, match="complex64"):
        safetensors.write({"x": np.zeros(1, np.complex64)})


@given(st.binary(max_size=100), st.integers(0, 200))
def test_noise(noise: bytes, place: int) -> None:
    whole = safetensors.write(ARRAYS)
    for data in (noise, whole[:place] + noise + whole[place + len(noise) :]):
        try:
            safetensors.read(data)
        except DataError as error:
            assert "\n" not in str(error)
