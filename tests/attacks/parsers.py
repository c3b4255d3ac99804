"""The parsers of foreign bytes, each as a function of the bytes alone: what is fuzzed, and must never crash."""

from __future__ import annotations

import io
import json
import tempfile
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from struct import pack
from typing import Any

import numpy as np

from attncli.artifacts.embeddings import Embeddings
from attncli.artifacts.flat import load_flat
from attncli.artifacts.journal import Journal
from attncli.artifacts.table_files import FORMATS, Contents, dump
from attncli.artifacts.tokenizer import Tokenizer
from attncli.core.embedding.labels import Labels
from attncli.core.tokenizer.model import Model
from attncli.core.tokenizer.patterns import GPT2
from attncli.core.tokenizer.vocab import ALPHABET, spelled
from attncli.formats import (
    glove,
    llama2c,
    npz,
    safetensors,
    sentencepiece,
    tiktoken,
    tokenizer_json,
    vocab_merges,
    vocab_txt,
    word2vec_binary,
    word2vec_text,
)
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


def charsmap(data: bytes) -> object:
    """The precompiled map of a tokenizer.json's normalizer."""
    step = {"type": "Precompiled", "precompiled_charsmap": b64encode(data).decode()}
    whole = {"model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}, "normalizer": step}
    return PARSERS["tokenizer_json"](json.dumps(whole).encode())


def flat(data: bytes) -> object:
    """An array and its index, one behind the other's length."""
    size, both = int.from_bytes(data[:2], "little"), data[2:]
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "x.npy").write_bytes(both[:size])
        Path(folder, "x.index.npy").write_bytes(both[size:])
        ids, starts = load_flat(f"{folder}/x.npy")
        return ids.sum(), starts.sum()


def array(*values: int, dtype: str = "uint16") -> bytes:
    handle = io.BytesIO()
    np.save(handle, np.array(values, dtype))
    return handle.getvalue()


def arrays() -> bytes:
    handle = io.BytesIO()
    np.savez_compressed(handle, vectors=np.ones((2, 3), np.float32))
    return handle.getvalue()


def table(data: bytes) -> object:
    """A table of whatever format, and all that it says."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "t").write_bytes(data)
        found = Embeddings.load(f"{folder}/t")
        return found.vectors.sum(), list(found.labels or []), found.tokenizer


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
    "word2vec_text": lambda data: word2vec_text.read(io.BytesIO(data).read),
    "word2vec_binary": word2vec_binary.read,
    "glove": lambda data: glove.read(io.BytesIO(data).read),
    "table": table,
    "safetensors": safetensors.read,
    "npz": npz.read,
    "npy": stream_of(npy.read),
    "jsonl": stream_of(jsonl.read),
    "ids": stream_of(ids.read),
    "charsmap": charsmap,
    "flat": flat,
    "journal": lambda data: Journal(io.BytesIO(data), {"inputs": ["a.txt"]}, ".x.npy.journal").step,
}
"""Name -> parser; every new one is entered here."""

TABLE = Contents(np.ones((2, 2), np.float32), Labels.of(["a", " b"]), np.array([3, 1]), {"tokenizer": "t@1"})


def tables() -> list[bytes]:
    """The same table in every format."""
    made = []
    for form in FORMATS:
        handle = io.BytesIO()
        dump(TABLE, handle, form)
        made.append(handle.getvalue())
    return made


HEADER = b'{"x":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},"__metadata__":{"a":"b"}}'
SEEDS: dict[str, list[bytes]] = {
    "tokenizer_json": [
        b'{"model":{"type":"BPE","vocab":{"a":0,"b":1,"ab":2},"merges":[["a","b"]],"unk_token":null},'
        b'"added_tokens":[{"id":3,"content":"<e>","special":true}],"normalizer":{"type":"NFC"},"pre_tokenizer":null}',
        b'{"model":{"type":"Unigram","vocab":[["<unk>",0],["\xe2\x96\x81",-2.5],["a",-3],["\xe2\x96\x81a",-1e1]],"unk_id":0,'
        b'"byte_fallback":false},"pre_tokenizer":{"type":"Metaspace","replacement":"\xe2\x96\x81",'
        b'"prepend_scheme":"first","split":true},"decoder":{"type":"Metaspace","replacement":"\xe2\x96\x81"},'
        b'"normalizer":{"type":"Sequence","normalizers":[{"type":"Nmt"},{"type":"NFKC"},'
        b'{"type":"Replace","pattern":{"Regex":" {2,}"},"content":" "}]}}',
        b'{"model":{"type":"WordPiece","vocab":{"[UNK]":0,"a":1,"##b":2,"[SEP]":3},"unk_token":"[UNK]",'
        b'"continuing_subword_prefix":"##","max_input_chars_per_word":100},"normalizer":{"type":"BertNormalizer"},'
        b'"pre_tokenizer":{"type":"BertPreTokenizer"},"decoder":{"type":"WordPiece"},'
        b'"post_processor":{"type":"BertProcessing","sep":["[SEP]",3],"cls":["a",1]}}',
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
    "word2vec_text": [b'2 2\nthe 0.5 -1e-5\n\\x20a 1 2\n# {"tokenizer": "t@1"}\n'],
    "word2vec_binary": [b"2 1\nthe \0\0\0\0\na \0\0\x80\x3f\n"],
    "glove": [b"the 0.5 -1e-5\n. . 1 2\n"],
    "table": tables(),
    "npy": [array(1, 2, 3) + array(4)],
    "npz": [arrays()],
    "safetensors": [pack("<Q", len(HEADER)) + HEADER + bytes(8)],
    "charsmap": [(Path(__file__).parent / "corpus" / "charsmap" / "a_to_x").read_bytes()],
    "flat": [len(array(1, 2)).to_bytes(2, "little") + array(1, 2) + array(0, 1, 2, dtype="uint64")],
    "journal": [b'{"job": {"inputs": ["a.txt"]}}\n{"input": 0, "offset": 5}\n{"inp'],
    "ids": [b"1 2 3\n\n4\n"],
    "jsonl": [b'{"id":"a","ids":[1,2],"text":"x","tokens":["x"]}\n{"vectors":[[1.0,2.0]]}\n'],
}
"""Name -> valid inputs from which a fuzzer starts; those under `corpus/` come beside them."""
