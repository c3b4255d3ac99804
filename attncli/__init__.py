"""attncli: text to ids to vectors to attention.

    import attncli

    tok = attncli.Tokenizer.load("starter")
    table = attncli.Embeddings.load("starter")
    x = table.embed(tok.encode("He left the roses by the bank."))  # float32 (T, D)
    y = attncli.attention(x[None], x[None], x[None])[0]            # float32 (T, D)

What stands here is imported when it is first used: NumPy alone takes longer than encoding a line.
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing's own would be imported before Ctrl-C is taken care of
if TYPE_CHECKING:
    from typing import Any

    from attncli.artifacts.embeddings import Embeddings as Embeddings
    from attncli.artifacts.flat import load_flat as load_flat
    from attncli.artifacts.flat import write_flat as write_flat
    from attncli.artifacts.neighbours import Neighbours as Neighbours
    from attncli.artifacts.tokenizer import Tokenizer as Tokenizer
    from attncli.artifacts.training import train_bpe as train_bpe
    from attncli.artifacts.word2vec import train_word2vec as train_word2vec
    from attncli.core.attention.mechanisms import attention as attention
    from attncli.core.attention.multihead import multi_head as multi_head
    from attncli.core.attention.projections import Projections as Projections
    from attncli.errors import AttncliError as AttncliError
    from attncli.errors import CallError as CallError
    from attncli.errors import DataError as DataError
    from attncli.wire.record import Record as Record
    from attncli.wire.streams import read_records as read_records
    from attncli.wire.streams import write_records as write_records

__version__ = "0.1.0"

_HOMES = {
    "AttncliError": "errors",
    "CallError": "errors",
    "DataError": "errors",
    "Embeddings": "artifacts.embeddings",
    "Neighbours": "artifacts.neighbours",
    "Projections": "core.attention.projections",
    "Record": "wire.record",
    "Tokenizer": "artifacts.tokenizer",
    "attention": "core.attention.mechanisms",
    "load_flat": "artifacts.flat",
    "multi_head": "core.attention.multihead",
    "read_records": "wire.streams",
    "train_bpe": "artifacts.training",
    "train_word2vec": "artifacts.word2vec",
    "write_flat": "artifacts.flat",
    "write_records": "wire.streams",
}
"""Public name -> module."""

__all__ = [
    "__version__",
    *_HOMES,
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'attncli' has no attribute {name!r}")
    import importlib

    value = getattr(importlib.import_module(f"attncli.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
