"""Encoding and decoding: `python benchmarks/encode.py [--rounds 5] TOKENIZER.json CORPUS...`

The ids of all are compared before anything is timed. Documents of about 100 kB, cut at newlines.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from peers import OURS, PEERS, present
from timing import in_turn, table

import attncli


def documents(path: str, size: int = 100_000) -> list[str]:
    lines = Path(path).read_bytes().decode("utf-8").splitlines(keepends=True)
    parts, now, length = [], [], 0
    for line in lines:
        now.append(line)
        length += len(line)
        if length >= size:
            parts.append("".join(now))
            now, length = [], 0
    return [*parts, "".join(now)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tokenizer")
    parser.add_argument("corpora", nargs="+")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    encoders = {
        name: peer.encoder(arguments.tokenizer) for name, peer in PEERS.items() if peer.encoder and present(peer.module)
    }
    tok = attncli.Tokenizer.load(arguments.tokenizer)
    for path in arguments.corpora:
        texts = documents(path)
        size = sum(len(text.encode()) for text in texts) / 1e6
        ids = encoders[OURS](texts, 1)
        for name, encode in list(encoders.items()):
            wrong = sum(list(one) != list(other) for one, other in zip(encode(texts, 2), ids, strict=True))
            if wrong:
                print(f"({name} differs in {wrong} of {len(texts)} documents)")
        for threads in (1, 2):
            found = in_turn(
                {name: partial(encode, texts, threads) for name, encode in encoders.items()},
                arguments.rounds,
            )
            rows = [(name, size / s, s / found[OURS]) for name, s in found.items()]
            table(f"encode {Path(path).name}, {threads} threads", ["", "MB/s", "time of ours"], rows)
        found = in_turn({"decode": partial(tok.decode_batch, ids)}, arguments.rounds)
        print(f"\ndecode {Path(path).name}: {size / found['decode']:.0f} MB/s")


if __name__ == "__main__":
    main()
