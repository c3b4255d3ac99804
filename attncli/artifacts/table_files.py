"""Which format an embedding table's file has, by what it holds; and how each is read and written."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from attncli import compression, files
from attncli.artifacts import arrays
from attncli.errors import AttncliError, CallError, DataError
from attncli.formats import npz, safetensors
from attncli.wire import npy

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.core.embedding.labels import Labels

__all__ = ["BINARY", "FORMATS", "OURS", "Contents", "dump", "format_of", "is_table", "load", "unsaid"]

TEXTS = {"word2vec": "word2vec_text", "word2vec-binary": "word2vec_binary", "glove": "glove"}
"""Format -> module of `formats`, in the order in which a file is tried."""
FORMATS = ("npy", "npz", "safetensors", *TEXTS)
BINARY = ("npy", "npz", "safetensors", "word2vec-binary")
"""What no terminal can show."""
EXTENSIONS = {
    ".npy": "npy", ".npz": "npz", ".safetensors": "safetensors",
    ".txt": "word2vec", ".vec": "word2vec", ".bin": "word2vec-binary",
}  # fmt: skip
NAMES = (
    "vectors", "embeddings", "wte", "wte.weight", "transformer.wte.weight", "embedding.weight",
    "embeddings.word_embeddings.weight", "bert.embeddings.word_embeddings.weight", "model.embed_tokens.weight",
)  # fmt: skip
"""What tables are called in files that hold other arrays too: ours, GPT-2's, PyTorch's, BERT's, Llama's."""
LABELS = ("labels", "words", "tokens", "vocab")
"""What the labels are called there: strings, or UTF-8 as uint8 with one label a line (spelled as in `Labels`)."""
OURS = frozenset(["vectors", "counts", "labels", "tokenizer", "note"])
"""The arrays of a table that was written here."""
HEAD = 1 << 16
"""Bytes that are looked at to tell a format."""


class Contents(NamedTuple):
    """What a table's file says."""

    vectors: NDArray[Any]
    labels: Labels | None = None
    counts: NDArray[Any] | None = None
    metadata: dict[str, str] = {}  # noqa: RUF012 - never changed
    """`tokenizer`, `note`."""


def load(path: str) -> tuple[str, Contents]:
    """The format and the contents; .npy and .safetensors are memory-mapped, all else is read.

    Raises DataError that names the file and the place in it.
    """
    try:
        with files.open_input(path) as handle:
            head = handle.read(HEAD)
            form = _sniffed(head)
            if form in ("word2vec", "glove"):
                return form, _labelled(*_code(form).read(_rejoined(head, handle.read)))
            data = head + handle.read() if path == "-" else None
        if form is None:
            raise DataError(f"is no table of {', '.join(FORMATS[:-1])} or {FORMATS[-1]}")
        if data is None:
            data = files.map_bytes(path)
        if form == "word2vec-binary":
            return form, _labelled(*_code(form).read(data))
        return form, _from_arrays(*arrays.read(data))
    except AttncliError as error:
        raise error.at(source=path) from None


def is_table(path: str) -> bool:
    """Whether a file is one, by how it begins: arrays by name or alone, or rows of labels and numbers."""
    with files.open_input(path) as handle:
        return _sniffed(handle.read(HEAD)) is not None


def format_of(path: str) -> str:
    """The format that a name stands for. Raises CallError for none."""
    name = Path(path)
    if name.suffix.lower() in compression.EXTENSIONS:
        name = name.with_suffix("")
    form = EXTENSIONS.get(name.suffix.lower())
    if form is None:
        raise CallError(f"no table format goes by the name {path}", hint=f"use {', '.join(EXTENSIONS)}")
    return form


def dump(table: Contents, handle: BinaryIO, form: str) -> None:
    """Writes a table in a format of `FORMATS`, a part at a time."""
    if form == "npy":
        npy.write_array(handle, table.vectors)
    elif form == "npz":
        import numpy as np

        texts = {key: np.array(value) for key, value in table.metadata.items()}
        npz.write(handle, {**_arrays(table), **texts})
    elif form == "safetensors":
        for part in safetensors.parts(_arrays(table), table.metadata):
            handle.write(part)
    elif form in TEXTS:
        for part in _code(form).write(table.vectors, table.labels or _numbered(len(table.vectors)), table.metadata):
            handle.write(part)
    else:
        raise CallError(f"no table format is called {form!r}", hint=f"use {', '.join(FORMATS)}")


