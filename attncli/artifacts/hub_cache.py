"""The folder in which huggingface_hub keeps repositories, read by plain look-ups.

Importing huggingface_hub takes longer than encoding a file, so a repository that is there is found without it.
Layout: `models--OWNER--NAME/refs/REVISION` holds a commit, `snapshots/COMMIT/` its files, and an empty file in
`.no_exist/COMMIT/` says that the repository has no such file
(https://huggingface.co/docs/huggingface_hub/guides/manage-cache).
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from attncli import files
from attncli.errors import CallError

__all__ = ["TOKENIZER", "Repository", "Wanted", "find", "parse"]

PREFIX = "hf:"
_PART = r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?"
_NAME = re.compile(rf"({_PART}(?:/{_PART})?)(?:@([A-Za-z0-9_][A-Za-z0-9_./+-]*))?")
COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class Repository:
    """A model repository of the hub at one revision: a branch, a tag, or a commit."""

    name: str
    revision: str = "main"

    def __str__(self) -> str:
        return f"{PREFIX}{self.name}" + ("" if self.revision == "main" else f"@{self.revision}")


@dataclass(frozen=True)
class Wanted:
    """Which files of a repository make one thing. Only formats that hold data and no code may stand here."""

    what: str
    sets: tuple[tuple[str, ...], ...]
    """The first of these that is there is taken."""
    beside: tuple[str, ...] = ()
    """Taken along where they are there."""
    limit: int = 1 << 28
    """Bytes of one file."""

    def __post_init__(self) -> None:
        for name in (*self.beside, *(name for names in self.sets for name in names)):
            if Path(name).suffix not in (".json", ".txt", ".model", ".tiktoken", ".safetensors"):
                raise CallError(f"{name} may hold code, and is never fetched", hint="use safetensors or JSON")


TOKENIZER = Wanted(
    "tokenizer",
    (("tokenizer.json",), ("vocab.json", "merges.txt"), ("tokenizer.model",), ("vocab.txt",)),
    ("tokenizer_config.json", "special_tokens_map.json"),
)


def parse(text: str) -> Repository:
    """`hf:owner/name[@revision]`; the hub's oldest repositories have no owner.

    Raises CallError for anything that could not be one.

    >>> parse("hf:owner/name@v1")
    Repository(name='owner/name', revision='v1')
    """
    found = _NAME.fullmatch(text.removeprefix(PREFIX))
    if found is None or ".." in text or "--" in found[1]:
        raise CallError(f"{text!r} names no repository", hint="write hf:owner/name or hf:owner/name@revision")
    return Repository(found[1], found[2] or "main")


def find(repository: Repository, wanted: Wanted, *, settled: bool = True) -> Path | None:
    """The snapshot with a full set of the wanted files, or None.

    `settled`: None too where the hub was never asked for a file that would be taken before that set or along with it,
    as when another program has fetched vocab.txt alone: what a name means must not depend on who used the cache.
    """
    stored = _root() / "models--{}".format(repository.name.replace("/", "--"))
    commit = _commit(stored, repository.revision)
    snapshot, absent = stored / "snapshots" / commit, stored / ".no_exist" / commit
    for names in wanted.sets if commit else ():
        if all((snapshot / name).is_file() for name in names):
            known = all((snapshot / name).is_file() or (absent / name).is_file() for name in wanted.beside)
            return snapshot if known or not settled else None
        if settled and not any((absent / name).is_file() for name in names):
            return None
    return None


def _root() -> Path:
    """As huggingface_hub's constants.py finds it."""
    home = os.environ.get("HF_HOME", Path(os.environ.get("XDG_CACHE_HOME", "~/.cache"), "huggingface"))
    hub = os.environ.get("HF_HUB_CACHE", os.environ.get("HUGGINGFACE_HUB_CACHE", Path(home, "hub")))
    return Path(os.path.expandvars(os.path.expanduser(hub)))  # noqa: PTH111 - the same order as theirs


def _commit(stored: Path, revision: str) -> str:
    """The commit that a revision was when it was fetched, or "": no other name may become part of a path."""
    reference = stored / "refs" / revision
    if not COMMIT.fullmatch(revision) and (files.size(str(reference)) or 1000) < 1000:
        revision = files.read_bytes(str(reference)).decode("ascii", "replace").strip()
    return revision if COMMIT.fullmatch(revision) else ""
