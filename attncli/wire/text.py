"""Plain text: a document a line, or the whole input as one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import BinaryIO

from attncli.errors import DataError
from attncli.wire.lines import read_lines
from attncli.wire.record import Record

__all__ = ["of", "read", "write"]


def read(handle: BinaryIO, source: str, *, by: str = "line") -> Iterator[list[Record]]:
    """Documents with `text`; `end` is "" after an unterminated last line and where `by` is "file".

    >>> [record.text for batch in read(io.BytesIO(b"a\\nb"), "x") for record in batch]
    [b'a', b'b']
    """
    if by == "file":
        yield [Record(id=f"{source}:1", text=handle.read(), end="")]
        return
    number = 0
    for lines, complete in read_lines(handle):
        batch = [Record(f"{source}:{n}", None, line) for n, line in enumerate(lines, number + 1)]
        number += len(lines)
        if not complete:
            batch[-1].end = ""
        yield batch


def write(handle: BinaryIO, records: Iterable[Record], *, end: str | None = None) -> None:
    """Each document's text and its end: the bytes that were read. `end` replaces all ends."""
    parts: list[bytes] = []
    for number, record in enumerate(records, 1):
        if record.text is None:
            raise DataError("has no text", record=record.id or number)
        parts.append(record.text)
        after = record.end if end is None else end
        parts.append(b"\n" if after is None else after.encode("utf-8", "surrogateescape"))
    handle.write(b"".join(parts))


def of(record: Record, field: str = "text", source: str | None = None) -> bytes:
    """A record's text. Raises DataError that shows its keys where it has none."""
    if record.text is None:
        keys = f" (its keys: {', '.join(record.extra)})" if record.extra else ""
        raise DataError(
            f"has no {field!r}{keys}",
            source=source,
            record=record.id or "a record",
            hint="name the key of the text with --field",
        )
    return record.text
