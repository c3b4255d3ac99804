"""The small files beside a vocabulary: tokenizer_config.json, special_tokens_map.json, added_tokens.json.

Reference: `tokenization_utils_base.py` of https://github.com/huggingface/transformers. They name the class that
reads the vocabulary, its switches, and the tokens that are special.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from attncli.errors import DataError

__all__ = ["NAMES", "TokenizerConfig", "dumps", "loads"]

CONFIG, SPECIAL, ADDED = NAMES = ("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json")
ROLES = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
FLAGS = ("single_word", "lstrip", "rstrip", "normalized")


def loads(data: bytes, name: str) -> dict[str, Any]:
    """A file that holds one JSON object. Raises DataError that names it."""
    try:
        value = json.loads(data)
    except RecursionError:
        raise DataError(f"{name} is nested too deep") from None
    except ValueError as error:
        raise DataError(f"{name} is no JSON ({error})") from None
    if not isinstance(value, dict):
        raise DataError(f"{name} is no JSON object")
    return value


def dumps(value: Mapping[str, Any]) -> bytes:
    """A file that holds one JSON object."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8") + b"\n"


class TokenizerConfig:
    """What the small files say; `files` holds the bytes of those that there are, by name.

    >>> config = TokenizerConfig({"tokenizer_config.json": b'{"tokenizer_class": "GPT2TokenizerFast"}'})
    >>> config.tokenizer_class, config.flag("add_prefix_space", False)
    ('GPT2', False)
    """

    def __init__(self, files: Mapping[str, bytes] | None = None) -> None:
        read = {name: loads(data, name) for name, data in (files or {}).items()}
        self._config, self._special, self._added = (read.get(name, {}) for name in NAMES)

    @property
    def tokenizer_class(self) -> str:
        """Without `Tokenizer` and `Fast`; "" where none is named."""
        name = self._config.get("tokenizer_class")
        if name is not None and not isinstance(name, str):
            raise DataError(f"{CONFIG}: tokenizer_class is no name")
        return (name or "").removesuffix("Fast").removesuffix("Tokenizer")

    def flag(self, name: str, default: bool | None) -> bool | None:
        """A switch, or null. Raises DataError where it is neither true nor false nor null."""
        value = self._config.get(name, default)
        if value not in (True, False, None) or (isinstance(value, (int, float)) and not isinstance(value, bool)):
            raise DataError(f"{CONFIG}: {name} is neither true nor false")
        return default if value is None else bool(value)

    def added_tokens(self, vocab: Mapping[str, int], usual: Iterable[str] = ()) -> list[dict[str, Any]]:
        """The added tokens as tokenizer.json lists them: by id, special those that have a role.

        `usual` are special where the files name none at all. Raises DataError for a token that is out of order.
        """
        listed = self._config.get("added_tokens_decoder")
        if listed is not None:
            return _decoded(listed)
        roles = self._roles()
        ids = dict(self._added)
        for text in roles or usual:
            if text in vocab:
                ids.setdefault(text, vocab[text])
        found = [
            {"id": id_, "content": text, "special": text in roles or (not roles and text in usual)}
            | roles.get(text, {"normalized": text not in roles and text in self._added})
            for text, id_ in ids.items()
        ]
        for token in found:
            if type(token["id"]) is not int:
                place = ADDED if token["content"] in self._added else "the vocabulary"
                raise DataError(f"{place}: {str(token['content'])[:40]!r} has no id")
        return sorted(found, key=lambda token: int(token["id"]))

    def _roles(self) -> dict[str, dict[str, bool]]:
        """The tokens that have a role, with their flags."""
        values: list[Any] = []
        for name, source in ((SPECIAL, self._special), (CONFIG, self._config)):
            further = source.get("additional_special_tokens") or []
            if not isinstance(further, list):
                raise DataError(f"{name}: additional_special_tokens is no list")
            values += [source[role] for role in ROLES if source.get(role) is not None] + further
        roles: dict[str, dict[str, bool]] = {}
        for value in values:
            text = value.get("content") if isinstance(value, dict) else value
            if not isinstance(text, str) or not text:
                raise DataError(f"{SPECIAL}: a special token has no text")
            flags = value if isinstance(value, dict) else {}
            roles.setdefault(text, {flag: flags.get(flag, False) is True for flag in FLAGS})
        return roles


def _decoded(listed: Any) -> list[dict[str, Any]]:
    """`added_tokens_decoder`: id -> token."""
    if not isinstance(listed, dict):
        raise DataError(f"{CONFIG}: added_tokens_decoder is no object")
    found = []
    for id_, token in listed.items():
        if not isinstance(token, dict) or not id_.isdecimal() or len(id_) > 10:
            raise DataError(f"{CONFIG}: added_tokens_decoder[{id_[:40]!r}] is no token")
        found.append(token | {"id": int(id_)})
    return sorted(found, key=lambda token: int(token["id"]))
