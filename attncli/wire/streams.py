"""The wire formats by name: the explicit tables in which a new one is entered."""

from __future__ import annotations

import io
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, BinaryIO

from attncli.errors import CallError
from attncli.wire import ids, jsonl, npy, text
from attncli.wire.detect import detect
from attncli.wire.record import Record

__all__ = [
    "ARRAY_FORMATS",
    "EXTENSIONS",
    "format_of",
    "holds_records",
    "read_batches",
    "read_records",
    "write_records",
    "writer",
]

ARRAY_FORMATS: dict[str, Callable[..., Iterator[list[Record]]]] = {
    "json": jsonl.read,
    "npy": npy.read,
    "ids": ids.read,
}
"""What `decode`, `embed` and `attend` read."""
WRITERS: dict[str, Callable[..., None]] = {
    "json": lambda handle, records, allow_nan=False, **_: jsonl.write(handle, records, allow_nan=allow_nan),
    "npy": lambda handle, records, array="ids", vocab_size=None, **_: npy.write(
        handle, records, array=array, vocab_size=vocab_size
    ),
    "ids": lambda handle, records, **_: ids.write(handle, records),
    "tokens": lambda handle, records, **_: ids.write_tokens(handle, records),
    "text": lambda handle, records, end=None, **_: text.write(handle, records, end=end),
}
EXTENSIONS = {".json": "json", ".jsonl": "json", ".ndjson": "json", ".npy": "npy", ".ids": "ids"}
EXTENSIONS |= {".tokens": "tokens", ".txt": "text"}
FOREIGN = (".npz", ".safetensors", ".svg", ".png", ".html", ".csv", ".parquet")
"""Names that promise what no stream can hold."""
COMPRESSED = (".gz", ".zst", ".xz", ".bz2")
RECORDS = (".jsonl", ".ndjson")
"""What an output's name says where `--to` says nothing."""


def format_of(path: str, allowed: Collection[str], wanted: str | None = None) -> str | None:
    """The format wanted, else that which a name's extension stands for, a compression's aside; None if it says nothing.

    Raises CallError where the name promises what would not be in the file, whatever is wanted.

    >>> format_of("out.npy.gz", ["json", "npy"])
    'npy'
    """
    name = _bare(path)
    if name.endswith(FOREIGN):
        hint = "arrays are written as .npy" if name.endswith(".npz") else f"use {', '.join(allowed)}"
        raise CallError(f"{path} names a format that is not written here", hint=hint)
    if wanted is not None:
        return wanted
    found = next((fmt for extension, fmt in EXTENSIONS.items() if name.endswith(extension)), None)
    return found if found in allowed else None


def holds_records(path: str) -> bool:
    """Whether a name says that a text input is JSON Lines.

    >>> holds_records("corpus.jsonl.gz")
    True
    """
    return _bare(path).endswith(RECORDS)


def _bare(path: str) -> str:
    """The name without a compression's extension."""
    name = path.lower()
    for compression in COMPRESSED:
        name = name.removesuffix(compression)
    return name


def read_batches(
    handle: BinaryIO, fmt: str | None = None, source: str = "-", **options: Any
) -> tuple[str, Iterator[list[Record]]]:
    """The format (detected where None) and the records of a stream of arrays, a batch as they arrive."""
    if not hasattr(handle, "peek"):
        handle = io.BufferedReader(handle)  # type: ignore[type-var]
    fmt = fmt or detect(handle)
    if fmt not in ARRAY_FORMATS:
        raise CallError(f"no stream format is called {fmt!r}", hint=f"use {', '.join(ARRAY_FORMATS)}")
    return fmt, ARRAY_FORMATS[fmt](handle, source, **(options if fmt == "json" else {}))


def read_records(handle: BinaryIO, format: str | None = None, *, source: str = "-") -> Iterator[Record]:  # noqa: A002
    """The records of a stream of ids or vectors: JSON Lines, .npy arrays or lines of ids, told apart by itself.

    `handle` is binary: a file opened with "rb", `sys.stdin.buffer`, an `io.BytesIO`.

    >>> [record.ids for record in read_records(io.BytesIO(b"1 2"))]
    [[1, 2]]
    """
    for batch in read_batches(handle, format, source)[1]:
        yield from batch


def writer(fmt: str, handle: BinaryIO, **options: Any) -> Callable[[Iterable[Record]], None]:
    """A function that writes records to the handle in this format.

    `options`: `array` (npy: the field to write), `vocab_size` (npy ids), `end` (text), `allow_nan` (json).
    """
    if fmt not in WRITERS:
        raise CallError(f"no format is called {fmt!r}", hint=f"use {', '.join(WRITERS)}")
    write = WRITERS[fmt]
    return lambda records: write(handle, records, **options)


def write_records(records: Iterable[Record], handle: BinaryIO, format: str = "json", **options: Any) -> None:  # noqa: A002
    """Writes records in a format: json, npy (with `array="ids"`, "vectors", …), ids, tokens or text."""
    writer(format, handle, **options)(records)
