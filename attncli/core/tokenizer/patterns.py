"""The known pre-tokenization patterns by name, and regexes that users bring.

A pattern's matches, and the gaps between them, are the pieces within which BPE merges.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from attncli.errors import CallError

__all__ = ["KNOWN", "WHITESPACE", "name_of", "only_pattern", "resolve"]

GPT2 = r"""'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"""
"""As GPT-2's encoder.py has it."""
CL100K = (
    r"""'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*+"""
    r"""|\s++$|\s*[\r\n]|\s+(?!\S)|\s"""
)
"""As tiktoken has it, but `{1,3}` for `{1,3}+`, which Hugging Face's engine reads as a repetition of one."""
O200K = (
    r"""[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"""
    r"""|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"""
    r"""|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"""
)
"""As tiktoken has it."""
WHITESPACE = r"\S+"
"""Words between white space: the textbook's."""

KNOWN = {
    "gpt2": GPT2,
    "r50k_base": GPT2,
    "p50k_base": GPT2,
    "cl100k": CL100K,
    "cl100k_base": CL100K,
    "o200k": O200K,
    "o200k_base": O200K,
    "whitespace": WHITESPACE,
    "none": "",
}


def resolve(pattern: str) -> str:
    """The regex that a name stands for, or the regex itself. Raises CallError for a misspelled name.

    >>> resolve("whitespace")
    '\\\\S+'
    """
    if pattern in KNOWN:
        return KNOWN[pattern]
    if pattern.replace("_", "").replace("-", "").isalnum():
        # A word of letters and digits is a name, not a regex that finds just itself.
        near = difflib.get_close_matches(pattern, KNOWN, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"use one of {', '.join(KNOWN)}, or a regex"
        raise CallError(f"no pattern is called {pattern!r}", hint=hint)
    return pattern


def name_of(source: str) -> str | None:
    """The first name of a known regex.

    >>> name_of("")
    'none'
    """
    return next((name for name, known in KNOWN.items() if known == source), None)


def only_pattern(pre_tokenizer: Sequence[Mapping[str, Any]]) -> tuple[str, bool] | None:
    """The one pattern that steps of tokenizer.json cut by, and whether what it does not match is left out.

    None where they do more than that.

    >>> only_pattern([{"type": "ByteLevel", "add_prefix_space": False, "use_regex": True}])[0] == GPT2
    True
    """
    found = [("", False)]
    for step in pre_tokenizer:
        kind, regex = step["type"], step.get("pattern", {}).get("Regex")
        behavior = (step.get("behavior"), step.get("invert"))
        if kind == "ByteLevel" and not step["add_prefix_space"]:
            found += [(GPT2, False)] if step["use_regex"] else []
        elif kind == "Split" and regex and behavior in (("Isolated", False), ("Removed", True)):
            found.append((regex, behavior[1] is True))
        else:
            return None
    return found[-1] if len(found) < 3 else None
