"""The `post_processor` of a tokenizer.json: the ids that stand before and behind a text.

Templates of pairs are left aside: a document is one text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attncli.core.tokenizer.steps import short
from attncli.errors import DataError

__all__ = ["read_template", "written_template"]

Ids = list[int]
PLACE = "post_processor"


def read_template(value: Any, size: int) -> tuple[Ids, Ids]:
    """(ids before a text, ids behind it) under a vocabulary of this size. Raises DataError for another processor."""
    kind = value.get("type") if isinstance(value, dict) else None
    if value is None or kind == "ByteLevel":  # which changes offsets alone
        return [], []
    if kind == "Sequence" and isinstance(value.get("processors"), list):
        before: Ids = []
        behind: Ids = []
        for each in value["processors"]:
            outer = read_template(each, size)
            before, behind = outer[0] + before, behind + outer[1]
        return before, behind
    if kind in ("BertProcessing", "RobertaProcessing"):
        return [_named(value.get("cls"), kind, size)], [_named(value.get("sep"), kind, size)]
    if kind == "TemplateProcessing":
        return _read_single(value, size)
    raise DataError(f"{PLACE} of {f'type {short(kind)}' if isinstance(kind, str) else 'unknown form'} is not supported")


def _named(pair: Any, kind: str, size: int) -> int:
    """The id of ["[SEP]", 102]."""
    if not isinstance(pair, list) or len(pair) != 2 or not _is_id(pair[1], size):
        raise DataError(f"{PLACE} {kind} with {short(pair)} is no token and its id")
    return int(pair[1])


def _read_single(value: Mapping[str, Any], size: int) -> tuple[Ids, Ids]:
    single, special = value.get("single"), value.get("special_tokens")
    if not isinstance(single, list) or not isinstance(special, dict):
        raise DataError(f"{PLACE} TemplateProcessing has no single template with its special_tokens")
    before: Ids = []
    behind: Ids = []
    texts = 0
    for place, piece in enumerate(single):
        kind, inner = next(iter(piece.items())) if isinstance(piece, dict) and len(piece) == 1 else (None, None)
        name = inner.get("id") if isinstance(inner, dict) else None
        if kind == "Sequence" and name == "A" and not texts:
            texts += 1
            continue
        token = special.get(name) if kind == "SpecialToken" and isinstance(name, str) else None
        ids = token.get("ids") if isinstance(token, dict) else None
        if not isinstance(ids, list) or not all(_is_id(id_, size) for id_ in ids):
            raise DataError(f"{PLACE} TemplateProcessing: single[{place}] = {short(piece)} is not supported")
        (behind if texts else before).extend(ids)
    if not texts:
        raise DataError(f"{PLACE} TemplateProcessing leaves the text out")
    return before, behind


def _is_id(value: Any, size: int) -> bool:
    return type(value) is int and 0 <= value < size


def written_template(
    before: Sequence[int], behind: Sequence[int], names: Sequence[str] | Mapping[int, str]
) -> dict[str, Any] | None:
    """A post_processor that says the same; None where nothing is to be said.

    >>> [list(step) for step in written_template([0], [], ["<s>"])["single"]]
    [['SpecialToken'], ['Sequence']]
    """
    if not before and not behind:
        return None

    def special(ids: Sequence[int], type_id: int = 0) -> list[dict[str, Any]]:
        return [{"SpecialToken": {"id": names[id_], "type_id": type_id}} for id_ in ids]

    first = [*special(before), {"Sequence": {"id": "A", "type_id": 0}}, *special(behind)]
    tokens = {names[id_]: {"id": names[id_], "ids": [id_], "tokens": [names[id_]]} for id_ in [*before, *behind]}
    return {
        "type": "TemplateProcessing",
        "single": first,
        "pair": [*first, {"Sequence": {"id": "B", "type_id": 1}}, *special(behind, 1)],
        "special_tokens": tokens,
    }
