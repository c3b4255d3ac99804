"""Hugging Face's `tokenizer.json`, the format of our own tokenizers too.

Reference: https://huggingface.co/docs/tokenizers. Read are BPE models with byte-level pre-tokenization, and the
character models that we write. What a file asks for and is not done here is refused by its name, never ignored;
but truncation, padding and templates, which are the caller's business, are left aside.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias, TypeGuard, overload

from attncli.core import engine
from attncli.core.tokenizer.merges import Merges
from attncli.core.tokenizer.model import BPE, AddedToken, Model, Step
from attncli.core.tokenizer.normalize import NORMALIZERS
from attncli.core.tokenizer.tokens import Tokens
from attncli.core.tokenizer.train import END_OF_A_WORD
from attncli.core.tokenizer.vocab import spelled, unspelled
from attncli.errors import DataError

__all__ = ["from_object", "read", "sniff", "template", "to_object", "write"]

Lifted: TypeAlias = tuple[bytes, bytes, bytes]
"""The vocabulary's spellings in one buffer, where each ends, and the merges."""
Tables: TypeAlias = tuple[Tokens, Sequence[tuple[int, int]], int | None]

LARGEST_ID = 1 << 31
LARGEST_HOLE = 1 << 16
"""Ids may leave this many numbers out in all: more is no vocabulary."""
TEMPLATES = {"ByteLevel", "TemplateProcessing", "RobertaProcessing", "BertProcessing", "Sequence"}
"""Post-processors: they add tokens around a text, or change offsets."""
BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}


def sniff(data: bytes) -> bool:
    """Whether this may be one: it begins as a JSON object does.

    >>> sniff(b' {"version": "1.0"}')
    True
    """
    return data[:64].lstrip().startswith(b"{")


def read(data: bytes, name: str = "") -> Model:
    """The model of a file's bytes. Raises DataError that says which part of the file is wrong or not done here."""
    return _read_lifted(data, name) or from_object(_loads(data), name)


@overload
def from_object(whole: Mapping[str, Any], name: str = "", lifted: None = None) -> Model: ...
@overload
def from_object(whole: Mapping[str, Any], name: str, lifted: Lifted) -> Model | None: ...
def from_object(whole: Mapping[str, Any], name: str = "", lifted: Lifted | None = None) -> Model | None:
    """The model of a file's JSON; of its vocabulary and merges too where they were lifted out before.

    None where these are out of order: then the whole JSON tells how.
    """
    if not isinstance(whole.get("model"), dict):
        raise DataError("is no tokenizer.json: it has no model")
    model = whole["model"]
    _check_model(model)
    normalizer = _read_normalizer(whole.get("normalizer"))
    pre_tokenizer = _read_pre_tokenizer(whole.get("pre_tokenizer"))
    byte_level = bool(pre_tokenizer) and pre_tokenizer[-1]["type"] == "ByteLevel"
    post = whole.get("post_processor")
    if post is not None and (not isinstance(post, dict) or post.get("type") not in TEMPLATES):
        raise _not_done("post_processor", post)
    special = _read_added(whole.get("added_tokens", []))
    tables = _tables(model, special, byte_level) if lifted is None else _lifted(lifted, model, special, byte_level)
    if tables is None:
        return None
    tokens, merges, unknown = tables
    marker = next((step["content"] for step in normalizer if step["type"] == "Replace"), None)
    return Model(
        tokens=tokens,
        algorithm=BPE(merges, unknown=None if byte_level else unknown),
        byte_level=byte_level,
        normalizer=normalizer,
        pre_tokenizer=pre_tokenizer,
        decoder=[] if marker is None else [{"type": "BPEDecoder", "suffix": marker}],
        added=[AddedToken(text, id_) for text, id_ in special.items()],
        name=name,
    )


def template(bos: Sequence[str], eos: Sequence[str], ids: Mapping[str, int]) -> dict[str, Any]:
    """The post-processor that puts tokens before a text and behind it.

    >>> [list(step) for step in template(["<s>"], [], {"<s>": 0})["single"]]
    [['SpecialToken'], ['Sequence']]
    """

    def frame(sequence: str, type_id: int) -> list[dict[str, Any]]:
        before, behind = (
            [{"SpecialToken": {"id": text, "type_id": type_id}} for text in texts] for texts in (bos, eos)
        )
        return [*before, {"Sequence": {"id": sequence, "type_id": type_id}}, *behind]

    tokens = {text: {"id": text, "ids": [ids[text]], "tokens": [text]} for text in (*bos, *eos)}
    return {
        "type": "TemplateProcessing",
        "single": frame("A", 0),
        "pair": frame("A", 0) + frame("B", 1)[len(bos) :],
        "special_tokens": tokens,
    }


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


def _loads(data: bytes) -> dict[str, Any]:
    try:
        whole = json.loads(data)
    except RecursionError:
        raise DataError("is nested too deep for a tokenizer.json") from None
    except ValueError as error:
        raise DataError(f"is no JSON ({error})", hint="a tokenizer.json is wanted") from error
    if not isinstance(whole, dict):
        raise DataError("is no tokenizer.json: it is no object")
    return whole


