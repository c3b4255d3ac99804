"""Answers of reference implementations that lie beside the checkout on developers' machines; skipped elsewhere."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from attncli import Embeddings, Neighbours, Tokenizer, attention, multi_head
from attncli.core.attention.additive import additive_attention
from attncli.core.attention.alibi import slopes
from attncli.core.attention.problem import Problem
from attncli.core.attention.projections import Projections
from attncli.core.attention.relative import buckets, t5_bias
from attncli.core.attention.rope import Llama3Scaling, Rope
from attncli.core.reference import attention as reference

REFERENCE = Path(__file__).parents[3] / "shared" / "reference"
pytestmark = pytest.mark.skipif(not REFERENCE.is_dir(), reason="no reference answers beside this checkout")


def load(path: str) -> Any:
    return json.loads((REFERENCE / path).read_text(encoding="utf-8"))


TOKENIZERS = {
    "gpt2": ("vocab/gpt2/tokenizer.json", None),
    "gpt2_hf": ("vocab/gpt2/tokenizer.json", "all"),
    "bert_uncased": ("vocab/bert-uncased/tokenizer.json", "all"),
    "llama2": ("vocab/derived/llama2/tokenizer.json", None),
}
"""Reference -> (tokenizer, special tokens that it finds in a text)."""


def strings() -> dict[str, dict[str, str]]:
    lines = (REFERENCE / "tokenization/strings.jsonl").read_text(encoding="utf-8").split("\n")
    return {case["id"]: case for case in map(json.loads, filter(None, lines))}


@pytest.mark.parametrize("name", TOKENIZERS)
def test_ids(name: str) -> None:
    path, allow = TOKENIZERS[name]
    coder, cases, texts = Tokenizer.load(REFERENCE / path), load(f"tokenization/{name}.json"), strings()
    wrong = [
        case for case, ids in cases["strings"].items() if coder.encode(texts[case]["text"], allow_special=allow) != ids
    ]
    assert wrong == []
    for case, ids in cases.get("with_special_tokens", {}).items():
        if coder.model.bos:
            assert coder.encode(texts[case]["text"], allow_special=allow, bos=True, eos=True) == ids, case
    checked = 0
    for text, expected in cases["texts"].items():
        if (REFERENCE / "texts" / text).exists():
            ids = np.array(coder.encode((REFERENCE / "texts" / text).read_bytes(), allow_special=allow), "<u4")
            assert hashlib.sha256(ids.tobytes()).hexdigest() == expected["sha256_u32le"], text
            checked += 1
    assert checked > 5


@pytest.mark.parametrize("name", ["gpt2", "llama2"])
def test_any_bytes_come_back(name: str) -> None:
    """Under a byte-level vocabulary all of them, under one with byte fallback but for the space put before a text."""
    coder = Tokenizer.load(REFERENCE / TOKENIZERS[name][0])
    for case in strings().values():
        text = bytes.fromhex(case["hex"]) if "hex" in case else case["text"].encode()
        if name == "gpt2" or "▁".encode() not in text:
            assert coder.decode(coder.encode(text)) == text, case["id"]


@pytest.mark.parametrize("name", ["gpt2", "bert_uncased", "llama2"])
def test_text_of_ids(name: str) -> None:
    coder, cases = Tokenizer.load(REFERENCE / TOKENIZERS[name][0]), load(f"tokenization/{name}.json")
    for case in cases["decode"]:
        found = coder.decode(case["ids"])
        if "hex" in case:
            assert found.hex() == case["hex"]
        elif "text_keep_special" in case:
            assert found.decode() == case["text_keep_special"]
            assert coder.decode(case["ids"], skip_special=True).decode() == case["text_skip_special"]
        else:
            assert found.decode("utf-8", "replace") == case["text"]


@pytest.mark.parametrize(("name", "path"), [("bert-bge", "bert_uncased"), ("gpt-2", "gpt2")])
def test_vectors_of_llama_cpp(name: str, path: str) -> None:
    coder, cases = Tokenizer.load(REFERENCE / TOKENIZERS[path][0]), load(f"tokenization/llamacpp_vectors_{name}.json")
    for case in cases["vectors"]:
        assert coder.encode(case["text"]) == case["ids"], case["text"]


def arrays_of(name: str) -> dict[str, Any]:
    with np.load(REFERENCE / f"attention-math/{name}.npz") as file:
        return dict(file)


def attention_cases() -> list[Any]:
    path = REFERENCE / "attention-math/index.json"
    return json.loads(path.read_text(encoding="utf-8"))["cases"] if path.exists() else []


MODULES = ("mha", "bahdanau", "ops", "rope_llama3")
"""Cases that are not a call of `attention` alone."""


def options_of(case: dict[str, Any], arrays: dict[str, Any]) -> dict[str, Any]:
    """A case's options in our words."""
    options = case["options"]
    given: dict[str, Any] = {"causal": bool(options.get("causal")), "scale": options.get("scale")}
    if options.get("causal") == "top-left":
        given["positions"] = np.arange(arrays["q"].shape[-2])
    if (mask := arrays.get("mask")) is not None:
        given["mask" if mask.dtype == bool else "bias"] = mask
    if "key_mask" in arrays:
        given |= {"mask": arrays["key_mask"][:, None, None, :], "causal": True}
    if options.get("window"):
        given["window"] = (options["window"] - 1, 0)
    if "slopes" in arrays:
        np.testing.assert_array_equal(slopes(len(arrays["slopes"])), arrays["slopes"])
        given["alibi_slopes"] = arrays["slopes"]
    if "rope" in options:
        given["rope"] = Rope(options["theta"], interleaved=options["rope"] == "interleaved")
    if "sink" in arrays:
        given["sinks"] = arrays["sink"]
    if "table" in arrays:
        given["relative_bias"] = t5_bias(arrays["table"], max_distance=options["max_distance"])
    return given


