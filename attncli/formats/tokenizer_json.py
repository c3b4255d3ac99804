"""Hugging Face's `tokenizer.json`, the format of our own tokenizers too.

Reference: https://huggingface.co/docs/tokenizers. What a file asks for and is not done here is refused by its name and
place, never ignored; but truncation and padding, which are the caller's business, are left aside. Of templates the
ids before and behind a single text are read.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import isfinite
from typing import Any, NamedTuple, TypeAlias, TypeGuard, overload

from attncli.core import engine
from attncli.core.tokenizer.merges import Merges
from attncli.core.tokenizer.model import BPE, AddedToken, Algorithm, Model, Step, Unigram, WordPiece
from attncli.core.tokenizer.steps import DECODERS, NORMALIZERS, PRE_TOKENIZERS, complete, is_text, short
from attncli.core.tokenizer.tokens import Tokens
from attncli.core.tokenizer.vocab import unspelled
from attncli.errors import DataError
from attncli.formats.tokenizer_json_writer import to_object, write
from attncli.formats.tokenizer_template import read_template

__all__ = ["from_object", "read", "sniff", "to_object", "write"]

LARGEST_ID = 1 << 31
LARGEST_HOLE = 1 << 16
"""Ids may leave this many numbers out in all: more is no vocabulary."""
MOST_STEPS = 256
"""Files in use have up to 20."""
MOST_SPELLINGS = 4
"""`ByteLevel` steps, each of which may double the text."""
FLAGS = ("special", "single_word", "lstrip", "rstrip")
Vocab: TypeAlias = Mapping[str, int]
Lifted: TypeAlias = tuple[bytes, bytes, bytes]
"""The vocabulary's spellings in one buffer, where each ends, and the merges."""


class Tables(NamedTuple):
    """What a model's large tables say."""

    tokens: Tokens
    byte_level: bool
    unknown: int | None
    known: set[int]
    """The added tokens that the vocabulary has too."""
    merges: Sequence[tuple[int, int]] = ()
    scores: Sequence[float] = ()


def sniff(data: bytes) -> bool:
    """Whether this may be one: it begins as a JSON object does.

    >>> sniff(b' {"version": "1.0"}')
    True
    """
    return data[:64].lstrip().startswith(b"{")


def read(data: bytes, name: str = "") -> Model:
    """The model of a file's bytes. Raises DataError that says which part of the file is wrong or not done here."""
    try:
        return _read_lifted(data, name) or from_object(_loads(data), name)
    except RecursionError:  # of JSON's reader, or of those of the steps
        raise DataError("is nested too deep for a tokenizer.json") from None


def _read_lifted(data: bytes, name: str) -> Model | None:
    """The model where vocabulary and merges are in order; None where the plain reader is to tell what is wrong."""
    lifted = engine.lift_tokenizer_json()(data)
    if lifted is None:
        return None
    rest, *tables = lifted
    try:
        whole = _loads(rest)
    except DataError:  # whose place is that in the rest
        return None
    return from_object(whole, name, tuple(tables))


@overload
def from_object(whole: Mapping[str, Any], name: str = "", lifted: None = None) -> Model: ...
@overload
def from_object(whole: Mapping[str, Any], name: str, lifted: Lifted) -> Model | None: ...
def from_object(whole: Mapping[str, Any], name: str = "", lifted: Lifted | None = None) -> Model | None:
    """The model of a file's JSON; of its vocabulary and merges too where they were lifted out before.

    None where these are out of order, or no BPE's: then the whole JSON tells how.
    """
    described = whole.get("model")
    if not isinstance(described, dict):
        raise DataError("is no tokenizer.json: it has no model")
    kind = _kind(described, lifted is not None)
    normalizer = _read_steps(whole.get("normalizer"), "normalizer", "normalizers", NORMALIZERS)
    pre_tokenizer = _read_steps(whole.get("pre_tokenizer"), "pre_tokenizer", "pretokenizers", PRE_TOKENIZERS)
    decoder = _read_steps(whole.get("decoder"), "decoder", "decoders", DECODERS)
    added = _read_added(whole.get("added_tokens"))
    maybe_bytes = kind == "BPE" and _may_be_byte_level(described, pre_tokenizer, decoder)
    if lifted is None:
        tables = _tables(kind, described, added, maybe_bytes)
    elif kind != "BPE" or (taken := _lifted(lifted, described, added, maybe_bytes)) is None:
        return None
    else:
        tables = taken
    bos, eos = read_template(whole.get("post_processor"), len(tables.tokens))
    return Model(
        tokens=tables.tokens,
        algorithm=_algorithm(kind, described, tables),
        byte_level=tables.byte_level,
        normalizer=normalizer,
        pre_tokenizer=pre_tokenizer,
        decoder=decoder[1:] if tables.byte_level else _decoder(decoder),
        added=[token if token.id not in tables.known else replace(token, in_vocab=True) for token in added],
        bos=bos,
        eos=eos,
        name=name,
    )


