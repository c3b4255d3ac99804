"""How time and memory grow with N, by every method: `python benchmarks/attention/growth.py [--lengths 512 …]`

The same as `attncli attend --cost`, as Markdown: milliseconds and MB, and the power of N by which they grow.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from timing import table

from attncli.core.attention.cost import LENGTHS, Cost, costs, exponent
from attncli.memory import measured


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lengths", type=int, nargs="+", default=LENGTHS)
    parser.add_argument("--heads", type=int, default=1)
    parser.add_argument("--causal", action="store_true")
    arguments = parser.parse_args()
    found = list(costs(arguments.lengths, heads=arguments.heads, causal=arguments.causal, measure=measured))
    lengths = sorted({cost.length for cost in found})
    rows = []
    for method in dict.fromkeys(cost.method for cost in found):
        mine = {cost.length: cost for cost in found if cost.method == method}
        power = exponent(list(mine), [cost.seconds for cost in mine.values()])
        rows.append(
            (method, *(cell(mine.get(length)) for length in lengths), "" if power is None else f"N^{power:.1f}")
        )
    headings = ["", *(f"N {length}" for length in lengths), "time grows as"]
    table(f"ms (MB), H {arguments.heads}{', causal' if arguments.causal else ''}", headings, rows)


def cell(cost: Cost | None) -> str:
    if cost is None:
        return "-"
    return f"{cost.seconds * 1e3:.3g}" + ("" if cost.peak_bytes is None else f" ({cost.peak_bytes / 1e6:.0f})")


if __name__ == "__main__":
    main()
