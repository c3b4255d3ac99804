"""Vectors learned by what stands around: word2vec (Mikolov et al. 2013a, arXiv:1301.3781; 2013b, arXiv:1310.4546).

The words are ids here, in one flat array of documents; who reads them from somewhere is no matter of this file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from attncli.core import engine
from attncli.core.embedding.huffman import huffman
from attncli.core.embedding.noise import alias_table
from attncli.errors import CallError, DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Ids", "Plan", "Trainer", "count_ids"]

BLOCK = 1 << 20
"""Ids of one call of the engine: what comes between two reports, and at most is lost at an interruption."""
LANES = 16
"""Rows are a multiple of it wide while training, and begin where a vector register likes it."""
INITIAL = 4.0
"""Vectors begin evenly in ±INITIAL/dim. gensim's ±1/dim learns more slowly: on 5 MB of Wikipedia, mean of five figures
(benchmarks/embeddings/quality.py) over six seeds, CBOW 0.137 and skip-gram 0.201; with 2: 0.147, 0.208; with 4: 0.157,
0.217."""
LEFT_OUT = (1 << 32) - 1
"""The rank of an id that is no word of the vocabulary."""
LARGEST_ID = (1 << 26) - 1
"""Counting takes eight bytes for each id up to the largest: one id that is noise must not take all memory."""

DIVERGED = "the vectors grew without bounds"


class Ids(Protocol):
    """An array of ids (T,), or what is read like one."""

    def __len__(self) -> int: ...
    def __getitem__(self, part: slice, /) -> NDArray[np.integer[Any]]: ...


@dataclass(frozen=True)
class Plan:
    """How to train. Raises CallError for what makes no sense."""

    mode: Literal["skipgram", "cbow"] = "skipgram"
    """Each word of a context predicts the middle one, or their mean does."""
    dim: int = 100
    window: int = 5
    """Words on each side at most; how many is drawn evenly from 1 to `window` at each place."""
    min_count: int = 5
    """Rarer words are left out of the text."""
    negative: int = 5
    """Noise words for each window (drawn by count^0.75)."""
    hs: bool = False
    """Hierarchical softmax over a Huffman tree, beside the noise or (negative 0) in its place."""
    epochs: int = 5
    subsample: float = 1e-3
    """Words above this share of the text are left out at random, the more the more frequent; 0: none."""
    lr: float = 0.025
    min_lr: float = 1e-4
    """The learning rate falls evenly from `lr` to this."""
    seed: int = 0

    def __post_init__(self) -> None:
        if self.mode not in ("skipgram", "cbow"):
            raise CallError(f"no training is called {self.mode!r}", hint="use skipgram or cbow")
        for name, lowest, highest in (
            ("dim", 1, 1 << 16), ("window", 1, 1 << 16), ("min_count", 1, 1 << 62), ("negative", 0, 1 << 16),
            ("epochs", 1, 1 << 30), ("subsample", 0, 1), ("min_lr", 0, 10), ("lr", 0, 10), ("seed", 0, 1 << 128),
        ):  # fmt: skip
            value = getattr(self, name)
            if not lowest <= value <= highest:
                bound = f"at least {lowest}" if value < lowest else f"at most {highest}"
                raise CallError(f"{name} is {value}, and it has to be {bound}")
        if not self.negative and not self.hs:
            raise CallError("nothing would be learned with negative 0 and no hs", hint="give one of them")
        if self.lr < self.min_lr:
            raise CallError(f"the learning rate cannot fall from {self.lr} to {self.min_lr}")


class Trainer:
    """Vectors on their way: give the same text to `train` again and again, a whole run is `plan.epochs` times.

    >>> ids, starts = np.tile([0, 1], 50), np.array([0, 100])
    >>> trainer = Trainer(Plan(dim=4, epochs=2), np.array([50, 50]))
    >>> trainer.train(ids, starts, threads=1)
    >>> trainer.words.tolist(), trainer.vectors.shape
    ([0, 1], (2, 4))
    """

    def __init__(
        self,
        plan: Plan,
        counts: NDArray[np.integer[Any]],
        *,
        init: NDArray[Any] | None = None,
        init_rows: NDArray[np.integer[Any]] | None = None,
    ) -> None:
        """`counts[id]` says how often an id stands in the text; one of 0 is left out.

        Where `init` vectors (N, dim) are given, id i begins as row ``init_rows[i]`` of them, −1: at random. Raises
        DataError where no word is frequent enough.
        """
        order = np.argsort(-np.asarray(counts, np.int64), kind="stable")
        self.words: NDArray[np.int64] = order[: int((counts >= plan.min_count).sum())].astype(np.int64)
        """The ids of the vocabulary, the most frequent first."""
        if not len(self.words):
            raise DataError(f"no word stands in the text {plan.min_count} times", hint="lower --min-count")
        self.counts: NDArray[np.int64] = np.asarray(counts, np.int64)[self.words]
        """How often each of them stands in the text."""
        self.plan, self.step, self.loss = plan, 0, float("nan")
        self._rank = np.full(len(counts), LEFT_OUT, np.uint32)
        self._rank[self.words] = np.arange(len(self.words), dtype=np.uint32)
        self._keep = _keep(self.counts, plan.subsample)
        rows = len(self.words)
        self._vectors = _matrix(rows, plan.dim)
        self._vectors[:, : plan.dim] = self._first(init, init_rows)
        self._trained: dict[str, Any] = {}
        if plan.negative:
            self._trained |= {"outputs": _matrix(rows, plan.dim), "noise": alias_table(self.counts)}
        if plan.hs:
            self._trained |= {"nodes": _matrix(rows - 1, plan.dim), "tree": huffman(self.counts)}

    @property
    def vectors(self) -> NDArray[np.float32]:
        """A vector for each of `words`, float32 (V, dim)."""
        return self._vectors[:, : self.plan.dim]

    @property
    def state(self) -> dict[str, NDArray[np.float32]]:
        """All that training changes, beside `step`: writing into these arrays sets it."""
        found = {"vectors": self.vectors}
        for name in ("outputs", "nodes"):
            if name in self._trained:
                found[name] = self._trained[name][:, : self.plan.dim]
        return found

    def fingerprint(self) -> str:
        """The same for the same plan and the same counts: what a checkpoint has to agree with."""
        said = f"{asdict(self.plan)} {BLOCK}".encode() + self.words.tobytes() + self.counts.tobytes()
        return hashlib.sha256(said).hexdigest()[:16]

    def train(
        self,
        ids: Ids,
        starts: NDArray[np.integer[Any]],
        *,
        threads: int | None = None,
        on_block: Callable[[int, int], None] | None = None,
    ) -> None:
        """All epochs that are left over documents ``ids[starts[i]:starts[i + 1]]``, which may be memory-mapped.

        `threads` None is one a core, without locks: no two runs are the same. With one thread the same seed gives the
        same bytes. After each block `on_block(ids done, ids in all)` is called. Raises DataError where no document
        has two words.
        """
        blocks = max(1, -(-len(ids) // BLOCK))
        total = len(ids) * self.plan.epochs
        train = engine.train_word2vec()
        while self.step < blocks * self.plan.epochs:
            epoch, number = divmod(self.step, blocks)
            first, last = number * BLOCK, min((number + 1) * BLOCK, len(ids))
            rates = [self._rate((epoch * len(ids) + place) / max(1, total)) for place in (first, last)]
            loss, pairs = train(
                self._vectors,
                self._ranks(ids[first:last]),
                _bounds(starts, first, last),
                self._keep,
                window=self.plan.window,
                cbow=self.plan.mode == "cbow",
                rates=tuple(rates),
                seed=_seed(self.plan.seed, self.step),
                negative=self.plan.negative,
                threads=threads or 0,
                **self._trained,
            )
            self.step += 1
            if pairs:
                self.loss = loss / pairs
                if not np.isfinite(self.loss):
                    raise DataError(DIVERGED, hint="lower --lr")
            if number == blocks - 1 and np.isnan(self.loss):
                raise DataError(
                    "no document has two words to learn from", hint="lower --min-count, or give --subsample 0"
                )
            if on_block is not None:
                on_block(epoch * len(ids) + last, total)
        if not np.isfinite(self._vectors.sum()):
            raise DataError(DIVERGED, hint="lower --lr")

    def _first(self, init: NDArray[Any] | None, rows: NDArray[np.integer[Any]] | None) -> NDArray[np.float32]:
        dim = self.plan.dim
        chance = np.random.Generator(np.random.PCG64(self.plan.seed))
        bound = np.float32(INITIAL / dim)
        first: NDArray[np.float32] = (chance.random((len(self.words), dim), np.float32) * 2 - 1) * bound
        if init is not None and rows is not None:
            if init.shape[1] != dim:
                raise CallError(f"the vectors to begin with are {init.shape[1]} wide, and not {dim}")
            known = rows[self.words]
            first[known >= 0] = init[known[known >= 0]]
        return first

    def _rate(self, done: float) -> float:
        return self.plan.lr + (self.plan.min_lr - self.plan.lr) * done

    def _ranks(self, ids: NDArray[np.integer[Any]]) -> NDArray[np.uint32]:
        ranks: NDArray[np.uint32] = np.take(self._rank, ids)
        return ranks


def count_ids(blocks: Iterator[NDArray[np.integer[Any]]] | list[NDArray[np.integer[Any]]]) -> NDArray[np.int64]:
    """How often each id stands in some arrays: int64 (largest id + 1,). Raises DataError for one above 2²⁶ − 1.

    >>> count_ids([np.array([2, 0]), np.array([2])]).tolist()
    [1, 0, 2]
    """
    counts = np.zeros(0, np.int64)
    for block in blocks:
        if not len(block):
            continue
        largest = int(block.max())
        if largest > LARGEST_ID or int(block.min()) < 0:
            wrong = largest if largest > LARGEST_ID else int(block.min())
            raise DataError(f"id {wrong} is of no vocabulary: ids go from 0 to {LARGEST_ID:,}")
        found = np.bincount(block, minlength=len(counts))
        found[: len(counts)] += counts
        counts = found
    return counts


def _keep(counts: NDArray[np.int64], subsample: float) -> NDArray[np.uint32]:
    """The probability, of 2³², that a word stays: √(t/f) + t/f, f its share of the text, as word2vec.c has it."""
    if not subsample:
        return np.full(len(counts), (1 << 32) - 1, np.uint32)
    share = subsample * counts.sum() / counts
    keep: NDArray[np.float64] = np.minimum((np.sqrt(share) + share) * 2.0**32, 2.0**32 - 1)
    return keep.astype(np.uint32)


def _matrix(rows: int, dim: int) -> NDArray[np.float32]:
    """Zeros (rows, dim rounded up), each row at the beginning of a vector register's worth of memory."""
    width = -(-dim // LANES) * LANES
    room = np.zeros(rows * width + LANES, np.float32)
    first = -(room.ctypes.data // room.itemsize) % LANES
    return room[first : first + rows * width].reshape(rows, width)


def _bounds(starts: NDArray[np.integer[Any]], first: int, last: int) -> NDArray[np.uint64]:
    """Where documents begin within a block, cut to it."""
    inside = np.asarray(starts[np.searchsorted(starts, first, "right") : np.searchsorted(starts, last, "left")])
    return np.array([0, *(inside.astype(np.int64) - first), last - first], np.uint64)


def _seed(seed: int, step: int) -> int:
    """A block's own seed, far from all others."""
    return int(np.random.SeedSequence([seed, step]).generate_state(1, np.uint64)[0])
