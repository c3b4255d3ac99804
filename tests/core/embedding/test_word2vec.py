"""word2vec: the engines agree, the same seed gives the same bytes, and what is learned is what stands together."""

from __future__ import annotations

import heapq
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from attncli import _native
from attncli.core.embedding.huffman import huffman
from attncli.core.embedding.noise import alias_table
from attncli.core.embedding.word2vec import Plan, Trainer, count_ids
from attncli.core.reference import word2vec as reference
from attncli.errors import CallError, DataError

WIDTH = 32


def arguments(
    seed: int, words: int, length: int, *, cbow: bool, negative: int, hs: bool, window: int
) -> dict[str, Any]:
    """A small text of random words, some of them none, some thinned out."""
    random = np.random.default_rng(seed)
    counts = np.sort(random.integers(1, 1000, words))[::-1]
    keep = np.full(words, 2**32 - 1, np.uint32)
    keep[: words // 4] = random.integers(0, 2**32, words // 4)
    bounds = np.unique([0, *random.integers(0, length + 1, 5), length])
    given: dict[str, Any] = {
        "vectors": random.random((words, WIDTH), np.float32) - 0.5,
        "ids": random.integers(0, words + 2, length).astype(np.uint32),
        "starts": bounds.astype(np.uint64),
        "keep": keep,
        "window": window,
        "cbow": cbow,
        "rates": (0.05, 0.01),
        "seed": seed,
    }
    if negative:
        given |= {"outputs": random.random((words, WIDTH), np.float32) - 0.5, "noise": alias_table(counts)}
        given["negative"] = negative
    if hs:
        given |= {"nodes": random.random((words - 1, WIDTH), np.float32) - 0.5, "tree": huffman(counts)}
    return given


def trained(train: Any, given: dict[str, Any], **changed: Any) -> tuple[list[NDArray[np.float32]], tuple[float, int]]:
    """The matrices after one call, and what it returns."""
    copies = {name: given[name].copy() for name in ("vectors", "outputs", "nodes") if name in given}
    told = train(**(given | copies | changed), threads=1)
    return list(copies.values()), told


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**64 - 1),
    words=st.integers(2, 60),
    length=st.integers(0, 400),
    cbow=st.booleans(),
    kind=st.sampled_from([(5, False), (1, False), (0, True), (3, True)]),
    window=st.sampled_from([1, 2, 5, 40]),
)
@example(seed=0, words=2, length=196, cbow=False, kind=(5, False), window=40)
def test_the_engines_agree(seed: int, words: int, length: int, cbow: bool, kind: tuple[int, bool], window: int) -> None:
    case = arguments(seed, words, length, cbow=cbow, negative=kind[0], hs=kind[1], window=window)
    ours, (loss, pairs) = trained(_native.train_word2vec, case)
    theirs, (their_loss, their_pairs) = trained(reference.train_word2vec, case)
    moved, moved_loss = a_rounding_apart(case)
    allowed = 2e-6 + 8 * farthest(moved, theirs)
    assert farthest(ours, theirs) <= allowed
    assert pairs == their_pairs
    assert abs(loss - their_loss) <= 1e-5 * abs(their_loss) + 8 * abs(moved_loss - their_loss)


def a_rounding_apart(case: dict[str, Any]) -> tuple[list[NDArray[np.float32]], float]:
    """What the twin makes of the same numbers, each moved to the next float32: how far rounding carries.

    Where two words share 196 places and the window is 40, it carries 1,000 times farther than elsewhere.
    """
    random = np.random.default_rng(0)
    moved = dict(case)
    for name in ("vectors", "outputs", "nodes"):
        if name in case:
            towards = np.where(random.random(case[name].shape) < 0.5, -2, 2).astype(np.float32)
            moved[name] = np.nextafter(case[name], towards)
    matrices, (loss, _) = trained(reference.train_word2vec, moved)
    return matrices, loss


def farthest(ours: list[NDArray[np.float32]], theirs: list[NDArray[np.float32]]) -> float:
    """The largest difference of two numbers in the same place."""
    return max(float(np.abs(one - two).max(initial=0)) for one, two in zip(ours, theirs, strict=True))


