"""Answers of reference implementations that lie beside the checkout on developers' machines; skipped elsewhere."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from attncli import Embeddings, Neighbours, Tokenizer, attention, multi_head
from attncli.core.attention.projections import Projections

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
