"""What a SentencePiece model says (Kudo and Richardson 2018): pieces with scores and types, and two normalizations."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

__all__ = [
    "BYTE", "CONTROL", "NORMAL", "UNKNOWN", "UNUSED", "USER_DEFINED", "Normalizer", "SentencePiece", "single",
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
