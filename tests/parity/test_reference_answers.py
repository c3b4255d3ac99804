"""Answers of reference implementations that lie beside the checkout on developers' machines; skipped elsewhere."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from attncli import Tokenizer, attention, multi_head
from attncli.core.attention.projections import Projections

REFERENCE = Path(__file__).parents[3] / "shared" / "reference"
pytestmark = pytest.mark.skipif(not REFERENCE.is_dir(), reason="no reference answers beside this checkout")


def load(path: str) -> Any:
    return json.loads((REFERENCE / path).read_text(encoding="utf-8"))


def test_ids_of_gpt2() -> None:
    gpt2, cases = Tokenizer.load(REFERENCE / "vocab/gpt2/tokenizer.json"), load("tokenization/gpt2.json")
    lines = (REFERENCE / "tokenization/strings.jsonl").read_text(encoding="utf-8").split("\n")
    texts = {case["id"]: case for case in map(json.loads, filter(None, lines))}
    for name, ids in cases["strings"].items():
        assert gpt2.encode(texts[name]["text"]) == ids, name
    for name, case in texts.items():
        text = bytes.fromhex(case["hex"]) if "hex" in case else case["text"].encode()
        assert gpt2.decode(gpt2.encode(text)) == text, name
    checked = 0
    for name, expected in cases["texts"].items():
        if (REFERENCE / "texts" / name).exists():
            ids = np.array(gpt2.encode((REFERENCE / "texts" / name).read_bytes()), "<u4")
            assert hashlib.sha256(ids.tobytes()).hexdigest() == expected["sha256_u32le"], name
            checked += 1
    assert checked > 5


LATER = ("rope", "sink", "mha", "bahdanau", "ops", "t5_relative_bias", "causal_top_left")
"""Cases of what is not attention here, or not yet: rotary positions, sinks, T5's buckets; top-left alignment."""


def arrays_of(name: str) -> dict[str, Any]:
    with np.load(REFERENCE / f"attention-math/{name}.npz") as file:
        return dict(file)


def attention_cases() -> list[Any]:
    path = REFERENCE / "attention-math/index.json"
    return json.loads(path.read_text(encoding="utf-8"))["cases"] if path.exists() else []


@pytest.mark.parametrize("case", attention_cases(), ids=lambda case: case["name"])
def test_attention_answers(case: dict[str, Any]) -> None:
    if case["name"].startswith(LATER):
        pytest.skip("no such thing here yet")
    options, arrays = case["options"], arrays_of(case["name"])
    given: dict[str, Any] = {"causal": bool(options.get("causal")), "scale": options.get("scale")}
    if (mask := arrays.get("mask")) is not None:
        given["mask" if mask.dtype == bool else "bias"] = mask
    if "key_mask" in arrays:
        given |= {"mask": arrays["key_mask"][:, None, None, :], "causal": True}
    if options.get("window"):
        given["window"] = (options["window"] - 1, 0)
    if "slopes" in arrays:
        given["alibi_slopes"] = arrays["slopes"]
    q, k, v = (arrays[name].astype(np.float32) for name in "qkv")
    expected = np.nan_to_num(arrays["out"])
    found = attention(q, k, v, return_weights=True, **given)
    tolerance = 1e-5 * max(1.0, np.abs(expected).max())
    np.testing.assert_allclose(found.output, expected, atol=tolerance, rtol=0)
    np.testing.assert_allclose(found.weights, np.nan_to_num(arrays["weights"]), atol=1e-5, rtol=0)


def test_pytorchs_multi_head_attention() -> None:
    arrays = arrays_of("mha_self")
    named = {name.removeprefix("param_"): array for name, array in arrays.items() if name.startswith("param_")}
    for vectors, expected in zip(arrays["query"], arrays["out"], strict=True):
        found = multi_head(vectors.astype(np.float32), heads=4, projections=Projections.from_arrays(named)).output
        np.testing.assert_allclose(found, expected, atol=1e-5)
