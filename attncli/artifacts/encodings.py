"""The known encodings: their published files, digests, patterns and special tokens.

Facts as OpenAI publishes them in `tiktoken_ext/openai_public.py` (tiktoken 0.14).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["KNOWN", "PUBLISHED", "Encoding"]

PUBLISHED = "https://openaipublic.blob.core.windows.net"
"""Where the files are published; tiktoken's cache names a file by its whole URL."""


@dataclass(frozen=True)
class Encoding:
    """What a `.tiktoken` file leaves unsaid about its encoding.

    >>> KNOWN["cl100k_base"].url.rpartition("/")[2], KNOWN["cl100k_base"].special_tokens["<|endofprompt|>"]
    ('cl100k_base.tiktoken', 100276)
    """

    name: str
    path: str
    """Under PUBLISHED, and under a mirror."""
    sha256: str
    """The published digest of the file."""
    pattern: str
    """A name of `core.tokenizer.patterns`."""
    special_tokens: Mapping[str, int]
    hub: tuple[str, ...] = ()
    """Repositories of the Hugging Face hub whose tokenizer.json is this very encoding."""

    @property
    def url(self) -> str:
        return f"{PUBLISHED}/{self.path}"


_R50K = ("encodings/r50k_base.tiktoken", "306cd27f03c1a714eca7108e03d66b7dc042abe8c258b44c199a7ed9838dd930", "gpt2")
_END = "<|endoftext|>"

KNOWN = {
    encoding.name: encoding
    for encoding in (
        # GPT-2's vocab.bpe and encoder.json give the ranks of r50k_base, each one: one file serves both.
        Encoding("gpt2", *_R50K, {_END: 50256}, hub=("openai-community/gpt2", "gpt2")),
        Encoding("r50k_base", *_R50K, {_END: 50256}),
        Encoding(
            "p50k_base",
            "encodings/p50k_base.tiktoken",
            "94b5ca7dff4d00767bc256fdd1b27e5b17361d7b8a5f968547f9f23eb70d2069",
            "gpt2",
            {_END: 50256},
        ),
        Encoding(
            "cl100k_base",
            "encodings/cl100k_base.tiktoken",
            "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
            "cl100k",
            {
                _END: 100257,
                "<|fim_prefix|>": 100258,
                "<|fim_middle|>": 100259,
                "<|fim_suffix|>": 100260,
                "<|endofprompt|>": 100276,
            },
        ),
        Encoding(
            "o200k_base",
            "encodings/o200k_base.tiktoken",
            "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
            "o200k",
            {_END: 199999, "<|endofprompt|>": 200018},
        ),
    )
}
