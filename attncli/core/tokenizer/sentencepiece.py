"""What a SentencePiece model says (Kudo and Richardson 2018): pieces with scores and types, and two normalizations."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from attncli.core import engine
from attncli.core.tokenizer.tokens import Tokens
from attncli.errors import DataError

if TYPE_CHECKING:
    from attncli import _native

__all__ = [
    "BYTE", "CONTROL", "NORMAL", "UNKNOWN", "UNUSED", "USER_DEFINED", "Normalizer", "SentencePiece", "coder", "single",
]  # fmt: skip

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)
"""`ModelProto.SentencePiece.Type`."""


@dataclass(frozen=True)
class Normalizer:
    """`NormalizerSpec`: what happens to a text before it is segmented, or after it is put together again."""

    name: str = "identity"
    precompiled_charsmap: bytes = b""
    """uint32 size, a double array of that many bytes, then strings that end in NUL; empty: no map."""
    add_dummy_prefix: bool = True
    remove_extra_whitespaces: bool = True
    escape_whitespaces: bool = True


@dataclass(frozen=True)
class SentencePiece:
    """Segmentation of normalized text by the scores of pieces; all as the sentencepiece library does it.

    Not Hugging Face's BPE and Unigram: pairs merge where their concatenation is a piece, equal scores leftmost;
    Viterbi runs in float32; user-defined pieces are cut out after normalization and see no dummy prefix.
    """

    kind: Literal["unigram", "bpe"]
    scores: Sequence[float]
    """float32, an id each."""
    types: bytes
    """NORMAL to BYTE, an id each."""
    normalizer: Normalizer = Normalizer()
    denormalizer: Normalizer | None = None
    byte_fallback: bool = False
    treat_whitespace_as_suffix: bool = False
    unk_surface: str = " ⁇ "
    """What decoding makes of the unknown id."""
    any_bytes: bool = False
    """llama2.c: what is no UTF-8 is encoded by its bytes and comes back, not U+FFFD."""


def single(scores: Sequence[float]) -> array[float]:
    """These scores as float32."""
    return scores if isinstance(scores, array) and scores.typecode == "f" else array("f", scores)


def coder(tokens: Tokens, model: SentencePiece) -> _native.SentencePiece:
    """The engine's encoder and decoder. Raises DataError where the model makes no sense."""
    denormalizer = None if model.denormalizer is None else _spec(model.denormalizer)
    try:
        return engine.sentencepiece()(
            tokens.blob,
            tokens.ends.tobytes(),
            single(model.scores).tobytes(),
            model.types,
            _spec(model.normalizer),
            denormalizer,
            unigram=model.kind == "unigram",
            byte_fallback=model.byte_fallback,
            treat_whitespace_as_suffix=model.treat_whitespace_as_suffix,
            unk_surface=model.unk_surface.encode("utf-8"),
            any_bytes=model.any_bytes,
        )
    except ValueError as error:
        raise DataError(str(error)) from error


def _spec(normalizer: Normalizer) -> tuple[bytes, bool, bool, bool]:
    flags = (normalizer.add_dummy_prefix, normalizer.remove_extra_whitespaces, normalizer.escape_whitespaces)
    return normalizer.precompiled_charsmap, *flags