def plain_float32(q: Any, k: Any, v: Any, given: dict[str, Any]) -> Any:
    """NumPy's float32 in the order of the definition: the measure of how exact float32 can be."""
    problem = Problem.of(q, k, v, **given)
    output, _ = reference.attention(problem.queries, problem.keys, problem.values, **problem.options)
    return output.reshape(*q.shape[:-1], -1), reference.attention_weights(
        problem.queries, problem.keys, **problem.options
    ).reshape(*q.shape[:-1], -1)


@pytest.mark.parametrize("case", attention_cases(), ids=lambda case: case["name"])
def test_attention_answers(case: dict[str, Any]) -> None:
    """Within 1e-10 in float64, and in float32 within twice the error of plain float32 (plus what one rounding of
    each number can do, where that was lucky)."""
    if case["name"].startswith(MODULES):
        return
    arrays = arrays_of(case["name"])
    given, expected = options_of(case, arrays), [np.nan_to_num(arrays[name]) for name in ("out", "weights")]
    found = attention(*(arrays[name] for name in "qkv"), return_weights=True, **given)
    for mine, exact in zip((found.output, found.weights), expected, strict=True):
        np.testing.assert_allclose(mine, exact, atol=1e-10, rtol=1e-10)
    q, k, v = (arrays[name].astype(np.float32) for name in "qkv")
    found = attention(q, k, v, return_weights=True, **given)
    for mine, plain, exact in zip((found.output, found.weights), plain_float32(q, k, v, given), expected, strict=True):
        allowed = 2 * np.abs(plain - exact).max() + 2 * np.finfo(np.float32).eps * np.abs(exact).max()
        assert np.abs(mine - exact).max() <= allowed
        assert allowed <= 1e-5 * max(1.0, np.abs(exact).max())


@pytest.mark.parametrize("name", ["rope_half", "rope_interleaved", "rope_half_theta500k_offset"])
def test_rotated_vectors(name: str) -> None:
    arrays, interleaved = arrays_of(name), name == "rope_interleaved"
    rope = Rope(500_000.0 if "500k" in name else 10_000.0, interleaved=interleaved)
    positions = arrays["positions"].astype(int)
    for which in "qk":
        for dtype, tolerance in ((np.float64, 1e-12), (np.float32, 1e-6)):
            turned = rope.rotate(arrays[which][0].astype(dtype), positions)
            np.testing.assert_allclose(turned, arrays[f"{which}_rot"][0], atol=tolerance)


