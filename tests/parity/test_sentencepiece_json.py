"""SentencePiece models rewritten as tokenizer.json: `tokenizers` gives the ids that the library gives."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attncli.core.tokenizer.model import BPE, Model
from attncli.core.tokenizer.sentencepiece import Normalizer, SentencePiece
from attncli.errors import CallError
from attncli.formats import sentencepiece
from attncli.formats.sentencepiece_json import rewritten

library = pytest.importorskip("sentencepiece")
tokenizers = pytest.importorskip("tokenizers")

SAMPLES = Path(__file__).parents[2] / "sample_corpora"


def trained(**options: Any) -> bytes:
    lines = (SAMPLES / "english.txt").read_text(encoding="utf-8").split("\n")
    model = io.BytesIO()
    defaults = {"model_type": "bpe", "normalization_rule_name": "identity", "remove_extra_whitespaces": False}
    library.SentencePieceTrainer.train(
        sentence_iterator=iter(lines[:400]),
        model_writer=model,
        minloglevel=2,
        **{"vocab_size": 600, "byte_fallback": True} | defaults | options,
    )
    return model.getvalue()


@pytest.fixture(
    scope="module",
    params=[
        {},
        {"add_dummy_prefix": False},
        {"byte_fallback": False, "vocab_size": 300},
        {"split_by_whitespace": False},
    ],
    ids=str,
)
def pair(request: pytest.FixtureRequest) -> Any:
    """A model as the library loads it, and as `tokenizers` loads what is made of it."""
    data = trained(**request.param)
    model = rewritten(sentencepiece.read(data))
    assert isinstance(model.algorithm, BPE)
    names = [token.decode() for token in model.tokens]
    whole = {
        "normalizer": {"type": "Sequence", "normalizers": list(model.normalizer)},
        "decoder": {"type": "Sequence", "decoders": list(model.decoder)},
        "model": {
            "type": "BPE",
            "unk_token": names[model.algorithm.unknown or 0],
            "fuse_unk": model.algorithm.fuse_unknown,
            "byte_fallback": model.algorithm.byte_fallback,
            "vocab": {name: id_ for id_, name in enumerate(names)},
            "merges": [[names[left], names[right]] for left, right in model.algorithm.merges],
        },
    }
    return library.SentencePieceProcessor(model_proto=data), tokenizers.Tokenizer.from_str(json.dumps(whole))


@given(
    st.one_of(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30),
        st.lists(st.sampled_from([" ", "  ", "the", " ing", "ed ", "中", "é", "▁", "\n"]), max_size=12).map("".join),
    )
)
def test_ids_are_the_librarys(pair: Any, text: str) -> None:
    theirs, converted = pair
    assert converted.encode(text).ids == theirs.encode(text)


GOOD = Model(
    [b"<unk>", b"a", b"b", b"ab", "▁".encode()],
    SentencePiece("bpe", [0, -2, -3, -1, -4], bytes([2, 1, 1, 1, 1]), Normalizer(remove_extra_whitespaces=False)),
    byte_level=False,
)


def test_a_model_that_can_be_said() -> None:
    model = rewritten(GOOD)
    assert isinstance(model.algorithm, BPE)
    assert list(model.algorithm.merges) == [(1, 2)]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"kind": "unigram"}, "unigram"),
        ({"normalizer": Normalizer()}, "extra white space"),
        ({"normalizer": Normalizer("nmt_nfkc", b"x", remove_extra_whitespaces=False)}, "normalization nmt_nfkc"),
        ({"types": bytes([2, 1, 1, 4, 1])}, "user-defined"),
        ({"types": bytes([2, 1, 1, 5, 1])}, "unused"),
        ({"types": bytes([2, 5, 1, 1, 1])}, "unused"),
        ({"byte_fallback": True}, "without all bytes"),
        ({"treat_whitespace_as_suffix": True}, "as a suffix"),
        ({"any_bytes": True}, "no UTF-8"),
        ({"denormalizer": Normalizer()}, "a denormalization"),
    ],
)
def test_what_cannot_be_said_is_refused(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(CallError, match=complaint):
        rewritten(replace(GOOD, algorithm=replace(GOOD.algorithm, **change)))  # type: ignore[type-var]


def test_equal_scores_are_refused_but_for_runs() -> None:
    def model(tokens: list[bytes], scores: list[float]) -> Model:
        algorithm = replace(GOOD.algorithm, scores=scores, types=bytes([2] + [1] * (len(tokens) - 1)))  # type: ignore[type-var]
        return replace(GOOD, tokens=tokens, algorithm=algorithm)

    with pytest.raises(CallError, match="equal scores, as of 'ab' and 'ba'"):
        rewritten(model([b"<unk>", b"a", b"b", b"ab", b"ba"], [0, 0, 0, -1, -1]))
    runs = rewritten(model([b"<unk>", b"a", b"aa", b"aaa", b"aaaa"], [0, 0, -1, -1, -1])).algorithm
    assert isinstance(runs, BPE)
    assert list(runs.merges) == [(3, 1), (2, 1), (1, 1)]
    with pytest.raises(CallError, match="a part is no piece"):
        rewritten(model([b"<unk>", b"a", b"ab"], [0, 0, -1]))
