"""Compressed data: told by their first bytes, undone and made. Each format's module is imported when it is met."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

__all__ = ["EXTENSIONS", "MAGIC", "compressed", "damage", "decompressed", "is_damage", "kind_of"]

# Whole magics: a text may well begin with "BZh".
COMPRESSIONS = {
    re.compile(rb"\x1f\x8b\x08"): "gzip",
    re.compile(rb"\x28\xb5\x2f\xfd"): "zstd",
    re.compile(rb"\xfd7zXZ\x00"): "xz",
    re.compile(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)"): "bz2",
}
MAGIC = 10
"""Bytes that tell a compression."""
EXTENSIONS = {".gz": "gzip", ".zst": "zstd", ".xz": "xz", ".bz2": "bz2"}


def kind_of(head: bytes) -> str | None:
    """The name of the compression that data with these first bytes have; None for none.

    >>> kind_of(b"BZh91AY&SY"), kind_of(b"BZh is a text")
    ('bz2', None)
    """
    return next((name for magic, name in COMPRESSIONS.items() if magic.match(head)), None)


def decompressed(raw: BinaryIO) -> BinaryIO:
    """The handle itself, or one that decompresses it."""
    buffered: Any = raw
    kind = kind_of(buffered.peek(MAGIC)[:MAGIC])
    if kind is None:
        return cast(BinaryIO, buffered)
    # The modules' own read1 gives up to 8 kB at a time; the buffer joins them.
    return cast(BinaryIO, io.BufferedReader(_opener(kind)(buffered, "rb"), 1 << 17))


def _opener(kind: str) -> Any:
    if kind == "gzip":
        import gzip

        return gzip.open
    if kind == "bz2":
        import bz2

        return bz2.open
    if kind == "xz":
        import lzma

        return lzma.open
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    return zstd.open


def damage() -> tuple[type[Exception], ...]:
    """What tells of damaged compressed data: the errors of those modules that have been imported by now."""
    found: list[type[Exception]] = [EOFError]
    for module, name in (
        ("zlib", "error"),
        ("gzip", "BadGzipFile"),
        ("lzma", "LZMAError"),
        ("backports.zstd", "ZstdError"),
        ("compression.zstd", "ZstdError"),
    ):
        if module in sys.modules:
            found.append(getattr(sys.modules[module], name))
    return tuple(found)


def is_damage(error: OSError) -> bool:
    """bz2 tells damage by an OSError that has no number."""
    return error.errno is None and "bz2" in sys.modules


@contextmanager
def compressed(raw: BinaryIO, path: str) -> Iterator[BinaryIO]:
    """A handle that compresses into another as the path's extension says, or that one itself."""
    kind = EXTENSIONS.get(Path(path).suffix.lower())
    if kind is None:
        yield raw
        return
    if kind == "gzip":
        import gzip

        # No name and no time in the header: the same data give the same bytes.
        with gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as packed:
            yield cast(BinaryIO, packed)
        return
    with _opener(kind)(raw, "wb") as handle:
        yield handle