def _tables(model: Mapping[str, Any], special: Mapping[str, int], byte_level: bool) -> Tables:
    """The tokens, the merges, and the id of the unknown token."""
    vocab = _read_vocab(model.get("vocab"))
    tokens = _tokens(vocab, special, byte_level)
    unknown = model.get("unk_token")
    if unknown is not None and unknown not in vocab:
        raise DataError(f"model.unk_token {unknown!r} is not in the vocabulary")
    merges = _read_merges(model.get("merges"), vocab)
    return Tokens.from_list(tokens), merges, None if unknown is None else vocab[unknown]


def _lifted(lifted: Lifted, model: Mapping[str, Any], special: Mapping[str, int], byte_level: bool) -> Tables | None:
    """The same of tables that were lifted out of the file."""
    blob, ends, merges = lifted
    unknown = model.get("unk_token")
    if unknown is not None and unknown not in special:
        return None
    added = [(id_, text.encode("utf-8", "surrogatepass")) for text, id_ in special.items()]
    found = engine.add_tokens()(blob, ends, added, byte_level)
    if found is None:
        return None
    tokens = Tokens(found[0], array("I", found[1]))
    return tokens, Merges(array("I", merges)), None if unknown is None else special[unknown]


def write(model: Model) -> bytes:
    """The file of a model: the `tokenizers` library loads it and encodes the same ids."""
    return json.dumps(to_object(model), ensure_ascii=False, separators=(",", ":")).encode("utf-8") + b"\n"


def to_object(model: Model) -> dict[str, Any]:
    """The file's JSON."""
    byte_level, algorithm = model.byte_level, model.algorithm
    if not isinstance(algorithm, BPE):
        raise DataError(f"{type(algorithm).__name__} is not written here")
    hidden = {token.id for token in model.added}
    names = [
        token.decode("utf-8") if id_ in hidden or not byte_level else spelled(token)
        for id_, token in enumerate(model.tokens)
    ]
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": token.id, "content": token.text, **flags} for token in model.added],
        "normalizer": _joined(model.normalizer, "normalizers"),
        "pre_tokenizer": _joined(model.pre_tokenizer, "pretokenizers"),
        "post_processor": None,
        "decoder": _joined(model.decoder or [BYTE_LEVEL if byte_level else {"type": "Fuse"}], "decoders"),
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None if algorithm.unknown is None else names[algorithm.unknown],
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": {name: id_ for id_, name in enumerate(names) if name},
            "merges": [[names[left], names[right]] for left, right in algorithm.merges],
        },
    }


def _joined(steps: Sequence[Step], key: str) -> Step | None:
    """Steps as the format writes them: none, one, or a sequence."""
    return {"type": "Sequence", key: list(steps)} if len(steps) > 1 else steps[0] if steps else None


def _not_done(place: str, value: Any) -> DataError:
    kind = value.get("type") if isinstance(value, dict) else None
    what = f"of type {kind!r}" if isinstance(kind, str) else "of unknown form"
    return DataError(f"{place} {what} is not supported")


def _check_model(model: Mapping[str, Any]) -> None:
    if model.get("type", "BPE") != "BPE":
        raise _not_done("model", model)
    wanted: dict[str, tuple[Any, ...]] = {
        "dropout": (None, 0),
        "continuing_subword_prefix": (None, ""),
        "end_of_word_suffix": (None, ""),
        "byte_fallback": (None, False),
        "ignore_merges": (None, False),
    }
    for key, values in wanted.items():
        if not any(model.get(key) is value or model.get(key) == value for value in values):
            raise DataError(f"model.{key} = {_short(model[key])} is not supported")
    unknown = model.get("unk_token")
    if unknown is not None and not isinstance(unknown, str):
        raise DataError(f"model.unk_token is {_short(unknown)}, not a string")
    if unknown is not None and model.get("fuse_unk"):
        raise DataError("model.fuse_unk = true is not supported")


def _read_normalizer(value: Any) -> list[Step]:
    steps = [value] if value is not None else []
    if isinstance(value, dict) and value.get("type") == "Sequence":
        steps = value.get("normalizers", [])
    if not isinstance(steps, list):
        raise _not_done("normalizer", value)
    kinds = [step.get("type") if isinstance(step, dict) else None for step in steps]
    for place, (step, kind) in enumerate(zip(steps, kinds, strict=True)):
        named = kind in NORMALIZERS.values() and place == 0
        marker = (
            kind == "Replace"
            and step.get("pattern") == {"Regex": END_OF_A_WORD}
            and isinstance(step.get("content"), str)
            and "Replace" not in kinds[:place]
        )
        if not isinstance(kind, str) or not (named or marker):
            raise _not_done("normalizer", step)
    return steps


