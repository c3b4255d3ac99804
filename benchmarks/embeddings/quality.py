"""How good vectors of words are: similarity, analogies, sets; as gensim counts them.

`similarity` is gensim's `evaluate_word_pairs(case_insensitive=True)`, `analogies` its `evaluate_word_analogies`;
`purity` is the share of a word's five nearest neighbours that lie in its own set (months, colors, …), mean over sets.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = ["FIGURES", "evaluate"]

FIGURES = ("WordSim-353 Spearman", "WordSim-353 Pearson", "SimLex-999 Spearman", "analogies", "set purity at 5")
NEIGHBOURS = 5
BLOCK = 1024
"""Questions that are answered at once."""


def evaluate(
    words: Sequence[str], vectors: NDArray[np.float32], folder: Path, sets: dict[str, list[str]]
) -> tuple[float, ...]:
    """The figures of `FIGURES`; words by falling frequency, `folder` with the test files."""
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    rows = {word.upper(): row for row, word in reversed(list(enumerate(words)))}
    wordsim = similarity(rows, unit, folder / "wordsim353.tsv")
    simlex = similarity(rows, unit, folder / "simlex999.txt")
    exact = {word: row for row, word in enumerate(words)}
    return (
        *wordsim,
        simlex[0],
        analogies(rows, unit, folder / "questions-words.txt"),
        purity(exact, unit, list(sets.values())),
    )


def similarity(rows: dict[str, int], unit: NDArray[np.float32], path: Path) -> tuple[float, float]:
    """Spearman's and Pearson's correlation of cosines with what people said, over the pairs whose words are known."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            one, two, said = line.split("\t")[:3]
            if one.upper() in rows and two.upper() in rows:
                found.append((float(unit[rows[one.upper()]] @ unit[rows[two.upper()]]), float(said)))
    ours, theirs = np.array(found).T
    return _correlation(_ranks(ours), _ranks(theirs)), _correlation(ours, theirs)


def analogies(rows: dict[str, int], unit: NDArray[np.float32], path: Path) -> float:
    """The share of questions a : b = c : ? that b − a + c answers, of those whose words are known."""
    asked = []
    for line in path.read_text(encoding="utf-8").splitlines():
        words = line.upper().split()
        if not line.startswith(":") and all(word in rows for word in words):
            asked.append([rows[word] for word in words])
    right, questions = 0, np.array(asked)
    for start in range(0, len(questions), BLOCK):
        a, b, c, wanted = questions[start : start + BLOCK].T
        scores = (unit[b] - unit[a] + unit[c]) @ unit.T
        scores[np.arange(len(a))[:, None], np.stack([a, b, c], 1)] = -np.inf
        right += int((scores.argmax(1) == wanted).sum())
    return right / len(questions)


def purity(rows: dict[str, int], unit: NDArray[np.float32], sets: Sequence[Sequence[str]]) -> float:
    """The share of nearest neighbours within a word's own set."""
    shares = []
    for words in sets:
        known = [rows[word] for word in words if word in rows]
        if not known:
            continue
        scores = unit[known] @ unit.T
        scores[np.arange(len(known)), known] = -np.inf
        nearest = np.argsort(-scores, axis=1)[:, :NEIGHBOURS]
        shares.append(float(np.isin(nearest, known).mean()))
    return float(np.mean(shares))


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks, equal values sharing the mean of theirs."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[place]


def _correlation(one: NDArray[np.float64], two: NDArray[np.float64]) -> float:
    return float(np.corrcoef(one, two)[0, 1])
