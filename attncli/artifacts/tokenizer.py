"""Tokenizers from paths and names, and back to paths."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from attncli import files
from attncli.artifacts import names, tokenizer_files
from attncli.core.tokenizer import tokenizer as core
from attncli.errors import AttncliError, DataError
from attncli.formats import tokenizer_json_writer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Tokenizer"]


class Tokenizer(core.Tokenizer):
    """A tokenizer that knows where it comes from; encoding and decoding are `core.Tokenizer`'s."""

    format: str | None = None
    """That of the file which it was loaded from."""

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, pattern: str | None = None) -> Tokenizer:
        """From a file of any known format, a folder with one, `-` (standard input), or a name (`names.resolve`).

        What the file holds decides on its format, its name helps (`tokenizer_files`). `pattern`, a name of
        `core.tokenizer.patterns` or a regex, says how text is split where the file does not: in a `.tiktoken` of no
        known encoding, in vocab.json and merges.txt. Raises DataError that names the file and what is wrong with it.

        >>> Tokenizer.load("starter").encode("the bank")
        [646, 8416]
        """
        place = os.fspath(path)
        found = names.resolve(place)
        if found is None and place != "-" and not Path(place).exists() and os.sep not in place and "." not in place:
            raise DataError(f"no tokenizer file is called {place!r}", hint=names.advice(place))
        if pattern is not None:
            from attncli.core.tokenizer.patterns import resolve

            pattern = resolve(pattern)
        source = place if found is None else found.path
        title = tokenizer_files.title(place) if found is None else found.name
        encoding = None if found is None else found.encoding
        form, model = tokenizer_files.load(source, title, pattern=pattern, encoding=encoding)
        try:
            loaded = cls(model)
        except AttncliError as error:
            raise error.at(source=source) from None
        loaded.format = form
        return loaded

    def save(self, path: str | os.PathLike[str], format: str | None = None) -> list[str]:  # noqa: A002 - as NumPy's
        """Writes its file, or the files of its format: all of them, whole, or none.

        `format` is tokenizer.json, vocab.json (with merges.txt), vocab.txt, tiktoken or sentencepiece; if not given,
        what the path's name says, and tokenizer.json for any other. Returns what the format leaves unsaid, a line
        each (the pattern and the special tokens of a .tiktoken). Raises CallError, and writes nothing, where the
        format cannot say what this tokenizer does.
        """
        written, unsaid = tokenizer_files.dump(self.model, os.fspath(path), format)
        files.write_all(written)
        return unsaid

    def serialized(self) -> bytes:
        """The bytes of its tokenizer.json."""
        return tokenizer_json_writer.write(self.model)

    def encode_file(
        self, path: str | os.PathLike[str], by: str = "line", *, threads: int | None = None
    ) -> tuple[NDArray[np.unsignedinteger], NDArray[np.uint64]]:
        """All ids of a text file in one array, and where each document starts, the total last.

        `by` "line" makes a document of each line without its newline, "file" one of the whole file. ids are uint16
        where the vocabulary has at most 65,536 entries, else uint32 (total,); starts uint64 (documents + 1,).
        """
        import numpy as np

        from attncli.artifacts.corpus import Corpus

        dtype = np.uint16 if len(self) <= 1 << 16 else np.uint32
        parts, starts = [np.zeros(0, dtype)], [np.zeros(1, np.uint64)]
        total = 0
        for part in Corpus(self, by, records=False, threads=threads).parts(os.fspath(path)):
            parts.append(part.ids.astype(dtype))
            starts.append(part.ends + np.uint64(total))
            total += len(part.ids)
        return np.concatenate(parts), np.concatenate(starts)
