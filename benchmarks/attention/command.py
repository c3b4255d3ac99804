"""The command against the kernel: `python benchmarks/attention/command.py [--rounds 5] [--only window]`

`attncli attend x.npy -o y.npy`, start-up, reading and writing included, against `attncli.attention` over heads
(H, N, d) that are in memory already. The outputs of both are compared before anything is timed, and no output is there
before the command writes it. `without start-up` is the command less what it takes for two vectors: the interpreter,
NumPy and the command line.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np
from timing import in_turn, process, table

import attncli

WIDTH = 64
CASES = [
    ("exact", 16_384, 8),
    ("exact", 32_768, 8),
    ("window", 65_536, 4),
    ("window", 262_144, 4),
    ("window", 1_048_576, 4),
    ("linear", 262_144, 4),
    ("linear", 1_048_576, 4),
    ("linear", 2_097_152, 4),
]
WINDOW = 256


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="+", default=["exact", "window", "linear"], help="methods")
    arguments = parser.parse_args()
    rows = []
    for method, length, heads in CASES:
        if method in arguments.only:
            with tempfile.TemporaryDirectory() as folder:
                rows.append(measure(method, length, heads, Path(folder), arguments.rounds))
    headings = ["", "kernel, s", "command, s", "of the kernel", "start-up, s", "without start-up"]
    table(f"attend x.npy -o y.npy, d {WIDTH}, all cores", headings, rows)


def measure(method: str, length: int, heads: int, folder: Path, rounds: int) -> tuple[object, ...]:
    x = np.random.default_rng(0).standard_normal((length, heads * WIDTH), np.float32)
    np.save(folder / "x.npy", x)
    np.save(folder / "two.npy", x[:2])
    options = {"window": WINDOW} if method == "window" else {}
    q = np.ascontiguousarray(x.reshape(length, heads, WIDTH).swapaxes(0, 1))
    command = [str(Path(sys.executable).with_name("attncli")), "attend", "--heads", str(heads), "--method", method]
    command += ["--window", str(WINDOW)] if options else []
    output = folder / "y.npy"

    kernel = partial(attncli.attention, q, q, q, method=method, **options)
    whole = [*command, str(folder / "x.npy"), "-o", str(output)]
    process(whole)
    expected = kernel().swapaxes(0, 1).reshape(length, -1)
    np.testing.assert_array_equal(np.load(output, mmap_mode="r"), expected)
    del expected
    output.unlink()

    contenders = {
        "kernel": kernel,
        "command": lambda: process(whole),
        # To replace a file of 1 GB takes 0.35 s of giving back its memory; the kernel has its own given back too.
        "removal": output.unlink,
        "start-up": lambda: process([*command, str(folder / "two.npy"), "-o", str(folder / "few.npy")]),
    }
    inside, outside, _, start = in_turn(contenders, rounds).values()
    name = f"{method}, N {length:,}, H {heads}"
    return name, inside, outside, outside / inside, start, (outside - start) / inside


if __name__ == "__main__":
    main()
