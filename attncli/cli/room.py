"""Whether there is room for the weights that `attend` is asked for: they grow with the square of the length."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

from attncli.errors import DataError
from attncli.memory import available

__all__ = ["check_room"]

NUMBER = {"npy": 4, "json": 48}
"""Bytes that a weight takes at most, until it is written: in JSON it stands in several texts at once."""


def check_room(
    queries: tuple[int, ...],
    keys: tuple[int, ...],
    heads: int,
    wanted: Collection[str],
    chosen: tuple[Sequence[int] | None, Sequence[int] | None],
    fmt: str,
) -> None:
    """Raises DataError, before any is made, where the weights or scores that are wanted take more than there is.

    `queries` and `keys` are the shapes of the vectors, (T, D) or (H, T, d), `chosen` the heads and rows of the weights,
    all where None.

    >>> check_room((1000, 64), (1000, 64), 8, ["weights"], (None, [5]), "npy")
    """
    whole = (queries[0] if len(queries) == 3 else heads, *queries[-2:-1], *keys[-2:-1])
    some = [count if part is None else len(part) for part, count in zip(chosen, whole[:2], strict=True)]
    shapes = {"weights": (*some, *whole[2:]), "scores": whole}
    shapes = {name: shape for name, shape in shapes.items() if name in wanted}
    size = sum(math.prod(shape) for shape in shapes.values()) * NUMBER[fmt]
    there = available() if shapes else None
    if there is not None and size > there:
        listed = " and ".join(f"{name} ({', '.join(f'{n:,}' for n in shape)})" for name, shape in shapes.items())
        raise DataError(
            f"the {listed} take {size / 1e9:,.1f} GB as {fmt}, and {there / 1e9:,.1f} GB are there",
            hint="choose some by --head and --row, or ask for --emit top-k or entropy",
        )