def _loads(data: bytes) -> dict[str, Any]:
    try:
        whole = json.loads(data)
    except ValueError as error:
        raise DataError(f"is no JSON ({error})", hint="a tokenizer.json is wanted") from error
    if not isinstance(whole, dict):
        raise DataError("is no tokenizer.json: it is no object")
    return whole


def _read_steps(value: Any, place: str, key: str, known: Mapping[str, Any]) -> list[Step]:
    """Steps with all their fields, sequences flattened."""
    if value is None:
        return []
    if isinstance(value, dict) and value.get("type") == "Sequence":
        inner = value.get(key)
        if not isinstance(inner, list):
            raise DataError(f"{place} Sequence has no list of {key}")
        steps = [step for at, each in enumerate(inner) for step in _read_steps(each, f"{place}[{at}]", key, known)]
        spellings = sum(step["type"] == "ByteLevel" for step in steps)
        if len(steps) > MOST_STEPS:
            raise DataError(f"{place} has {len(steps):,} steps; more than {MOST_STEPS} are not supported")
        if spellings > MOST_SPELLINGS:
            raise DataError(f"{place} has {spellings} ByteLevel steps; more than {MOST_SPELLINGS} are not supported")
        return steps
    return [complete(value, known, place)]


def _decoder(steps: list[Step]) -> list[Step]:
    """Without a decoder tokens stand between spaces; fused and nothing else they are concatenated."""
    if not steps:
        return [{"type": "Join"}]
    return [] if steps == [{"type": "Fuse"}] else steps


def _kind(model: Mapping[str, Any], has_merges: bool) -> str:
    kind = model.get("type")
    if kind is None:
        # Files before 2020 don't say.
        has_merges = has_merges or "merges" in model
        kind = "BPE" if has_merges else "WordPiece" if "continuing_subword_prefix" in model else None
    if kind not in ("BPE", "WordPiece", "Unigram"):
        what = f"of type {short(kind)}" if isinstance(kind, str) else "of unknown form"
        raise DataError(f"model {what} is not supported")
    return str(kind)


def _may_be_byte_level(model: Mapping[str, Any], pre_tokenizer: list[Step], decoder: list[Step]) -> bool:
    """Whether tokens in GPT-2's stand-ins can be held as the bytes that they stand for.

    Where something else is mixed in, stand-ins stay the characters that they are: the steps write and read them.
    """
    return (
        sum(step["type"] == "ByteLevel" for step in pre_tokenizer) == 1
        and not model.get("continuing_subword_prefix")
        and not model.get("byte_fallback")
        and [step["type"] for step in decoder][:1] in ([], ["ByteLevel"])
    )


def _has_all_bytes(tokens: Tokens, added: set[int], suffix: Any) -> bool:
    """Whether each byte is a token, alone and with the end-of-word suffix."""
    ends = {b"", suffix.encode("ascii")} if isinstance(suffix, str) and suffix.isascii() else {b""}
    wanted = {bytes([byte]) + end for byte in range(256) for end in ends}
    for id_, token in enumerate(tokens):
        if id_ not in added:
            wanted.discard(token)
            if not wanted:
                return True
    return False


def _tables(kind: str, model: Mapping[str, Any], added: list[AddedToken], maybe_bytes: bool) -> Tables:
    vocab, scores = _read_scored(model) if kind == "Unigram" else (_read_vocab(model.get("vocab")), [])
    unknown = _unknown(model, {token.text: token.id for token in added} | dict(vocab))
    known = {token.id for token in added if token.text in vocab}
    merges = _read_merges(model.get("merges"), vocab) if kind == "BPE" else []
    hidden = {token.id for token in added}
    if maybe_bytes:
        try:
            tokens = _tokens(vocab, added, byte_level=True)
        except UnicodeEncodeError:
            pass  # a token of other characters
        else:
            if _has_all_bytes(tokens, hidden, model.get("end_of_word_suffix")):
                return Tables(tokens, True, unknown, known, merges)
    tokens = _tokens(vocab, added, byte_level=False)
    # An added token that is not in the vocabulary has no score: text never becomes it.
    padded = [*scores, *[float("-inf")] * (len(tokens) - len(scores))] if scores else []
    return Tables(tokens, False, unknown, known, merges, padded)


