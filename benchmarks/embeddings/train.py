"""Training word vectors on a text: `python benchmarks/embeddings/train.py TEXT TESTS [--threads 2] [--rounds 3]`

TEXT has a sentence a line; TESTS is a folder with wordsim353.tsv, simlex999.txt, questions-words.txt and results.json,
whose `sets` are sets of words. All train at gensim's defaults (100 numbers, window 5, 5 noise words, subsampling 0.001,
5 epochs, learning rate 0.025), from the file to the vectors, in turn; each round has a seed of its own. `quality.py`
says what the figures are.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from statistics import mean, median

sys.path.insert(0, str(Path(__file__).parents[1]))

from peers import OURS, PEERS, present
from quality import FIGURES, evaluate
from timing import REST, table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("text")
    parser.add_argument("tests", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--mode", action="append", choices=["skipgram", "cbow"])
    arguments = parser.parse_args()
    sets = json.loads((arguments.tests / "results.json").read_text(encoding="utf-8"))["sets"]
    words = len(Path(arguments.text).read_bytes().split()) * arguments.epochs
    trainers = {n: p.train_vectors for n, p in PEERS.items() if p.train_vectors is not None and present(p.module)}
    for mode in arguments.mode or ["skipgram", "cbow"]:
        speed: dict[str, list[tuple[float, float]]] = {name: [] for name in trainers}
        quality: dict[str, list[tuple[float, ...]]] = {name: [] for name in trainers}
        for seed in range(1, arguments.rounds + 1):
            for name, train in trainers.items():
                time.sleep(REST)
                started, used = time.perf_counter(), time.process_time()
                known, vectors = train(
                    arguments.text, mode, epochs=arguments.epochs, seed=seed, threads=arguments.threads
                )
                speed[name].append((time.perf_counter() - started, time.process_time() - used))
                quality[name].append(evaluate(known, vectors, arguments.tests, sets))
        wall = {name: median(seconds for seconds, _ in runs) for name, runs in speed.items()}
        rows = [
            (name, wall[name], median(used for _, used in runs), words / wall[name] / 1e6, wall[name] / wall[OURS])
            for name, runs in speed.items()
        ]
        title = f"{mode}, {arguments.threads} threads, {arguments.epochs} epochs"
        table(title, ["", "s", "CPU s", "million words/s", "time of ours"], rows)
        means = [(name, *map(mean, zip(*runs, strict=True))) for name, runs in quality.items()]
        table(f"{mode}, mean of {arguments.rounds} seeds", ["", *FIGURES, "mean"], [(*r, mean(r[1:])) for r in means])


if __name__ == "__main__":
    main()
