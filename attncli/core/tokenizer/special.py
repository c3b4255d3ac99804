"""Special tokens: cut out of a text where the caller allows it, plain text otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from attncli.errors import CallError

__all__ = ["END_OF_TEXT", "chosen", "end_of_text"]

END_OF_TEXT = ("<|endoftext|>", "<|end_of_text|>", "<｜end▁of▁sentence｜>", "</s>", "<eos>", "[SEP]")
"""What vocabularies call the token that stands behind a document, the first that there is: GPT-2's, Llama 3's,
DeepSeek's, SentencePiece's, Gemma's, BERT's."""


def end_of_text(special_tokens: Mapping[str, int], choice: str = "auto") -> int | None:
    """The id that goes behind a document: "auto" finds it, "none" is none, else a special token's name.

    Raises CallError for a name that is no special token.

    >>> end_of_text({"<s>": 1, "</s>": 2})
    2
    """
    if choice == "auto":
        return next((special_tokens[name] for name in END_OF_TEXT if name in special_tokens), None)
    return None if choice == "none" else next(iter(chosen(special_tokens, choice).values()))


def chosen(special_tokens: Mapping[str, int], allow: str | Iterable[str] | None) -> dict[str, int]:
    """The special tokens that a call allows: none, "all", or those named. Raises CallError for others.

    >>> chosen({"<|end|>": 7}, "all")
    {'<|end|>': 7}
    """
    if allow is None or allow == "none":
        return {}
    names = list(special_tokens) if allow == "all" else [allow] if isinstance(allow, str) else list(allow)
    for name in names:
        if name not in special_tokens:
            known = ", ".join(list(special_tokens)[:8]) or "none"
            raise CallError(f"{name!r} is no special token of this tokenizer", hint=f"it has {known}")
    return {name: special_tokens[name] for name in names}
