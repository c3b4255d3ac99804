"""What every method gives: the output, or with it the weights and the log-sum-exp, in the axes of the arrays given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from attncli.core.attention.problem import Problem

__all__ = ["Attended", "attended"]

Floats = NDArray[np.floating[Any]]


class Attended(NamedTuple):
    """What `attention` gives where more than the output is asked for."""

    output: Floats
    """(…, H, N, dv)"""
    weights: Floats | None
    """(…, H, N, M), each row summing to 1, or zeros where it may attend to nothing."""
    lse: Floats | None
    """(…, H, N): the logarithm of the sum of exponentials of each row's logits."""


def attended(
    problem: Problem,
    output: Floats,
    lse: Floats | None,
    weights: Callable[[], Floats],
    *,
    return_weights: bool,
    return_lse: bool,
) -> Floats | Attended:
    """output (heads, N, dv), lse (heads, N) and weights (heads, N, M) as the caller of a method wants them.

    `weights` is called where they are wanted; a method that has no lse gives None.

    >>> one = np.ones((1, 1, 1))
    >>> attended(Problem.of(one, one, one), one, None, list, return_weights=False, return_lse=True)
    Attended(output=array([[[1.]]]), weights=None, lse=None)
    """
    output = problem.spread(output)
    if not (return_weights or return_lse):
        return output
    return Attended(
        output,
        problem.spread(weights()) if return_weights else None,
        problem.spread(lse) if return_lse and lse is not None else None,
    )
