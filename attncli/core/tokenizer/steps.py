"""The steps around a model, in the words of tokenizer.json: which there are, and what each one takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias, TypeGuard

from attncli.core.tokenizer.model import Step
from attncli.errors import DataError

__all__ = ["DECODERS", "NORMALIZERS", "PRE_TOKENIZERS", "complete", "completed", "is_text", "short"]

Check: TypeAlias = Callable[[Any], bool]
Fields: TypeAlias = Mapping[str, tuple[Check, Any]]
"""Field -> (whether a value will do, the value where the file has none)."""

REQUIRED = object()


def _is(*types: type) -> Check:
    return lambda value: type(value) in types


def _among(*values: str) -> Check:
    return lambda value: isinstance(value, str) and value in values


def is_text(value: Any) -> TypeGuard[str]:
    """Whether a value is a string with no half of a surrogate pair, which has no UTF-8."""
    if not isinstance(value, str):
        return False
    return value.isascii() or not any("\ud800" <= character <= "\udfff" for character in value)


def _pattern(value: Any) -> bool:
    kinds = ("String", "Regex")
    return isinstance(value, dict) and len(value) == 1 and any(is_text(value.get(kind)) for kind in kinds)


def _character(value: Any) -> bool:
    return is_text(value) and len(value) == 1


def _count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 1 << 32


BEHAVIORS = ("Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous")
BYTE_LEVEL: Fields = {flag: (_is(bool), True) for flag in ("add_prefix_space", "trim_offsets", "use_regex")}
METASPACE: Fields = {
    "replacement": (_character, REQUIRED),
    "prepend_scheme": (_among("first", "never", "always"), "always"),
    "split": (_is(bool), True),
}
REPLACE: Fields = {"pattern": (_pattern, REQUIRED), "content": (is_text, REQUIRED)}

NORMALIZERS: dict[str, Fields] = {
    **{kind: {} for kind in ("NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents", "Nmt")},
    "ByteLevel": {},
    "Strip": {"strip_left": (_is(bool), REQUIRED), "strip_right": (_is(bool), REQUIRED)},
    "Prepend": {"prepend": (is_text, REQUIRED)},
    "Replace": REPLACE,
    "Precompiled": {"precompiled_charsmap": (is_text, REQUIRED)},
    "BertNormalizer": {
        "clean_text": (_is(bool), True),
        "handle_chinese_chars": (_is(bool), True),
        "strip_accents": (_is(bool, type(None)), None),
        "lowercase": (_is(bool), True),
    },
}
PRE_TOKENIZERS: dict[str, Fields] = {
    **{kind: {} for kind in ("Whitespace", "WhitespaceSplit", "BertPreTokenizer")},
    "ByteLevel": BYTE_LEVEL,
    "Split": {
        "pattern": (_pattern, REQUIRED),
        "behavior": (_among(*BEHAVIORS), REQUIRED),
        "invert": (_is(bool), False),
    },
    "Metaspace": METASPACE,
    "Digits": {"individual_digits": (_is(bool), False)},
    "Punctuation": {"behavior": (_among(*BEHAVIORS), "Isolated")},
    "CharDelimiterSplit": {"delimiter": (_character, REQUIRED)},
}
DECODERS: dict[str, Fields] = {
    **{kind: {} for kind in ("ByteFallback", "Fuse")},
    "ByteLevel": BYTE_LEVEL,
    "WordPiece": {"prefix": (is_text, "##"), "cleanup": (_is(bool), True)},
    "BPEDecoder": {"suffix": (is_text, "</w>")},
    "Metaspace": METASPACE,
    "Strip": {"content": (_character, REQUIRED), "start": (_count, REQUIRED), "stop": (_count, REQUIRED)},
    "Replace": REPLACE,
    "Join": {},  # the one word that is not the format's: tokens stand between spaces, as where a file has no decoder
}


def complete(step: Any, known: Mapping[str, Fields], place: str) -> Step:
    """A step with all its fields. Raises DataError that names the place and what is wrong or not done.

    >>> complete({"type": "Digits"}, PRE_TOKENIZERS, "pre_tokenizer")
    {'type': 'Digits', 'individual_digits': False}
    """
    kind = step.get("type") if isinstance(step, Mapping) else None
    if not isinstance(kind, str) or kind not in known:
        what = f"of type {short(kind)}" if isinstance(kind, str) else "of unknown form"
        raise DataError(f"{place} {what} is not supported")
    given = _metaspace(step, place) if kind == "Metaspace" else step
    fields = known[kind]
    whole: dict[str, Any] = {"type": kind}
    for name, (fits, missing) in fields.items():
        value = given.get(name, missing)
        if value is REQUIRED:
            raise DataError(f"{place} {kind} has no {name}")
        if not fits(value):
            raise DataError(f"{place} {kind} with {name} = {short(value)} is not supported")
        whole[name] = value
    for name, value in given.items():
        if name != "type" and name not in fields and value is not None:
            raise DataError(f"{place} {kind} with {name[:40]} = {short(value)} is not supported")
    return whole


def _metaspace(step: Mapping[str, Any], place: str) -> dict[str, Any]:
    """Without `add_prefix_space` and `str_rep`, the older words for `prepend_scheme` and `replacement`."""
    given = dict(step)
    given.pop("str_rep", None)
    prefix = given.pop("add_prefix_space", None)
    if prefix not in (None, True, False) or (prefix is False and given.get("prepend_scheme", "never") != "never"):
        raise DataError(f"{place} Metaspace with add_prefix_space = {short(prefix)} contradicts its prepend_scheme")
    if prefix is False:
        given["prepend_scheme"] = "never"
    return given


def completed(steps: Sequence[Any], known: Mapping[str, Fields], place: str) -> list[Step]:
    """All steps, complete."""
    return [complete(step, known, place) for step in steps]


def short(value: Any) -> str:
    """A value as it is shown in an error."""
    text = repr(value) if not isinstance(value, int) or abs(value) < 1 << 64 else "a huge number"
    return text if len(text) <= 40 else text[:37] + "..."
