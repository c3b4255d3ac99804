"""Ids back to text, by the decoder steps of tokenizer.json."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from attncli.core.reference.normalize import matches
from attncli.core.reference.stand_ins import BYTE_OF
from attncli.core.reference.text import encoded

__all__ = ["GROWTH", "ROOM", "check_length", "decode_steps"]

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
Function = Callable[[Parts, int], Iterable[bytes]]
"""What a step makes of tokens, one after another; none may have more bytes than so many."""


def decode_steps(steps: Sequence[Mapping[str, Any]]) -> Callable[[Sequence[bytes]], bytes]:
    """The function that joins tokens to a text.

    Bytes that make no UTF-8 stay as they are, where the reference puts U+FFFD. Raises ValueError for a pattern that
    does not compile; the function does, before memory is taken, where a step makes far more of tokens than they were.

    >>> decode_steps([{"type": "WordPiece", "prefix": "##", "cleanup": True}])([b"em", b"##bed", b",", b"please"])
    b'embed, please'
    """
    functions = [_function(step) for step in steps]

    def decode(tokens: Sequence[bytes]) -> bytes:
        listed = list(tokens)
        most = GROWTH * sum(map(len, listed)) + ROOM
        for function in functions:
            listed = _within(most, function(listed, most))
        return b"".join(listed)

    return decode


def _within(most: int, tokens: Iterable[bytes]) -> Parts:
    """The tokens, if they have no more bytes than so many."""
    listed, length = [], 0
    for token in tokens:
        length += len(token)
        check_length(length, most)
        listed.append(token)
    return listed


def check_length(length: int, most: int) -> None:
    """Raises ValueError where a text has more bytes than so many."""
    if length > most:
        raise ValueError(f"the decoder makes more than {most} bytes of a text's tokens")


def _function(step: Mapping[str, Any]) -> Function:
    kind = step["type"]
    if kind == "Replace":
        return _replace(step["pattern"], step["content"].encode("utf-8"))
    grows_little = _of_tokens(step)
    return lambda tokens, _most: grows_little(tokens)


def _of_tokens(step: Mapping[str, Any]) -> Callable[[Parts], Iterable[bytes]]:
    """The function of a step that makes no token longer, but by a space."""
    kind = step["type"]
    if kind in ("ByteLevel", "ByteFallback", "Fuse", "Join"):
        return {"ByteLevel": _byte_level, "ByteFallback": _byte_fallback, "Fuse": _fuse, "Join": _join}[kind]
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


def _replace(pattern: Mapping[str, str], content: bytes) -> Function:
    if "String" in pattern:
        sought = pattern["String"].encode("utf-8")

        def put(token: bytes, most: int) -> bytes:
            found = token.count(sought) if sought else 0
            check_length(len(token) + found * (len(content) - len(sought)), most)
            return _put(token, sought, content)

        return lambda tokens, most: (put(token, most) for token in tokens)
    matches(pattern, "")  # whether it compiles

    def replace(token: bytes, most: int) -> bytes:
        text, at = token.decode("utf-8", "surrogateescape"), 0
        found = matches(pattern, text)
        kept = []
        for start, end in [*found, (len(text), len(text))]:
            kept.append(encoded(text[at:start]))
            at = end
        check_length(sum(map(len, kept)) + len(found) * len(content), most)
        return content.join(kept)

    return lambda tokens, most: (replace(token, most) for token in tokens)


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
