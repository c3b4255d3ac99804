"""Words and texts to rows of a table, and the words that lie near."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from attncli.artifacts.belonging import tokenizer_for
from attncli.core.embedding.labels import Labels
from attncli.core.embedding.nearest import analogy, nearest
from attncli.core.tokenizer.vocab import label
from attncli.errors import CallError, DataError

if TYPE_CHECKING:
    import os

    from attncli.artifacts.tokenizer import Tokenizer
    from attncli.core.embedding.table import Table

__all__ = ["Neighbour", "Neighbours"]


class Neighbour(NamedTuple):
    """One answer."""

    word: str
    """The row's label; undecodable bytes and control characters as `\\xNN`."""
    similarity: float


class Neighbours:
    """A table that is asked for neighbours.

    In a table of tokens a text is encoded, by the tokenizer given or by the starter where the table belongs to it:
    behind a space, as words mostly stand, or without one where that takes fewer tokens. In a table of words a text is a
    label, or several with spaces between; one that is not there may differ in upper and lower case. A text of several
    rows is their mean.
    """

    def __init__(
        self,
        table: Table,
        tokenizer: str | os.PathLike[str] | Tokenizer | None = None,
        *,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`say` is told what was taken in place of a word that is not there."""
        self._table = table
        self._labels = None if table.labels is None else Labels.of(table.labels)
        self._coder = tokenizer_for(table, tokenizer)
        self._say = say
        if self._coder is None and self._labels is None:
            belongs = f", and belongs to the tokenizer {table.tokenizer}" if table.tokenizer else ""
            raise DataError(f"the table has no labels{belongs}", hint="give -t, its tokenizer")

    def of(self, texts: Sequence[str], k: int = 10) -> list[list[Neighbour]]:
        """The k nearest of each text, largest cosine first. Raises DataError as `mean` does."""
        rows = [self.rows(text) for text in texts]
        means = [self._mean(each, text) for each, text in zip(rows, texts, strict=True)]
        queries = np.array(means).reshape(len(rows), self._table.vectors.shape[1])
        found, cosines = nearest(self._table.vectors, queries, k, leave_out=rows)
        return [self._named(*each) for each in zip(found, cosines, strict=True)]

    def analogy(
        self, plus: Sequence[str], minus: Sequence[str], k: int = 10, method: str = "3cosadd"
    ) -> list[Neighbour]:
        """The k that are to `plus` as `minus` is; see `core.embedding.nearest.analogy`."""
        if not plus:
            raise CallError("an analogy has no words", hint="as in: king woman --minus man")
        rows = {text: self.rows(text) for text in (*plus, *minus)}
        width = self._table.vectors.shape[1]
        added, taken = (
            np.array([self._mean(rows[text], text) for text in texts]).reshape(-1, width) for texts in (plus, minus)
        )
        inputs = {row for each in rows.values() for row in each}
        found, scores = analogy(self._table.vectors, added, taken, k, method=method, leave_out=inputs)
        return self._named(found[0], scores[0])

    def mean(self, text: str) -> NDArray[np.float64]:
        """The vector (D,) that stands for a text.

        Raises DataError for a text that has no row, and where the vector has no direction: all things would be as near.
        """
        return self._mean(self.rows(text), text)

    def rows(self, text: str) -> list[int]:
        """The rows that stand for a text."""
        if not text.strip():
            raise DataError("a text of white space alone has no neighbours")
        if self._coder is not None:
            return self._encoded(self._coder, text)
        row = self._row(text)
        if row is not None:
            return [row]
        words = text.split()
        found = [self._row(word) if len(words) > 1 else None for word in words]
        for word, each in zip(words, found, strict=True):
            if each is None:
                raise self._unknown(word)
        return [each for each in found if each is not None]

    def _encoded(self, coder: Tokenizer, text: str) -> list[int]:
        spaced, bare = (coder.encode(each.encode("utf-8", "surrogateescape")) for each in (f" {text}", text))
        ids = spaced if len(spaced) <= len(bare) else bare
        for line in coder.warnings:
            self._say(line)
        if not ids:
            raise DataError(f"the tokenizer makes no token of {text!r}")
        if max(ids) >= len(self._table.vectors):
            raise DataError(f"token {max(ids)} has no row in a table of {len(self._table.vectors)} rows")
        return ids

    def _row(self, word: str) -> int | None:
        labels = self._labels
        if labels is None:
            return None
        for spelling in (f" {word}", word):  # tokens of running text begin with their space
            if (row := labels.find(spelling)) is not None:
                return row
        if len(word.split()) == 1 and (row := labels.find_in_any_case(word)) is not None:
            self._say(f"the table has no {word!r}; {labels[row]!r} is taken")
            return row
        return None

    def _unknown(self, word: str) -> DataError:
        near = None if self._labels is None else self._labels.near(word)
        if self._table.tokenizer is not None:
            return DataError(
                f"the table has no {word!r}",
                hint=f"give -t, its tokenizer {self._table.tokenizer}, for words of several tokens",
            )
        return DataError(f"the table has no {word!r}", hint=None if near is None else f"did you mean {near!r}?")

    def _mean(self, rows: list[int], text: str) -> NDArray[np.float64]:
        vectors = np.asarray(self._table.vectors[rows], np.float64)
        if not np.isfinite(vectors).all():
            raise DataError(
                f"the table's row {rows[int(np.argwhere(~np.isfinite(vectors))[0, 0])]} holds NaN or infinity"
            )
        mean: NDArray[np.float64] = vectors.mean(axis=0)
        if not mean.any():
            raise DataError(f"the vector of {text!r} is all zeros: the table has learned nothing of it")
        return mean

    def _named(self, rows: NDArray[np.int64], scores: NDArray[np.float64]) -> list[Neighbour]:
        return [Neighbour(self._name(int(row)), float(score)) for row, score in zip(rows, scores, strict=True)]

    def _name(self, row: int) -> str:
        if self._labels is not None:
            return label(self._labels[row].encode("utf-8", "surrogateescape"))
        if self._coder is not None and row < len(self._coder):
            return self._coder.labels([row])[0]
        return f"<row {row}>"