def _read_pre_tokenizer(value: Any) -> list[Step]:
    if value is None:
        return []
    steps = [value]
    if isinstance(value, dict) and value.get("type") == "Sequence":
        steps = value.get("pretokenizers", [])
    whole = isinstance(steps, list) and all(isinstance(step, dict) for step in steps)
    kinds = [step.get("type") for step in steps] if whole else []
    if kinds not in (["ByteLevel"], ["Split"], ["Split", "ByteLevel"]):
        raise _not_done("pre_tokenizer", value)
    if kinds[0] == "Split":
        _check_split(steps[0])
    if kinds[-1] == "ByteLevel":
        step = steps[-1]
        for flag, missing in (("add_prefix_space", True), ("use_regex", True)):
            if type(step.get(flag, missing)) is not bool:
                raise DataError(f"pre_tokenizer ByteLevel with {flag} = {_short(step[flag])} is not supported")
        if step.get("add_prefix_space", True):
            raise DataError("pre_tokenizer ByteLevel with add_prefix_space = true is not supported")
        if step.get("use_regex", True) and len(steps) > 1:
            raise DataError("pre_tokenizer ByteLevel with use_regex = true after Split is not supported")
        steps = [*steps[:-1], BYTE_LEVEL | {"use_regex": step.get("use_regex", True)}]
    return steps


def _check_split(step: Mapping[str, Any]) -> None:
    pattern = step.get("pattern")
    regex = pattern.get("Regex") if isinstance(pattern, dict) else None
    behavior, invert = step.get("behavior"), step.get("invert")
    if not isinstance(regex, str) or not regex or (behavior, invert) not in (("Isolated", False), ("Removed", True)):
        raise DataError(f"pre_tokenizer Split with {_short(pattern)}, {behavior}, invert {invert} is not supported")


def _read_vocab(vocab: Any) -> dict[str, int]:
    if not isinstance(vocab, dict) or not vocab:
        raise DataError("model.vocab is no object of tokens and ids")
    if set(map(type, vocab.values())) != {int} or min(vocab.values()) < 0 or max(vocab.values()) >= LARGEST_ID:
        token, id_ = next((token, id_) for token, id_ in vocab.items() if not _is_id(id_))
        raise DataError(f"model.vocab[{_short(token)}] = {_short(id_)} is no id")
    return vocab


def _is_id(value: Any) -> TypeGuard[int]:
    return type(value) is int and 0 <= value < LARGEST_ID


def _read_added(added: Any) -> dict[str, int]:
    """The special tokens: text -> id."""
    special: dict[str, int] = {}
    for place, token in enumerate(added if isinstance(added, list) else [None]):
        text, id_ = (token.get("content"), token.get("id")) if isinstance(token, dict) else (None, None)
        if not isinstance(text, str) or not text or not _is_id(id_):
            raise DataError(f"added_tokens[{place}] is no token with content and id")
        if text in special:
            raise DataError(f"added_tokens[{place}]: {_short(text)} stands twice")
        for flag, value in (("special", False), ("single_word", True), ("lstrip", True), ("rstrip", True)):
            if token.get(flag, False) is value:
                raise DataError(f"added_tokens[{place}]: {_short(text)} with {flag} = {value} is not supported")
        special[text] = id_
    return special


def _tokens(vocab: Mapping[str, int], special: Mapping[str, int], byte_level: bool) -> list[bytes]:
    """Bytes by id; an id that nothing has is the empty token."""
    names = {id_: token for token, id_ in vocab.items()}
    if len(names) < len(vocab):
        twice = next(id_ for token, id_ in vocab.items() if names[id_] != token)
        raise DataError(f"model.vocab gives id {twice} to two tokens")
    for text, id_ in special.items():
        if names.setdefault(id_, text) != text:
            raise DataError(f"added token {_short(text)} has id {id_}, which is another token's")
        if vocab.get(text, id_) != id_:
            raise DataError(f"added token {_short(text)} has id {id_}, and {vocab[text]} in the vocabulary")
    size = max(names) + 1
    if size - len(names) > LARGEST_HOLE:
        raise DataError(f"ids go up to {size - 1:,}, but there are only {len(names):,} tokens")
    tokens = [b""] * size
    hidden = set(special.values())
    for id_, name in names.items():
        tokens[id_] = _bytes(name, byte_level and id_ not in hidden)
    return tokens


def _bytes(name: str, byte_level: bool) -> bytes:
    try:
        return unspelled(name) if byte_level else name.encode("utf-8")
    except UnicodeEncodeError:
        raise DataError(f"token {_short(name)} holds a character that stands for no byte") from None


def _read_merges(merges: Any, vocab: Mapping[str, int]) -> list[tuple[int, int]]:
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
            raise DataError(f"model.merges[{place}] names {_short(pair)}, not both in the vocabulary")
    raise AssertionError("a merge was refused that is in order")


def _short(value: Any) -> str:
    """A value as it is shown in an error."""
    text = repr(value) if not isinstance(value, int) or abs(value) < 1 << 64 else "a huge number"
    return text if len(text) <= 40 else text[:37] + "..."
