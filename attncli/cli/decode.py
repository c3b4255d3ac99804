"""`attncli decode`: ids to text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from attncli.cli.command import subcommand
from attncli.cli.console import Console
from attncli.cli.options import ARRAY_FORMATS, Common, PatternOption, TokenizerOption, choice
from attncli.cli.stage import run_stage
from attncli.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from attncli.artifacts.tokenizer import Tokenizer
    from attncli.wire.record import Record

__all__ = ["run"]

FORMATS = ("text", "json")
ERRORS = ("keep", "replace", "strict")


@subcommand("decode")
def run(
    common: Common,
    tokenizer: TokenizerOption = "starter",
    pattern: PatternOption = None,
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            **choice("format", FORMATS),
            help="json: records with the text in them. By the output's extension if not given, else text.",
        ),
    ] = None,
    from_: Annotated[
        str | None,
        typer.Option(
            "--from",
            **choice("format", ARRAY_FORMATS),
            help="By the first bytes if not given; flat: NAME.npy with NAME.index.npy.",
        ),
    ] = None,
    end: Annotated[
        str | None, typer.Option("--end", metavar="TEXT", help="Write this after each document; '' for nothing.")
    ] = None,
    errors: Annotated[
        str,
        typer.Option("--errors", **choice("way", ERRORS), help="Bytes that are no UTF-8: kept, U+FFFD, or a failure."),
    ] = "keep",
    eot: Annotated[
        str,
        typer.Option(
            "--eot", metavar="TOKEN|auto|none", help="flat: the special token to take off behind each document."
        ),
    ] = "auto",
    skip_special: Annotated[bool, typer.Option("--skip-special", help="Leave special tokens out.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Decode even the ids of another tokenizer.")] = False,
) -> None:
    """Turn token ids into text, byte for byte.

    \b
    attncli encode book.txt | attncli decode    # gives every byte back
    echo 464 290 | attncli decode -t small.json
    attncli decode --to json ids.npy            # documents again, where ids.index.npy is beside it

    A special token among the ids is text, as any other; --skip-special leaves all of them out. A flat array without
    its index is one document, and the end-of-text tokens between its documents are text too.

    Exit status: 0 done, 1 the data or the machine failed, 2 the call was wrong, 130 interrupted.
    """
    from attncli.artifacts.tokenizer import Tokenizer
    from attncli.core.tokenizer import special
    from attncli.wire import streams

    console = Console(common, tokenizer)
    coder = Tokenizer.load(tokenizer, pattern=pattern)
    end_of_text = special.end_of_text(coder.special_tokens, eot)
    behind = b"\n" if end is None else end.encode("utf-8", "surrogateescape")

    def in_bulk(ids: NDArray[np.integer[Any]], starts: NDArray[np.uint64]) -> bytes:
        return coder.decode_flat(
            ids, starts, skip_special=skip_special, end_of_text=end_of_text, end=behind, threads=common.threads
        )

    run_stage(
        console,
        lambda record: _decode(coder, [record], errors, skip_special, force),
        from_=from_,
        format_for=lambda _: to or streams.format_of(common.output, FORMATS) or "text",
        writer_for=lambda fmt, handle: streams.writer(fmt, handle, end=end),
        together=lambda batch: _decode(coder, batch, errors, skip_special, force),
        in_bulk=in_bulk if errors == "keep" else None,
        end_of_text=end_of_text,
    )


def _decode(coder: Tokenizer, batch: list[Record], errors: str, skip_special: bool, force: bool) -> None:
    """Fills the text of all ids into the records, and takes out what goes with ids; or changes none."""
    from attncli.core.tokenizer.vocab import same

    identity = coder.identity
    for record in batch:
        if record.ids is None:
            raise DataError("has no ids", hint="text goes through `encode` first")
        if record.tokenizer and not force and not same(record.tokenizer, identity):
            raise DataError(
                f"ids of tokenizer {record.tokenizer} meet {identity}", hint="give that one by -t, or --force"
            )
    ids = [record.ids for record in batch if record.ids is not None]
    texts = [_text(text, errors) for text in coder.decode_batch(ids, skip_special=skip_special)]
    for record, text in zip(batch, texts, strict=True):
        record.text = text
        record.ids = record.tokens = record.offsets = record.tokenizer = None


def _text(text: bytes, errors: str) -> bytes:
    if errors == "keep":
        return text
    try:
        return text.decode("utf-8", errors).encode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(f"its text is not valid UTF-8 at byte {error.start}") from None
