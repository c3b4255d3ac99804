"""Ids and tokens for awk, wc and sort: one document a line, separated by spaces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import BinaryIO

from attncli.errors import DataError
from attncli.wire.lines import read_lines
from attncli.wire.record import Record

__all__ = ["LARGEST_ID", "read", "write", "write_tokens"]

LARGEST_ID = (1 << 32) - 1
"""Ids are uint32 wherever they are an array."""


def read(handle: BinaryIO, source: str) -> Iterator[list[Record]]:
    """Documents with `ids`; an empty line is an empty document.

    Raises DataError for a word that is not a number from 0 to 2³² − 1.
    """
    first = 1
    for lines, _ in read_lines(handle):
        numbered = enumerate(lines, first)
        yield [Record(id=f"{source}:{number}", ids=_parse(line, source, number)) for number, line in numbered]
        first += len(lines)


def write(handle: BinaryIO, records: Iterable[Record]) -> None:
    """A line of decimal ids for each document."""
    lines = []
    for number, record in enumerate(records, 1):
        if record.ids is None:
            raise DataError("has no ids", record=record.id or number)
        lines.append(" ".join(map(str, _listed(record.ids))) + "\n")
    handle.write("".join(lines).encode("ascii"))


def write_tokens(handle: BinaryIO, records: Iterable[Record]) -> None:
    """A line of labels for each document, for people: a space inside a label cannot be told from one between."""
    lines = []
    for number, record in enumerate(records, 1):
        if record.tokens is None:
            raise DataError("has no tokens", record=record.id or number)
        lines.append(" ".join(record.tokens) + "\n")
    handle.write("".join(lines).encode("utf-8", "backslashreplace"))


def _parse(line: bytes, source: str, number: int) -> list[int]:
    words = line.split()
    # int() alone would take "1_000", "+1" and digits of other scripts.
    if not all(word.isdigit() and len(word) <= 10 for word in words):
        wrong = next(word for word in words if not (word.isdigit() and len(word) <= 10))
        shown = wrong[:20].decode("utf-8", "replace")
        raise DataError(
            f"{shown!r} is no token id",
            source=source,
            record=number,
            hint="ids are numbers between white space; text goes through `encode` first",
        )
    ids = list(map(int, words))
    if ids and max(ids) > LARGEST_ID:
        raise DataError(f"id {max(ids)} is above 2^32 - 1", source=source, record=number)
    return ids


def _listed(ids: object) -> list[int]:
    return ids.tolist() if hasattr(ids, "tolist") else list(ids)  # type: ignore[call-overload,no-any-return]
