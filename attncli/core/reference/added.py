"""Added tokens, cut out of a text before all else: the twin of `native/src/added.rs`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import regex

__all__ = ["sections"]

WORD = regex.compile(r"\w")


def sections(characters: str, tokens: Sequence[tuple[str, Mapping[str, Any]]]) -> Iterator[tuple[int, int, int | None]]:
    """(start, end, id) of added tokens, given as (what is looked for, the token), and of what lies between them, with
    None: leftmost, and of several that begin there the longest."""
    known = {text: token for text, token in reversed(tokens) if text}
    longest_first = sorted(known, key=lambda text: len(text.encode("utf-8", "surrogateescape")), reverse=True)
    done = 0
    for found in regex.finditer("|".join(map(regex.escape, longest_first)), characters) if known else ():
        token = known[found[0]]
        start, end = found.span()
        in_word = WORD.match(characters[end : end + 1]) or WORD.match(characters[max(start - 1, 0) : start])
        if token["single_word"] and in_word:
            continue
        while token["lstrip"] and start > 0 and _is_space(characters[start - 1]):
            start -= 1
        while token["rstrip"] and end < len(characters) and _is_space(characters[end]):
            end += 1
        start = max(start, done)
        end = max(end, start)
        if done < start:
            yield done, start, None
        yield start, end, token["id"]
        done = end
    if done < len(characters):
        yield done, len(characters), None


def _is_space(character: str) -> bool:
    return regex.match(r"\s", character) is not None
