"""Special tokens: cut out of a text where the caller allows it, plain text otherwise."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from attncli.errors import CallError

__all__ = ["chosen", "cut"]


def chosen(special_tokens: Mapping[str, int], allow: str | Iterable[str] | None) -> dict[bytes, int]:
    """The special tokens that a call allows: none, "all", or those named. Raises CallError for others.

    >>> chosen({"<|end|>": 7}, "all")
    {b'<|end|>': 7}
    """
    if allow is None or allow == "none":
        return {}
    names = list(special_tokens) if allow == "all" else [allow] if isinstance(allow, str) else list(allow)
    for name in names:
        if name not in special_tokens:
            known = ", ".join(list(special_tokens)[:8]) or "none"
            raise CallError(f"{name!r} is no special token of this tokenizer", hint=f"it has {known}")
    return {name.encode("utf-8"): special_tokens[name] for name in names}


def cut(text: bytes, special: Mapping[bytes, int]) -> Iterator[bytes | int]:
    """The text with each special token as its id: leftmost, and of several that begin there the longest.

    >>> list(cut(b"a<|end|>b", {b"<|end|>": 7}))
    [b'a', 7, b'b']
    """
    longest_first = sorted(special, key=len, reverse=True)
    at = 0
    for found in re.finditer(b"|".join(map(re.escape, longest_first)), text):
        if found.start() > at:
            yield text[at : found.start()]
        yield special[found.group()]
        at = found.end()
    if at < len(text):
        yield text[at:]
