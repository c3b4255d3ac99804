"""`attncli encode --count`: as `wc` for tokens."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, BinaryIO

from attncli.printable import printable

if TYPE_CHECKING:
    from attncli.artifacts.corpus import Corpus, Count
    from attncli.cli.console import Console

__all__ = ["print_counts"]


def print_counts(console: Console, sources: list[str], corpus: Corpus, fmt: str) -> None:
    """A line for each source, "text" (tokens, bytes, bytes per token, name) or "json", when all are counted."""
    from attncli.artifacts.corpus import Count

    progress = console.bytes_done(sources, "counting")
    found: list[tuple[str, Count]] = []
    for source in sources:
        console.count_input(source)
        total = Count(0, 0, 0)
        for part in corpus.count(source, number=sum(count.documents for _, count in found)):
            total = Count(*map(sum, zip(total, part, strict=True)))
            progress(part.bytes)
        found.append((source, total))
    console.progress.clear()
    with console.output("text", sources) as handle:
        (_write_records if fmt == "json" else _write_lines)(handle, found)


def _write_records(handle: BinaryIO, found: list[tuple[str, Count]]) -> None:
    for source, (documents, tokens, size) in found:
        record = {"id": source, "documents": documents, "tokens": tokens, "bytes": size}
        handle.write(json.dumps(record, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n")


def _write_lines(handle: BinaryIO, found: list[tuple[str, Count]]) -> None:
    rows = [(tokens, size, "" if name == "-" else name) for name, (_, tokens, size) in found]
    if len(rows) > 1:
        rows.append((sum(row[0] for row in rows), sum(row[1] for row in rows), "total"))
    widths = [max(len(str(row[column])) for row in rows) for column in (0, 1)]
    for tokens, size, name in rows:
        ratio = size / tokens if tokens else 0.0
        line = f"{tokens:>{widths[0]}} {size:>{widths[1]}} {ratio:.3f} {_shown(name)}".rstrip()
        handle.write(line.encode("utf-8", "surrogateescape") + b"\n")


def _shown(name: str) -> str:
    """A name on one line; bytes that are no text stay as they are, for the programs that read them."""
    return name if name.isprintable() else "".join(c if "\udc80" <= c <= "\udcff" else printable(c) for c in name)
