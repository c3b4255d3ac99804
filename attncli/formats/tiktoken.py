"""tiktoken's files of ranks: on each line a token in base64, a space, its rank.

Reference: `tiktoken/load.py` and `src/lib.rs` (https://github.com/openai/tiktoken). The file says neither how text is
split before merging nor which special tokens there are: both come with the encoding's name. It has no merges either:
at each step the adjacent pair whose concatenation has the lowest rank merges, and a piece that is a token is that one
at once.
"""

from __future__ import annotations

import base64
import re
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import accumulate

from attncli.core import engine
from attncli.core.reference import ranks
from attncli.core.tokenizer import patterns
from attncli.core.tokenizer.merges import Merges
from attncli.core.tokenizer.model import BPE, AddedToken, Model, Step
from attncli.core.tokenizer.tokens import Tokens
from attncli.core.tokenizer.vocab import label
from attncli.errors import DataError
from attncli.formats.unsaid import cannot

__all__ = ["read", "sniff", "unsaid", "write"]

FILES = "a .tiktoken file"
"""As an error names them."""
LINE = re.compile(rb"[A-Za-z0-9+/]+={0,2} [0-9]+\r?\n?")
COVERING = ("", patterns.GPT2, patterns.CL100K, patterns.O200K)
"""Patterns that leave no gaps: tiktoken drops those of others."""


def sniff(data: bytes) -> bool:
    """Whether the first line is a token and its rank.

    >>> sniff(b"IQ== 0\\n"), sniff(b"[PAD]\\n")
    (True, False)
    """
    return LINE.fullmatch(data[: data.find(b"\n") + 1] or data) is not None


def read(data: bytes, name: str = "", *, pattern: str, special_tokens: Mapping[str, int] | None = None) -> Model:
    """The model of a file's bytes, with the regex and the special tokens that its encoding has.

    Raises DataError that names the line, the byte that is missing, or the special token that another one's id has.
    """
    try:
        blob, ends = engine.read_ranks()(data) or ranks.read_ranks(data)
    except ValueError as error:
        raise DataError(str(error)) from None
    tokens = Tokens(blob, array("I", ends))
    merges = engine.derive_merges()(blob, ends)
    if merges is None:
        single = {token for token in tokens if len(token) == 1}
        missing = next(byte for byte in range(256) if bytes([byte]) not in single)
        raise DataError(f"has no token for the byte {missing:#04x}")
    added = [AddedToken(text, id_) for text, id_ in (special_tokens or {}).items()]
    pairs, new = (array("I", part) for part in merges)
    return Model(
        tokens=_with_added(tokens, added),
        algorithm=BPE(Merges(pairs), new=new, whole_first=True),
        pre_tokenizer=_pre_tokenizer(pattern),
        added=added,
        name=name,
    )


def write(model: Model) -> bytes:
    """The file of a model; what it leaves unsaid is what `unsaid` gives. Raises CallError where it says less."""
    unsaid(model)
    added = {token.id for token in model.added}
    lines = (
        b"%s %d\n" % (base64.b64encode(token), id_)
        for id_, token in enumerate(model.tokens)
        if token and id_ not in added
    )
    return b"".join(lines)


def unsaid(model: Model) -> tuple[str, dict[str, int]]:
    """The pattern and the special tokens, for which a file of ranks has no place.

    Raises CallError where more would be lost than those, or ids would change.
    """
    algorithm = model.algorithm
    if not isinstance(algorithm, BPE) or not model.byte_level:
        raise cannot(FILES, "a model that is no BPE over bytes")
    if model.normalizer:
        raise cannot(FILES, f"the normalizer {model.normalizer[0].get('type')}")
    if model.bos or model.eos:
        raise cannot(FILES, "the tokens around a text (--bos, --eos)")
    if algorithm.dropout or algorithm.continuing_subword_prefix or algorithm.end_of_word_suffix:
        raise cannot(FILES, "dropout, or marks on the parts of a word")
    for token in model.added:
        if replace(token, normalized=False, in_vocab=False) != AddedToken(token.text, token.id):
            raise cannot(FILES, f"the flags of the added token {token.text!r}")
    pattern = _pattern(model.pre_tokenizer)
    _check_order(model, algorithm)
    return pattern, {token.text: token.id for token in model.added}


def _with_added(tokens: Tokens, added: list[AddedToken]) -> Tokens:
    size = len(tokens)
    count = max([size, *(token.id + 1 for token in added)])
    if count > size + ranks.LARGEST_HOLE:
        raise DataError(f"special tokens have ids up to {count - 1:,} beside {size:,} tokens")
    new = [b""] * (count - size)
    inside = {}
    for token in added:
        if token.id < size and tokens[token.id]:
            raise DataError(f"the special token {token.text!r} has the id of {label(tokens[token.id])!r}")
        if token.id < size:
            inside[token.id] = token.text.encode("utf-8")
        else:
            new[token.id - size] = token.text.encode("utf-8")
    if inside:
        return Tokens.from_list([inside.get(id_, token) for id_, token in enumerate(tokens)] + new)
    blob = tokens.blob + b"".join(new)
    further = list(accumulate(map(len, new), initial=len(tokens.blob)))[1:]
    return Tokens(blob, tokens.ends + array("I", further))


def _pre_tokenizer(pattern: str) -> list[Step]:
    gpt2 = pattern == patterns.GPT2
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": gpt2}
    if gpt2 or not pattern:
        return [byte_level]
    gaps = pattern not in COVERING
    split = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Removed" if gaps else "Isolated"}
    return [{**split, "invert": gaps}, byte_level]


def _pattern(steps: Sequence[Step]) -> str:
    """The regex of steps that `_pre_tokenizer` gives."""
    found: list[str] = [
        step["pattern"]["Regex"] for step in steps if step["type"] == "Split" and "Regex" in step["pattern"]
    ]
    for pattern in ("", patterns.GPT2, *found):
        if list(steps) == _pre_tokenizer(pattern):
            return pattern
    raise cannot(FILES, "how this model splits text: one pattern is all it takes")


def _check_order(model: Model, algorithm: BPE) -> None:
    """Raises CallError unless ranks mean these merges."""
    hidden = {token.id for token in model.added}
    kept = Tokens.from_list([b"" if id_ in hidden else token for id_, token in enumerate(model.tokens)])
    derived = engine.derive_merges()(kept.blob, kept.ends.tobytes())
    if derived is None:
        raise cannot(FILES, "a vocabulary without all 256 bytes")
    pairs, new = (array("I", part) for part in derived)
    for rank, (theirs, ours) in enumerate(zip(algorithm.merges, Merges(pairs), strict=False)):
        if theirs != ours:
            left, right = (label(model.tokens[id_]) for id_ in theirs)
            raise cannot(
                FILES, f"merge {rank} ({left!r}, {right!r}): by the order of the vocabulary another one is due"
            )
    if len(algorithm.merges) != len(new):
        raise cannot(FILES, f"{len(algorithm.merges):,} merges where the vocabulary means {len(new):,}")
    if algorithm.new is not None and list(algorithm.new) != list(new):
        raise cannot(FILES, "merges that make another token than that of their bytes")
    reached = set(new)
    if not algorithm.whole_first:
        for id_, token in enumerate(kept):
            if len(token) > 1 and id_ not in reached:
                raise cannot(FILES, f"that {label(token)!r} is never made")
