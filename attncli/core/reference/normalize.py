"""Normalizers, as tokenizer.json names them: the twin of `native/src/normalize`.

The Unicode here is Python's own; the native engine has that of Hugging Face's crates, which is older.
"""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import Any, Literal, cast

import regex

from attncli.core.reference.charsmap import Charsmap
from attncli.core.reference.stand_ins import spelled
from attncli.core.reference.text import Span, Text, encoded

__all__ = ["is_punctuation", "matches", "normalize"]

Change = tuple[int, int, str]
NMT_GONE = {*range(0x1, 0x9), 0xB, *range(0xE, 0x20), 0x7F, 0x8F, 0x9F}
NMT_SPACE = {9, 10, 12, 13, 0x1680, *range(0x200B, 0x2010), 0x2028, 0x2029, 0x2581, 0xFEFF, 0xFFFD}
CHINESE = [(0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F), (0x2B740, 0x2B81F)]
CHINESE += [(0x2B920, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F)]


def normalize(step: Mapping[str, Any], text: Text) -> Text:
    """What a step makes of a text. Raises ValueError for a pattern that does not compile."""
    if step["type"] == "ByteLevel":
        spans = [[span] * len(encoded(spelled(bytes([byte])))) for byte, span in _bytes(text)]
        return Text(spelled(encoded(text.characters)), spans, text.first)
    changed = text.replaced(_changes(step, text.characters))
    # Where characters at the start go, what follows counts as the start.
    return replace(changed, first=text.first) if step["type"] == "Precompiled" else changed


def _bytes(text: Text) -> Iterator[tuple[int, Span]]:
    """The bytes of a text, and what each stands for."""
    yield from zip(encoded(text.characters), (span for spans in text.spans for span in spans), strict=True)


def _changes(step: Mapping[str, Any], characters: str) -> Iterator[Change]:
    kind = step["type"]
    if kind in ("NFC", "NFD", "NFKC", "NFKD"):
        yield from _form(kind, characters)
    elif kind == "Strip":
        yield from _strip(step, characters)
    elif kind == "Prepend":
        if characters:
            yield 0, 0, step["prepend"]
    elif kind == "Replace":
        for start, end in matches(step["pattern"], characters):
            yield start, end, step["content"]
    elif kind == "BertNormalizer":
        yield from _bert(step, characters)
    elif kind == "Precompiled":
        yield from _precompiled(_charsmap(step["precompiled_charsmap"]), characters)
    else:
        change = {"Lowercase": str.lower, "StripAccents": _without_mark, "Nmt": _nmt}[kind]
        for place, character in enumerate(characters):
            if not _is_lost(character):
                yield place, place + 1, change(character)


def _is_lost(character: str) -> bool:
    """Whether it is a byte that is no UTF-8: those stay as they are."""
    return "\udc80" <= character <= "\udcff"


def _without_mark(character: str) -> str:
    return "" if unicodedata.category(character).startswith("M") else character


def _nmt(character: str) -> str:
    return "" if ord(character) in NMT_GONE else " " if ord(character) in NMT_SPACE else character


def matches(pattern: Mapping[str, str], characters: str) -> list[tuple[int, int]]:
    """(start, end) of each match of {"String": …} or {"Regex": …}; an empty string is never found, and none in it."""
    source = regex.escape(pattern["String"]) if "String" in pattern else pattern["Regex"]
    try:
        compiled = regex.compile(source)
    except regex.error as error:
        raise ValueError(f"the pattern does not compile: {error}") from error
    if not characters or ("String" in pattern and not source):
        return []
    seen = regex.sub("[\udc80-\udcff]", "\ufffd", characters) if "Regex" in pattern else characters
    found: list[tuple[int, int]] = []
    for match in compiled.finditer(seen):
        # An empty match right behind another is none.
        if match.start() < match.end() or not found or found[-1][1] != match.end():
            found.append(match.span())
    return found


