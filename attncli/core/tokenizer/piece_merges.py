"""A SentencePiece BPE model in the words of tokenizer.json: a list of merges, Prepend and Replace."""

from __future__ import annotations

from attncli.core.tokenizer.model import BPE, AddedToken, Model
from attncli.core.tokenizer.sentencepiece import CONTROL, NORMAL, UNKNOWN, UNUSED, USER_DEFINED, SentencePiece
from attncli.errors import DataError

__all__ = ["as_merges"]

SPACE = "▁"


def as_merges(model: Model) -> Model:
    """The same tokenizer with the algorithm BPE, as Hugging Face's converter makes it.

    The pairs of pieces whose concatenation is a piece, by its score: what SentencePiece takes for equals (two pairs
    of one piece) has an order here, which differs where both stand over one another in a text. Added tokens are cut
    out of the text that stands, and the dummy prefix comes before each part. Raises DataError that names what
    tokenizer.json has no words for.
    """
    algorithm = model.algorithm
    if not isinstance(algorithm, SentencePiece):
        raise DataError(f"a {type(algorithm).__name__} tokenizer is no SentencePiece model")
    _check(algorithm)
    types = algorithm.types
    pieces = [token.decode("utf-8") for token in model.tokens]
    ids = {piece: id_ for id_, piece in enumerate(pieces) if types[id_] == NORMAL}
    merges = []
    for piece, id_ in ids.items():
        for cut in range(1, len(piece)):
            left, right = ids.get(piece[:cut]), ids.get(piece[cut:])
            if left is not None and right is not None:
                merges.append((-algorithm.scores[id_], id_, left, right))
    merges.sort()
    kinds = {UNKNOWN: True, CONTROL: True, USER_DEFINED: False}
    added = [AddedToken(pieces[id_], id_, special=kinds[kind]) for id_, kind in enumerate(types) if kind in kinds]
    dummy = algorithm.normalizer.add_dummy_prefix
    replace = {"type": "Replace", "pattern": {"String": " "}, "content": SPACE}
    back = {"type": "Replace", "pattern": {"String": SPACE}, "content": " "}
    bytes_back = [{"type": "ByteFallback"}] if algorithm.byte_fallback else []
    strip = [{"type": "Strip", "content": " ", "start": 1, "stop": 0}] if dummy else []
    return Model(
        tokens=model.tokens,
        algorithm=BPE(
            merges=[(left, right) for _, _, left, right in merges],
            new=[id_ for _, id_, _, _ in merges],
            byte_fallback=algorithm.byte_fallback,
            unknown=types.index(UNKNOWN),
            fuse_unknown=True,
        ),
        byte_level=False,
        normalizer=[{"type": "Prepend", "prepend": SPACE}, replace] if dummy else [replace],
        decoder=[back, *bytes_back, {"type": "Fuse"}, *strip],
        added=added,
        bos=model.bos,
        eos=model.eos,
        name=model.name,
    )


def _check(algorithm: SentencePiece) -> None:
    normalizer = algorithm.normalizer
    wordless = {
        "a unigram model": algorithm.kind == "unigram",
        "precompiled_charsmap": bool(normalizer.precompiled_charsmap),
        "remove_extra_whitespaces": normalizer.remove_extra_whitespaces,
        "escape_whitespaces = false": not normalizer.escape_whitespaces,
        "treat_whitespace_as_suffix": algorithm.treat_whitespace_as_suffix,
        "a denormalizer": algorithm.denormalizer is not None,
        "llama2.c's handling of invalid UTF-8": algorithm.any_bytes,
        "unused pieces": UNUSED in algorithm.types,
    }
    for name, said in wordless.items():
        if said:
            raise DataError(f"{name} cannot be said by merges in a tokenizer.json")
