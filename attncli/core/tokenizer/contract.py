"""A model as the engines take it: buffers of tokens and merges, and the pipeline as JSON (`_native.pyi`)."""

from __future__ import annotations

import base64
import json
from array import array
from collections.abc import Mapping
from itertools import chain
from typing import Any

from attncli.core.tokenizer.merges import Merges
from attncli.core.tokenizer.model import BPE, Model, WordPiece
from attncli.core.tokenizer.sentencepiece import Normalizer, SentencePiece
from attncli.core.tokenizer.steps import DECODERS, NORMALIZERS, PRE_TOKENIZERS, completed
from attncli.core.tokenizer.tokens import Tokens

__all__ = ["arguments"]


def arguments(model: Model) -> tuple[tuple[bytes, bytes, str], dict[str, bytes]]:
    """(tokens, ends, pipeline) and the algorithm's own buffers. Raises DataError for a step that no engine does."""
    tokens = Tokens.from_list(model.tokens)
    algorithm, buffers = _algorithm(model)
    pipeline = {
        "normalizer": completed(model.normalizer, NORMALIZERS, "normalizer"),
        "pre_tokenizer": completed(model.pre_tokenizer, PRE_TOKENIZERS, "pre_tokenizer"),
        "decoder": completed(model.decoder, DECODERS, "decoder"),
        "added_tokens": [
            {
                "id": token.id,
                "content": token.text,
                "special": token.special,
                "single_word": token.single_word,
                "lstrip": token.lstrip,
                "rstrip": token.rstrip,
                "normalized": token.normalized,
                "in_vocab": token.in_vocab,
            }
            for token in model.added
        ],
        "model": algorithm,
    }
    return (tokens.blob, tokens.ends.tobytes(), json.dumps(pipeline)), buffers


def _algorithm(model: Model) -> tuple[Mapping[str, Any], dict[str, bytes]]:
    algorithm = model.algorithm
    if isinstance(algorithm, BPE):
        described: dict[str, Any] = {
            "type": "BPE",
            "byte_level": model.byte_level,
            "ignore_merges": algorithm.whole_first,
            "byte_fallback": algorithm.byte_fallback,
            "unknown": algorithm.unknown,
            "fuse_unk": algorithm.fuse_unknown,
            "continuing_subword_prefix": algorithm.continuing_subword_prefix,
            "end_of_word_suffix": algorithm.end_of_word_suffix,
            "dropout": algorithm.dropout,
        }
        merges = algorithm.merges
        flat = merges.ids if isinstance(merges, Merges) else array("I", chain.from_iterable(merges))
        buffers = {"merges": flat.tobytes()}
        if algorithm.new is not None:
            buffers["new"] = array("I", algorithm.new).tobytes()
        return described, buffers
    if isinstance(algorithm, WordPiece):
        return {
            "type": "WordPiece",
            "unknown": algorithm.unknown,
            "continuing_subword_prefix": algorithm.continuing_subword_prefix,
            "max_input_chars_per_word": algorithm.max_input_chars_per_word,
        }, {}
    buffers = {"scores": array("d", algorithm.scores).tobytes()}
    if isinstance(algorithm, SentencePiece):
        return _sentencepiece(algorithm), buffers | {"types": algorithm.types}
    return {
        "type": "Unigram",
        "unknown": algorithm.unknown,
        "byte_fallback": algorithm.byte_fallback,
    }, buffers


def _sentencepiece(algorithm: SentencePiece) -> Mapping[str, Any]:
    denormalizer = algorithm.denormalizer
    return {
        "type": "SentencePiece",
        "unigram": algorithm.kind == "unigram",
        "byte_fallback": algorithm.byte_fallback,
        "treat_whitespace_as_suffix": algorithm.treat_whitespace_as_suffix,
        "unk_surface": algorithm.unk_surface,
        "any_bytes": algorithm.any_bytes,
        "normalizer": _spec(algorithm.normalizer),
        "denormalizer": None if denormalizer is None else _spec(denormalizer),
    }


def _spec(normalizer: Normalizer) -> Mapping[str, Any]:
    return {
        "precompiled_charsmap": base64.b64encode(normalizer.precompiled_charsmap).decode("ascii"),
        "add_dummy_prefix": normalizer.add_dummy_prefix,
        "remove_extra_whitespaces": normalizer.remove_extra_whitespaces,
        "escape_whitespaces": normalizer.escape_whitespaces,
    }
