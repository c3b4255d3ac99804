"""Exact attention, float32, d = 64: `python benchmarks/attention/exact.py [--lengths 512 2048 …] [--heads 1 8 12]`

GFLOP/s of each contender, 4·N²·d·H of them and half of it where causal; our share of the rate at which NumPy
multiplies matrices of 2048 × 2048 in the same round; and the peak memory of each. Outputs are compared first.
"""

from __future__ import annotations

import argparse
from itertools import product

import numpy as np
from contenders import EXACT, OURS, usable, vectors
from peak import peak
from timing import in_turn, table

SGEMM = 2048


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lengths", type=int, nargs="+", default=[512, 2048, 8192, 32768])
    parser.add_argument("--heads", type=int, nargs="+", default=[1, 8, 12])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--most", type=float, default=600, help="GFLOP of a run; what takes more is left out")
    parser.add_argument("--only", nargs="+", default=list(EXACT), help="contenders")
    parser.add_argument("--memory", type=int, nargs="*", default=[2048, 8192], help="lengths, with 8 heads")
    arguments = parser.parse_args()
    chosen = {name: EXACT[name] for name in EXACT if name in arguments.only}
    square = np.random.default_rng(0).standard_normal((SGEMM, SGEMM), np.float32)
    rows = []
    for length, heads, causal in product(arguments.lengths, arguments.heads, (False, True)):
        work = 4 * length**2 * 64 * heads / (2 if causal else 1) / 1e9
        if work > arguments.most:
            continue
        q, k, v = vectors(heads, length)
        runs = {name: one.make(q, k, v, causal) for name, one in usable(chosen, heads * length**2).items()}
        expected = runs[OURS]()
        for name, run in runs.items():
            np.testing.assert_allclose(run(), expected, atol=1e-5, err_msg=name)
        found = in_turn({**runs, "sgemm": lambda: square @ square}, arguments.rounds)
        sgemm = 2 * SGEMM**3 / found["sgemm"] / 1e9
        cells = [f"{work / found[name]:.0f}" if name in found else "-" for name in chosen]
        share = f"{work / found[OURS] / sgemm:.2f}"
        rows.append((f"N {length}, H {heads}{', causal' if causal else ''}", *cells, f"{sgemm:.0f}", share))
    table("exact attention, GFLOP/s", ["", *chosen, "sgemm", "our share of it"], rows)
    memory = [
        (f"N {length}, H 8", *(peak("exact", name, 8, length) if name in able else "-" for name in chosen))
        for length in arguments.memory
        for able in [usable(chosen, 8 * length**2)]
    ]
    if memory:
        table("peak MiB beside queries, keys and values", ["", *chosen], memory)


if __name__ == "__main__":
    main()
