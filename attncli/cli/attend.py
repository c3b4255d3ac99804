"""`attncli attend`: vectors to attention."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from attncli.cli.attended import attended_to_by, projections_named
from attncli.cli.command import subcommand
from attncli.cli.console import Console
from attncli.cli.grid import Grid, check_length
from attncli.cli.methods import (
    BackendOption,
    CompareOption,
    CostOption,
    DeviceOption,
    FeaturesOption,
    LandmarksOption,
    LengthProjectionOption,
    RankOption,
    check_options,
    method_options,
)
from attncli.cli.options import AllowNanOption, Common, choice
from attncli.cli.patterns import (
    AlibiOption,
    BlockMaskOption,
    BlockOption,
    DilationOption,
    GlobalOption,
    HeadOption,
    RandomBlocksOption,
    RopeOption,
    RopeScalingOption,
    RopeThetaOption,
    RowOption,
    StrideOption,
    T5BiasOption,
    TopOption,
    WindowBlocksOption,
    numbers,
    pattern_options,
    position_options,
)
from attncli.cli.room import check_room
from attncli.cli.stage import run_stage
from attncli.errors import CallError, DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.core.attention.summary import Summary
    from attncli.wire.record import Record

__all__ = ["METHODS", "run"]

FORMATS = ("json", "npy", "grid")
EMITTED = ("output", "weights", "scores", "top-k", "entropy", "distances")
METHODS = (
    "exact",
    "window",
    "strided",
    "block",
    "block-mask",
    "longformer",
    "bigbird",
    "linformer",
    "nystrom",
    "performer",
    "linear",
)
"""The names in `core/attention/mechanisms.py`; here too, since that imports NumPy (a test holds them together)."""


@subcommand("attend")
def run(
    common: Common,
    heads: Annotated[int | None, typer.Option("--heads", min=1, help="Heads to split the vectors into.")] = None,
    kv_heads: Annotated[
        int | None, typer.Option("--kv-heads", min=1, help="Fewer heads for keys and values (grouped queries).")
    ] = None,
    causal: Annotated[bool, typer.Option("--causal", help="No look ahead; aligned to the end.")] = False,
    window: Annotated[
        str | None, typer.Option("--window", metavar="LEFT[,RIGHT]", help="Attend to keys this near only.")
    ] = None,
    projections: Annotated[
        str,
        typer.Option("--projections", metavar="identity|random|FILE", help="Wq Wk Wv Wo, bq bk bv bo by name."),
    ] = "identity",
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="Of all that is random; 0 if not given.")] = None,
    context: Annotated[
        str | None, typer.Option("--context", metavar="FILE", help="Cross-attention: vectors to attend to.")
    ] = None,
    keys: Annotated[str | None, typer.Option("--keys", metavar="FILE", help="K, (M, D) or (Hkv, M, d).")] = None,
    values: Annotated[str | None, typer.Option("--values", metavar="FILE", help="V, as long as K.")] = None,
    mask: Annotated[str | None, typer.Option("--mask", metavar="FILE", help="Bool; true = may attend.")] = None,
    bias: Annotated[str | None, typer.Option("--bias", metavar="FILE", help="Added to the scores.")] = None,
    scale: Annotated[float | None, typer.Option("--scale", help="Of the scores; default 1/sqrt(d).")] = None,
    softcap: Annotated[float | None, typer.Option("--softcap", help="softcap * tanh(scores / softcap).")] = None,
    rope: RopeOption = None,
    rope_theta: RopeThetaOption = None,
    rope_scaling: RopeScalingOption = None,
    alibi: AlibiOption = False,
    t5_bias: T5BiasOption = None,
    method: Annotated[str, typer.Option("--method", **choice("method", METHODS), help="How to attend.")] = "exact",
    dilation: DilationOption = None,
    stride: StrideOption = None,
    block: BlockOption = None,
    block_mask: BlockMaskOption = None,
    global_: GlobalOption = None,
    window_blocks: WindowBlocksOption = None,
    random_blocks: RandomBlocksOption = None,
    landmarks: LandmarksOption = None,
    features: FeaturesOption = None,
    rank: RankOption = None,
    length_projection: LengthProjectionOption = None,
    compare_exact: CompareOption = False,
    cost: CostOption = None,
    backend: BackendOption = None,
    device: DeviceOption = None,
    emit: Annotated[
        list[str] | None,
        typer.Option("--emit", metavar="|".join(EMITTED), help="What to write; may be repeated. [default: output]"),
    ] = None,
    top: TopOption = None,
    head: HeadOption = None,
    row: RowOption = None,
    to: Annotated[
        str | None,
        typer.Option("--to", **choice("format", FORMATS), help="On a terminal a grid, else as it came in."),
    ] = None,
    from_: Annotated[
        str | None,
        typer.Option("--from", **choice("format", ("json", "npy")), help="By the first bytes if not given."),
    ] = None,
    allow_nan: AllowNanOption = False,
) -> None:
    """Let vectors attend to each other: multi-head scaled-dot-product attention.

    \b
    echo "He left the roses by the bank." | attncli encode | attncli embed | attncli attend
    attncli attend --heads 8 --causal vectors.npy -o output.npy
    attncli attend --heads 4 --projections random --emit weights vectors.npy --to npy -o weights.npy
    attncli attend --method performer --features 512 --compare-exact vectors.npy -o output.npy
    attncli attend --cost
    attncli attend --method longformer --window 256 --global 0 --rope vectors.npy -o output.npy
    attncli attend --causal --emit top-k,entropy vectors.npy --to json

    On a terminal it draws the weights as a grid, queries down and keys across (--to grid draws anywhere).

    Of N queries and M keys, --emit weights is (H, N, M), and so are the scores: Q times K transposed times scale, after
    --rope and before softcap, ALiBi, bias and mask. top-k is two arrays (H, N, k) of keys and weights, entropy (H, N)
    in nats. distances is (H, N + M - 1), the weight at each distance, summed over the queries: query i stands at
    i + M - N, and place t holds what it gives the key t + 1 - N before it. So in self-attention place N - 1 is the
    token itself, the places left of it the tokens ahead of it, and those right of it the tokens behind.

    Exit status: 0 done, 1 the data or the machine failed, 2 the call was wrong, 130 interrupted.
    """
    from attncli.artifacts.in_place import InPlace
    from attncli.cli.cost import tell_costs
    from attncli.core.attention.alibi import slopes
    from attncli.core.attention.multihead import multi_head
    from attncli.wire import streams

    console = Console(common, context, keys, values, mask, bias, t5_bias, length_projection, block_mask)
    wanted = _emitted(emit)
    if to == "grid" and emit is not None and wanted != ["weights"]:
        raise CallError("the grid shows weights", hint="leave out --emit, or use --to json")
    drawing = to == "grid" or (to is None and emit is None and console.on_terminal())
    own = method_options(
        method,
        seed=seed or 0,
        landmarks=landmarks,
        features=features,
        rank=rank,
        length_projection=length_projection,
        backend=backend,
        device=device,
    )
    if compare_exact and backend is not None:
        raise CallError("--compare-exact is of methods, and a backend is none")
    options = _options(common, causal, window, scale, softcap, mask, bias) | own
    options |= pattern_options(
        method,
        dilation=dilation,
        stride=stride,
        block=block,
        block_mask=block_mask,
        global_=global_,
        random_blocks=random_blocks,
        window_blocks=window_blocks,
    )
    options |= position_options(rope, rope_theta, rope_scaling, t5_bias, causal)
    if cost is not None:
        layer_alone = {
            "alibi": alibi,
            "method": None if method == "exact" else method,
            "projections": None if projections == "identity" else projections,
            "compare_exact": compare_exact,
            "kv_heads": kv_heads,
            "context": context,
            "keys": keys,
            "values": values,
            "emit": emit,
            "top": top,
            "head": head,
            "row": row,
            "from": from_,
            "allow_nan": allow_nan,
        }
        tell_costs(console, common, cost, to=to, heads=heads or 1, **options | layer_alone | {"seed": seed})
        return
    if seed is not None and projections != "random" and ("seed" not in own or length_projection is not None):
        raise CallError("--seed goes with random projections or a random method", hint="nothing else is left to chance")
    weighing = drawing or "weights" in wanted
    check_options(method, backend, options | {"alibi_slopes": alibi, "return_weights": weighing, "backend": None})
    told = _told(top, head, row, ("weights",) if drawing else wanted)
    attended_to = attended_to_by(context, keys, values)
    projected = projections_named(projections, seed or 0)
    grid = Grid(*told["weights_of"])
    in_place: InPlace | None = None

    fmt = "npy"

    def attend(record: Record) -> None:
        x = record.vectors if record.vectors is not None else record.output
        if x is None:
            raise DataError("has no vectors", hint="ids go through `embed` first")
        if drawing:
            check_length(x.shape[-2])
        if record.tokens is not None and len(record.tokens) != x.shape[-2]:
            raise DataError(f"has {len(record.tokens)} tokens and {x.shape[-2]} vectors")
        k, v, labels = attended_to(record)
        if not drawing:
            shapes = x.shape, x.shape if k is None else k.shape
            check_room(*shapes, heads or 1, wanted, told["weights_of"], fmt)
        layer: dict[str, Any] = {
            "heads": heads,
            "kv_heads": kv_heads,
            "projections": projected(x, heads or 1, kv_heads or heads or 1),
            "keys": k,
            "values": v,
            "method": method,
            **options,
        }
        if alibi:
            layer["alibi_slopes"] = slopes(x.shape[0] if x.ndim == 3 else heads or 1)
        room = None if in_place is None else in_place.room
        made = multi_head(x, emit=("weights",) if drawing else wanted, room=room, progress=computed, **layer, **told)
        if made.empty_rows:
            console.say("some rows may attend to nothing; they are zeros")
        record.vectors, record.output = None, made.output
        record.weights, record.scores = made.weights, made.scores
        record.summary = _summary(made.summary)
        if compare_exact:
            record.extra |= _compared(console, record, x, layer)
        if drawing:
            grid.label(record, x.shape[-2], labels)

    def computed(rows: int, of: int) -> None:
        console.progress("attending", rows, of)
        if in_place is not None:
            in_place.computed(rows, of)

    def format_for(came_in: str) -> str:
        if drawing:
            return "grid"
        nonlocal fmt
        fmt = streams.format_of(common.output, FORMATS, to) or came_in
        if fmt == "npy" and (len(wanted) > 1 or wanted == ["top-k"]):
            raise CallError("npy has room for one array a record", hint="emit one, or use --to json")
        return fmt

    def writer_for(fmt: str, handle: BinaryIO) -> Callable[[Iterable[Record]], None]:
        if fmt == "grid":
            return partial(grid.draw, handle=handle, color=console.colored())
        if fmt == "npy" and wanted == ["output"]:
            nonlocal in_place
            in_place = InPlace(handle)
            return in_place.write
        return streams.writer(fmt, handle, array=wanted[0], allow_nan=allow_nan)

    run_stage(
        console,
        attend,
        from_=from_,
        format_for=format_for,
        writer_for=writer_for,
        beside={
            "mask": mask,
            "bias": bias,
            "keys": keys or context,
            "values": values or keys or context,
            "projections": None if projections in ("identity", "random") else projections,
            "blocks": block_mask,
            "E": length_projection,
            "F": length_projection,
        },
        allow_nan=allow_nan,
    )
    console.progress.clear()


def _compared(console: Console, record: Record, x: NDArray[Any], layer: dict[str, Any]) -> dict[str, Any]:
    """Tells how far the method is from exact attention; the same as keys of the record."""
    from attncli.core.attention.compare import compare_exact
    from attncli.memory import measured

    comparison = compare_exact(x, measure=measured, **layer)
    console.say(f"{record.id}: {comparison}")
    return comparison.keys()


def _emitted(emit: list[str] | None) -> list[str]:
    wanted = list(dict.fromkeys(part for name in emit or ["output"] for part in name.split(",")))
    for name in wanted:
        if name not in EMITTED:
            raise CallError(f"nothing to emit is called {name!r}", hint=f"use {', '.join(EMITTED)}")
    return wanted


def _told(top: int | None, head: str | None, row: str | None, wanted: Sequence[str]) -> dict[str, Any]:
    """What `multi_head` is told of the weights that are wanted."""
    if top is not None and "top-k" not in wanted:
        raise CallError("--top goes with --emit top-k")
    if (head is not None or row is not None) and "weights" not in wanted:
        raise CallError("--head and --row go with --emit weights or --to grid")
    chosen = (None if head is None else numbers(head, "--head"), None if row is None else numbers(row, "--row"))
    return {"weights_of": chosen} | ({} if top is None else {"top": top})


def _summary(summary: Summary | None) -> dict[str, NDArray[Any]]:
    """As a record holds it."""
    if summary is None:
        return {}
    names = {"top_keys": "top_keys", "top_weights": "top_weights", "entropy": "entropy", "mass": "distances"}
    found = {name: getattr(summary, field) for field, name in names.items()}
    return {name: array for name, array in found.items() if array is not None}


def _options(
    common: Common,
    causal: bool,
    window: str | None,
    scale: float | None,
    softcap: float | None,
    mask: str | None,
    bias: str | None,
) -> dict[str, Any]:
    """The arguments of `attncli.attention`."""
    from attncli.artifacts import arrays

    sides: tuple[int, int] | None = None
    if window is not None:
        try:
            numbers = [int(part) for part in window.split(",")]
            sides = (numbers[0], numbers[-1])
        except ValueError:
            numbers = []
        if not 1 <= len(numbers) <= 2:
            raise CallError(f"--window {window} is neither N nor LEFT,RIGHT")
    return {
        "causal": causal,
        "window": sides,
        "scale": scale,
        "softcap": softcap,
        "mask": arrays.load_one(mask) if mask else None,
        "bias": arrays.load_one(bias) if bias else None,
        "threads": common.threads,
    }
