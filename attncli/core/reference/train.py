"""Learning merges (Sennrich et al. 2016, algorithm 1): the twin of `_native.train_merges`.

Each merge touches only the words that hold its pair; counts are kept in a heap whose entries may be out of date.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from attncli.core.reference.counts import WordCounts
from attncli.core.reference.split import as_characters

__all__ = ["merged", "train_merges"]

Pair = tuple[int, int]


def train_merges(
    counts: WordCounts,
    alphabet: Sequence[bytes],
    max_merges: int,
    *,
    end_of_word: bytes | None = None,
    min_frequency: int = 2,
    max_token_length: int | None = None,
    max_memory: int | None = None,
    on_merges: Callable[[int, int], None] | None = None,
) -> list[tuple[int, int, int, int]]:
    """(left, right, new, count) of each merge, in order; the memory is what it is."""
    del max_memory
    tokens = list(alphabet)
    ids = {token: id_ for id_, token in enumerate(tokens)}
    if len(ids) < len(tokens):
        raise ValueError("the alphabet holds a symbol twice")
    if end_of_word is not None and end_of_word not in ids:
        raise ValueError("the end-of-word marker is not in the alphabet")
    by_bytes = len(ids) == 256 and all(len(token) == 1 for token in ids)
    words: list[tuple[list[int], int]] = []
    for word, count in counts.take():
        words.extend((run, count) for run in _runs(word, ids, by_bytes, end_of_word))
    pair_counts: defaultdict[Pair, int] = defaultdict(int)
    where: defaultdict[Pair, set[int]] = defaultdict(set)
    for number, (symbols, count) in enumerate(words):
        for pair in pairwise(symbols):
            pair_counts[pair] += count
            where[pair].add(number)
    heap = [(-count, pair) for pair, count in pair_counts.items()]
    heapq.heapify(heap)
    merges: list[tuple[int, int, int, int]] = []
    while heap and len(tokens) - len(alphabet) < max_merges:
        negative, pair = heapq.heappop(heap)
        count = pair_counts.get(pair, 0)
        if count != -negative:
            continue  # out of date: each change has put a new entry into the heap
        if count < max(1, min_frequency):
            break
        whole = tokens[pair[0]] + tokens[pair[1]]
        length = len(whole) if by_bytes else len(whole.decode("utf-8"))
        if max_token_length is not None and length > max_token_length:
            continue
        new = ids.setdefault(whole, len(tokens))
        if new == len(tokens):
            tokens.append(whole)
        merges.append((*pair, new, count))
        for changed in _merge_everywhere(pair, new, words, pair_counts, where):
            heapq.heappush(heap, (-pair_counts[changed], changed))
        if on_merges:
            on_merges(len(tokens) - len(alphabet), max_merges)
    return merges


def merged(symbols: list[int], pair: Pair, new: int) -> list[int]:
    """The symbols with each occurrence of the pair, from the left, as one.

    >>> merged([1, 1, 1, 2], (1, 1), 9)
    [9, 1, 2]
    """
    result, at = [], 0
    while at < len(symbols):
        if at + 1 < len(symbols) and (symbols[at], symbols[at + 1]) == pair:
            result.append(new)
            at += 2
        else:
            result.append(symbols[at])
            at += 1
    return result


def _merge_everywhere(
    pair: Pair,
    new: int,
    words: list[tuple[list[int], int]],
    pair_counts: defaultdict[Pair, int],
    where: defaultdict[Pair, set[int]],
) -> set[Pair]:
    """Merges the pair in all words that hold it, and returns the pairs whose counts changed."""
    changed: set[Pair] = set()
    for number in where.pop(pair):
        before, count = words[number]
        after = merged(before, pair, new)
        for other in pairwise(before):
            pair_counts[other] -= count
            changed.add(other)
        for other in pairwise(after):
            pair_counts[other] += count
            changed.add(other)
            where[other].add(number)
        words[number] = (after, count)
    return {other for other in changed if pair_counts[other] > 0}


def _runs(word: bytes, ids: dict[bytes, int], by_bytes: bool, end_of_word: bytes | None) -> Iterator[list[int]]:
    """A word as runs of base symbols; an unknown character ends a run."""
    if by_bytes:
        yield [ids[word[at : at + 1]] for at in range(len(word))]
        return
    run: list[int] = []
    for character in as_characters(word)[0]:
        id_ = ids.get(character.encode("utf-8"), ids.get("\ufffd".encode()))
        if id_ is None:
            yield run
            run = []
        else:
            run.append(id_)
    yield run if end_of_word is None else [*run, ids[end_of_word]]