def _unknown(model: Mapping[str, Any], ids: Vocab) -> int | None:
    unknown = model.get("unk_token")
    if unknown is not None and not isinstance(unknown, str):
        raise DataError(f"model.unk_token is {short(unknown)}, not a string")
    if unknown is not None and unknown not in ids:
        raise DataError(f"model.unk_token {short(unknown)} is not in the vocabulary")
    return None if unknown is None else ids[unknown]


def _lifted(lifted: Lifted, model: Mapping[str, Any], added: list[AddedToken], maybe_bytes: bool) -> Tables | None:
    """The same of a BPE model's tables that were lifted out of the file; None where the whole JSON is wanted."""
    blob, ends, merges = lifted
    ids = {token.text: token.id for token in added}
    unknown = model.get("unk_token")
    if unknown is not None and (not isinstance(unknown, str) or unknown not in ids):
        return None
    texts = [(token.id, token.text.encode("utf-8", "surrogatepass")) for token in added]
    found = engine.add_tokens()(blob, ends, texts, maybe_bytes)
    if found is None:
        return None
    tokens, spelled = Tokens(found[0], array("I", found[1])), Tokens(blob, array("I", ends))
    if maybe_bytes and not _has_all_bytes(tokens, set(ids.values()), model.get("end_of_word_suffix")):
        return None
    known = {id_ for id_, text in texts if id_ < len(spelled) and spelled[id_] == text}
    return Tables(tokens, maybe_bytes, ids.get(unknown or ""), known, Merges(array("I", merges)))


def _read_vocab(vocab: Any) -> dict[str, int]:
    if not isinstance(vocab, dict) or not vocab:
        raise DataError("model.vocab is no object of tokens and ids")
    if set(map(type, vocab.values())) != {int} or min(vocab.values()) < 0 or max(vocab.values()) >= LARGEST_ID:
        token, id_ = next((token, id_) for token, id_ in vocab.items() if not _is_id(id_))
        raise DataError(f"model.vocab[{short(token)}] = {short(id_)} is no id")
    return vocab


def _read_scored(model: Mapping[str, Any]) -> tuple[dict[str, int], list[float]]:
    """Unigram's vocabulary: a list of tokens with their scores, in the order of their ids."""
    listed = model.get("vocab")
    if not isinstance(listed, list) or not listed:
        raise DataError("model.vocab is no list of tokens and scores")
    vocab: dict[str, int] = {}
    scores = []
    for id_, entry in enumerate(listed):
        token, score = entry if isinstance(entry, list) and len(entry) == 2 else (None, None)
        if not isinstance(token, str) or not _is_score(score):
            raise DataError(f"model.vocab[{id_}] is no token with its score")
        if vocab.setdefault(token, id_) != id_:
            raise DataError(f"model.vocab[{id_}]: {short(token)} stands twice")
        scores.append(float(score))
    return vocab, scores


def _is_score(value: Any) -> TypeGuard[float]:
    try:
        return type(value) in (int, float) and isfinite(value)
    except OverflowError:
        return False


def _is_id(value: Any) -> TypeGuard[int]:
    return type(value) is int and 0 <= value < LARGEST_ID


def _read_added(value: Any) -> list[AddedToken]:
    added: list[AddedToken] = []
    texts = set()
    for place, token in enumerate(value if isinstance(value, list) else [None] if value is not None else []):
        text, id_ = (token.get("content"), token.get("id")) if isinstance(token, dict) else (None, None)
        if not isinstance(text, str) or not text or not _is_id(id_):
            raise DataError(f"added_tokens[{place}] is no token with content and id")
        if text in texts:
            raise DataError(f"added_tokens[{place}]: {short(text)} stands twice")
        texts.add(text)
        flags = {flag: token.get(flag, False) for flag in FLAGS}
        flags["normalized"] = token.get("normalized", not flags["special"])
        for flag, given in flags.items():
            if type(given) is not bool:
                raise DataError(f"added_tokens[{place}]: {short(text)} with {flag} = {short(given)} is not supported")
        added.append(AddedToken(text, id_, **flags))
    return added


