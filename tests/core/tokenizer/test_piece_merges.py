"""SentencePiece BPE as merges: the same ids by Hugging Face's tokenizers."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from attncli.core.tokenizer.model import BPE, Model
from attncli.core.tokenizer.piece_merges import as_merges
from attncli.core.tokenizer.sentencepiece import SentencePiece, coder
from attncli.errors import DataError
from attncli.formats import sentencepiece

FIXTURES = Path(__file__).parents[2] / "fixtures" / "sentencepiece"
SAMPLES = Path(__file__).parents[3] / "sample_corpora"


def of_file(name: str) -> Model:
    return sentencepiece.read((FIXTURES / f"{name}.model").read_bytes())


def tokenizers_of(model: Model) -> Any:
    """The pipeline that the model describes, built by the peer."""
    tokenizers = pytest.importorskip("tokenizers")
    assert isinstance(model.algorithm, BPE)
    pieces = [token.decode() for token in model.tokens]
    found = tokenizers.Tokenizer(
        tokenizers.models.BPE(
            {piece: id_ for id_, piece in enumerate(pieces)},
            [(pieces[left], pieces[right]) for left, right in model.algorithm.merges],
            unk_token=pieces[model.algorithm.unknown or 0],
            fuse_unk=True,
            byte_fallback=model.algorithm.byte_fallback,
        )
    )
    steps = json.dumps({"type": "Sequence", "normalizers": list(model.normalizer)})
    whole = json.loads(found.to_str()) | {"normalizer": json.loads(steps)}
    return tokenizers.Tokenizer.from_str(json.dumps(whole))


def test_the_same_ids_on_whole_texts() -> None:
    model = of_file("bpe")
    assert isinstance(model.algorithm, SentencePiece)
    ours = coder(model.tokens, model.algorithm)  # type: ignore[arg-type]
    theirs = tokenizers_of(as_merges(model))
    for name in ("english.txt", "multilingual.txt"):
        for line in (SAMPLES / name).read_text(encoding="utf-8").split("\n"):
            assert theirs.encode(line, add_special_tokens=False).ids == ours.encode(line.encode()), line


def test_added_tokens_and_steps() -> None:
    found = as_merges(of_file("bpe"))
    assert [(token.text, token.special) for token in found.added] == [
        ("<unk>", True), ("<s>", True), ("</s>", True), ("<user>", False),
    ]  # fmt: skip
    assert [step["type"] for step in found.normalizer] == ["Prepend", "Replace"]
    assert [step["type"] for step in found.decoder] == ["Replace", "ByteFallback", "Fuse", "Strip"]


def test_what_merges_cannot_say_is_refused_by_name() -> None:
    with pytest.raises(DataError, match="a unigram model cannot be said"):
        as_merges(of_file("suffix"))
    with pytest.raises(DataError, match="a BPE tokenizer is no SentencePiece model"):
        as_merges(Model([b"a"], BPE([])))
    model = of_file("bpe")
    assert isinstance(model.algorithm, SentencePiece)
    changed = dataclasses.replace(model.algorithm, treat_whitespace_as_suffix=True)
    with pytest.raises(DataError, match="treat_whitespace_as_suffix"):
        as_merges(dataclasses.replace(model, algorithm=changed))
