"""The large tables of tokenizer files: the twins of `_native.lift_tokenizer_json`, `_native.lift_vocab_merges` and
`_native.add_tokens`."""

from __future__ import annotations

import json
from array import array
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from attncli.core.reference.ranks import LARGEST_HOLE, LARGEST_ID, flat

__all__ = ["add_tokens", "lift_tokenizer_json", "lift_vocab_merges"]

_PRINTABLE = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
_OTHERS = [byte for byte in range(256) if byte not in _PRINTABLE]
BYTE_OF = {chr(byte): byte for byte in _PRINTABLE} | {chr(0x100 + place): byte for place, byte in enumerate(_OTHERS)}
"""GPT-2's stand-ins (`bytes_to_unicode` in its encoder.py)."""


def lift_tokenizer_json(data: bytes) -> tuple[bytes, bytes, bytes, bytes] | None:
    """`model.vocab` and `model.merges`, and the rest of the file; see `_native.pyi`."""
    try:
        whole = json.loads(data)
        model = whole["model"]
        vocab, merges = model["vocab"], model["merges"]
        names = _names(vocab)
        pairs = array("I", [vocab[part] for merge in merges for part in _pair(merge)])
        blob, ends = flat([name.encode("utf-8") for name in names])
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        return None
    rest = whole | {"model": model | {"vocab": None, "merges": None}}
    return json.dumps(rest).encode("ascii"), blob, ends, pairs.tobytes()


def lift_vocab_merges(vocab: bytes, merges: bytes) -> tuple[bytes, bytes, bytes] | None:
    """The tables of a vocab.json and its merges.txt; see `_native.pyi`."""
    try:
        ids = json.loads(vocab)
        lines = merges.decode("utf-8").split("\n")
        if lines[-1] == "":
            lines.pop()
        header = merges.startswith(b"#version")
        pairs = [_pair(line.removesuffix("\r")) for line in lines[header:]]
        made = [left + right in ids for left, right in pairs]
        numbers = array("I", [ids[part] for pair in pairs for part in pair])
        blob, ends = flat([name.encode("utf-8") for name in _names(ids)])
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        return None
    return (blob, ends, numbers.tobytes()) if all(made) else None


def add_tokens(
    tokens: bytes, ends: bytes, added: Sequence[tuple[int, bytes]], spelled: bool
) -> tuple[bytes, bytes] | None:
    """The tokens by id with the added ones; see `_native.pyi`."""
    names = [tokens[start:end] for start, end in pairwise([0, *array("I", ends)])]
    by_id, texts = dict(added), {text for _, text in added}
    if len(by_id) < len(added) or len(texts) < len(added) or b"" in texts:
        return None
    size = max([len(names), *(id_ + 1 for id_ in by_id)])
    if size > len(names) + len(added) + LARGEST_HOLE:
        return None
    names += [b""] * (size - len(names))
    for id_, name in enumerate(names):
        taken = id_ in by_id and name not in (b"", by_id[id_])
        elsewhere = id_ not in by_id and name in texts
        if taken or elsewhere:
            return None
    try:
        found = [by_id[id_] if id_ in by_id else _bytes(name, spelled) for id_, name in enumerate(names)]
    except (KeyError, UnicodeDecodeError):
        return None
    return flat(found)


def _bytes(name: bytes, spelled: bool) -> bytes:
    return bytes(BYTE_OF[character] for character in name.decode("utf-8")) if spelled else name


def _names(vocab: Any) -> list[str]:
    """The spelling of each id. Raises ValueError where the table is out of order."""
    names = {id_: name for name, id_ in vocab.items()}
    ordered = all(type(id_) is int and 0 <= id_ < LARGEST_ID for id_ in names) and all(vocab)
    size = max(names, default=-1) + 1
    if not names or not ordered or len(names) < len(vocab) or size > len(names) + LARGEST_HOLE:
        raise ValueError("no vocabulary")
    return [names.get(id_, "") for id_ in range(size)]


def _pair(merge: Any) -> Any:
    """Merges stand as ["a", "b"], in older files as "a b"."""
    parts = merge.split(" ") if isinstance(merge, str) else merge
    if type(parts) is not list or len(parts) != 2:
        raise ValueError("no pair")
    return parts
