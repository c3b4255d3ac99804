"""What a BPE tokenizer's file says, whatever its format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["BPEModel"]


@dataclass(frozen=True)
class BPEModel:
    """The data of a BPE tokenizer: tokens, merges, and how text is cut before them."""

    tokens: Sequence[bytes]
    """id -> bytes; special tokens are the UTF-8 of their text."""
    merges: Sequence[tuple[int, int]]
    """(left, right) ids by rank."""
    unit: Literal["bytes", "characters"] = "bytes"
    """What the base symbols are: all 256 bytes, or the characters that the training text had."""
    pattern: str = ""
    """The regex whose matches are pieces; "" leaves the text whole."""
    drop_gaps: bool = False
    """Whether what the pattern does not match is left out (the textbook's words without their spaces)."""
    end_of_word: str | None = None
    """A symbol after each piece."""
    special_tokens: Mapping[str, int] = field(default_factory=dict)
    """Text -> id of the tokens that plain text never encodes to."""
    unknown: int | None = None
    """What a character outside the vocabulary becomes; None: it vanishes, as in Hugging Face's BPE."""
    normalizer: str | None = None
    """nfc, nfd, nfkc, nfkd or lowercase; applied to text before all else."""
    name: str = ""
    """What people call it."""
