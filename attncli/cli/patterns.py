"""The options of `attend` that say who attends to whom, and how far apart: sparse patterns, positions, biases; and
what to tell of the weights. With their way to `attncli.attention`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from attncli.cli.options import choice
from attncli.errors import AttncliError, CallError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.core.attention.rope import Rope

__all__ = [
    "ROPES",
    "AlibiOption",
    "BlockMaskOption",
    "BlockOption",
    "DilationOption",
    "GlobalOption",
    "HeadOption",
    "RandomBlocksOption",
    "RopeOption",
    "RopeScalingOption",
    "RopeThetaOption",
    "RowOption",
    "StrideOption",
    "T5BiasOption",
    "TopOption",
    "WindowBlocksOption",
    "numbers",
    "pattern_options",
    "position_options",
]

ROPES = ("half", "interleaved")
"""Which two numbers of a head are a pair; see `core/attention/rope.py`."""

DilationOption = Annotated[
    int | None,
    typer.Option(
        "--dilation",
        min=1,
        help="Of window: only every so many keys, which is what --window then counts; it reaches so many times as far.",
    ),
]
StrideOption = Annotated[
    int | None, typer.Option("--stride", min=1, help="Of strided; default the root of the length.")
]
BlockOption = Annotated[
    int | None, typer.Option("--block", min=1, help="Tokens in a block, of block, block-mask and bigbird; default 64.")
]
BlockMaskOption = Annotated[
    str | None, typer.Option("--block-mask", metavar="FILE", help="Of block-mask: bool, a cell a block, true = may.")
]
GlobalOption = Annotated[
    str | None,
    typer.Option("--global", metavar="I,I,...", help="Tokens of longformer (default 0), blocks of bigbird (0,-1)."),
]
RandomBlocksOption = Annotated[int | None, typer.Option("--random-blocks", min=0, help="Of bigbird; default 3.")]
WindowBlocksOption = Annotated[int | None, typer.Option("--window-blocks", min=1, help="Of bigbird; default 3.")]
RopeOption = Annotated[
    str | None,
    typer.Option("--rope", **choice("layout", ROPES), help="Rotary positions; alone: half, as Llama in Hugging Face."),
]
RopeThetaOption = Annotated[float | None, typer.Option("--rope-theta", help="Default 10000.")]
RopeScalingOption = Annotated[
    str | None,
    typer.Option("--rope-scaling", metavar="FACTOR,LOW,HIGH,LENGTH", help="Llama 3's; 3.1 has 8,1,4,8192."),
]
AlibiOption = Annotated[bool, typer.Option("--alibi", help="Subtract slope * distance, with the paper's slopes.")]
T5BiasOption = Annotated[
    str | None,
    typer.Option(
        "--t5-bias",
        metavar="FILE",
        help="T5's relative biases, (buckets, heads); with --causal as in its decoder. T5 has --scale 1.",
    ),
]
TopOption = Annotated[int | None, typer.Option("--top", min=1, help="Keys that --emit top-k names; default 10.")]
HeadOption = Annotated[
    str | None, typer.Option("--head", metavar="H,H,...", help="Heads whose weights are emitted; default all.")
]
RowOption = Annotated[
    str | None, typer.Option("--row", metavar="I,I,...", help="Rows whose weights are emitted; default all.")
]


def numbers(text: str, option: str) -> list[int]:
    """The whole numbers of "0,17,-1".

    >>> numbers("0,17,-1", "--global")
    [0, 17, -1]
    """
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise CallError(f"{option} {text} is no list of whole numbers", hint="write them like 0,17,-1") from None


def pattern_options(
    method: str,
    *,
    dilation: int | None,
    stride: int | None,
    block: int | None,
    block_mask: str | None,
    global_: str | None,
    random_blocks: int | None,
    window_blocks: int | None,
) -> dict[str, Any]:
    """Those of the sparse methods; what was not given is None."""
    from attncli.artifacts import arrays

    chosen = None if global_ is None else numbers(global_, "--global")
    return {
        "dilation": dilation,
        "stride": stride,
        "block": block,
        "blocks": arrays.load_one(block_mask) if block_mask else None,
        "random_blocks": random_blocks,
        "window_blocks": window_blocks,
        "global_blocks" if method == "bigbird" else "global_tokens": chosen,
    }


def position_options(
    rope: str | None, theta: float | None, scaling: str | None, t5_table: str | None, causal: bool
) -> dict[str, Any]:
    """`rope` and `relative_bias` of `attncli.attention`."""
    if rope is None and (theta is not None or scaling is not None):
        raise CallError("--rope-theta and --rope-scaling go with --rope")
    return {
        "rope": None if rope is None else _rope(rope, theta, scaling),
        "relative_bias": None if t5_table is None else _t5_bias(t5_table, causal),
    }


def _t5_bias(path: str, causal: bool) -> NDArray[Any]:
    from attncli.artifacts import arrays
    from attncli.core.attention.relative import t5_bias

    try:
        return t5_bias(arrays.load_one(path), bidirectional=not causal)
    except AttncliError as error:
        raise error.at(source=path) from None


def _rope(layout: str, theta: float | None, scaling: str | None) -> Rope:
    from attncli.core.attention.rope import Llama3Scaling, Rope

    scaled = None
    if scaling is not None:
        try:
            factor, low, high, length = (float(part) for part in scaling.split(","))
            scaled = Llama3Scaling(factor, low, high, int(length))
        except (ValueError, OverflowError):
            raise CallError(
                f"--rope-scaling {scaling} is not FACTOR,LOW,HIGH,LENGTH", hint="Llama 3.1 has 8,1,4,8192"
            ) from None
    return Rope(10_000.0 if theta is None else theta, interleaved=layout == "interleaved", scaling=scaled)
