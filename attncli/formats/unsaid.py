"""What a format has no words for."""

from __future__ import annotations

from attncli.errors import CallError

__all__ = ["cannot"]


def cannot(files: str, what: str) -> CallError:
    """The error of a model that files of a format cannot say.

    >>> str(cannot("a vocab.txt", "a model that is no WordPiece"))
    'a vocab.txt cannot say a model that is no WordPiece; write a tokenizer.json'
    """
    return CallError(f"{files} cannot say {what}", hint="write a tokenizer.json")
