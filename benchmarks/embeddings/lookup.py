"""Looking up a million ids in a table of 50,000 × 256: `python benchmarks/embeddings/lookup.py [--rounds 5]`"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from peers import present
from timing import in_turn, table

import attncli


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    embeddings = attncli.Embeddings.random(50_000, 256, seed=0)
    ids = np.random.default_rng(0).integers(0, 50_000, 1_000_000).astype(np.uint32)
    contenders = {"attncli": lambda: embeddings.embed(ids), "NumPy": lambda: embeddings.vectors[ids]}
    if present("torch"):
        import torch

        weights, wanted = torch.from_numpy(embeddings.vectors), torch.from_numpy(ids.astype(np.int64))
        contenders["torch embedding"] = lambda: torch.nn.functional.embedding(wanted, weights)
    found = in_turn(contenders, arguments.rounds)
    rows = [(name, len(ids) / s / 1e6, s / found["attncli"]) for name, s in found.items()]
    table("look-up", ["", "million ids/s", "time of ours"], rows)


if __name__ == "__main__":
    main()