def test_llama_3s_frequencies() -> None:
    arrays = arrays_of("rope_llama3_inv_freq")
    np.testing.assert_allclose(Rope(500_000.0).frequencies(64), arrays["inv_freq"], rtol=1e-12)
    scaled = Rope(500_000.0, scaling=Llama3Scaling(8.0, 1.0, 4.0, 8192)).frequencies(64)
    np.testing.assert_allclose(scaled, arrays["inv_freq_scaled"], rtol=1e-12)


def test_t5s_buckets() -> None:
    arrays = arrays_of("t5_relative_bias")
    distances = np.arange(40) - np.arange(40)[:, None]
    np.testing.assert_array_equal(buckets(distances), arrays["buckets_bidirectional"])
    np.testing.assert_array_equal(buckets(distances, bidirectional=False), arrays["buckets_causal"])


def test_bahdanaus_additive_attention() -> None:
    arrays = arrays_of("bahdanau_additive")
    given = {name: arrays[name] for name in ("W1", "W2", "u")}
    output, weights = additive_attention(arrays["q"], arrays["k"], arrays["v"], **given)
    np.testing.assert_allclose(output, arrays["out"], atol=1e-12)
    np.testing.assert_allclose(weights, arrays["weights"], atol=1e-12)


@pytest.mark.parametrize("name", ["mha_self", "mha_self_nobias", "mha_causal_padding_averaged"])
def test_pytorchs_multi_head_attention(name: str) -> None:
    arrays = arrays_of(name)
    named = {name.removeprefix("param_"): array for name, array in arrays.items() if name.startswith("param_")}
    projections = Projections.from_arrays(named)
    for batch, x in enumerate(arrays["query"]):
        masked = {}
        if "attn_mask" in arrays:  # true = may not attend, there
            masked = {"mask": ~arrays["attn_mask"] & ~arrays["key_padding_mask"][batch]}
        weights = arrays["weights"][batch]
        for dtype, tolerance in ((np.float64, 1e-10), (np.float32, 2e-6)):
            found = multi_head(x.astype(dtype), heads=4, projections=projections, emit=("output", "weights"), **masked)
            np.testing.assert_allclose(found.output, arrays["out"][batch], atol=tolerance)
            assert found.weights is not None
            mine = found.weights if weights.ndim == 3 else found.weights.mean(axis=0)
            np.testing.assert_allclose(mine, weights, atol=tolerance)


@pytest.mark.parametrize("name", ["wiki5mb_sg50.txt", "wiki5mb_sg50.bin"])
def test_neighbours(name: str) -> None:
    """gensim's, of the same vectors."""
    table = Neighbours(Embeddings.load(REFERENCE / "word2vec" / name))
    known = load("word2vec/queries_on_saved_vectors.json")
    for word, expected in known["most_similar"].items():
        (found,) = table.of([word], len(expected))
        assert_same_neighbours(found, expected)
    for kind, method in (("analogy", "3cosadd"), ("analogy_3cosmul", "3cosmul")):
        for words, expected in known[kind].items():
            minus, *plus = words.split()
            assert_same_neighbours(table.analogy(plus, [minus], len(expected), method), expected)


def assert_same_neighbours(found: Any, expected: Any) -> None:
    assert [word for word, _ in found] == [word for word, _ in expected]
    np.testing.assert_allclose([score for _, score in found], [score for _, score in expected], atol=1e-6)


def test_other_neighbours_would_be_seen() -> None:
    table = Neighbours(Embeddings.load(REFERENCE / "word2vec" / "wiki5mb_sg50.bin"))
    expected = load("word2vec/queries_on_saved_vectors.json")["most_similar"]["king"]
    with pytest.raises(AssertionError):
        assert_same_neighbours(table.of(["queen"], 10)[0], expected)
    with pytest.raises(AssertionError):
        assert_same_neighbours(table.analogy(["king", "woman"], ["man"], 10, "3cosmul"), expected)
