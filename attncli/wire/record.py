"""A record: one document on its way through the pipe, and what the stages so far made of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Record"]


@dataclass(slots=True)
class Record:
    """One document. What a stage has not made is None; `extra` holds the keys that nobody here knows.

    >>> Record(id="poem.txt:1", ids=[72, 105], tokens=["H", "i"]).end
    """

    id: str | int | None = None
    """Source and number, `corpus.txt:12`, or whatever the user's own records call it."""
    end: str | None = None
    """What followed the document in its source; None means a newline."""
    text: bytes | None = None
    """The document; in JSON `text` where it is valid UTF-8, else `bytes` (base64)."""
    ids: Sequence[int] | NDArray[np.integer[Any]] | None = None
    """Token ids (T,)."""
    tokens: Sequence[str] | None = None
    """Labels for people (T,); undecodable bytes as `\\xNN`."""
    tokenizer: str | None = None
    """Name and short digest of the tokenizer that made the ids."""
    offsets: Sequence[Sequence[int]] | None = None
    """Byte spans (start, end) of the tokens (T, 2)."""
    vectors: NDArray[np.floating[Any]] | None = None
    """float32 (T, D), or heads already split (H, T, d)."""
    output: NDArray[np.floating[Any]] | None = None
    """What attention made: float32 (T, D) or (H, T, d)."""
    weights: NDArray[np.floating[Any]] | None = None
    """Attention weights, float32 (H, T, M)."""
    scores: NDArray[np.floating[Any]] | None = None
    """QKᵀ·scale, before softcap, biases, mask and softmax, float32 (H, T, M)."""
    summary: dict[str, NDArray[Any]] = field(default_factory=dict)
    """What was told of the weights: `top_keys`, `top_weights`, `entropy`, `distances`, each under its name."""
    extra: dict[str, Any] = field(default_factory=dict)
    """Keys of the user's own records, passed through."""

    def place(self, source: str) -> int | str:
        """What errors call it beside its source: its number there, or the user's own id.

        >>> Record(id="poem.txt:12").place("poem.txt"), Record(id="ode").place("poem.txt")
        (12, 'ode')
        """
        number = str(self.id).removeprefix(f"{source}:")
        return int(number) if number.isdecimal() else number
