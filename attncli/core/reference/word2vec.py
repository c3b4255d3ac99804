"""word2vec (Mikolov et al. 2013): skip-gram and CBOW, negative sampling and hierarchical softmax."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from attncli.core.reference.chance import SplitMix64

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["train_word2vec"]

SENTENCE = 10_000
"""Ids of a sentence at most: longer documents are cut."""
JOB = 1_000
"""Ids of a job, about."""
GROUP = 16
"""Words of a context that are learned from at once, at most."""
TELLING = 32
"""Of so many windows one tells its loss."""
ALWAYS = (1 << 32) - 1


def train_word2vec(
    vectors: NDArray[np.float32],
    ids: NDArray[np.uint32],
    starts: NDArray[np.uint64],
    keep: NDArray[np.uint32],
    *,
    window: int,
    cbow: bool,
    rates: tuple[float, float],
    seed: int,
    outputs: NDArray[np.float32] | None = None,
    noise: tuple[NDArray[np.uint32], NDArray[np.uint32]] | None = None,
    negative: int = 0,
    nodes: NDArray[np.float32] | None = None,
    tree: tuple[NDArray[np.uint64], NDArray[np.uint32], NDArray[np.uint8]] | None = None,
    threads: int = 0,  # noqa: ARG001 - one, here
) -> tuple[float, int]:
    """As `_native.pyi` documents it, on one thread."""
    loss, pairs = 0.0, 0

    def predicted(word: int, chance: SplitMix64) -> list[tuple[NDArray[np.float32], int, float]]:
        """What a context should predict: matrix, row, label."""
        wanted = []
        if outputs is not None and noise is not None:
            drawn = [_draw(noise, chance) for _ in range(negative)]
            wanted += [(outputs, word, 1.0)] + [(outputs, other, 0.0) for other in drawn if other != word]
        if nodes is not None and tree is not None:
            way = range(int(tree[0][word]), int(tree[0][word + 1]))
            wanted += [(nodes, int(tree[1][at]), 1.0 - float(tree[2][at])) for at in way]
        return wanted

    first_id = 0
    for number, sentences in enumerate(_jobs(starts, SplitMix64(seed))):
        chance = SplitMix64(seed + 1 + number)
        rate = np.float32(rates[0] + (rates[1] - rates[0]) * (first_id / max(1, len(ids))))
        first_id += sum(end - start for start, end in sentences)
        windows = 0
        for start, end in sentences:
            kept = _subsampled(ids[start:end], keep, chance)
            for place, word in enumerate(kept):
                reach = window - chance.below(window)
                context = kept[max(0, place - reach) : place] + kept[place + 1 : place + reach + 1]
                group = max(1, len(context)) if cbow else GROUP
                for first in range(0, len(context), group):
                    scores, labels = _learn(
                        vectors, context[first : first + group], predicted(word, chance), rate, mean=cbow
                    )
                    if windows % TELLING == 0:
                        loss += float(np.logaddexp(0, np.where(labels > 0.5, -scores, scores)).sum())
                        pairs += scores.size
                windows += len(context) > 0
    return loss, pairs


def _learn(
    vectors: NDArray[np.float32],
    context: list[int],
    wanted: list[tuple[NDArray[np.float32], int, float]],
    rate: np.float32,
    *,
    mean: bool,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """One step of gradient descent on −log σ(±x·y); gives the scores (I, J) and labels (J,)."""
    if not wanted:
        return np.zeros((0, 0), np.float32), np.zeros(0, np.float32)
    X = vectors[context]  # [I, W]
    if mean:
        X = X.mean(axis=0, keepdims=True)  # [1, W]
    Y = np.stack([matrix[row] for matrix, row, _ in wanted])  # [J, W]
    labels = np.array([label for _, _, label in wanted], np.float32)  # [J]
    scores = X @ Y.T  # [I, J]
    gradients = rate * (labels - _sigmoid(scores))  # [I, J]
    for (matrix, row, _), change in zip(wanted, gradients.T @ X, strict=True):
        matrix[row] += change
    change = gradients @ Y  # [I, W]
    np.add.at(vectors, context, change)  # a word may stand in the context twice
    return scores, labels


def _sigmoid(x: NDArray[np.float32]) -> NDArray[np.float32]:
    power: NDArray[np.float32] = np.exp(-np.abs(x))
    above: NDArray[np.float32] = np.where(x < 0, power, np.float32(1))
    return above / (1 + power)


def _subsampled(ids: NDArray[np.uint32], keep: NDArray[np.uint32], chance: SplitMix64) -> list[int]:
    """Without what is no word, and without frequent words at random."""
    words = [word for word in ids.tolist() if word < len(keep)]
    return [word for word in words if keep[word] == ALWAYS or chance.bits() >> 32 < keep[word]]


def _draw(noise: tuple[NDArray[np.uint32], NDArray[np.uint32]], chance: SplitMix64) -> int:
    bits = chance.bits()
    thresholds, aliases = noise
    slot = (bits >> 32) * len(aliases) >> 32
    return slot if bits & ALWAYS < thresholds[slot] else int(aliases[slot])


def _jobs(starts: NDArray[np.uint64], chance: SplitMix64) -> list[list[tuple[int, int]]]:
    """Documents cut into sentences (start, end), these gathered until a job has `JOB` ids; in random order."""
    jobs: list[list[tuple[int, int]]] = []
    gathered = JOB
    for start, end in pairwise(starts.tolist()):
        for first in range(start, end, SENTENCE):
            if gathered >= JOB:
                jobs.append([])
                gathered = 0
            jobs[-1].append((first, min(end, first + SENTENCE)))
            gathered += jobs[-1][-1][1] - first
    for last in range(len(jobs) - 1, 0, -1):
        other = chance.below(last + 1)
        jobs[last], jobs[other] = jobs[other], jobs[last]
    return jobs
