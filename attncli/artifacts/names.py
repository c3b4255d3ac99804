"""Names that stand for files: the built-in tokenizer, the known encodings, repositories of the Hugging Face hub."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from attncli.artifacts import starter
from attncli.errors import CallError

if TYPE_CHECKING:
    from attncli.artifacts.encodings import Encoding
    from attncli.artifacts.hub_cache import Wanted

__all__ = ["KNOWN", "Resolved", "advice", "resolve"]

ENCODINGS = ("gpt2", "r50k_base", "p50k_base", "cl100k_base", "o200k_base")
"""The names of `encodings.KNOWN`, whose import would take longer than encoding a line does; a test compares them."""
KNOWN = (starter.NAME, *ENCODINGS)


@dataclass(frozen=True)
class Resolved:
    """A file or folder that a name stands for."""

    path: str
    name: str
    """What people call it."""
    encoding: Encoding | None = None
    """What a `.tiktoken` file leaves unsaid; None: the file says it all."""


def resolve(name: str, wanted: Wanted | None = None) -> Resolved | None:
    """What `starter`, a known encoding, or `hf:owner/name[@revision]` stands for; None: `name` is a path.

    A path that exists wins: in a folder that holds a `gpt2`, `gpt2` is that one. Else the user's caches (tiktoken's,
    huggingface_hub's) are looked into, and then the network: a revision that was fetched once stays at the commit
    it then was. `wanted` are the files to ask a repository for, `hub_cache.TOKENIZER` if not given. Raises DataError
    where a name can't be fetched, or what came is not what was published; CallError for `hf:` with no repository,
    and for no name at all.

    >>> resolve("starter").name, resolve("notes.txt")
    ('starter', None)
    """
    if not name:  # Path("") is the working folder
        raise CallError("a tokenizer's name is empty", hint="look at the variable that should hold it")
    if Path(name).exists():
        return None
    if name == starter.NAME:
        return Resolved(str(starter.TOKENIZER), name)
    if name in ENCODINGS:
        return _encoding(name)
    if name.startswith("hf:"):
        return _repository(name, wanted)
    return None


def advice(name: str) -> str:
    """What to write in place of a name that is neither a path nor known.

    >>> advice("cl100k-base")
    "did you mean 'cl100k_base'?"
    """
    import difflib

    near = difflib.get_close_matches(name, KNOWN, 1)
    return f"did you mean {near[0]!r}?" if near else f"give a path, hf:owner/name, or one of {', '.join(KNOWN)}"


def _encoding(name: str) -> Resolved:
    from attncli.artifacts import hub_cache, tiktoken_cache
    from attncli.artifacts.encodings import KNOWN

    encoding = KNOWN[name]
    if path := tiktoken_cache.find(encoding):
        return Resolved(str(path), name, encoding)
    whole = hub_cache.Wanted("tokenizer", (("tokenizer.json",),))
    for repository in encoding.hub:
        if folder := hub_cache.find(hub_cache.Repository(repository), whole):
            return Resolved(str(folder), name)
    return Resolved(str(tiktoken_cache.fetch(encoding)), name, encoding)


def _repository(name: str, wanted: Wanted | None) -> Resolved:
    from attncli.artifacts import hub_cache

    repository, wanted = hub_cache.parse(name), wanted or hub_cache.TOKENIZER
    folder = hub_cache.find(repository, wanted)
    if folder is None:
        from attncli.artifacts import hub

        folder = hub.fetch(repository, wanted)
    return Resolved(str(folder), repository.name)
