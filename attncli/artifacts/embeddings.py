"""Embedding tables from paths, and back to paths."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attncli import files
from attncli.artifacts import arrays, starter
from attncli.core.embedding.table import Table, random_rows
from attncli.errors import AttncliError, CallError, DataError
from attncli.formats import safetensors
from attncli.wire import npy

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Embeddings"]

NAMES = (
    "vectors", "embeddings", "wte", "wte.weight", "transformer.wte.weight", "embedding.weight",
    "embeddings.word_embeddings.weight", "bert.embeddings.word_embeddings.weight", "model.embed_tokens.weight",
)  # fmt: skip
"""What tables are called in files that hold other arrays too: ours, GPT-2's, PyTorch's, BERT's, Llama's."""
LARGEST_RANDOM = 1 << 32
"""Bytes of a seeded table: an id of another tokenizer must not take all memory."""


class Embeddings(Table):
    """A table that knows files: `.vectors` (V, D), `.labels`, `.tokenizer`, `.note`."""

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Embeddings:
        """From .npy, .npz or .safetensors, or the name `starter`; memory-mapped where the format allows it.

        Raises DataError that names the file and what is wrong.
        """
        place = os.fspath(path)
        if place == starter.NAME and not Path(place).exists():
            place = str(starter.TABLE)
        found, metadata = arrays.load(place)
        try:
            return cls(_chosen(found), tokenizer=metadata.get("tokenizer"), note=metadata.get("note"))
        except AttncliError as error:
            raise error.at(source=place) from None

    @classmethod
    def random(cls, entries: int, dim: int, *, seed: int = 0) -> Embeddings:
        """Seeded vectors, float32 (entries, dim): normal, sd 0.02, as GPT-2 begins.

        >>> Embeddings.random(3, 4, seed=1).vectors.shape
        (3, 4)
        """
        if entries * dim * 4 > LARGEST_RANDOM:
            raise DataError(f"a seeded table of {entries:,} x {dim} takes more than 4 GiB", hint="give a table")
        return cls(random_rows(entries, dim, seed))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes .npy or .safetensors, by the name; whole, or not at all."""
        place = os.fspath(path)
        suffix = Path(place).suffix.lower()
        if suffix not in (".npy", ".safetensors"):
            raise CallError(f"no table format goes by the name {place}", hint="use .npy or .safetensors")
        with files.open_output(place) as handle:
            if suffix == ".npy":
                npy.write_array(handle, self.vectors)
            else:
                known = {"tokenizer": self.tokenizer, "note": self.note}
                metadata = {key: value for key, value in known.items() if value is not None}
                handle.write(safetensors.write({"vectors": self.vectors}, metadata))


def _chosen(found: dict[str, NDArray[Any]]) -> NDArray[Any]:
    """The table among a file's arrays."""
    if len(found) == 1:
        return next(iter(found.values()))
    for name in NAMES:
        if name in found:
            return found[name]
    raise DataError(f"holds {len(found)} arrays, none by a table's name", hint=f"name the table {NAMES[0]}")
