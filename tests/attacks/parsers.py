"""The parsers of foreign bytes, each as a function of the bytes alone: what is fuzzed, and must never crash."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from attncli.artifacts.tokenizer import Tokenizer
from attncli.formats import npz, safetensors, tokenizer_json
from attncli.wire import ids, jsonl, npy

__all__ = ["PARSERS", "SEEDS"]

SHORT = "He left 12 roses,\n by the bank\xa0河 "


def tokenizer_of(read: Callable[[bytes], Any]) -> Callable[[bytes], object]:
    """Reads a tokenizer's file, and puts to work what it says."""

    def parse(data: bytes) -> object:
        coder = Tokenizer(read(data))
        found = coder.encode(SHORT)
        return coder.decode(found)

    return parse


def stream_of(read: Callable[..., Any]) -> Callable[[bytes], object]:
    """Reads a stream of records to its end."""
    return lambda data: [len(batch) for batch in read(io.BufferedReader(io.BytesIO(data)), "-")]


PARSERS: dict[str, Callable[[bytes], object]] = {
    "tokenizer_json": tokenizer_of(tokenizer_json.read),
    "safetensors": safetensors.read,
    "npz": npz.read,
    "npy": stream_of(npy.read),
    "jsonl": stream_of(jsonl.read),
    "ids": stream_of(ids.read),
}
"""Name -> parser; every new one is entered here."""

SEEDS: dict[str, list[bytes]] = {
    "tokenizer_json": [
        b'{"model":{"type":"BPE","vocab":{"a":0,"b":1,"ab":2},"merges":[["a","b"]],"unk_token":null},'
        b'"added_tokens":[{"id":3,"content":"<e>","special":true}],"normalizer":{"type":"NFC"},"pre_tokenizer":null}'
    ],
    "ids": [b"1 2 3\n\n4\n"],
    "jsonl": [b'{"id":"a","ids":[1,2],"text":"x","tokens":["x"]}\n{"vectors":[[1.0,2.0]]}\n'],
}
"""Name -> valid inputs from which a fuzzer starts; those under `corpus/` come beside them."""
