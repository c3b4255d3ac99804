"""A SentencePiece model in the words of tokenizer.json, where they say the same.

That is so for models of type BPE that leave text as it is but for spaces, as Llama's: Hugging Face's Unigram adds up
scores in another precision, and its Precompiled, Strip and added tokens are not quite SentencePiece's normalizer and
user-defined symbols. (transformers' own conversion of Llama's tokenizer.model gives other ids for runs of spaces.)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby, pairwise

from attncli.core.tokenizer.model import BPE, AddedToken, Model, Step
from attncli.core.tokenizer.sentencepiece import BYTE, CONTROL, NORMAL, UNKNOWN, UNUSED, USER_DEFINED, SentencePiece
from attncli.core.tokenizer.vocab import label
from attncli.errors import CallError

__all__ = ["rewritten"]

SPACE = "▁"
LONGEST_PIECE = 1000
"""Characters: what a piece is made of takes the square of its length to find."""


def rewritten(model: Model) -> Model:
    """The same model with merges and steps; it encodes the same ids. Raises CallError where there is no such one."""
    algorithm = model.algorithm
    if not isinstance(algorithm, SentencePiece):
        return model
    _check(algorithm)
    ids = {piece: id_ for id_, piece in enumerate(model.tokens) if algorithm.types[id_] == NORMAL}
    merges = _merges(ids, algorithm.scores)
    prefix = algorithm.normalizer.add_dummy_prefix
    normalizer: list[Step] = [{"type": "Prepend", "prepend": SPACE}] if prefix else []
    decoder: list[Step] = [
        {"type": "Replace", "pattern": {"String": SPACE}, "content": " "},
        {"type": "ByteFallback"},
        {"type": "Fuse"},
    ]
    strip: Step = {"type": "Strip", "content": " ", "start": 1, "stop": 0}
    special = (id_ for id_, kind in enumerate(algorithm.types) if kind in (CONTROL, UNKNOWN))
    return replace(
        model,
        algorithm=BPE(
            merges=[(left, right) for left, right, _ in merges],
            new=[new for _, _, new in merges],
            byte_fallback=algorithm.byte_fallback,
            unknown=algorithm.types.find(UNKNOWN),
            fuse_unknown=True,
        ),
        normalizer=[*normalizer, {"type": "Replace", "pattern": {"String": " "}, "content": SPACE}],
        decoder=[*decoder, strip] if prefix else decoder,
        added=[AddedToken(model.tokens[id_].decode("utf-8"), id_) for id_ in special],
    )


def _check(algorithm: SentencePiece) -> None:
    normalizer = algorithm.normalizer
    for wrong, what in (
        (algorithm.kind != "bpe", "SentencePiece's unigram, whose scores add up in float32"),
        (bool(normalizer.precompiled_charsmap), f"SentencePiece's normalization {normalizer.name}"),
        (normalizer.remove_extra_whitespaces, "that extra white space is removed as SentencePiece does it"),
        (not normalizer.escape_whitespaces, "spaces that stay spaces"),
        (algorithm.denormalizer is not None, "a denormalization"),
        (algorithm.treat_whitespace_as_suffix, "white space as a suffix"),
        (algorithm.any_bytes, "bytes that are no UTF-8"),
        (USER_DEFINED in algorithm.types, "user-defined symbols as SentencePiece cuts them out"),
        (UNUSED in algorithm.types, "unused pieces"),
        (algorithm.byte_fallback and algorithm.types.count(BYTE) != 256, "a byte fallback without all bytes"),
    ):
        if wrong:
            raise CallError(f"a tokenizer.json cannot say {what}", hint="keep the .model")


def _merges(ids: Mapping[bytes, int], scores: Sequence[float]) -> list[tuple[int, int, int]]:
    """(left, right, new) in the order of falling scores.

    SentencePiece merges the pair whose concatenation has the highest score, so a piece is only ever made of the two
    parts that its own characters come to (`native/src/bpe/derive.rs` tells why). Of equal scores the leftmost comes
    first, whatever the piece, which an order of merges cannot say; but of runs of one character, as Llama's of spaces,
    each made of the one before, the longer ones first come to the same.
    """
    score = {piece: scores[id_] for piece, id_ in ids.items()}
    found: list[tuple[int, int, int]] = []
    for _, group in groupby(sorted(ids, key=lambda piece: (-score[piece], -len(piece))), key=score.__getitem__):
        made = [(piece, parts) for piece in group if len(parts := _parts(piece, score)) == 2]
        if len(made) > 1 and not _are_runs([piece.decode("utf-8") for piece, _ in made]):
            raise CallError(
                f"a tokenizer.json cannot say equal scores, as of {label(made[0][0])!r} and {label(made[1][0])!r}",
                hint="keep the .model",
            )
        for piece, (left, right) in made:
            if left not in ids or right not in ids:
                raise CallError(f"a tokenizer.json cannot say how {label(piece)!r} is made: a part is no piece")
            found.append((ids[left], ids[right], ids[piece]))
    return found


def _are_runs(texts: list[str]) -> bool:
    """Whether these are all runs of one character from some length down to two."""
    return texts == [texts[0][0] * length for length in range(len(texts) + 1, 1, -1)]


def _parts(piece: bytes, score: Mapping[bytes, float]) -> list[bytes]:
    """What a piece's characters come to before they are the piece."""
    parts = [character.encode("utf-8") for character in piece.decode("utf-8")]
    if len(parts) > LONGEST_PIECE:
        raise CallError(f"a tokenizer.json cannot say a piece of {len(parts):,} characters", hint="keep the .model")
    while len(parts) > 2:
        pairs = ((left + right, at) for at, (left, right) in enumerate(pairwise(parts)))
        known = [(-score[whole], at) for whole, at in pairs if whole in score]
        if not known:
            break
        at = min(known)[1]
        parts[at : at + 2] = [parts[at] + parts[at + 1]]
    return parts
