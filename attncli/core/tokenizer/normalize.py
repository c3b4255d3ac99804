"""Unicode normalization of text before it is tokenized. Bytes that are no UTF-8 stay as they are."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Literal, cast

from attncli.errors import CallError

__all__ = ["NORMALIZERS", "normalizer"]

NORMALIZERS = {"nfc": "NFC", "nfd": "NFD", "nfkc": "NFKC", "nfkd": "NFKD", "lowercase": "Lowercase"}
"""Name -> the step of tokenizer.json."""


def normalizer(name: str | None) -> Callable[[bytes], bytes] | None:
    """The function of a name; None for None.

    >>> normalizer("nfc")("e\u0301".encode()).decode()
    'é'
    """
    if name is None:
        return None
    if name not in NORMALIZERS:
        raise CallError(f"no normalizer is called {name!r}", hint=f"use one of {', '.join(NORMALIZERS)}")

    def change(text: bytes) -> bytes:
        decoded = text.decode("utf-8", "surrogateescape")
        if name == "lowercase":
            # Character by character, as Rust's and so Hugging Face's does it: no final sigma.
            changed = "".join(character.lower() for character in decoded)
        else:
            changed = unicodedata.normalize(cast(Literal["NFC"], name.upper()), decoded)
        return changed.encode("utf-8", "surrogateescape")

    return change