@pytest.mark.parametrize("changed", [{"seed": 8}, {"rates": (0.0501, 0.01)}, {"window": 4}, {"cbow": True}])
def test_the_comparison_can_fail(changed: dict[str, Any]) -> None:
    case = arguments(7, 40, 400, cbow=False, negative=5, hs=True, window=5)
    ours, _ = trained(_native.train_word2vec, case, **changed)
    theirs, _ = trained(reference.train_word2vec, case)
    assert farthest(ours, theirs) > 10 * (2e-6 + 8 * farthest(a_rounding_apart(case)[0], theirs))


def test_long_documents_are_cut_alike() -> None:
    case = arguments(3, 20, 25_000, cbow=True, negative=2, hs=False, window=2)
    case["starts"] = np.array([0, 3, 22_000, 25_000], np.uint64)
    case["rates"] = (0.01, 0.001)
    for one, two in zip(
        trained(_native.train_word2vec, case)[0], trained(reference.train_word2vec, case)[0], strict=True
    ):
        np.testing.assert_allclose(one, two, rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"window": 0}, "window"),
        ({"starts": np.array([0, 9], np.uint64)}, "starts"),
        ({"keep": np.zeros(3, np.uint32)}, "keep"),
        ({"vectors": np.zeros((20, 30), np.float32)}, "multiple of 16"),
        ({"outputs": np.zeros((20, 16), np.float32)}, "outputs"),
        ({"noise": None}, "go together"),
        ({"noise": (np.zeros(20, np.uint32), np.full(20, 20, np.uint32))}, "noise"),
        ({"tree": (np.arange(21, dtype=np.uint64), np.full(20, 19, np.uint32), np.zeros(20, np.uint8))}, "tree"),
        ({"rates": (float("nan"), 0.0)}, "rate"),
        ({"vectors": np.zeros((40, WIDTH), np.float32)[::2]}, "contiguous"),
    ],
)
def test_arguments_that_do_not_fit(changed: dict[str, Any], complaint: str) -> None:
    case = arguments(1, 20, 50, cbow=False, negative=2, hs=True, window=3)
    with pytest.raises(ValueError, match=complaint):
        _native.train_word2vec(**(case | changed))


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=50).filter(any))
def test_noise_is_drawn_in_proportion(counts: list[int]) -> None:
    thresholds, aliases = alias_table(np.array(counts))
    shares = np.zeros(len(counts))
    for slot, (threshold, alias) in enumerate(zip(thresholds.tolist(), aliases.tolist(), strict=True)):
        shares[slot] += threshold / 2**32
        shares[alias] += 1 - threshold / 2**32
    wanted = np.array(counts) ** 0.75
    np.testing.assert_allclose(shares / len(counts), wanted / wanted.sum(), atol=1e-8)


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=60))
def test_the_tree_is_huffmans(counts: list[int]) -> None:
    counts.sort(reverse=True)
    starts, nodes, turns = (array.tolist() for array in huffman(np.array(counts)))
    ways = [tuple(zip(nodes[a:b], turns[a:b], strict=True)) for a, b in zip(starts[:-1], starts[1:], strict=True)]
    sides = [tuple(turn for _, turn in way) for way in ways]
    assert len(set(sides)) == len(counts)
    # Each code stands at one leaf: a node on the way is the same for all ways that begin so.
    seen: dict[tuple[int, ...], int] = {}
    for way, side in zip(ways, sides, strict=True):
        for depth, (node, _) in enumerate(way):
            assert seen.setdefault(side[:depth], node) == node
    assert len(set(seen.values())) == len(seen) == len(counts) - 1
    # No code is shorter in all than Huffman's.
    heap, cost = list(counts), 0
    heapq.heapify(heap)
    while len(heap) > 1:
        joined = heapq.heappop(heap) + heapq.heappop(heap)
        cost += joined
        heapq.heappush(heap, joined)
    assert sum(count * len(way) for count, way in zip(counts, ways, strict=True)) == cost


