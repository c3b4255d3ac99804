"""Pre-tokenizers, as tokenizer.json names them: the twin of `native/src/pretokenize`."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from attncli.core.reference.normalize import is_punctuation, matches, normalize
from attncli.core.reference.text import Text

__all__ = ["pre_tokenize"]

GPT2 = r"""'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"""
Part = tuple[int, int, bool]


def pre_tokenize(step: Mapping[str, Any], text: Text, *, spell: bool) -> list[Text]:
    """The pieces of a text, none empty. `spell`: whether ByteLevel writes stand-ins."""
    kind = step["type"]
    if kind == "ByteLevel":
        if step["add_prefix_space"] and not text.characters.startswith(" "):
            text = text.replaced([(0, 0, " ")])
        pieces = _cut(text, _regex(GPT2, text), "Isolated") if step["use_regex"] else [text]
        return [normalize({"type": "ByteLevel"}, piece) for piece in pieces] if spell else pieces
    if kind == "Metaspace":
        sign, scheme = step["replacement"], step["prepend_scheme"]
        wanted = scheme == "always" or (scheme == "first" and text.first)
        if wanted and not text.characters.startswith((sign, " ")):
            text = text.replaced([(0, 0, sign)])
        text = normalize({"type": "Replace", "pattern": {"String": " "}, "content": sign}, text)
        return _cut(text, matches({"String": sign}, text.characters), "MergedWithNext") if step["split"] else [text]
    if kind == "Split":
        return _cut(text, matches(step["pattern"], text.characters), step["behavior"], invert=step["invert"])
    if kind == "Whitespace":
        return _cut(text, _regex(r"\w+|[^\w\s]+", text), "Removed", invert=True)
    if kind == "WhitespaceSplit":
        return _cut(text, _class(_is_space, text), "Removed")
    if kind == "BertPreTokenizer":
        words = _cut(text, _class(_is_space, text), "Removed")
        return [piece for word in words for piece in _cut(word, _class(is_punctuation, word), "Isolated")]
    if kind == "Digits":
        behavior = "Isolated" if step["individual_digits"] else "Contiguous"
        return _cut(text, _class(_is_number, text), behavior)
    if kind == "Punctuation":
        return _cut(text, _class(is_punctuation, text), step["behavior"])
    return _cut(text, matches({"String": step["delimiter"]}, text.characters), "Removed")


def _regex(source: str, text: Text) -> list[tuple[int, int]]:
    return matches({"Regex": source}, text.characters)


def _class(belongs: Callable[[str], bool], text: Text) -> list[tuple[int, int]]:
    return [(place, place + 1) for place, character in enumerate(text.characters) if belongs(character)]


def _is_space(character: str) -> bool:
    # Python counts four control characters too, which are no White_Space.
    return character.isspace() and character not in "\x1c\x1d\x1e\x1f"


def _is_number(character: str) -> bool:
    return unicodedata.category(character).startswith("N")


def _cut(text: Text, found: Iterable[tuple[int, int]], behavior: str, *, invert: bool = False) -> list[Text]:
    """The parts between matches and the matches themselves, put together as the behaviour has it."""
    parts: list[Part] = []
    for start, end, is_match in _stretches(found, len(text.characters), invert):
        if behavior == "Removed" and is_match:
            continue
        after_match = bool(parts) and parts[-1][2]
        joined = {
            "Contiguous": is_match == after_match,
            "MergedWithPrevious": is_match and not after_match,
            "MergedWithNext": not is_match and after_match,
        }
        if parts and joined.get(behavior, False):
            start = parts.pop()[0]
        parts.append((start, end, is_match))
    return [text.part(start, end) for start, end, _ in parts if start < end]


def _stretches(found: Iterable[tuple[int, int]], length: int, invert: bool) -> Iterator[Part]:
    done = 0
    for start, end in found:
        if done < start:
            yield done, start, invert
        yield start, end, not invert
        done = end
    if done < length:
        yield done, length, invert
