"""Low-rank and kernel methods, d = 64: `python benchmarks/attention/methods.py [--length 65536] [--heads 4]`

Seconds and peak MiB beside queries, keys and values, each method against the code that people use for it in PyTorch,
with rank, features and landmarks 256; and how far the two answers are apart, ‖ours − theirs‖ / ‖theirs‖. Causal ones
run on --causal-length vectors: theirs without CUDA takes a minute for 16,384.
"""

from __future__ import annotations

import argparse

import numpy as np
from contenders import METHODS, OURS, usable, vectors
from peak import peak
from timing import in_turn, table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--length", type=int, default=65536)
    parser.add_argument("--causal-length", type=int, default=4096)
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--methods", nargs="+", default=list(METHODS))
    arguments = parser.parse_args()
    rows = []
    for method in arguments.methods:
        length = arguments.causal_length if "causal" in method else arguments.length
        q, k, v = vectors(arguments.heads, length)
        runs = {name: one.make(q, k, v) for name, one in usable(METHODS[method], 0).items()}
        outputs = {name: run() for name, run in runs.items()}
        found = in_turn(runs, arguments.rounds)
        peaks = {name: peak(method, name, arguments.heads, length) for name in runs}
        for name in runs if len(runs) == 1 else [name for name in runs if name != OURS]:
            apart = np.linalg.norm(outputs[OURS] - outputs[name]) / np.linalg.norm(outputs[name])
            rows.append(
                (
                    f"{method}, N {length}",
                    found[OURS],
                    peaks[OURS],
                    name,
                    found[name],
                    peaks[name],
                    found[name] / found[OURS],
                    apart,
                )
            )
    headings = ["", "attncli, s", "MiB", "peer", "s", "MiB", "times as fast", "apart"]
    table(f"H {arguments.heads}", headings, rows)


if __name__ == "__main__":
    main()