def _strip(step: Mapping[str, Any], characters: str) -> Iterator[Change]:
    space = regex.compile(r"\s")
    start, end = 0, len(characters)
    while step["strip_left"] and start < end and space.match(characters[start]):
        start += 1
    yield 0, start, ""
    while step["strip_right"] and start < end and space.match(characters[end - 1]):
        end -= 1
    yield end, len(characters), ""


@cache
def _composing() -> frozenset[str]:
    """Characters that compose with one before them."""
    found = {chr(code) for code in (*range(0x1161, 0x1176), *range(0x11A8, 0x11C3))}
    for code in range(sys.maxunicode + 1):
        parts = unicodedata.decomposition(chr(code)).split()
        if len(parts) == 2 and not parts[0].startswith("<") and unicodedata.normalize("NFC", chr(code)) == chr(code):
            found.add(chr(int(parts[1], 16)))
    return frozenset(found)


def _form(form: str, characters: str) -> Iterator[Change]:
    """By segments that no other can change: each begins with a character that joins nothing before it."""
    named = cast(Literal["NFC"], form)
    decomposed = cast(Literal["NFD"], form.replace("C", "D"))
    start = 0
    for end in range(1, len(characters) + 1):
        if end < len(characters):
            first = unicodedata.normalize(decomposed, characters[end])[0]
            if unicodedata.combining(first) or (form.endswith("C") and first in _composing()):
                continue
        yield start, end, unicodedata.normalize(named, characters[start:end])
        start = end


_charsmap = cache(Charsmap.from_base64)


def _precompiled(charsmap: Charsmap, characters: str) -> Iterator[Change]:
    """SentencePiece's map, as Hugging Face applies it: a short grapheme becomes what the shortest string becomes that
    it begins with; of others each character is looked up by itself."""
    for grapheme in regex.finditer(r"\X", characters):
        start, end = grapheme.span()
        text = encoded(grapheme[0])
        parts = [(start, end)] if len(text) <= 5 and charsmap.shortest(text) is not None else []
        for first, last in parts or [(place, place + 1) for place in range(start, end)]:
            becomes = charsmap.shortest(encoded(characters[first:last]))
            if becomes is not None and not _is_lost(characters[first]):
                yield first, last, becomes.decode("utf-8", "surrogateescape")


def _bert(step: Mapping[str, Any], characters: str) -> Iterator[Change]:
    """`BasicTokenizer` of BERT's tokenization.py, up to its split."""
    strip = step["lowercase"] if step["strip_accents"] is None else step["strip_accents"]

    def finished(cleaned: str) -> str:
        if strip:
            parts = unicodedata.normalize("NFD", cleaned)
            cleaned = "".join(part for part in parts if unicodedata.category(part) != "Mn")
        return "".join(part.lower() for part in cleaned) if step["lowercase"] else cleaned

    for run in regex.finditer(r"[^\x00-\x7f\udc80-\udcff]+|.", characters, regex.DOTALL):
        if _is_lost(run[0]):
            continue
        cleaned = [_cleaned(step, character) for character in run[0]]
        if strip and any(unicodedata.combining(c) and unicodedata.category(c) != "Mn" for c in run[0]):
            yield run.start(), run.end(), finished("".join(cleaned))  # marks that stay are put in order
            continue
        for place, each in enumerate(cleaned, run.start()):
            yield place, place + 1, finished(each)


def _cleaned(step: Mapping[str, Any], character: str) -> str:
    if step["clean_text"]:
        control = unicodedata.category(character).startswith("C") and character not in "\t\n\r"
        if control or character == "\ufffd":
            return ""
        character = " " if character.isspace() else character
    chinese = any(first <= ord(character) <= last for first, last in CHINESE)
    return f" {character} " if step["handle_chinese_chars"] and chinese else character


def is_punctuation(character: str) -> bool:
    """ASCII's signs, and Unicode's punctuation."""
    if character.isascii():
        return character.isprintable() and not character.isalnum() and character != " "
    return unicodedata.category(character).startswith("P")
