"""Embedding tables from paths, and back to paths; what needs a tokenizer beside the table."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from attncli import files
from attncli.artifacts import starter, table_files
from attncli.core.embedding.labels import Labels
from attncli.core.embedding.table import Table, random_rows
from attncli.core.tokenizer.vocab import same
from attncli.errors import AttncliError, DataError

if TYPE_CHECKING:
    from attncli.artifacts.tokenizer import Tokenizer

__all__ = ["Embeddings", "tokenizer_for"]

LARGEST_RANDOM = 1 << 32
"""Bytes of a seeded table: an id of another tokenizer must not take all memory."""


class Embeddings(Table):
    """A table that knows files: `.vectors` (V, D), `.labels`, `.counts`, `.tokenizer`, `.note`."""

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Embeddings:
        """From .npy, .npz, .safetensors, word2vec's text or binary, GloVe's text, or the name `starter`.

        .npy and .safetensors are memory-mapped. Raises DataError that names the file and what is wrong.
        """
        place = os.fspath(path)
        if place == starter.NAME and not Path(place).exists():
            place = str(starter.TABLE)
        _, found = table_files.load(place)
        try:
            known = {key: found.metadata.get(key) for key in ("tokenizer", "note")}
            return cls(found.vectors, found.labels, counts=found.counts, **known)
        except AttncliError as error:
            raise error.at(source=place) from None

    @classmethod
    def random(cls, entries: int, dim: int, *, seed: int = 0) -> Embeddings:
        """Seeded vectors, float32 (entries, dim): normal, sd 0.02, as GPT-2 begins.

        >>> Embeddings.random(3, 4, seed=1).vectors.shape
        (3, 4)
        """
        if entries * dim * 4 > LARGEST_RANDOM:
            raise DataError(f"a seeded table of {entries:,} x {dim} takes more than 4 GiB", hint="give a table")
        return cls(random_rows(entries, dim, seed))

    def save(self, path: str | os.PathLike[str], format: str | None = None) -> None:  # noqa: A002
        """Writes npy, npz, safetensors, word2vec, word2vec-binary or glove; by the name where no format is given.

        Whole, or not at all. What a format has no place for is left out: `.npy` holds the vectors alone, GloVe's text
        no tokenizer.
        """
        place = os.fspath(path)
        form = format or table_files.format_of(place)
        with files.open_output(place) as handle:
            table_files.dump(self.contents, handle, form)

    def labelled(self, tokenizer: str | os.PathLike[str] | Tokenizer | None = None) -> Embeddings:
        """The same table, its rows labelled by the tokens of the tokenizer that they belong to.

        None is the starter, where that is the one; a table with labels keeps them. Raises DataError where the given
        tokenizer is not the table's own, or has more entries than there are rows.
        """
        if self.labels is not None and tokenizer is None:
            return self
        coder = tokenizer_for(self, tokenizer)
        if coder is None:
            return self
        tokens = [token.decode("utf-8", "surrogateescape") for token in coder.model.tokens]
        if len(tokens) > len(self.vectors):
            raise DataError(f"{len(tokens):,} tokens do not label {len(self.vectors):,} rows")
        unused = [f"<row {row}>" for row in range(len(tokens), len(self.vectors))]
        return replace(self, labels=tokens + unused)

    @cached_property
    def contents(self) -> table_files.Contents:
        """What files hold of it."""
        labels = None if self.labels is None else Labels.of(self.labels)
        known = {"tokenizer": self.tokenizer, "note": self.note}
        metadata = {key: value for key, value in known.items() if value is not None}
        return table_files.Contents(self.vectors, labels, self.counts, metadata)


def tokenizer_for(table: Table, tokenizer: str | os.PathLike[str] | Tokenizer | None) -> Tokenizer | None:
    """The tokenizer that a table's ids come from: the one given, or the starter where the table belongs to it.

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
