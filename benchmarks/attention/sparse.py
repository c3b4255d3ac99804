"""A sliding window of ±256, d = 64: `python benchmarks/attention/sparse.py [--lengths 16384 65536] [--heads 4]`

Seconds, and peak MiB beside queries, keys and values, which the output is part of. Outputs are compared first.
"""

from __future__ import annotations

import argparse

import numpy as np
from contenders import OURS, SPARSE, usable, vectors
from peak import peak
from timing import in_turn, table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lengths", type=int, nargs="+", default=[16384, 65536])
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="+", default=list(SPARSE), help="contenders")
    arguments = parser.parse_args()
    chosen = {name: SPARSE[name] for name in SPARSE if name in arguments.only}
    seconds, memory = [], []
    for length in arguments.lengths:
        runs = {}
        for name, one in usable(chosen, length**2).items():  # one mask serves all heads
            try:
                run = one.make(*vectors(arguments.heads, length))
                run()
            except Exception as error:  # a peer that fails is told, not hidden
                print(f"({name} fails at N {length}: {type(error).__name__}: {str(error).splitlines()[0][:120]})")
            else:
                runs[name] = run
        expected = runs[OURS]()
        for name, run in runs.items():
            np.testing.assert_allclose(run(), expected, atol=1e-5, err_msg=name)
        found = in_turn(runs, arguments.rounds)
        seconds.append((f"N {length}", *(found.get(name, "-") for name in chosen)))
        memory.append(
            (f"N {length}", *(peak("sparse", n, arguments.heads, length) if n in runs else "-" for n in chosen))
        )
    table(f"window ±256, H {arguments.heads}, seconds", ["", *chosen], seconds)
    table("peak MiB", ["", *chosen], memory)


if __name__ == "__main__":
    main()
