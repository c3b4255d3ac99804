"""Tokenizers from paths and names, and back to paths."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from attncli import files
from attncli.artifacts import names
from attncli.core.tokenizer import tokenizer as core
from attncli.errors import AttncliError, CallError, DataError
from attncli.formats import tokenizer_json

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Tokenizer"]

LARGEST_FILE = 1 << 28
"""Bytes: the largest vocabularies in use take 20 MB."""
FILE_NAME = "tokenizer.json"


class Tokenizer(core.Tokenizer):
    """A tokenizer that knows where it comes from; encoding and decoding are `core.Tokenizer`'s."""

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Tokenizer:
        """From a tokenizer.json, a folder with one, `-` (standard input), or a name (`names.resolve`).

        Raises DataError that names the file and what is wrong with it.

        >>> Tokenizer.load("starter").encode("the bank")
        [646, 8416]
        """
        place = os.fspath(path)
        found = names.resolve(place)
        if found is not None:
            place = found.path
        name = Path(place).parent.name if Path(place).name == FILE_NAME else Path(place).stem
        if place != "-" and Path(place).is_dir():
            name = Path(place).resolve().name
            place = str(Path(place) / FILE_NAME)
        elif place != "-" and not Path(place).exists() and os.sep not in place and "." not in place:
            raise DataError(f"no tokenizer file is called {place!r}", hint=names.advice(place))
        if found is not None:
            name = found.name
        try:
            return cls(tokenizer_json.read(files.read_bytes(place, limit=LARGEST_FILE), name))
        except AttncliError as error:
            raise error.at(source=place) from None

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes a tokenizer.json: whole, or not at all."""
        with files.open_output(os.fspath(path)) as handle:
            handle.write(self.serialized())

    def serialized(self) -> bytes:
        """The bytes of its tokenizer.json."""
        return tokenizer_json.write(self.model)

    def encode_file(
        self, path: str | os.PathLike[str], by: str = "line", *, threads: int | None = None
    ) -> tuple[NDArray[np.unsignedinteger], NDArray[np.uint64]]:
        """All ids of a text file in one array, and where each document starts, the total last.

        `by` "line" makes a document of each line without its newline, "file" one of the whole file. ids are uint16
        where the vocabulary has at most 65,536 entries, else uint32 (total,); starts uint64 (documents + 1,).
        """
        import numpy as np

        from attncli.wire import text

        if by not in ("line", "file"):
            raise CallError(f"no document is called {by!r}", hint="use line or file")
        parts, starts = [np.zeros(0, np.uint32)], [np.zeros(1, np.uint64)]
        total = 0
        with files.open_input(os.fspath(path)) as handle:
            for batch in text.read(handle, os.fspath(path), by=by):
                ids, ends = self.encode_flat([record.text or b"" for record in batch], threads=threads)
                parts.append(ids)
                starts.append(ends[1:] + np.uint64(total))
                total += len(ids)
        dtype = np.uint16 if len(self) <= 1 << 16 else np.uint32
        return np.concatenate(parts).astype(dtype), np.concatenate(starts)
