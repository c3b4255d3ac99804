"""Training a vocabulary on files together: `python benchmarks/tokenizer/train.py [--size 32000] [--rounds 5] CORPUS...`

Each peer runs in a process of its own, pinned to one core and free on all. `--only NAME` (again and again) takes these
alone. That our merges are those of Hugging Face's trainer is a matter of `tests/parity/test_merges.py`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from peers import OURS, PEERS, present
from timing import processes_in_turn, table

PINNED = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpora", nargs="+")
    parser.add_argument("--size", type=int, default=32_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", action="append", default=[])
    arguments = parser.parse_args()
    programs = {
        name: peer.train.replace("{paths}", repr(arguments.corpora)).replace("{size}", str(arguments.size))
        for name, peer in PEERS.items()
        if peer.train and (name in (OURS, *arguments.only) or not arguments.only) and present(peer.module)
    }
    for pin, title in ((PINNED, "one core"), ("", "all cores")):
        commands = {name: [sys.executable, "-I", "-c", pin + program] for name, program in programs.items()}
        found = processes_in_turn(commands, arguments.rounds)
        ours = found[OURS]
        rows = [(name, s, m, s / ours[0], m / ours[1]) for name, (s, m) in found.items()]
        names = ", ".join(Path(path).name for path in arguments.corpora)
        heading = f"train {arguments.size:,} entries on {names}, {title}"
        table(heading, ["", "s", "peak MiB", "time of ours", "memory of ours"], rows)


if __name__ == "__main__":
    main()
