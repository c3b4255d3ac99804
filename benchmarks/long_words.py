"""Words without end, 1 to 10 MB: `python benchmarks/long_words.py [--pattern gpt2]`. Time must grow with the size."""

from __future__ import annotations

import argparse
import random

from timing import in_turn, table

import attncli

SIZES = (1, 2, 5, 10)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokenizer", default="starter")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    tok = attncli.Tokenizer.load(arguments.tokenizer)
    random.seed(1)
    letters = bytes(random.choices(b"abcdefghijklmnopqrstuvwxyz", k=10_000_000))
    texts = {"one letter": b"a" * 10_000_000, "spaces": b" " * 10_000_000, "random letters": letters,
             "CJK": "河岸的银行旁边有一朵玫瑰".encode() * 300_000}  # fmt: skip
    rows = []
    for name, text in texts.items():
        runs = {str(size): lambda text=text, n=size: tok.count_batch([text[: n * 1_000_000]]) for size in SIZES}
        found = in_turn(runs, arguments.rounds)
        rows.append((name, *(found[str(size)] for size in SIZES), found["10"] / found["1"]))
    table("seconds", ["", *(f"{size} MB" for size in SIZES), "10 MB / 1 MB"], rows)


if __name__ == "__main__":
    main()
