"""`attncli train-embed`: ids or words to an embedding table."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import typer

from attncli.cli.command import subcommand
from attncli.cli.console import Console
from attncli.cli.options import ARRAY_FORMATS, Common, FieldOption, check_field, choice
from attncli.errors import CallError

if TYPE_CHECKING:
    from attncli.artifacts.embeddings import Embeddings

__all__ = ["run"]

FORMATS = ("npy", "npz", "safetensors", "word2vec", "word2vec-binary", "glove")
DTYPES = ("float32", "float16")
LARGE_SPOOL = 64_000_000
"""Bytes of a temporary file that are worth a word."""


@subcommand("train-embed")
def run(
    common: Common,
    words: Annotated[
        bool, typer.Option("--words", help="The input is text: a document a line, words between white space.")
    ] = False,
    mode: Annotated[
        str,
        typer.Option(
            "--mode", **choice("training", ("skipgram", "cbow")), help="Each word near by predicts, or their mean."
        ),
    ] = "skipgram",
    dim: Annotated[int | None, typer.Option("--dim", help="Numbers in a vector; 100, or as many as in --init.")] = None,
    window: Annotated[int, typer.Option("--window", help="Words on each side, at most.")] = 5,
    min_count: Annotated[int, typer.Option("--min-count", help="Leave rarer words out.")] = 5,
    negative: Annotated[
        int | None, typer.Option("--negative", help="Noise words for each window; 5, or 0 with --hs.")
    ] = None,
    hs: Annotated[bool, typer.Option("--hs", help="Hierarchical softmax.")] = False,
    epochs: Annotated[int, typer.Option("--epochs", help="Times to go through the input.")] = 5,
    subsample: Annotated[
        float, typer.Option("--subsample", help="Words above this share of the text are thinned out; 0: none.")
    ] = 1e-3,
    lr: Annotated[float, typer.Option("--lr", help="Learning rate at the beginning.")] = 0.025,
    min_lr: Annotated[float, typer.Option("--min-lr", help="And at the end.")] = 1e-4,
    init: Annotated[
        str | None, typer.Option("--init", metavar="FILE", help="A table to begin with: fine-tuning on new text.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="For all that is random.")] = 0,
    deterministic: Annotated[
        bool, typer.Option("--deterministic", help="One thread: the same seed gives the same bytes.")
    ] = False,
    tokenizer: Annotated[
        str | None,
        typer.Option(
            "-t", "--tokenizer", metavar="FILE|NAME", help="Whose ids they are, where the input does not say."
        ),
    ] = None,
    checkpoint: Annotated[
        str | None, typer.Option("--checkpoint", metavar="FILE", help="Keep the state here until all is done.")
    ] = None,
    checkpoint_every: Annotated[
        float, typer.Option("--checkpoint-every", min=0, metavar="SECONDS", help="How often.")
    ] = 30.0,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where --checkpoint is.")] = False,
    to: Annotated[
        str | None, typer.Option("--to", **choice("format", FORMATS), help="By the output's name if not given.")
    ] = None,
    dtype: Annotated[
        str, typer.Option("--dtype", **choice("type", DTYPES), help="Of the numbers in the table.")
    ] = "float32",
    from_: Annotated[
        str | None,
        typer.Option("--from", **choice("format", ARRAY_FORMATS), help="By the first bytes if not given."),
    ] = None,
    field: FieldOption = None,
    temp_dir: Annotated[
        str | None, typer.Option("--temp-dir", metavar="DIR", help="For the temporary file, if not TMPDIR.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be read, and stop.")] = False,
) -> None:
    """Learn a vector for each token or word by what stands around it (word2vec), and write them as a table.

    \b
    attncli encode corpus/ | attncli train-embed --dim 128 -o table.safetensors
    attncli train-embed -t tokenizer.json ids.npy -o table.safetensors    # flat ids are memory-mapped
    attncli train-embed --words --mode cbow text.txt -o vectors.txt       # for gensim
    attncli train-embed --init table.safetensors new-ids.npy -o tuned.safetensors

    A stream is kept in a temporary file (four bytes a token), to go through it again; flat files are not. Several
    threads change the vectors without locks, so that no two runs are the same: --deterministic is one thread.

    Exit status: 0 done, 1 the data or the machine failed, 2 the call was wrong, 130 interrupted.
    """
    from attncli import files
    from attncli.artifacts import table_files
    from attncli.artifacts.word2vec import train_word2vec

    console = Console(common, init, tokenizer)
    if to is None and common.output == "-":
        raise CallError("a table's format is not said", hint=f"give -o FILE or --to {', '.join(FORMATS)}")
    form = to or table_files.format_of(common.output)
    sources = console.sources()
    if field is not None and not words:
        raise CallError("--field goes with --words", hint="ids stand in a record's ids")
    check_field(field, from_, sources)
    if dry_run:
        console.tell(console.plan(sources))
        return
    for source in sources:
        console.count_input(source)

    def on_spool(size: int) -> None:
        if size > LARGE_SPOOL:
            console.say(f"{size:,} bytes of ids went into a temporary file; flat files alone need none")

    with console.output("npy" if form in table_files.BINARY else "text", sources) as handle:
        table: Embeddings = train_word2vec(
            sources,
            mode=cast(Literal["skipgram", "cbow"], mode),
            dim=dim,
            window=window,
            min_count=min_count,
            negative=negative,
            hs=hs,
            epochs=epochs,
            subsample=subsample,
            lr=lr,
            min_lr=min_lr,
            seed=seed,
            words=words,
            tokenizer=tokenizer,
            init=init,
            threads=common.threads,
            deterministic=deterministic,
            checkpoint=checkpoint,
            checkpoint_every=checkpoint_every,
            resume=resume,
            from_format=from_,
            field=field or "text",
            temp_dir=temp_dir,
            progress=_told(console.progress),
            on_spool=on_spool,
        )
        if dtype != "float32":
            table = replace(table, vectors=table.vectors.astype(dtype))
        table_files.dump(table.contents, handle, form)
    console.progress.clear()
    if checkpoint is not None:
        files.remove(checkpoint)
    # Counts and the note are not missed; without its labels or its tokenizer a table is easily taken for another's.
    belonging = {key: value for key, value in table.contents.metadata.items() if key == "tokenizer"}
    for line in table_files.unsaid(table.contents._replace(counts=None, metadata=belonging), form):
        console.say(f"not in the file: {line}")


def _told(progress: Callable[..., None]) -> Callable[[str, int, int | None, float], None]:
    """Adds the loss, words/s and the seconds that are left to what is shown."""
    begun: Any = None

    def tell(stage: str, done: int, total: int | None, loss: float) -> None:
        nonlocal begun
        if stage != "training" or total is None:
            progress(stage, done, total)
            return
        now = time.monotonic()
        if begun is None:  # a resumed run does not begin at 0, and the first block is over
            begun = (now, done)
            progress(stage, done, total, loss=loss)
            return
        speed = (done - begun[1]) / max(now - begun[0], 1e-9)
        progress(stage, done, total, loss=loss, words_per_second=speed, seconds_left=(total - done) / max(speed, 1e-9))

    return tell
