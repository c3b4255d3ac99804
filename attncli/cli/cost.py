"""`attncli attend --cost`: what attention costs on this machine, by every method."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from attncli.errors import CallError

if TYPE_CHECKING:
    from attncli.cli.console import Console
    from attncli.cli.options import Common

__all__ = ["tell_costs"]

LONGEST = 1 << 24
SIZES = (
    "causal", "threads", "window", "dilation", "stride", "block", "random_blocks", "window_blocks", "landmarks",
    "features", "rank", "seed",
)  # fmt: skip
"""Options that mean something here, each to the methods that have it."""


def tell_costs(console: Console, common: Common, lengths: str, *, to: str | None, heads: int, **options: Any) -> None:
    """A table on a terminal (or `--to grid`), else a JSON line for each method and length as it is measured."""
    from attncli.core.attention import cost
    from attncli.memory import measured
    from attncli.render.costs import draw_costs

    if common.inputs or common.files_from:
        raise CallError("--cost reads no input")
    if to == "npy":
        raise CallError("--cost writes a table or JSON Lines", hint="use --to grid or --to json")
    given = {name: value for name, value in options.items() if value is not None and value is not False}
    if others := sorted(set(given) - set(SIZES)):
        raise CallError(f"--cost is of random vectors, and takes no {others[0].replace('_', ' ')}")
    drawing = to == "grid" or (to is None and console.on_terminal())
    found = cost.costs(_lengths(lengths) or cost.LENGTHS, heads=heads, measure=measured, **given)
    with console.output("grid" if drawing else "json") as handle:
        if drawing:
            table = io.StringIO()  # rich would end the program itself where the reader has gone
            draw_costs(list(found), table, color=console.colored())
            handle.write(table.getvalue().encode("utf-8", "backslashreplace"))
            return
        for one in found:
            handle.write(json.dumps(asdict(one)).encode() + b"\n")
            handle.flush()


def _lengths(text: str) -> Sequence[int]:
    """From `512,1024`; none from `default`."""
    if text == "default":
        return ()
    words = text.split(",")
    if not all(
        word.isascii() and word.isdecimal() and 0 < int(word[:9]) <= LONGEST and len(word) < 9 for word in words
    ):
        raise CallError(f"--cost {text} is no list of lengths", hint="like 512,1024,2048")
    return [int(word) for word in words]