def unsaid(table: Contents, form: str) -> list[str]:
    """What a format has no place for, a line each."""
    texts = form in TEXTS
    said = {
        "the rows' labels": form == "npy" and table.labels is not None,
        "how often each was counted": (form == "npy" or texts) and table.counts is not None,
        "the tokenizer that the rows belong to": form in ("npy", "glove") and "tokenizer" in table.metadata,
        "how the table was made": form in ("npy", "glove") and "note" in table.metadata,
        "digits beyond float32": texts and table.vectors.dtype.itemsize > 4,
    }
    lines = [line for line, lost in said.items() if lost]
    return lines + (
        ["labels: none are known, and the rows' numbers stand for them"] if texts and not table.labels else []
    )


def _sniffed(head: bytes) -> str | None:
    if head.startswith(npy.MAGIC):
        return "npy"
    if head.startswith(npz.MAGICS):
        return "npz"
    if safetensors.sniff(head):
        return "safetensors"
    return next((form for form in TEXTS if _code(form).sniff(head)), None)


def _code(form: str) -> Any:
    return importlib.import_module(f"attncli.formats.{TEXTS[form]}")


def _rejoined(head: bytes, take: Callable[[int], bytes]) -> Callable[[int], bytes]:
    """`take` as it was before the head was read."""
    rest = [head]
    return lambda size: rest.pop() if rest else take(size)


def _labelled(vectors: NDArray[Any], labels: Labels, metadata: dict[str, str]) -> Contents:
    return Contents(vectors, labels, metadata=metadata)


def _numbered(rows: int) -> Labels:
    from attncli.core.embedding.labels import Labels

    return Labels(b"".join(b"%d\n" % row for row in range(rows)))


def _arrays(table: Contents) -> dict[str, NDArray[Any]]:
    """A table's arrays by our names."""
    import numpy as np

    named = {"vectors": table.vectors}
    if table.counts is not None:
        named["counts"] = table.counts
    if table.labels is not None:
        named["labels"] = np.frombuffer(table.labels.text, np.uint8)
    return named


def _from_arrays(found: dict[str, NDArray[Any]], metadata: dict[str, str]) -> Contents:
    texts = {key: str(found[key]) for key in ("tokenizer", "note") if key in found and found[key].dtype.kind == "U"}
    vectors = _chosen({key: array for key, array in found.items() if array.dtype.kind != "U"})
    counts = found.get("counts")
    fits = counts is not None and counts.dtype.kind in "iu" and counts.shape == vectors.shape[:1]
    labels = next((_labels(found[name]) for name in LABELS if name in found and found[name].ndim == 1), None)
    return Contents(vectors, labels, counts if fits else None, metadata | texts)


def _labels(array: NDArray[Any]) -> Labels | None:
    from attncli.core.embedding.labels import Labels

    if array.dtype.kind == "U":
        return Labels(_utf8(array.tolist()))
    return Labels(array.tobytes()) if array.dtype.name == "uint8" else None


def _utf8(words: Iterable[str]) -> bytes:
    try:
        return b"".join(word.replace("\n", "\\x0a").encode("utf-8", "surrogateescape") + b"\n" for word in words)
    except ValueError:
        raise DataError("its labels are no text") from None


def _chosen(found: dict[str, NDArray[Any]]) -> NDArray[Any]:
    """The table among a file's arrays."""
    tables = [array for array in found.values() if array.ndim == 2 and array.dtype.kind == "f"]
    for array in (found[name] for name in NAMES if name in found):
        return array
    if len(tables) == 1 or len(found) == 1:
        return tables[0] if tables else next(iter(found.values()))
    raise DataError(f"holds {len(found)} arrays, none by a table's name", hint=f"name the table {NAMES[0]}")
