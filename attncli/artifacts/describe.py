"""What a file is, told by what it holds: a tokenizer, arrays, ids, records, or text."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from attncli import files
from attncli.artifacts import arrays, table_files
from attncli.artifacts.corpus import Corpus, Count
from attncli.artifacts.tokenizer import Tokenizer
from attncli.core.tokenizer import patterns, special
from attncli.core.tokenizer.model import Unigram
from attncli.core.tokenizer.sentencepiece import SentencePiece
from attncli.core.tokenizer.vocab import label
from attncli.errors import AttncliError, DataError
from attncli.formats import glove, npz, safetensors, table_text
from attncli.wire import flat, jsonl, npy, streams

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["compression", "describe", "describe_tokenizer"]

HEAD = 1 << 16
"""Bytes that are looked at to tell what a file is."""
FIRST_LABELS = 12
"""Labels of a table that are told."""
TOKENIZERS = (".json", ".tiktoken", ".model", "vocab.txt", "merges.txt", "vocab.bpe")
"""Names that promise a tokenizer: what is wrong with such a file is told."""


def describe(path: str | os.PathLike[str], *, pattern: str | None = None) -> dict[str, Any]:
    """What a file, a folder or a tokenizer's name stands for: `kind` and what there is to know of that kind.

    Kinds: tokenizer, table (rows, with labels where the file has them, or several arrays by name), ids and flat (with
    its index), stream (several .npy arrays one after another), records (JSON Lines), text.

    Raises DataError that names the file.

    >>> describe("starter")["entries"], describe("corpus.txt")["kind"]
    (16384, 'text')
    """
    name = os.fspath(path)
    if not Path(name).is_file():
        return {"file": name, **_tokenizer(name, pattern)}
    with files.open_input(name) as handle:
        head = handle.read(HEAD)
    try:
        return {"file": name, **_told_by(head, name, pattern)}
    except AttncliError as error:
        raise error.at(source=name) from None


def describe_tokenizer(tokenizer: Tokenizer) -> dict[str, Any]:
    """The facts of a tokenizer, in the words of its file."""
    model = tokenizer.model
    algorithm = type(model.algorithm).__name__
    found: dict[str, Any] = {
        "kind": "tokenizer",
        "name": tokenizer.name,
        "digest": tokenizer.digest,
        "algorithm": algorithm,
        "entries": len(tokenizer),
        "byte_level": model.byte_level,
    }
    if hasattr(model.algorithm, "merges"):
        found["merges"] = len(model.algorithm.merges)
    if isinstance(model.algorithm, SentencePiece):
        found["type"] = model.algorithm.kind
        found["normalization"] = model.algorithm.normalizer.name
    if isinstance(model.algorithm, Unigram | SentencePiece):
        found["byte_fallback"] = model.algorithm.byte_fallback
    end = special.end_of_text(tokenizer.special_tokens)
    return found | {
        "normalizer": _types(model.normalizer),
        "pre_tokenizer": _types(model.pre_tokenizer),
        "pattern": _pattern(model.pre_tokenizer),
        "decoder": _types(model.decoder),
        "special_tokens": dict(tokenizer.special_tokens),
        "added_tokens": len(model.added),
        "bos": tokenizer.labels(model.bos),
        "eos": tokenizer.labels(model.eos),
        "end_of_text": None if end is None else tokenizer.labels([end])[0],
    }


def compression(tokenizer: Tokenizer, paths: Iterable[str], *, threads: int | None = None) -> dict[str, Any]:
    """How far a tokenizer compresses texts: bytes, tokens, and bytes per token, a line a document.

    >>> compression(Tokenizer.load("starter"), ["corpus.txt"])
    {'documents': 1, 'bytes': 42, 'tokens': 18, 'bytes_per_token': 2.333}
    """
    corpus = Corpus(tokenizer, threads=threads)
    total = Count(0, 0, 0)
    for path in paths:
        for part in corpus.count(path):
            total = Count(*map(sum, zip(total, part, strict=True)))
    ratio = round(total.bytes / total.tokens, 3) if total.tokens else None
    return {"documents": total.documents, "bytes": total.bytes, "tokens": total.tokens, "bytes_per_token": ratio}


def _told_by(head: bytes, name: str, pattern: str | None) -> dict[str, Any]:
    """The description of a file that begins like this."""
    if head.startswith(npy.MAGIC):
        return _npy(name)
    if head.startswith(npz.MAGICS) or safetensors.sniff(head):
        return _arrays(name)
    if glove.sniff(head) or table_text.sizes(head):
        return _table(name)
    if streams.holds_records(name):
        return _records(name)
    try:
        return _tokenizer(name, pattern)
    except DataError as error:
        if _is_record(head):
            return _records(name)
        if name.endswith(TOKENIZERS):
            raise error from None
        return _text(name)


def _tokenizer(name: str, pattern: str | None) -> dict[str, Any]:
    tokenizer = Tokenizer.load(name, pattern=pattern)
    found = describe_tokenizer(tokenizer)
    return {"kind": found.pop("kind"), "format": tokenizer.format, **found}


def _is_record(head: bytes) -> bool:
    """Whether the first line is a record: an object that is no tokenizer.json, or a list of ids."""
    try:
        first = json.loads(head.lstrip().partition(b"\n")[0])
    except (ValueError, RecursionError):
        return False
    return isinstance(first, list) or (isinstance(first, dict) and not {"model", "added_tokens"} & set(first))


def _types(steps: Sequence[Any]) -> list[str]:
    return [str(step["type"]) for step in steps]


def _pattern(steps: Sequence[Any]) -> str | None:
    """The regex that text is split by first: its name where it has one; None where there is none."""
    for step in steps:
        if step["type"] == "Split" and "Regex" in step["pattern"]:
            regex = str(step["pattern"]["Regex"])
            return patterns.name_of(regex) or regex
        if step["type"] == "ByteLevel" and step.get("use_regex", True):
            return "gpt2"
    return None


def _npy(name: str) -> dict[str, Any]:
    """One array or several; ids, alone or with their index, or vectors."""
    number = 0
    smallest: tuple[int, ...] = ()
    largest: tuple[int, ...] = ()
    dtypes: set[str] = set()
    with files.open_input(name) as handle:
        while (header := npy.read_header(handle.read)) is not None:
            smallest = min(smallest, header.shape) if number else header.shape
            largest = max(largest, header.shape)
            number += 1
            dtypes.add(str(header.dtype))
            if not _skip(handle, header.bytes_of_data):
                raise DataError("is cut short", record=number)
    if number > 1:
        found = {"kind": "stream", "arrays": number, "dtype": sorted(dtypes)}
        return found | {"smallest": list(smallest), "largest": list(largest)}
    if files.size(flat.index_name(name)) is not None and name.endswith(".npy"):
        from attncli.artifacts.flat import load_flat

        ids, starts = load_flat(name)
        return {"kind": "flat", "dtype": str(ids.dtype), "ids": len(ids), "documents": len(starts) - 1}
    dtype = dtypes.pop()
    kind = "ids" if len(largest) == 1 and "int" in dtype else "table"
    return {"kind": kind, "shape": list(largest), "dtype": dtype}


def _skip(handle: BinaryIO, size: int) -> bool:
    """Reads over data; whether they were all there."""
    while size and (part := handle.read(min(size, 1 << 20))):
        size -= len(part)
    return not size


def _arrays(name: str) -> dict[str, Any]:
    """Arrays by name; a table where there is none but its own."""
    found, metadata = arrays.load(name)
    if "vectors" in found and set(found) <= table_files.OURS:
        return _table(name)
    return {"kind": "table", "arrays": {key: _array(array) for key, array in found.items()}, **metadata}


def _table(name: str) -> dict[str, Any]:
    """A table of rows that may have labels."""
    form, table = table_files.load(name)
    found = {"kind": "table", "format": form, **_array(table.vectors)}
    if table.labels is not None:
        found["labels"] = [label(each.encode("utf-8", "surrogateescape")) for each in table.labels[:FIRST_LABELS]]
    return found | ({"counted": int(table.counts.sum())} if table.counts is not None else {}) | table.metadata


def _array(array: NDArray[Any]) -> dict[str, Any]:
    return {"shape": list(array.shape), "dtype": str(array.dtype)}


def _records(name: str) -> dict[str, Any]:
    """How many there are, and how many have each key."""
    keys: Counter[str] = Counter()
    records = 0
    with files.open_input(name) as handle:
        for batch in jsonl.read(handle, name):
            records += len(batch)
            for record in batch:
                known = ("text", "ids", "tokens", "tokenizer", "offsets", "vectors", "output", "weights", "scores")
                keys.update(key for key in known if getattr(record, key) is not None)
                keys.update(iter(record.extra))
    return {"kind": "records", "records": records, "keys": dict(keys)}


def _text(name: str) -> dict[str, Any]:
    lines = size = 0
    with files.open_input(name) as handle:
        last = b"\n"
        while block := handle.read(1 << 20):
            lines += block.count(b"\n")
            size += len(block)
            last = block[-1:]
        lines += last != b"\n"
    return {"kind": "text", "bytes": size, "lines": lines}