def text(documents: int = 400) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Documents of words of one of two topics: 0 to 9, and 10 to 19."""
    random = np.random.default_rng(0)
    topic = random.integers(0, 2, documents)
    return (random.integers(0, 10, (documents, 20)) + 10 * topic[:, None]).ravel(), np.arange(documents + 1) * 20


@pytest.mark.parametrize("mode", ["skipgram", "cbow"])
@pytest.mark.parametrize("kind", [{}, {"negative": 0, "hs": True}])
def test_words_of_a_topic_come_together(mode: Any, kind: dict[str, Any]) -> None:
    ids, starts = text()
    trainer = Trainer(Plan(mode=mode, dim=20, epochs=10, subsample=0, lr=0.1, **kind), np.bincount(ids))
    trainer.train(ids, starts, threads=2)
    unit = trainer.vectors / np.linalg.norm(trainer.vectors, axis=1, keepdims=True)
    same = (trainer.words[:, None] < 10) == (trainer.words < 10)
    cosines = unit @ unit.T
    assert cosines[same].mean() > cosines[~same].mean() + 0.5
    assert 0 < trainer.loss < 0.7


def run(seed: int, engine: str | None = None, **plan: Any) -> NDArray[np.float32]:
    ids, starts = text()
    trainer = Trainer(Plan(dim=20, epochs=2, seed=seed, **plan), np.bincount(ids))
    trainer.train(ids, starts, threads=1)
    return trainer.vectors


def test_the_same_seed_gives_the_same_bytes() -> None:
    assert run(1).tobytes() == run(1).tobytes()
    assert run(1).tobytes() != run(2).tobytes()


def test_a_run_in_two_parts_ends_in_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("attncli.core.embedding.word2vec.BLOCK", 3_001)  # not where a document ends
    ids, starts = text()
    whole, one, two = (Trainer(Plan(dim=20, epochs=2), np.bincount(ids)) for _ in range(3))
    whole.train(ids, starts, threads=1)

    def stop(done: int, total: int) -> None:
        if done > total // 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        one.train(ids, starts, threads=1, on_block=stop)
    for name, array in one.state.items():
        two.state[name][:] = array
    two.step = one.step
    assert 0 < two.step < 2 * 3
    two.train(ids, starts, threads=1)
    assert two.vectors.tobytes() == whole.vectors.tobytes()


def test_vectors_to_begin_with() -> None:
    ids, starts = text()
    init = np.random.default_rng(5).random((20, 8), np.float32)
    rows = np.where(np.arange(20) < 15, np.arange(20)[::-1], -1)
    trainer = Trainer(Plan(dim=8), np.bincount(ids), init=init, init_rows=rows)
    for word, vector in zip(trainer.words.tolist(), trainer.vectors, strict=True):
        assert np.array_equal(vector, init[19 - word]) == (word < 15)
    with pytest.raises(CallError, match="8 wide, and not 9"):
        Trainer(Plan(dim=9), np.bincount(ids), init=init, init_rows=rows)
    trainer.train(ids, starts)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"dim": 0}, "dim is 0, and it has to be at least 1"),
        ({"dim": 1 << 20}, "at most 65536"),
        ({"window": 0}, "window is 0"),
        ({"epochs": 0}, "epochs is 0"),
        ({"mode": "glove"}, "no training is called 'glove'"),
        ({"negative": 0}, "nothing would be learned"),
        ({"lr": 0.00001}, "cannot fall"),
        ({"subsample": 2}, "subsample is 2"),
        ({"lr": float("nan")}, "lr is nan"),
    ],
)
def test_plans_that_make_no_sense(options: dict[str, Any], complaint: str) -> None:
    with pytest.raises(CallError, match=complaint):
        Plan(**options)


def test_texts_that_teach_nothing() -> None:
    with pytest.raises(DataError, match="no word stands in the text 5 times"):
        Trainer(Plan(), np.array([4, 4]))
    trainer = Trainer(Plan(), np.array([9, 9]))
    with pytest.raises(DataError, match="no document has two words"):
        trainer.train(np.tile([0, 1], 9), np.arange(19))
    with pytest.raises(DataError, match="id 67108864 is of no vocabulary"):
        count_ids([np.array([1, 1 << 26])])
    with pytest.raises(DataError, match="id -1 is of no vocabulary"):
        count_ids([np.array([-1])])
    wild = Trainer(Plan(dim=4, lr=10, min_lr=10, epochs=50, subsample=0, window=50), np.bincount(text()[0]))
    with pytest.raises(DataError, match="grew without bounds; lower --lr"):
        wild.train(*text(), threads=1)
