"""Ids back to text, by the decoder steps of tokenizer.json."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attncli.core.tokenizer.model import Step
from attncli.core.tokenizer.steps import DECODERS, completed
from attncli.core.tokenizer.vocab import BYTE_OF
from attncli.errors import DataError

__all__ = ["decode_steps"]

CLEANUP = {
    " .": ".",
    " ?": "?",
    " !": "!",
    " ,": ",",
    " ' ": "'",
    " n't": "n't",
    " 'm": "'m",
    " do not": " don't",
    " 's": "'s",
    " 've": "'ve",
    " 're": "'re",
}
"""What WordPiece's `cleanup` takes back, in this order."""
GROWTH, ROOM = 64, 1 << 20
"""Characters that a text may have for each of its tokens' characters, and beside: a few steps could double it often."""
PATIENCE = 1e-5
"""Seconds for a character that a regex may take: a thousand times what it does."""
FALLBACK = re.compile(r"<0x([0-9A-Fa-f]{2})>")


def decode_steps(steps: Sequence[Step]) -> Callable[[Sequence[str]], str]:
    """The function that joins tokens to a text.

    Bytes that make no UTF-8 stand in the text as lone surrogates (`surrogateescape`), where the reference puts
    U+FFFD: so they come back as they were.

    >>> decode_steps([{"type": "WordPiece"}])(["em", "##bed", ",", "please"])
    'embed, please'
    """
    functions = [_function(step) for step in completed(steps, DECODERS, "decoder")]

    def decode(tokens: Sequence[str]) -> str:
        listed = list(tokens)
        most = GROWTH * sum(map(len, listed)) + ROOM
        for function in functions:
            listed = function(listed)
            if sum(map(len, listed)) > most:
                raise DataError(f"the decoder makes more than {most:,} characters of {len(tokens):,} tokens")
        return "".join(listed)

    return decode


def _function(step: Mapping[str, Any]) -> Callable[[list[str]], list[str]]:
    kind = step["type"]
    if kind in ("ByteLevel", "ByteFallback", "Fuse", "Join"):
        return {"ByteLevel": _byte_level, "ByteFallback": _byte_fallback, "Fuse": _fuse, "Join": _join}[kind]
    if kind == "Replace":
        return _replace(step["pattern"], step["content"])
    if kind == "Strip":
        return lambda tokens: [_stripped(token, step["content"], step["start"], step["stop"]) for token in tokens]
    if kind == "WordPiece":
        return lambda tokens: _wordpiece(tokens, step["prefix"], step["cleanup"])
    if kind == "BPEDecoder":
        return lambda tokens: (
            [token.replace(step["suffix"], " ") for token in tokens[:-1]]
            + [token.replace(step["suffix"], "") for token in tokens[-1:]]
        )
    sign, first = step["replacement"], "" if step["prepend_scheme"] != "never" else " "
    return lambda tokens: [token.replace(sign, " " if place else first) for place, token in enumerate(tokens)]


def _byte_level(tokens: list[str]) -> list[str]:
    """A token of stand-ins alone is their bytes; any other is itself."""
    whole = b"".join(
        bytes(map(BYTE_OF.__getitem__, token)) if BYTE_OF.keys() >= set(token) else _encoded(token) for token in tokens
    )
    return [whole.decode("utf-8", "surrogateescape")]


def _byte_fallback(tokens: list[str]) -> list[str]:
    """A run of tokens <0xNN> is their bytes."""
    listed, run = [], bytearray()
    for token in tokens:
        if byte := FALLBACK.fullmatch(token):
            run.append(int(byte[1], 16))
            continue
        if run:
            listed.append(run.decode("utf-8", "surrogateescape"))
            run.clear()
        listed.append(token)
    return [*listed, run.decode("utf-8", "surrogateescape")] if run else listed


def _fuse(tokens: list[str]) -> list[str]:
    # Halves of a character that came from different runs of bytes find each other.
    return [_encoded("".join(tokens)).decode("utf-8", "surrogateescape")]


def _join(tokens: list[str]) -> list[str]:
    return [" ".join(tokens)]


def _replace(pattern: Mapping[str, str], content: str) -> Callable[[list[str]], list[str]]:
    if text := pattern.get("String"):
        return lambda tokens: [token.replace(text, content) for token in tokens]
    import regex  # few files want it, and it takes longer to import than to decode a line

    try:
        compiled = regex.compile(pattern.get("Regex") or r"(?!)")
    except regex.error as error:
        raise DataError(f"decoder Replace: the pattern does not compile: {error}") from error

    def replace(tokens: list[str]) -> list[str]:
        try:
            return [compiled.sub(lambda _: content, token, timeout=PATIENCE * (len(token) + 1e5)) for token in tokens]
        except TimeoutError:
            raise DataError("decoder Replace: the pattern backtracks without end") from None

    return replace


def _stripped(token: str, sign: str, start: int, stop: int) -> str:
    """Without up to `start` signs on the left and `stop` on the right."""
    left = min(len(token) - len(token.lstrip(sign)), start)
    right = min(len(token) - len(token.rstrip(sign)), stop)
    return token[left : max(left, len(token) - right)]


def _wordpiece(tokens: list[str], prefix: str, cleanup: bool) -> list[str]:
    listed = []
    for place, token in enumerate(tokens):
        if place:
            token = token[len(prefix) :] if token.startswith(prefix) else " " + token
        for before, after in CLEANUP.items() if cleanup else ():
            token = token.replace(before, after)
        listed.append(token)
    return listed


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
