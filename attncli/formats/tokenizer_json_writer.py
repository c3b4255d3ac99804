"""Models as Hugging Face's `tokenizer.json`: the `tokenizers` library loads it and encodes the same ids."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from attncli.core.tokenizer.model import BPE, Model, Step, Unigram, WordPiece
from attncli.core.tokenizer.vocab import spelled
from attncli.errors import DataError
from attncli.formats.tokenizer_template import written_template

__all__ = ["to_object", "write"]

BYTE_LEVEL: Step = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}


def write(model: Model) -> bytes:
    """The bytes of the file. Raises DataError where the format has no words for the model."""
    return json.dumps(to_object(model), ensure_ascii=False, separators=(",", ":")).encode("utf-8") + b"\n"


def to_object(model: Model) -> dict[str, Any]:
    """The file's JSON."""
    names = _names(model)
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {
                "id": token.id,
                "content": token.text,
                "single_word": token.single_word,
                "lstrip": token.lstrip,
                "rstrip": token.rstrip,
                "normalized": token.normalized,
                "special": token.special,
            }
            for token in sorted(model.added, key=lambda token: token.id)
        ],
        "normalizer": _joined(model.normalizer, "normalizers"),
        "pre_tokenizer": _joined(model.pre_tokenizer, "pretokenizers"),
        "post_processor": written_template(model.bos, model.eos, names),
        "decoder": _decoder(model),
        "model": _model(model, names),
    }


def _names(model: Model) -> list[str]:
    hidden = {token.id for token in model.added}
    try:
        return [
            spelled(token) if model.byte_level and id_ not in hidden else token.decode("utf-8")
            for id_, token in enumerate(model.tokens)
        ]
    except UnicodeDecodeError as error:
        raise DataError("a token that is no UTF-8 has no spelling in a tokenizer.json") from error


def _joined(steps: Sequence[Step], key: str) -> Step | None:
    """Steps as the format writes them: none, one, or a sequence."""
    return {"type": "Sequence", key: list(steps)} if len(steps) > 1 else steps[0] if steps else None


def _decoder(model: Model) -> Step | None:
    if list(model.decoder) == [{"type": "Join"}]:
        return None
    first: list[Step] = [BYTE_LEVEL] if model.byte_level else []
    return _joined([*first, *model.decoder] or [{"type": "Fuse"}], "decoders")


def _model(model: Model, names: Sequence[str]) -> dict[str, Any]:
    algorithm = model.algorithm
    if isinstance(algorithm, BPE):
        return {
            "type": "BPE",
            "dropout": algorithm.dropout or None,
            "unk_token": None if algorithm.unknown is None else names[algorithm.unknown],
            "continuing_subword_prefix": algorithm.continuing_subword_prefix or None,
            "end_of_word_suffix": algorithm.end_of_word_suffix or None,
            "fuse_unk": algorithm.fuse_unknown,
            "byte_fallback": algorithm.byte_fallback,
            "ignore_merges": algorithm.whole_first,
            "vocab": _vocab(model, names),
            "merges": [[names[left], names[right]] for left, right in algorithm.merges],
        }
    if isinstance(algorithm, WordPiece):
        return {
            "type": "WordPiece",
            "unk_token": names[algorithm.unknown],
            "continuing_subword_prefix": algorithm.continuing_subword_prefix,
            "max_input_chars_per_word": algorithm.max_input_chars_per_word,
            "vocab": _vocab(model, names),
        }
    if not isinstance(algorithm, Unigram):
        raise DataError(f"a tokenizer.json cannot say a {type(algorithm).__name__} model")
    return {
        "type": "Unigram",
        "unk_id": algorithm.unknown,
        # Added tokens behind the others have no score, and no place here.
        "vocab": [[name, score] for name, score in zip(names, algorithm.scores, strict=True) if score > float("-inf")],
        "byte_fallback": algorithm.byte_fallback,
    }


def _vocab(model: Model, names: Sequence[str]) -> Mapping[str, int]:
    """Name -> id. An id that nothing has stays out.

    Added tokens that the model does not know stay out too, where they are last: `tokenizers` numbers what the
    vocabulary does not have from its size on. One in the midst gives way to a token of the same spelling.
    """
    added = {token.id: token for token in model.added}
    last = len(names)
    while last and last - 1 in added and not added[last - 1].in_vocab:
        last -= 1
    vocab = {name: id_ for id_, name in enumerate(names[:last]) if name and id_ not in added}
    for id_ in sorted(added):
        if id_ < last:
            vocab.setdefault(names[id_], id_)
    if len(vocab) < last:  # numbering from the size on would give other ids
        for id_ in range(last, len(names)):
            vocab.setdefault(names[id_], id_)
    return dict(sorted(vocab.items(), key=lambda entry: entry[1]))
