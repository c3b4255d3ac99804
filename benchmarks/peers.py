"""The peers in tokenizing: one table of who they are and what they can be compared in (attention has its own, in
`attention/contenders.py`). A missing one is left out, and said so."""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from attncli.core.tokenizer.patterns import KNOWN

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"

OWN_COPIES = ("cl100k_base.tiktoken", "o200k_base.tiktoken")
"""Vocabularies that some peers hold in themselves, and take no other. (quicktok 0.2 takes none of these.)"""


@dataclass(frozen=True)
class Peer:
    """A library and, for each thing that it can do, how."""

    module: str
    """What is imported, and looked for."""
    train: str | None = None
    """A program that trains {size} entries on the files {paths} with GPT-2's pattern; run in a process of its own."""
    encoder: Callable[[str], Callable[[list[str], int], list[list[int]]] | None] | None = None
    """From the path of a tokenizer.json or of a .tiktoken file of a known encoding, a function (documents, threads)
    -> ids; None where the peer cannot take that vocabulary."""
    flat_encoder: Callable[[str], Callable[[list[bytes], int], Any]] | None = None
    """From the same, a function (documents, threads) -> all ids in one array."""
    decoder: Callable[[str], Callable[[list[list[int]]], Any] | None] | None = None
    """From the same, a function that decodes documents of ids."""
    train_vectors: Callable[..., tuple[list[str], Any]] | None = None
    """(path, mode, epochs=, seed=, threads=) -> words and their vectors, by word2vec at one setting."""


def present(module: str) -> bool:
    """Whether a library is installed; says so where it is not."""
    if importlib.util.find_spec(module) is not None:
        return True
    print(f"({module} is not installed)")
    return False


def ours_encoder(path: str) -> Callable[[list[str], int], list[list[int]]]:
    import attncli

    tok = attncli.Tokenizer.load(path)
    return lambda documents, threads: tok.encode_lists(documents, threads=threads)


def ours_decoder(path: str) -> Callable[[list[list[int]]], Any]:
    import attncli

    return attncli.Tokenizer.load(path).decode_batch


def hf_tokenizer(path: str) -> Any:
    import tokenizers

    import attncli

    if path.endswith(".json"):
        return tokenizers.Tokenizer.from_file(path)
    with tempfile.TemporaryDirectory() as folder:
        attncli.Tokenizer.load(path).save(f"{folder}/tokenizer.json")
        return tokenizers.Tokenizer.from_file(f"{folder}/tokenizer.json")


def hf_encoder(path: str) -> Callable[[list[str], int], list[list[int]]]:
    tok = hf_tokenizer(path)
    return lambda documents, _: [one.ids for one in tok.encode_batch(documents, add_special_tokens=False)]


def hf_decoder(path: str) -> Callable[[list[list[int]]], Any]:
    tok = hf_tokenizer(path)
    return lambda documents: tok.decode_batch(documents, skip_special_tokens=False)


def tiktoken_encoding(path: str) -> Any:
    import tiktoken

    import attncli

    model = attncli.Tokenizer.load(path).model
    ranks = {token: rank for rank, token in enumerate(model.tokens) if token}
    pattern = KNOWN.get(Path(path).stem, GPT2)
    return tiktoken.Encoding("bench", pat_str=pattern, mergeable_ranks=ranks, special_tokens={})


def tiktoken_encoder(path: str) -> Callable[[list[str], int], list[list[int]]]:
    tok = tiktoken_encoding(path)
    return lambda documents, threads: tok.encode_ordinary_batch(documents, num_threads=threads)


def tiktoken_decoder(path: str) -> Callable[[list[list[int]]], Any]:
    tok = tiktoken_encoding(path)
    return lambda documents: tok.decode_bytes_batch(documents, num_threads=1)


def gigatoken_tokenizer(path: str) -> Any:
    import gigatoken

    return gigatoken.Tokenizer(path) if path.endswith(".json") else gigatoken.Tokenizer.from_tiktoken(path)


def gigatoken_encoder(path: str) -> Callable[[list[str], int], list[list[int]]]:
    tok = gigatoken_tokenizer(path)
    return lambda documents, threads: tok.encode_batch_list(documents, parallel=threads > 1)


def bpe_openai_encoder(path: str) -> Callable[[list[str], int], list[list[int]]] | None:
    """It knows two vocabularies, its own copies of OpenAI's."""
    import bpe_openai

    if Path(path).name not in OWN_COPIES:
        return None
    tok = bpe_openai.get_encoding(Path(path).stem)
    return lambda documents, _: [tok.encode_ordinary(document) for document in documents]


def rs_bpe_encoder(path: str) -> Callable[[list[str], int], list[list[int]]] | None:
    """The same two."""
    from rs_bpe import openai

    if Path(path).name not in OWN_COPIES:
        return None
    tok = getattr(openai, Path(path).stem)()
    return lambda documents, _: [tok.encode(document) for document in documents]


