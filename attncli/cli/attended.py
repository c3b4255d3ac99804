"""What the vectors of `attend` attend to, and through which projections: themselves, a context, keys and values from
files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from attncli.errors import CallError, DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attncli.core.attention.projections import Projections
    from attncli.wire.record import Record

__all__ = ["attended_to_by", "projections_named"]

Keys = tuple["NDArray[Any] | None", "NDArray[Any] | None", "Sequence[str] | None"]


def attended_to_by(context: str | None, keys: str | None, values: str | None) -> Callable[[Record], Keys]:
    """A function that gives keys, values and labels of the keys for a record."""
    from attncli.artifacts import arrays

    if context is not None and (keys is not None or values is not None):
        raise CallError("--context and --keys or --values exclude each other")
    if values is not None and keys is None:
        raise CallError("--values goes with --keys")
    if keys is not None:
        k = arrays.load_one(keys)
        v = arrays.load_one(values) if values is not None else None
        return lambda _: (k, v, None)
    if context is None:
        return lambda record: (None, None, record.tokens)
    contexts = _contexts(context)

    def paired(_: Record) -> Keys:
        try:
            record = next(contexts)
        except StopIteration:
            raise DataError("has fewer records than the input", argument="keys") from None
        vectors = record.vectors if record.vectors is not None else record.output
        if vectors is None:
            raise DataError("has no vectors", source=context, record=str(record.id), hint="embed it first")
        return vectors, vectors, record.tokens

    return paired


def _contexts(path: str) -> Iterator[Record]:
    """The records of the context, paired with those of the input; a single one serves all of them."""
    from attncli import files
    from attncli.wire import streams

    with files.open_input(path) as handle:
        first = None
        several = False
        for record in streams.read_records(handle, source=path):
            several = first is not None
            first = first or record
            yield record
    while first is not None and not several:
        yield first


def projections_named(wanted: str, seed: int) -> Callable[[NDArray[Any], int, int], Projections | None]:
    """A function that gives the projections for some vectors."""
    from attncli.artifacts import arrays
    from attncli.core.attention.projections import Projections
    from attncli.errors import AttncliError

    if wanted == "identity":
        return lambda *_: None
    if wanted != "random":
        try:
            loaded = Projections.from_arrays(arrays.load(wanted)[0])
        except AttncliError as error:
            raise error.at(source=wanted) from None
        return lambda *_: loaded
    made: dict[tuple[int, int, int], Projections] = {}

    def random(x: NDArray[Any], heads: int, kv_heads: int) -> Projections:
        shape = (x.shape[-1], heads, kv_heads)
        if shape not in made:
            made[shape] = Projections.random(x.shape[-1], heads=heads, kv_heads=kv_heads, seed=seed)
        return made[shape]

    return random
