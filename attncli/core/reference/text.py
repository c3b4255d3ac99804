"""A text on its way through the pipeline: its characters, and the original bytes that each byte of them stands for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Span", "Text", "encoded", "hull"]

Span = tuple[int, int]


def encoded(characters: str) -> bytes:
    """The bytes of characters; a byte that is no UTF-8 stands among them as a lone surrogate."""
    return characters.encode("utf-8", "surrogateescape")


def hull(spans: Iterable[Span]) -> Span:
    """All that spans cover; (0, 0) where there are none."""
    listed = list(spans)
    return (min(start for start, _ in listed), max(end for _, end in listed)) if listed else (0, 0)


@dataclass(frozen=True)
class Text:
    """`spans[i]` holds a span for each byte of `characters[i]`; `first`: whether the original begins with it."""

    characters: str
    spans: list[list[Span]]
    first: bool = True

    @classmethod
    def original(cls, text: bytes, start: int = 0) -> Text:
        """A text that begins at `start` of a larger one."""
        characters = text.decode("utf-8", "surrogateescape")
        spans, at = [], start
        for character in characters:
            length = len(encoded(character))
            spans.append([(place, place + 1) for place in range(at, at + length)])
            at += length
        return cls(characters, spans, start == 0)

    def part(self, start: int, end: int) -> Text:
        """Some of its characters."""
        return Text(self.characters[start:end], self.spans[start:end], self.first and start == 0)

    def span(self) -> Span:
        """All of the original that it stands for."""
        return hull(span for spans in self.spans for span in spans)

    def replaced(self, changes: Iterable[tuple[int, int, str]]) -> Text:
        """With characters [start, end) of each change, in order, become others: each stands for all of those."""
        characters, spans, done = [], [], 0
        for start, end, changed in changes:
            characters.append(self.characters[done:start])
            spans += self.spans[done:start]
            characters.append(changed)
            done = end
            if changed == self.characters[start:end]:
                spans += self.spans[start:end]
                continue
            if start < end:
                whole = hull(span for each in self.spans[start:end] for span in each)
            else:
                place = self.spans[start - 1][-1][1] if start else self.spans[0][0][0] if self.spans else 0
                whole = (place, place)
            spans += [[whole] * len(encoded(character)) for character in changed]
        characters.append(self.characters[done:])
        spans += self.spans[done:]
        # Where its beginning went, what is left is not the first.
        begins = not spans or spans[0][0][0] == self.spans[0][0][0]
        return Text("".join(characters), spans, self.first and begins)
