"""The one place that chooses between the native engine (Rust) and the reference engine (Python and NumPy).

`ATTNCLI_ENGINE=native|reference` overrides; without it the native engine runs where it could be built.
`attncli/_native.pyi` is the contract of both.
"""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, cast

from attncli.errors import CallError

if TYPE_CHECKING:
    from attncli import _native

__all__ = [
    "add_tokens",
    "attention",
    "attention_summary",
    "attention_weights",
    "derive_merges",
    "finite",
    "kernel_attention",
    "lift_tokenizer_json",
    "name",
    "project_keys",
    "read_ranks",
    "read_table_rows",
    "rotate",
    "splitter",
    "tokenizer",
    "train_merges",
    "train_word2vec",
    "word_counts",
    "write_table_rows",
]

VARIABLE = "ATTNCLI_ENGINE"


@cache
def name() -> Literal["native", "reference"]:
    """The engine in use. Raises CallError where `ATTNCLI_ENGINE` asks for one that is not there."""
    wanted = os.environ.get(VARIABLE, "")
    if wanted not in ("", "native", "reference"):
        raise CallError(f"{VARIABLE} is {wanted!r}", hint="use native or reference, or leave it out")
    if wanted == "reference":
        return "reference"
    try:
        from attncli import _native  # noqa: F401
    except ImportError as error:
        if wanted == "native":
            raise CallError(
                f"the native engine cannot be loaded ({error})", hint="install Rust and attncli again"
            ) from error
        return "reference"
    return "native"


def splitter() -> type[_native.Splitter]:
    """The class that cuts text into pieces."""
    if name() == "native":
        from attncli._native import Splitter

        return Splitter
    from attncli.core.reference.split import Splitter as Twin

    return cast("type[_native.Splitter]", Twin)


def word_counts() -> type[_native.WordCounts]:
    """The class that counts pieces."""
    if name() == "native":
        from attncli._native import WordCounts

        return WordCounts
    from attncli.core.reference.counts import WordCounts as Twin

    return cast("type[_native.WordCounts]", Twin)


def train_merges() -> Any:
    """The function that learns merges."""
    if name() == "native":
        from attncli._native import train_merges

        return train_merges
    from attncli.core.reference.train import train_merges as twin

    return twin


def train_word2vec() -> Any:
    """The function that trains vectors of words."""
    if name() == "native":
        from attncli._native import train_word2vec

        return train_word2vec
    from attncli.core.reference.word2vec import train_word2vec as twin

    return twin


def tokenizer() -> type[_native.Tokenizer]:
    """The class that encodes."""
    if name() == "native":
        from attncli._native import Tokenizer

        return Tokenizer
    from attncli.core.reference.pipeline import Tokenizer as Twin

    return cast("type[_native.Tokenizer]", Twin)


def read_ranks() -> Any:
    """The function that reads tiktoken's ranks."""
    if name() == "native":
        from attncli._native import read_ranks

        return read_ranks
    from attncli.core.reference.ranks import read_ranks as twin

    return twin


def derive_merges() -> Any:
    """The function that derives merges from ranks."""
    if name() == "native":
        from attncli._native import derive_merges

        return derive_merges
    from attncli.core.reference.ranks import derive_merges as twin

    return twin


def lift_tokenizer_json() -> Any:
    """The function that lifts the large tables out of a tokenizer.json."""
    if name() == "native":
        from attncli._native import lift_tokenizer_json

        return lift_tokenizer_json
    from attncli.core.reference.tables import lift_tokenizer_json as twin

    return twin


def lift_vocab_merges() -> Any:
    """The function that reads a vocab.json and its merges.txt."""
    if name() == "native":
        from attncli._native import lift_vocab_merges

        return lift_vocab_merges
    from attncli.core.reference.tables import lift_vocab_merges as twin

    return twin


def add_tokens() -> Any:
    """The function that puts added tokens into a vocabulary."""
    if name() == "native":
        from attncli._native import add_tokens

        return add_tokens
    from attncli.core.reference.tables import add_tokens as twin

    return twin


def read_table_rows() -> Any:
    """The function that reads rows of a table from text."""
    if name() == "native":
        from attncli._native import read_table_rows

        return read_table_rows
    from attncli.core.reference.table_rows import read_table_rows as twin

    return twin


def write_table_rows() -> Any:
    """The function that writes rows of a table as text."""
    if name() == "native":
        from attncli._native import write_table_rows

        return write_table_rows
    from attncli.core.reference.table_rows import write_table_rows as twin

    return twin


def attention() -> Any:
    """The function of exact attention."""
    if name() == "native":
        from attncli._native import attention

        return attention
    from attncli.core.reference.attention import attention as twin

    return twin


def attention_weights() -> Any:
    """The function of exact attention's weights."""
    if name() == "native":
        from attncli._native import attention_weights

        return attention_weights
    from attncli.core.reference.attention import attention_weights as twin

    return twin


def attention_summary() -> Any:
    """The function that says what the weights of exact attention look like."""
    if name() == "native":
        from attncli._native import attention_summary

        return attention_summary
    from attncli.core.reference.attention_summary import attention_summary as twin

    return twin


def rotate(dtype: Any) -> Any:
    """The function that turns vectors by their positions; float64 has the reference engine's alone."""
    if name() == "native" and dtype == "float32":
        from attncli._native import rotate

        return rotate
    from attncli.core.reference.rope import rotate as twin

    return twin


def finite(dtype: Any) -> Any:
    """The function that looks for NaN and infinity; float64 has the reference engine's alone."""
    if name() == "native" and dtype == "float32":
        from attncli._native import finite

        return finite
    from attncli.core.reference.finite import finite as twin

    return twin


def project_keys(dtype: Any) -> Any:
    """The function of Linformer's projections; float64 has the reference engine's alone."""
    if name() == "native" and dtype == "float32":
        from attncli._native import project_keys

        return project_keys
    from attncli.core.reference.linformer import project_keys as twin

    return twin


def kernel_attention(dtype: Any) -> Any:
    """The function of attention by features; float64 has the reference engine's alone."""
    if name() == "native" and dtype == "float32":
        from attncli._native import kernel_attention

        return kernel_attention
    from attncli.core.reference.kernel_attention import kernel_attention as twin

    return twin
