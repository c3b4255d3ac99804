"""WordPiece, always the longest token from the left: the twin of `native/src/wordpiece.rs`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["WordPiece"]


class WordPiece:
    """Wu et al. 2016; `WordpieceTokenizer` of BERT's tokenization.py."""

    def __init__(self, tokens: Sequence[bytes], ids: Mapping[bytes, int], settings: Mapping[str, Any]) -> None:
        self._ids = ids
        self._prefix = settings["continuing_subword_prefix"].encode()
        self._unknown = settings["unknown"]
        self._most = settings["max_input_chars_per_word"]
        self.lost: set[bytes] = set()
        if self._unknown >= len(tokens):
            raise ValueError(f"the unknown token {self._unknown} is not in the vocabulary")

    def piece(self, word: bytes, drop: object = None) -> tuple[list[int], list[tuple[int, int]]]:
        """(ids, the bytes of each); nothing is left out here."""
        del drop
        ids, spans, start = [], [], 0
        characters = word.decode("utf-8", "surrogateescape")
        places = [len(characters[:count].encode("utf-8", "surrogateescape")) for count in range(len(characters) + 1)]
        while start < len(word) and len(characters) <= self._most:
            for end in reversed([place for place in places if place > start]):
                candidate = (self._prefix if start else b"") + word[start:end]
                if candidate in self._ids:
                    ids.append(self._ids[candidate])
                    spans.append((start, end))
                    start = end
                    break
            else:
                break
        if start < len(word):
            self.lost.add(word)
            return [self._unknown], [(0, len(word))]
        return ids, spans
