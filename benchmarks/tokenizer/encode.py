"""Encoding and decoding: `python benchmarks/tokenizer/encode.py [--rounds 5] TOKENIZER CORPUS...`

TOKENIZER is a tokenizer.json or a known encoding's .tiktoken file. The ids of all are compared before anything is
timed. Documents of about 100 kB, cut at newlines, to lists of ids and to flat arrays. `first`: by a tokenizer that has
encoded nothing yet; `again`: by one that has seen the same text.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from peers import OURS, PEERS, present
from timing import in_turn, process, table

import attncli

ONCE = """
import sys
sys.path[:0] = [{here!r}, {here!r} + "/tokenizer"]
from encode import documents
from peers import PEERS
PEERS[{peer!r}].flat_encoder({tokenizer!r})(documents({corpus!r}), {threads})
"""
"""One call, in a process of its own (`python -I`: a checkout that it runs in has no engine, and would come first)."""


def documents(path: str, size: int = 100_000) -> list[bytes]:
    """The text in documents of at least this many bytes, cut after newlines."""
    text = Path(path).read_bytes()
    parts, start = [], 0
    while start < len(text):
        newline = text.find(b"\n", start + size)
        end = len(text) if newline < 0 else newline + 1
        parts.append(text[start:end])
        start = end
    return parts


def peaks(tokenizer: str, corpus: str, threads: int) -> dict[str, float]:
    """Peak MiB of a process that encodes the corpus once."""
    here = str(Path(__file__).resolve().parent.parent)
    found = {}
    for name, peer in PEERS.items():
        if peer.flat_encoder and present(peer.module):
            program = ONCE.format(here=here, peer=name, tokenizer=tokenizer, corpus=corpus, threads=threads)
            found[name] = process([sys.executable, "-I", "-c", program])[1]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tokenizer")
    parser.add_argument("corpora", nargs="+")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only-flat", action="store_true", help="leave out the peers that make nothing but lists")
    arguments = parser.parse_args()
    # First of all: a new process has its parent's peak.
    for path in arguments.corpora:
        rows = [(f"{n} threads", *peaks(arguments.tokenizer, path, n).values()) for n in (1, 2)]
        names = [name for name, peer in PEERS.items() if peer.flat_encoder and present(peer.module)]
        table(f"encode {Path(path).name} once to a flat array, peak MiB", ["", *names], rows)
    tok = attncli.Tokenizer.load(arguments.tokenizer)
    for path in arguments.corpora:
        texts = documents(path)
        size = sum(map(len, texts)) / 1e6
        ids, starts = tok.encode_flat(texts)
        expected = np.split(ids, starts[1:-1].astype(np.int64))
        for threads in (1, 2):
            name = f"encode {Path(path).name}, {threads} threads"
            to_flat = encoders("flat_encoder", arguments.tokenizer)
            compare(f"{name}, to flat arrays", to_flat, texts, threads, [ids], arguments.rounds)
            if not arguments.only_flat:
                strings = [text.decode("utf-8") for text in texts]
                to_lists = encoders("encoder", arguments.tokenizer)
                compare(f"{name}, to lists", to_lists, strings, threads, expected, arguments.rounds)
        lists = [ids.tolist() for ids in expected]
        decoders = encoders("decoder", arguments.tokenizer)
        found = in_turn({name: partial(decode, lists) for name, decode in decoders.items()}, arguments.rounds)
        rows = [(name, size / seconds, seconds / found[OURS]) for name, seconds in found.items()]
        table(f"decode {Path(path).name} from lists", ["", "MB/s", "time of ours"], rows)


def encoders(kind: str, tokenizer: str) -> dict[str, Callable[..., Any]]:
    """New encoders, or decoders, of all peers that have this kind and can take the vocabulary."""
    able = {name: peer for name, peer in PEERS.items() if getattr(peer, kind) and present(peer.module)}
    made = {name: getattr(peer, kind)(tokenizer) for name, peer in able.items()}
    return {name: encode for name, encode in made.items() if encode is not None}


def compare(
    title: str,
    contenders: dict[str, Callable[[Any, int], Any]],
    texts: Sequence[str] | Sequence[bytes],
    threads: int,
    expected: Sequence[Any],
    rounds: int,
) -> None:
    """Each one's ids against the expected ones, its first call, and the later ones in turn."""
    size = sum(len(text if isinstance(text, bytes) else text.encode()) for text in texts) / 1e6
    first = {}
    for name, encode in contenders.items():
        started = time.perf_counter()
        ids = encode(texts, threads)
        first[name] = time.perf_counter() - started
        pairs = zip(ids if len(expected) > 1 else [ids], expected, strict=True)
        if wrong := sum(not np.array_equal(one, other) for one, other in pairs):
            print(f"({name} differs in {wrong} of {len(expected)})")
    found = in_turn({name: partial(encode, texts, threads) for name, encode in contenders.items()}, rounds)
    rows = [
        (name, size / first[name], size / again, first[name] / first[OURS], again / found[OURS])
        for name, again in found.items()
    ]
    table(title, ["", "first, MB/s", "again, MB/s", "first, time of ours", "again, time of ours"], rows)


if __name__ == "__main__":
    main()
