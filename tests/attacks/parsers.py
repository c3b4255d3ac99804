"""The parsers of foreign bytes, each as a function of the bytes alone: what is fuzzed, and must never crash."""

from __future__ import annotations

import io
import json
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from struct import pack
from typing import Any

from attncli.artifacts.tokenizer import Tokenizer
from attncli.core.tokenizer.model import Model
from attncli.core.tokenizer.patterns import GPT2
from attncli.core.tokenizer.vocab import ALPHABET, spelled
from attncli.formats import llama2c, npz, safetensors, sentencepiece, tiktoken, tokenizer_json, vocab_merges, vocab_txt
from attncli.formats.tokenizer_config import CONFIG, TokenizerConfig
from attncli.wire import ids, jsonl, npy

__all__ = ["PARSERS", "SEEDS"]

MODELS = Path(__file__).parents[1] / "fixtures" / "sentencepiece"
BYTES = [b"<0x%02X>" % byte for byte in range(256)]
SHORT = "He left 12 roses,\n by the bank\xa0河 "


def tokenizer_of(read: Callable[[bytes], Any]) -> Callable[[bytes], object]:
    """Reads a tokenizer's file, and puts to work what it says."""

    def parse(data: bytes) -> object:
        coder = Tokenizer(read(data))
        found = coder.encode(SHORT)
        return coder.decode(found)

    return parse


def pair(data: bytes) -> Model:
    """vocab.json, merges.txt and tokenizer_config.json, with NUL between them."""
    vocab, merges, config = (*data.split(b"\0"), b"", b"")[:3]
    small = TokenizerConfig({CONFIG: config}) if config else None
    return vocab_merges.read(vocab, merges, config=small)


def stream_of(read: Callable[..., Any]) -> Callable[[bytes], object]:
    """Reads a stream of records to its end."""
    return lambda data: [len(batch) for batch in read(io.BufferedReader(io.BytesIO(data)), "-")]


PARSERS: dict[str, Callable[[bytes], object]] = {
    "tokenizer_json": tokenizer_of(tokenizer_json.read),
    "tiktoken": tokenizer_of(lambda data: tiktoken.read(data, pattern=GPT2, special_tokens={"<e>": 300})),
    "vocab_merges": tokenizer_of(pair),
    "vocab_txt": tokenizer_of(vocab_txt.read),
    "clip": tokenizer_of(vocab_merges.read_clip),
    "sentencepiece": tokenizer_of(sentencepiece.read),
    "llama2c": tokenizer_of(llama2c.read),
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
    "tiktoken": [
        b"".join(b"%s %d\n" % (b64encode(token), rank) for rank, token in enumerate([*ALPHABET, b"ab", b"abc"]))
    ],
    "vocab_merges": [
        json.dumps({spelled(token): id_ for id_, token in enumerate([*ALPHABET, b"ab"])}).encode()
        + b'\0#version: 0.2\na b\n\0{"tokenizer_class": "GPT2Tokenizer", "bos_token": {"content": "ab"}}'
    ],
    "vocab_txt": [b"[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n##b\n"],
    "sentencepiece": [path.read_bytes() for path in sorted(MODELS.glob("*.model"))],
    "llama2c": [
        b"\x07\0\0\0"
        + b"".join(
            pack("<fi", -1.0, len(piece)) + piece
            for piece in [b"<unk>", b"\n<s>\n", b"\n</s>\n", *BYTES, b" ", b"a", b"aa"]
        )
    ],
    "ids": [b"1 2 3\n\n4\n"],
    "jsonl": [b'{"id":"a","ids":[1,2],"text":"x","tokens":["x"]}\n{"vectors":[[1.0,2.0]]}\n'],
}
"""Name -> valid inputs from which a fuzzer starts; those under `corpus/` come beside them."""
