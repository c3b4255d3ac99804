"""Where a token stands, as vectors that are added to its embedding. A new scheme enters `SCHEMES`.

What the field's other schemes change is not the embedding but attention, and they stand there:

    sinusoidal, learned   added to the vectors                  here
    rotary (RoPE)         turns queries and keys of each layer  core/attention/rope.py
    ALiBi, T5's biases    added to the logits of attention      core/attention/alibi.py, relative.py
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from attncli.errors import CallError, DataError

__all__ = ["SCHEMES", "learned", "sinusoidal"]

SCHEMES = ("none", "sinusoidal", "learned")
"""What `embed --positions` knows."""


def sinusoidal(length: int, width: int) -> NDArray[np.float32]:
    """PE(t, 2i) = sin(t / 10000^(2i/D)), PE(t, 2i+1) = cos(t / 10000^(2i/D)): float32 (T, D).

    Vaswani et al. 2017, section 3.5. Computed in float64: at t = 100,000 float32 angles are wrong by 0.004.
    Raises CallError for an odd width, which the formula has no meaning for.

    >>> sinusoidal(2, 2).round(4)
    array([[0.    , 1.    ],
           [0.8415, 0.5403]], dtype=float32)
    """
    if width % 2:
        raise CallError(f"sinusoidal positions need an even width, not {width}")
    frequencies = 10000.0 ** (-np.arange(0, width, 2) / width)  # [D/2]
    angles = np.arange(length)[:, None] * frequencies  # [T, D/2]
    return np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(length, width).astype(np.float32)


def learned(table: NDArray[Any], length: int, width: int) -> NDArray[np.float32]:
    """The first T rows of a position table (`wpe` in GPT-2), (P, D) -> float32 (T, D).

    Raises DataError for what is no such table, and where the document is longer.
    """
    if table.ndim != 2 or table.dtype.kind != "f" or table.shape[1] != width:
        told = f"an array {table.shape} of {table.dtype} is no table of positions for vectors of width {width}"
        raise DataError(told, hint=f"it is floats (positions, {width})", argument="position_table")
    if length > len(table):
        raise DataError(
            f"{length} tokens are more than the {len(table)} positions of the table",
            hint="cut the document, or use sinusoidal positions",
            argument="position_table",
        )
    return table[:length].astype(np.float32, copy=False)
