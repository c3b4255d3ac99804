"""Exact attention, float32, d = 64: `python benchmarks/attend.py [--rounds 5] [--lengths 512 2048 8192] [--heads 1 8]`

Outputs are compared before anything is timed. GFLOP/s count 4·N²·d·H, half of it where causal.
"""

from __future__ import annotations

import argparse
from functools import partial
from itertools import product

import numpy as np
from peers import OURS, PEERS, present
from timing import in_turn, table

LARGEST_NAIVE = 1 << 28
"""Numbers in the weights above which NumPy's naive way is left out."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lengths", type=int, nargs="+", default=[512, 2048, 8192])
    parser.add_argument("--heads", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    contenders = {name: peer.attend for name, peer in PEERS.items() if peer.attend and present(peer.module)}
    rows = []
    for length, heads, causal in product(arguments.lengths, arguments.heads, (False, True)):
        random = np.random.default_rng(0)
        q, k, v = (random.standard_normal((heads, length, 64)).astype(np.float32) for _ in range(3))
        chosen = {n: a for n, a in contenders.items() if n != "NumPy" or heads * length * length <= LARGEST_NAIVE}
        ours = chosen[OURS](q, k, v, causal)
        for attend in chosen.values():
            np.testing.assert_allclose(attend(q, k, v, causal), ours, atol=1e-5)
        found = in_turn({name: partial(attend, q, k, v, causal) for name, attend in chosen.items()}, arguments.rounds)
        work = 4 * length**2 * 64 * heads / (2 if causal else 1) / 1e9
        cells = [f"{work / found[name]:.0f}" if name in found else "-" for name in contenders]
        rows.append((f"N {length}, H {heads}{', causal' if causal else ''}", *cells))
    table("exact attention, GFLOP/s", ["", *contenders], rows)


if __name__ == "__main__":
    main()
