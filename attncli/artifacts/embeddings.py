"""Embedding tables from paths, and back to paths; what needs a tokenizer beside the table."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from attncli import files
from attncli.artifacts import starter, table_files
from attncli.artifacts.belonging import tokenizer_for
from attncli.core.embedding.labels import Labels
from attncli.core.embedding.table import Table, random_rows
from attncli.errors import AttncliError, DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attncli.artifacts.neighbours import Neighbour
    from attncli.artifacts.tokenizer import Tokenizer

__all__ = ["Embeddings"]

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

    def nearest(
        self,
        query: str | Sequence[str],
        *,
        k: int = 10,
        minus: str | Sequence[str] = (),
        method: str = "3cosadd",
        tokenizer: str | os.PathLike[str] | Tokenizer | None = None,
    ) -> list[Neighbour]:
        """The k rows that lie nearest to a word or a text by cosine, largest first: (word, similarity).

        With `minus` the words of `query` are an analogy, solved by 3cosadd or 3cosmul: `nearest(["king", "woman"],
        minus="man")`. A table of tokens needs its tokenizer, but for the starter's own. `Neighbours` keeps what it has
        learnt of a table from one query to the next. Raises DataError for a word that the table does not have.

        >>> table = Embeddings(np.eye(3) + 0.1, labels=["king", "queen", "duke"])
        >>> [word for word, similarity in table.nearest("king", k=1)]
        ['queen']
        """
        from attncli.artifacts.neighbours import Neighbours

        table = Neighbours(self, tokenizer)
        words = [query] if isinstance(query, str) else list(query)
        taken = [minus] if isinstance(minus, str) else list(minus)
        if taken or len(words) != 1:
            return table.analogy(words, taken, k, method)
        return table.of(words, k)[0]

    @cached_property
    def contents(self) -> table_files.Contents:
        """What files hold of it."""
        labels = None if self.labels is None else Labels.of(self.labels)
        known = {"tokenizer": self.tokenizer, "note": self.note}
        metadata = {key: value for key, value in known.items() if value is not None}
        return table_files.Contents(self.vectors, labels, self.counts, metadata)
