"""The options of `attend` that belong to one method or another, and their way to `attncli.attention`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from attncli.cli.options import choice
from attncli.errors import CallError

__all__ = [
    "BACKENDS",
    "BackendOption",
    "CompareOption",
    "CostOption",
    "DeviceOption",
    "FeaturesOption",
    "LandmarksOption",
    "LengthProjectionOption",
    "RankOption",
    "check_options",
    "method_options",
]

BACKENDS = ("torch",)
"""The names in `core/attention/mechanisms.py`; here too, since that imports NumPy."""
WANTED = {
    "window": ("window", "--window LEFT[,RIGHT]", "like 256, or 256,0 to look back alone"),
    "block-mask": ("blocks", "--block-mask FILE", "a bool array, a cell a block, true = may attend"),
}
"""What a method cannot do without: its argument, the option and a hint."""
NAMES = {
    "alibi_slopes": "--alibi",
    "blocks": "--block-mask",
    "E": "--length-projection",
    "F": "--length-projection",
    "global_blocks": "--global",
    "global_tokens": "--global",
    "return_weights": "--emit weights",
}
"""Arguments whose options are called otherwise."""

LandmarksOption = Annotated[int | None, typer.Option("--landmarks", min=1, help="Of nystrom; default 64.")]
FeaturesOption = Annotated[int | None, typer.Option("--features", min=1, help="Of performer; default 256.")]
RankOption = Annotated[int | None, typer.Option("--rank", min=1, help="Keys that linformer makes of all; default 256.")]
LengthProjectionOption = Annotated[
    str | None,
    typer.Option(
        "--length-projection", metavar="FILE", help="Linformer's E, or E and F by name: (rank, keys). Default: random."
    ),
]
CompareOption = Annotated[
    bool,
    typer.Option(
        "--compare-exact", help="Tell the method's error against exact attention, and the time and memory of both."
    ),
]
CostOption = Annotated[
    str | None,
    typer.Option(
        "--cost",
        metavar="[N,N,...]",
        help="Read nothing; run every method on random vectors this many, and tell how time and memory grow.",
    ),
]
BackendOption = Annotated[
    str | None, typer.Option("--backend", **choice("backend", BACKENDS), help="Run exact attention by PyTorch.")
]
DeviceOption = Annotated[
    str | None,
    typer.Option(
        "--device",
        metavar="NAME[,NAME]",
        help="Of --backend torch: cpu (one, with all its cores), cuda (all), cuda:1, mps; several share the heads.",
    ),
]


def method_options(
    method: str,
    *,
    seed: int,
    landmarks: int | None,
    features: int | None,
    rank: int | None,
    length_projection: str | None,
    backend: str | None,
    device: str | None,
) -> dict[str, Any]:
    """Those of the method named; what was not given is None."""
    from attncli.core.attention.mechanisms import takes

    if device is not None and backend is None:
        raise CallError("--device goes with --backend torch")
    options: dict[str, Any] = {"landmarks": landmarks, "features": features, "rank": rank}
    options |= {"backend": backend, "device": device, **_projection(length_projection)}
    return options | ({"seed": seed} if takes(method, "seed") else {})


def check_options(method: str, backend: str | None, options: dict[str, Any]) -> None:
    """Raises CallError that names the option, before anything is read, where the method takes it not or lacks it."""
    from attncli.core.attention.mechanisms import options_for

    argument, option, hint = WANTED.get(method, ("", "", ""))
    if argument and options[argument] is None:
        raise CallError(f"--method {method} wants {option}", hint=hint)
    try:
        options_for(method, options, backend=backend)
    except CallError as error:
        name = error.argument and NAMES.get(error.argument, f"--{error.argument.replace('_', '-')}")
        raise error.at(source=name) from None


def _projection(path: str | None) -> dict[str, Any]:
    """E and F, from a file that holds them by name, or E alone."""
    from attncli.artifacts import arrays
    from attncli.errors import DataError

    if path is None:
        return {}
    found, _ = arrays.load(path)
    if len(found) == 1 and "F" not in found:
        return {"E": next(iter(found.values()))}
    if set(found) != {"E", "F"}:
        raise DataError(f"holds {', '.join(sorted(found)) or 'nothing'}", source=path, hint="name the arrays E and F")
    return found
