"""The ids of a few tokens among many."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping

from attncli.core.tokenizer.tokens import Tokens

__all__ = ["Spellings"]


class Spellings(Mapping[str, int]):
    """Spelling -> id, each looked for in the tokens' one buffer: a dict of 50,000 takes 10 ms to make.

    >>> ids = Spellings(Tokens.from_list([b"a", b"", b"ba"]))
    >>> ids["ba"], "b" in ids, list(ids)
    (2, False, ['a', 'ba'])
    """

    def __init__(self, tokens: Tokens) -> None:
        """The tokens are UTF-8; an empty one is an id left out."""
        self._tokens = tokens

    def __getitem__(self, text: str) -> int:
        wanted = text.encode("utf-8", "surrogatepass")
        for id_ in self._near(wanted):
            if self._tokens[id_] == wanted:
                return id_
        raise KeyError(text)

    def __iter__(self) -> Iterator[str]:
        return (token.decode("utf-8") for token in self._tokens if token)

    def __len__(self) -> int:
        return sum(map(bool, self._tokens))

    def holding(self, part: str) -> Iterator[str]:
        """The spellings that hold a part, and perhaps some others.

        >>> list(Spellings(Tokens.from_list([b"a", b"b</w>", b"c"])).holding("</w>"))
        ['b</w>']
        """
        return (self._tokens[id_].decode("utf-8") for id_ in self._near(part.encode("utf-8")))

    def _near(self, part: bytes) -> Iterator[int]:
        """The tokens in which such bytes begin; they may go on in the next one."""
        blob, ends = self._tokens.blob, self._tokens.ends
        at = blob.find(part) if part else -1
        while at >= 0:
            id_ = bisect_right(ends, at)
            yield id_
            at = blob.find(part, ends[id_])
