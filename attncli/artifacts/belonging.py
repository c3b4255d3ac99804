"""The tokenizer that a table's rows belong to."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from attncli.artifacts import starter
from attncli.core.tokenizer.vocab import same
from attncli.errors import DataError

if TYPE_CHECKING:
    from attncli.artifacts.tokenizer import Tokenizer
    from attncli.core.embedding.table import Table

__all__ = ["tokenizer_for"]


def tokenizer_for(table: Table, tokenizer: str | os.PathLike[str] | Tokenizer | None) -> Tokenizer | None:
    """The one given, or the starter where the table belongs to that; None where none is known.

    Raises DataError where the given one is not the table's own.
    """
    if tokenizer is None and (table.tokenizer is None or not same(table.tokenizer, starter.IDENTITY)):
        return None
    from attncli.artifacts.tokenizer import Tokenizer

    coder = tokenizer if isinstance(tokenizer, Tokenizer) else Tokenizer.load(tokenizer or starter.NAME)
    if table.tokenizer is not None and not same(table.tokenizer, coder.identity):
        raise DataError(
            f"the table belongs to the tokenizer {table.tokenizer}, not to {coder.identity}",
            hint="give the one it belongs to",
        )
    return coder