def _tokens(vocab: Vocab, added: list[AddedToken], byte_level: bool) -> Tokens:
    """Bytes by id; an id that nothing has is the empty token."""
    names = {id_: token for token, id_ in vocab.items()}
    if len(names) < len(vocab):
        twice = next(id_ for token, id_ in vocab.items() if names[id_] != token)
        raise DataError(f"model.vocab gives id {twice} to two tokens")
    for token in added:
        if names.setdefault(token.id, token.text) != token.text:
            raise DataError(f"added token {short(token.text)} has id {token.id}, which is another token's")
        if vocab.get(token.text, token.id) != token.id:
            listed = vocab[token.text]
            raise DataError(f"added token {short(token.text)} has id {token.id}, and {listed} in the vocabulary")
    size = max(names) + 1
    if size - len(names) > LARGEST_HOLE:
        raise DataError(f"ids go up to {size - 1:,}, but there are only {len(names):,} tokens")
    tokens = [b""] * size
    hidden = {token.id for token in added}
    for id_, name in names.items():
        tokens[id_] = unspelled(name) if byte_level and id_ not in hidden else _encoded(name)
    return Tokens.from_list(tokens)


def _encoded(name: str) -> bytes:
    try:
        return name.encode("utf-8")
    except UnicodeEncodeError:
        raise DataError(f"token {short(name)} holds half a surrogate pair") from None


def _algorithm(kind: str, model: Mapping[str, Any], tables: Tables) -> Algorithm:
    if kind == "Unigram":
        unknown = model.get("unk_id")
        if unknown is not None and not (_is_id(unknown) and unknown < len(tables.scores)):
            raise DataError(f"model.unk_id = {short(unknown)} is no id of the vocabulary")
        return Unigram(tables.scores, unknown, byte_fallback=_flag(model, "byte_fallback"))
    prefix = _text(model, "continuing_subword_prefix")
    if kind == "WordPiece":
        if tables.unknown is None:
            raise DataError("model.unk_token is missing")
        most = model.get("max_input_chars_per_word", 100)
        if not _is_id(most):
            raise DataError(f"model.max_input_chars_per_word = {short(most)} is no number of characters")
        return WordPiece(tables.unknown, prefix, most)
    dropout = model.get("dropout")
    if dropout is not None and (type(dropout) not in (int, float) or not 0 <= dropout <= 1):
        raise DataError(f"model.dropout = {short(dropout)} is no probability")
    return BPE(
        merges=tables.merges,
        whole_first=_flag(model, "ignore_merges"),
        byte_fallback=_flag(model, "byte_fallback"),
        unknown=tables.unknown,
        fuse_unknown=_flag(model, "fuse_unk"),
        continuing_subword_prefix=prefix,
        end_of_word_suffix=_text(model, "end_of_word_suffix"),
        dropout=float(dropout or 0),
    )


def _flag(model: Mapping[str, Any], name: str) -> bool:
    value = model.get(name)
    if value not in (None, False, True) or type(value) is int or type(value) is float:
        raise DataError(f"model.{name} = {short(value)} is not supported")
    return bool(value)


def _text(model: Mapping[str, Any], name: str) -> str:
    value = model.get(name)
    if value is not None and not is_text(value):
        raise DataError(f"model.{name} = {short(value)} is not supported")
    return value or ""


def _read_merges(merges: Any, vocab: Vocab) -> list[tuple[int, int]]:
    if not isinstance(merges, list):
        raise DataError("model.merges is no list")
    # Once written "left right", since 2024 ["left", "right"].
    pairs = [merge.split(" ") if isinstance(merge, str) else merge for merge in merges]
    try:
        if set(map(type, pairs)) <= {list}:
            return [(vocab[left], vocab[right]) for left, right in pairs]
    except (KeyError, ValueError, TypeError):
        pass  # the loop below finds which it was
    for place, pair in enumerate(pairs):
        if not isinstance(pair, list) or len(pair) != 2:
            raise DataError(f"model.merges[{place}] is no pair of tokens")
        if not all(isinstance(part, str) and part in vocab for part in pair):
            raise DataError(f"model.merges[{place}] names {short(pair)}, not both in the vocabulary")
    raise AssertionError("a merge was refused that is in order")
