"""Training a vocabulary: `python benchmarks/train.py [--size 32000] [--rounds 3] CORPUS...`"""

from __future__ import annotations

import argparse
import sys

from peers import OURS, PEERS, present
from timing import processes_in_turn, table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpora", nargs="+")
    parser.add_argument("--size", type=int, default=32_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    for path in arguments.corpora:
        commands = {
            name: [
                sys.executable,
                "-c",
                peer.train.replace("{path!r}", repr(path)).replace("{size}", str(arguments.size)),
            ]
            for name, peer in PEERS.items()
            if peer.train and present(peer.module)
        }
        found = processes_in_turn(commands, arguments.rounds)
        ours = found[OURS]
        rows = [(name, s, m, s / ours[0], m / ours[1]) for name, (s, m) in found.items()]
        title = f"train {arguments.size:,} entries on {path.rsplit('/', 1)[-1]}"
        table(title, ["", "s", "peak MiB", "time of ours", "memory of ours"], rows)


if __name__ == "__main__":
    main()
