"""What a tokenizer's file says, whatever its format.

The language of the pipeline around the model is that of Hugging Face's `tokenizer.json`: a step is the object that
stands for it there, `{"type": "Replace", "pattern": {"String": " "}, "content": "▁"}`, with sequences flattened. The
other formats are read into the same words, so that one set of normalizers, pre-tokenizers and decoders serves all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from attncli.core.tokenizer.sentencepiece import SentencePiece
from attncli.core.tokenizer.tokens import Tokens

__all__ = ["BPE", "AddedToken", "Algorithm", "Model", "Step", "Unigram", "WordPiece"]

Step: TypeAlias = Mapping[str, Any]
"""One normalizer, pre-tokenizer or decoder, as tokenizer.json spells it."""


@dataclass(frozen=True)
class BPE:
    """Byte-pair encoding (Sennrich et al. 2016): always the adjacent pair of lowest rank merges, leftmost first."""

    merges: Sequence[tuple[int, int]]
    """(left, right) ids by rank."""
    new: Sequence[int] | None = None
    """Id that each merge makes; None: that of the concatenated bytes."""
    whole_first: bool = False
    """A piece that is itself a token is one id at once: `ignore_merges` of tokenizer.json, and tiktoken's rule."""
    byte_fallback: bool = False
    """A character outside the vocabulary becomes the tokens <0xNN> of its bytes."""
    unknown: int | None = None
    """What any other character outside the vocabulary becomes; None: it vanishes."""
    fuse_unknown: bool = False
    """Neighbouring unknowns are one."""
    continuing_subword_prefix: str = ""
    end_of_word_suffix: str = ""
    """CLIP's `</w>`: written behind a piece's last symbol."""
    dropout: float = 0.0


@dataclass(frozen=True)
class WordPiece:
    """Greedy longest match from the left (Wu et al. 2016; BERT's `wordpiece_tokenizer`)."""

    unknown: int
    continuing_subword_prefix: str = "##"
    max_input_chars_per_word: int = 100


@dataclass(frozen=True)
class Unigram:
    """The most probable segmentation, by Viterbi (Kudo 2018)."""

    scores: Sequence[float]
    """Log-probability of each id."""
    unknown: int | None
    byte_fallback: bool = False


Algorithm: TypeAlias = BPE | WordPiece | Unigram | SentencePiece


@dataclass(frozen=True)
class AddedToken:
    """A token that is cut out of a text before all else; `special` ones only where the caller allows it."""

    text: str
    id: int
    special: bool = True
    single_word: bool = False
    lstrip: bool = False
    rstrip: bool = False
    normalized: bool = False
    """Whether it is looked for in the text as normalized, in its own normalized form."""
    in_vocab: bool = field(default=False, compare=False)
    """Whether the algorithm knows it too, so that plain text may become it (if it is not special)."""


@dataclass(frozen=True)
class Model:
    """The data of a tokenizer."""

    tokens: Sequence[bytes]
    """id -> bytes: under a byte-level model the bytes that a token stands for, else the UTF-8 of its spelling in the
    vocabulary (`▁the`, `##ing`, `<0x0A>`). An id that nothing has is b"". Held as `Tokens`."""
    algorithm: Algorithm
    byte_level: bool = True
    """Whether base symbols are all 256 bytes, and any text can be encoded and comes back unchanged."""
    normalizer: Sequence[Step] = ()
    pre_tokenizer: Sequence[Step] = ()
    """`ByteLevel` in it says no more than its regex and add_prefix_space: tokens are bytes here already."""
    decoder: Sequence[Step] = ()
    """Empty: tokens are concatenated; under a byte-level model they are so before these steps. {"type": "Join"}, not a
    word of the format, puts spaces between tokens."""
    added: Sequence[AddedToken] = ()
    bos: Sequence[int] = ()
    """Ids that --bos puts before a text: those of the file's template."""
    eos: Sequence[int] = ()
    """Ids that --eos puts behind it."""
    name: str = ""
    """What people call it."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "tokens", Tokens.from_list(self.tokens))
        for sequence in ("normalizer", "pre_tokenizer", "decoder", "added", "bos", "eos"):
            object.__setattr__(self, sequence, tuple(getattr(self, sequence)))
