"""Ids back to text, by the decoder steps of tokenizer.json."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attncli.core.reference.normalize import matches
from attncli.core.reference.stand_ins import BYTE_OF
from attncli.core.reference.text import encoded

__all__ = ["decode_steps"]

CLEANUP = {
    b" .": b".",
    b" ?": b"?",
    b" !": b"!",
    b" ,": b",",
    b" ' ": b"'",
    b" n't": b"n't",
    b" 'm": b"'m",
    b" do not": b" don't",
    b" 's": b"'s",
    b" 've": b"'ve",
    b" 're": b"'re",
}
"""What WordPiece's `cleanup` takes back, in this order."""
GROWTH, ROOM = 64, 1 << 20
"""Bytes that a text may have for each of its tokens' bytes, and beside: a few steps could double it often."""
FALLBACK = re.compile(rb"<0x([0-9A-Fa-f]{2})>")
Parts = list[bytes]


def decode_steps(steps: Sequence[Mapping[str, Any]]) -> Callable[[Sequence[bytes]], bytes]:
    """The function that joins tokens to a text.

    Bytes that make no UTF-8 stay as they are, where the reference puts U+FFFD.

    >>> decode_steps([{"type": "WordPiece", "prefix": "##", "cleanup": True}])([b"em", b"##bed", b",", b"please"])
    b'embed, please'
    """
    functions = [_function(step) for step in steps]

    def decode(tokens: Sequence[bytes]) -> bytes:
        listed = list(tokens)
        most = GROWTH * sum(map(len, listed)) + ROOM
        for function in functions:
            listed = function(listed)
            if sum(map(len, listed)) > most:
                raise ValueError(f"the decoder makes more than {most} bytes of {len(tokens)} tokens")
        return b"".join(listed)

    return decode


def _function(step: Mapping[str, Any]) -> Callable[[Parts], Parts]:
    kind = step["type"]
    if kind in ("ByteLevel", "ByteFallback", "Fuse", "Join"):
        return {"ByteLevel": _byte_level, "ByteFallback": _byte_fallback, "Fuse": _fuse, "Join": _join}[kind]
    if kind == "Replace":
        return _replace(step["pattern"], step["content"].encode("utf-8"))
    if kind == "Strip":
        sign = step["content"].encode("utf-8")
        return lambda tokens: [_stripped(token, sign, step["start"], step["stop"]) for token in tokens]
    if kind == "WordPiece":
        return lambda tokens: _wordpiece(tokens, step["prefix"].encode("utf-8"), step["cleanup"])
    if kind == "BPEDecoder":
        suffix = step["suffix"].encode("utf-8")
        return lambda tokens: [
            _put(token, suffix, b"" if place == len(tokens) else b" ") for place, token in enumerate(tokens, 1)
        ]
    sign, first = step["replacement"].encode("utf-8"), b"" if step["prepend_scheme"] != "never" else b" "
    return lambda tokens: [_put(token, sign, b" " if place else first) for place, token in enumerate(tokens)]


def _byte_level(tokens: Parts) -> Parts:
    """A token of stand-ins alone is their bytes; any other is itself."""
    return [b"".join(map(_unspelled, tokens))]


def _unspelled(token: bytes) -> bytes:
    text = token.decode("utf-8", "surrogateescape")
    return bytes(map(BYTE_OF.__getitem__, text)) if BYTE_OF.keys() >= set(text) else token


def _byte_fallback(tokens: Parts) -> Parts:
    """A run of tokens <0xNN> is their bytes."""
    listed, run = [], bytearray()
    for token in tokens:
        if byte := FALLBACK.fullmatch(token):
            run.append(int(byte[1], 16))
            continue
        if run:
            listed.append(bytes(run))
            run.clear()
        listed.append(token)
    return [*listed, bytes(run)] if run else listed


def _fuse(tokens: Parts) -> Parts:
    return [b"".join(tokens)]


def _join(tokens: Parts) -> Parts:
    return [b" ".join(tokens)]


def _put(token: bytes, text: bytes, content: bytes) -> bytes:
    return token.replace(text, content) if text else token


def _replace(pattern: Mapping[str, str], content: bytes) -> Callable[[Parts], Parts]:
    if "String" in pattern:
        return lambda tokens: [_put(token, pattern["String"].encode("utf-8"), content) for token in tokens]
    matches(pattern, "")  # whether it compiles

    def replace(token: bytes) -> bytes:
        text, made, at = token.decode("utf-8", "surrogateescape"), b"", 0
        for start, end in matches(pattern, text):
            made += encoded(text[at:start]) + content
            at = end
        return made + encoded(text[at:])

    return lambda tokens: list(map(replace, tokens))


def _stripped(token: bytes, sign: bytes, start: int, stop: int) -> bytes:
    """Without up to `start` signs on the left and `stop` on the right, both counted in the whole."""
    left, right = 0, len(token)
    while start and token.startswith(sign, left):
        left, start = left + len(sign), start - 1
    while stop and token.endswith(sign, 0, right):
        right, stop = right - len(sign), stop - 1
    return token[left : max(left, right)]


def _wordpiece(tokens: Parts, prefix: bytes, cleanup: bool) -> Parts:
    listed = []
    for place, token in enumerate(tokens):
        if place:
            token = token[len(prefix) :] if token.startswith(prefix) else b" " + token
        for before, after in CLEANUP.items() if cleanup else ():
            token = token.replace(before, after)
        listed.append(token)
    return listed