def ours_flat(path: str) -> Callable[[list[bytes], int], Any]:
    import attncli

    tok = attncli.Tokenizer.load(path)
    return lambda documents, threads: tok.encode_flat(documents, threads=threads)[0]


def gigatoken_flat(path: str) -> Callable[[list[bytes], int], Any]:
    import awkward

    tok = gigatoken_tokenizer(path)
    # Its quickest way out: an awkward array, whose content is the flat one.
    return lambda documents, threads: awkward.flatten(tok.encode_batch(documents, parallel=threads > 1)).layout.data


def ours_vectors(path: str, mode: str, *, epochs: int, seed: int, threads: int) -> tuple[list[str], Any]:
    import attncli

    table = attncli.train_word2vec(path, words=True, mode=mode, epochs=epochs, seed=seed, threads=threads)
    return list(table.labels or ()), table.vectors


def gensim_vectors(path: str, mode: str, *, epochs: int, seed: int, threads: int) -> tuple[list[str], Any]:
    from gensim.models import Word2Vec

    model = Word2Vec(
        corpus_file=path, sg=int(mode == "skipgram"), epochs=epochs, seed=seed, workers=threads,
        vector_size=100, window=5, min_count=5, negative=5, sample=1e-3, alpha=0.025, min_alpha=1e-4,
    )  # fmt: skip
    return model.wv.index_to_key, model.wv.vectors


def fasttext_vectors(path: str, mode: str, *, epochs: int, seed: int, threads: int) -> tuple[list[str], Any]:  # noqa: ARG001
    import fasttext
    import numpy as np

    # Version 0.9.2 takes no seed, and with several threads no two runs are the same.
    model = fasttext.train_unsupervised(
        path, model=mode, epoch=epochs, thread=threads, minn=0, maxn=0,
        dim=100, ws=5, minCount=5, neg=5, t=1e-3, lr=0.025, verbose=0,
    )  # fmt: skip
    return model.get_words(), np.array([model.get_word_vector(word) for word in model.get_words()])


LINES = "lines = (line for path in {paths} for line in open(path, encoding='utf-8', newline=''))\n"
"""What libraries read that take texts and no files."""
OURS = "attncli"
PEERS = {
    OURS: Peer(
        "attncli",
        train="import attncli; attncli.train_bpe({paths}, vocab_size={size})",
        encoder=ours_encoder,
        flat_encoder=ours_flat,
        decoder=ours_decoder,
        train_vectors=ours_vectors,
    ),
    "tokenizers": Peer(
        "tokenizers",
        train=(
            "from tokenizers import Tokenizer, models, pre_tokenizers as p, trainers as t\n"
            "tok = Tokenizer(models.BPE()); tok.pre_tokenizer = p.ByteLevel(add_prefix_space=False)\n"
            "tok.train({paths}, t.BpeTrainer(vocab_size={size}, min_frequency=2,"
            " initial_alphabet=p.ByteLevel.alphabet(), show_progress=False))"
        ),
        encoder=hf_encoder,
        decoder=hf_decoder,
    ),
    "tiktoken": Peer("tiktoken", encoder=tiktoken_encoder, decoder=tiktoken_decoder),
    "bpe-openai": Peer("bpe_openai", encoder=bpe_openai_encoder),
    "rs-bpe": Peer("rs_bpe", encoder=rs_bpe_encoder),
    "gigatoken": Peer(
        "gigatoken",
        train="import gigatoken as g; g.train_bpe(g.TextFileSource({paths}), {size}, [])",
        encoder=gigatoken_encoder,
        flat_encoder=gigatoken_flat,
    ),
    "rustbpe": Peer(
        "rustbpe",
        train=(
            "import rustbpe\n"
            "tok = rustbpe.Tokenizer()\n"
            + LINES
            + "tok.train_from_iterator(lines, {size}, pattern=r'''"
            + GPT2
            + "''')"
        ),
    ),
    "sentencepiece": Peer(
        "sentencepiece",
        train=(
            "import sentencepiece as s, tempfile\n"
            "s.SentencePieceTrainer.train(input={paths}, model_prefix=tempfile.mkdtemp() + '/m', vocab_size={size},"
            " model_type='bpe', minloglevel=2, max_sentence_length=1000000)"
        ),
    ),
    "ffbpe": Peer(
        "ffbpe", train="import ffbpe\n" + LINES + "ffbpe.train_bpe(lines, vocab_size={size}, max_records=1 << 16)"
    ),
    "fast-bpe-rs": Peer(
        "fast_bpe_rs",
        train="import fast_bpe_rs\n" + LINES + "fast_bpe_rs.BPE(r'''" + GPT2 + "''').train({size}, list(lines))",
    ),
    "bpeasy": Peer(
        "bpeasy", train="import bpeasy\n" + LINES + "bpeasy.train_bpe(lines, r'''" + GPT2 + "''', 1 << 20, {size})"
    ),
    "gensim": Peer("gensim", train_vectors=gensim_vectors),
    "fastText": Peer("fasttext", train_vectors=fasttext_vectors),
}
