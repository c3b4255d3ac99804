"""How far the training of vectors is, in a file: all that a later run needs to end with the same bytes."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from attncli import files
from attncli.artifacts import arrays
from attncli.core.embedding.word2vec import Trainer
from attncli.errors import DataError
from attncli.formats import safetensors

__all__ = ["Checkpoint"]

OTHER = "start over without --resume"


class Checkpoint:
    """A safetensors file of a trainer's state, written anew every so many seconds."""

    def __init__(self, path: str, every: float = 30.0) -> None:
        self._path, self._every = path, every
        self._written = time.monotonic()

    def restore(self, trainer: Trainer) -> bool:
        """Puts what the file holds into a trainer; whether there was a file.

        Raises DataError where it is of a training with another plan or text.
        """
        if not Path(self._path).exists():
            return False
        found, metadata = arrays.load(self._path)
        step = metadata.get("step", "")
        state = trainer.state
        fits = found.keys() == state.keys() and all(found[name].shape == state[name].shape for name in state)
        if not fits or not step.isdecimal():
            raise DataError("is no checkpoint of this training", source=self._path, hint=OTHER)
        if metadata.get("fingerprint") != trainer.fingerprint():
            raise DataError("was begun with other options or another text", source=self._path, hint=OTHER)
        for name, array in state.items():
            array[:] = found[name]
        trainer.step = int(step)
        trainer.loss = float(metadata.get("loss", "nan"))
        return True

    def keep(self, trainer: Trainer) -> None:
        """Writes the state where it is time to; whole, or not at all."""
        if time.monotonic() - self._written < self._every:
            return
        metadata = {
            "step": str(trainer.step),
            "loss": repr(float(trainer.loss)),
            "fingerprint": trainer.fingerprint(),
        }
        contiguous = {name: np.ascontiguousarray(array) for name, array in trainer.state.items()}
        with files.open_output(self._path) as handle:
            for part in safetensors.parts(contiguous, metadata):
                handle.write(part)
        self._written = time.monotonic()
