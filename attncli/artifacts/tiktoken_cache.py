"""The folder in which tiktoken keeps the known encodings: looked into first, and filled so that tiktoken finds them."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

from attncli import files
from attncli.artifacts.encodings import Encoding
from attncli.errors import CallError, DataError

__all__ = ["fetch", "find", "place"]

MIRROR = "ATTNCLI_ENCODINGS_URL"
"""The environment variable that names a server to fetch from in place of PUBLISHED."""
LARGEST = 1 << 26
"""Bytes: the largest encoding takes 3.6 MB."""


def place(encoding: Encoding) -> Path:
    """Where tiktoken keeps the file: by the SHA-1 of its URL, in TIKTOKEN_CACHE_DIR, DATA_GYM_CACHE_DIR, or the
    folder of temporary files.

    Raises CallError where the variable is empty, which turns tiktoken's cache off.
    """
    folder = str(Path(tempfile.gettempdir(), "data-gym-cache"))
    for variable in ("DATA_GYM_CACHE_DIR", "TIKTOKEN_CACHE_DIR"):
        folder = os.environ.get(variable, folder)
    if not folder:
        raise CallError(f"no folder is named to keep {encoding.name} in", hint="set TIKTOKEN_CACHE_DIR to one")
    return Path(folder, hashlib.sha1(encoding.url.encode(), usedforsecurity=False).hexdigest())


def find(encoding: Encoding) -> Path | None:
    """The cached file, where it is there and has the published digest."""
    path = place(encoding)
    size = files.size(str(path))
    if size is None or size > LARGEST or files.digest(str(path), hashlib.sha256()) != encoding.sha256:
        return None
    return path


def fetch(encoding: Encoding) -> Path:
    """Downloads the file into the cache; one that lies there with another digest is replaced.

    Raises DataError that says which file to put where, if the network is forbidden or fails, and for a file whose
    digest is not the published one: it is not kept.
    """
    from attncli.artifacts.download import download, is_offline

    path = place(encoding)
    mirror = os.environ.get(MIRROR)
    url = f"{mirror.rstrip('/')}/{encoding.path}" if mirror else encoding.url
    by_hand = f"put {encoding.url} at {path}"
    if is_offline():
        found = "is not what was published" if path.exists() else "is not there"
        raise DataError(f"{path} {found}, and this is offline", source=encoding.name, hint=by_hand)
    try:
        data = download(url, limit=LARGEST)
    except DataError as error:
        error.hint = f"{error.hint}, or {by_hand}" if error.hint else by_hand
        raise error.at(source=encoding.name) from None
    if hashlib.sha256(data).hexdigest() != encoding.sha256:
        raise DataError(f"the SHA-256 of {url} is not the published one", source=encoding.name, hint="try again later")
    files.replace(str(path), data)
    return path
