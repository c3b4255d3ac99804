"""gensim reads what is written here, and the reverse: the same words, equal vectors. Needs gensim."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from attncli import Embeddings, Tokenizer

gensim = pytest.importorskip("gensim.models", exc_type=ImportError)

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # a file it leaves open
AWKWARD = ["the", " bank", "\n", "\udce4\udcb8", "\\x20", "\u00a0", "caf\u00e9", "\u2028", "\x1d", "a\tb", "\u6cb3"]
ROWS = np.random.default_rng(2).standard_normal((len(AWKWARD), 7)).astype(np.float32) * np.float32(1e-4)


def loaded(path: Path, form: str) -> Any:
    options: dict[str, Any] = {"binary": form == "word2vec-binary", "no_header": form == "glove"}
    return gensim.KeyedVectors.load_word2vec_format(str(path), **options)


@pytest.mark.parametrize("form", ["word2vec", "word2vec-binary", "glove"])
def test_gensim_reads_what_is_written_here(tmp_path: Path, form: str) -> None:
    table = Embeddings(ROWS, labels=AWKWARD, tokenizer="t@123456789abc")
    table.save(tmp_path / "t", form)
    found = loaded(tmp_path / "t", form)
    np.testing.assert_array_equal(found.vectors, ROWS)
    assert len(found.index_to_key) == len(set(found.index_to_key)) == len(AWKWARD)
    assert [found.index_to_key[row] for row in (0, 1, 3, 6, 10)] == [
        "the",
        r"\x20bank",
        r"\xe4\xb8",
        "caf\u00e9",
        "\u6cb3",
    ]


def test_gensim_reads_every_token(tmp_path: Path, tokenizer: Tokenizer) -> None:
    Embeddings.random(len(tokenizer), 3).labelled(tokenizer).save(tmp_path / "t.txt")
    found = loaded(tmp_path / "t.txt", "word2vec")
    assert found.vectors.shape == (len(tokenizer), 3)


@pytest.mark.parametrize("form", ["word2vec", "word2vec-binary", "glove"])
def test_what_gensim_writes_is_read_here(tmp_path: Path, form: str) -> None:
    words = [word for word in AWKWARD if not {" ", "\n", "\t", "\x1d", "\udce4", "\\"} & set(word)]
    peer = gensim.KeyedVectors(7)
    peer.add_vectors(words, ROWS[: len(words)])
    peer.save_word2vec_format(str(tmp_path / "t"), binary=form == "word2vec-binary", write_header=form != "glove")
    found = Embeddings.load(tmp_path / "t")
    np.testing.assert_array_equal(found.vectors, ROWS[: len(words)])
    assert found.labels is not None
    assert list(found.labels) == words
