"""ALiBi: attention with linear biases (Press et al. 2022, section 3): − slope·|i − j| is added to the logits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from attncli.errors import CallError

__all__ = ["slopes"]


def slopes(heads: int) -> NDArray[np.float32]:
    """The paper's slopes: 2^(−8/H), 2^(−16/H), …, 2^(−8) for H a power of two; else those of the power of two below,
    then every other one of twice that (the authors' code): float32 (H,).

    >>> slopes(4).tolist()
    [0.25, 0.0625, 0.015625, 0.00390625]
    """
    if heads < 1:
        raise CallError(f"there are no ALiBi slopes for {heads} heads")
    power = 1 << (heads.bit_length() - 1)
    first = 2.0 ** (-8.0 / power * np.arange(1, power + 1))
    between = 2.0 ** (-4.0 / power * np.arange(1, 2 * power + 1, 2))
    return np.concatenate([first, between[: heads - power]]).astype(np.float32)
