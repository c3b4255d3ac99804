"""The command against the library: `python benchmarks/tokenizer/command.py [--rounds 5] TOKENIZER CORPUS`

`encode --to flat` of the corpus, start-up and writing included, against `encode_flat` on lines that are in memory
already; the peak memory on 1 GB; `decode` of what came out. The ids of both are compared before anything is timed.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np
from timing import in_turn, process, table

import attncli

GIGABYTE = 1_000_000_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tokenizer")
    parser.add_argument("corpus")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(arguments.tokenizer, Path(arguments.corpus), Path(folder), arguments.rounds)


def measure_large(encode: list[str], corpus: Path, folder: Path) -> None:
    """The corpus again and again, while this process holds nothing: a child's peak counts what its parent held."""
    large = folder / "large.txt"
    with large.open("wb") as handle:
        while handle.tell() < GIGABYTE:
            with corpus.open("rb") as text:
                shutil.copyfileobj(text, handle)
    rows = []
    for by in ("line", "file"):
        taken, peak = process([*encode, "--by", by, str(large)])
        rows.append((f"by {by}", taken, large.stat().st_size / 1e6 / taken, peak))
    table(f"{large.stat().st_size / 1e9:.2f} GB to flat", ["", "s", "MB/s", "peak MiB"], rows)
    large.unlink()


def measure(tokenizer: str, corpus: Path, folder: Path, rounds: int) -> None:
    command = [str(Path(sys.executable).with_name("attncli"))]
    output = str(folder / "out.npy")
    encode = [*command, "encode", "-t", tokenizer, "--to", "flat", "--eot", "none", "-o", output]
    decode = [*command, "decode", "-t", tokenizer, "--eot", "none", output]
    measure_large(encode, corpus, folder)

    tok = attncli.Tokenizer.load(tokenizer)
    text = corpus.read_bytes()
    lines = text.removesuffix(b"\n").split(b"\n")
    size = len(text) / 1e6

    process([*encode, str(corpus)])
    ids, starts = tok.encode_flat(lines)
    found, index = attncli.load_flat(output)
    np.testing.assert_array_equal(found, ids)
    np.testing.assert_array_equal(index, starts)

    contenders = {
        "encode_flat, lines in memory": lambda: tok.encode_flat(lines),
        "encode_lines, text in memory": lambda: tok.encode_lines(text),
        "attncli encode --to flat": lambda: process([*encode, str(corpus)]),
        "attncli decode": lambda: process(decode),
    }
    seconds = in_turn(contenders, rounds)
    inside = seconds["encode_flat, lines in memory"]
    rows = [(name, s, size / s, inside / s) for name, s in seconds.items()]
    table(f"{corpus.name}, {size:.0f} MB, all cores", ["", "s", "MB/s", "of encode_flat's rate"], rows)


if __name__ == "__main__":
    main()
