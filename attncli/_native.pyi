"""The contract of the engines: what the native module offers, and its twins in `core/reference` too.

Text is bytes, and where it is encoded str too (UnicodeEncodeError for half a surrogate pair). A byte that is no part of
valid UTF-8 is one character of its own, and stands as U+FFFD before a pattern. `threads` = 0 means one thread a core.
Bad arguments raise ValueError.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypedDict, final

import numpy as np
from numpy.typing import NDArray

__version__: str

@final
class Splitter:
    """Pre-tokenizer: cuts text into pieces, the words within which BPE merges.

    `pattern` is a regular expression's source. Its matches are pieces, and so is each gap between two matches
    (Hugging Face's `Split`, behaviour `Isolated`), so the pieces always concatenate to the text. With
    ``drop_gaps`` the gaps are left out (the textbook's words without their spaces). ``""`` makes the whole
    text one piece.
    """

    def __init__(self, pattern: str, drop_gaps: bool = False) -> None: ...
    @property
    def handwritten(self) -> bool:
        """Whether a hand-written splitter serves this pattern (not the general regex path)."""

    def split(self, text: bytes) -> list[tuple[int, int]]:
        """Byte spans (start, end) of the pieces, in order; no piece is empty.

        >>> Splitter(patterns.GPT2).split(b"I'll go")
        [(0, 1), (1, 4), (4, 7)]
        """

    def safe_cut(self, text: bytes) -> int:
        """The largest known p with split(text + more) == split(text[:p]) + split((text + more)[p:]) for any
        `more`; 0 where none is known (always for patterns of unknown meaning)."""

@final
class WordCounts:
    """How often each piece occurs: u64 counts, added in parallel, independent of order and threads."""

    def __init__(self, pattern: str, drop_gaps: bool = False, threads: int = 0) -> None: ...
    def add(self, text: bytes) -> None:
        """Splits one text (a document, or a part of one that ends at a safe cut) and counts its pieces. Threads
        may count on after the call; what they cannot split, a later call tells."""

    def add_counts(self, words: Sequence[tuple[bytes, int]]) -> None:
        """Adds words already counted elsewhere."""

    @property
    def memory(self) -> int:
        """About how many bytes the pieces take that are in memory."""

    def spill(self, write: Callable[[bytes], object]) -> tuple[int, int]:
        """Writes the pieces that are in memory as one sorted run, in blocks, and forgets them: (bytes, pieces).

        A run holds each word once, in the order of their bytes: its length, its bytes, its count; both numbers in
        LEB128. Whatever `write` raises goes through.
        """

    def add_run(self, read: Callable[[int, int], bytes], size: int, pieces: int) -> None:
        """Adds the words of a run of `size` bytes, of which `read(offset, length)` gives those asked for. Runs are
        merged whenever the words are gone through; nothing but a block of each is held in memory."""

    def __len__(self) -> int:
        """Distinct pieces."""

    @property
    def total(self) -> int:
        """Pieces counted in all."""

    def items(self) -> list[tuple[bytes, int]]:
        """(piece, count), sorted by piece."""

    def characters(self) -> list[bytes]:
        """The distinct characters (each one's UTF-8) of all pieces, in order; invalid bytes as U+FFFD."""

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
    """Learns BPE merges (Sennrich et al. 2016, algorithm 1): (left, right, new, count) of each, in order. The
    counts are used up: their memory is wanted for the merging.

    `alphabet[i]` is the base symbol of id i: single bytes (all 256 in any order, then a word is a sequence of
    bytes) or characters in UTF-8 (then of characters; one outside the alphabet becomes U+FFFD where the
    alphabet has it, else ends the run of symbols there). `end_of_word`, itself in the alphabet, is one more
    symbol after each word. Every step takes the pair with the highest count, counted over adjacent positions
    (overlapping ones too) as a recount of all words would give it; ties go to the smaller (left, right).
    `new` is the id of the token whose bytes are left's + right's where one exists already, else the next
    free id. Stops after `max_merges` merges that made a new token, or below `min_frequency` (at least 1).
    A pair whose token would be longer than `max_token_length` (bytes under a byte alphabet, else characters)
    never merges. Within `max_memory` bytes, about; ValueError says how many are needed where they are too few.
    `on_merges(done, max_merges)` is called now and then from the calling thread, and may raise to stop.
    """

class Options(TypedDict):
    """What an encoding takes beside its text."""

    allow: Sequence[int]
    """Ids of the special added tokens that are cut out of a text; those that are not special always are."""
    before: Sequence[int]
    """Ids before each text."""
    after: Sequence[int]
    """Ids behind each text."""
    dropout: float | None
    """BPE-dropout (Provilkov et al. 2020): the probability that a merge is left out at a step; None: the model's."""
    seed: int
    """Text number i of a call draws from SplitMix64(seed + i), whatever the threads."""

@final
class Tokenizer:
    """Text to ids by a pipeline as tokenizer.json describes it, and a model of tokens.

    Token i is ``tokens[ends[i - 1]:ends[i]]``; `ends`, `merges` and `new` are buffers of uint32 in the machine's
    byte order, `scores` one of float64, `types` one of bytes. `merges` holds (left, right) by rank, `new` the id that
    each makes (without it: the id of the concatenated bytes). `pipeline` is JSON: an object of

    - `normalizer`, `pre_tokenizer`: lists of steps as tokenizer.json has them, with all their fields;
    - `added_tokens`: a list as tokenizer.json has it, with `in_vocab`: whether the model knows it too. Plain text never
      encodes to one that it does not know, or that is special;
    - `model`: `type` "BPE" with byte_level, ignore_merges, byte_fallback, unknown (an id or null), fuse_unk,
      continuing_subword_prefix, end_of_word_suffix, dropout; "WordPiece" with unknown, continuing_subword_prefix,
      max_input_chars_per_word; "Unigram" with unknown (an id or null), byte_fallback; or "SentencePiece" with unigram
      (else BPE), byte_fallback, treat_whitespace_as_suffix, unk_surface, any_bytes, normalizer, denormalizer (or null):
      each an object of precompiled_charsmap (base64), add_dummy_prefix, remove_extra_whitespaces, escape_whitespaces.

    Under `byte_level` the tokens are bytes, and the step ByteLevel writes stand-ins only where another step follows.

    Unigram is Hugging Face's: Viterbi in float64, in each piece anew; of equal ways the first found stays; a character
    that is no piece scores 10 below the worst, and neighbouring ones are one id, or under `byte_fallback` the tokens
    <0xNN> of their bytes where all of these are there. A score of -inf is that of a token that is no piece.

    SentencePiece is its library's (0.2.3), normalization and all, for models of types unigram and BPE. `types` are a
    byte for each id: 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte. What is no UTF-8 is U+FFFD, a
    byte each; with `any_bytes` it is encoded by its bytes, and comes back, as in llama2.c, whose pieces hold spaces and
    not U+2581.

    - BPE: of the neighbours whose concatenation is a piece, those of the best score merge first, of equal ones the
      leftmost. Unused pieces merge too, and are taken apart at the end.
    - Unigram: Viterbi in float32 over the whole text; of equal ways the first found stays; an unknown character scores
      10 below the worst normal piece, a user-defined piece (bytes − 1) / 10.
    - What is no piece is the tokens <0xNN> of its bytes under `byte_fallback`, of which in `encode_traced` the last
      stands for it; else the unknown id, neighbours one.
    """

    def __init__(
        self,
        tokens: bytes,
        ends: bytes,
        pipeline: str,
        *,
        merges: bytes | None = None,
        new: bytes | None = None,
        scores: bytes | None = None,
        types: bytes | None = None,
    ) -> None: ...
    def encode(self, text: str | bytes, options: Options | None = None) -> list[int]:
        """Ids of one text. Time linear in its length, up to a logarithm."""

    def encode_traced(
        self, texts: Sequence[str | bytes], options: Options | None = None
    ) -> list[tuple[list[int], list[tuple[int, int]]]]:
        """Ids of each text, and for each id the bytes (start, end) of the original text that it stands for."""

    def encode_batch(
        self, texts: Sequence[str | bytes], threads: int = 0, options: Options | None = None
    ) -> list[list[int]]:
        """Ids of each text; the texts are spread over threads."""

    def encode_flat(
        self, texts: Sequence[str | bytes], threads: int = 0, options: Options | None = None
    ) -> tuple[NDArray[np.uint32], NDArray[np.uint64]]:
        """All ids in one array (total,), and each text's start in it, the total at the end (texts + 1,)."""

    def encode_lines(
        self, text: NDArray[np.uint8], threads: int = 0, *, end_of_text: int | None = None, narrow: bool = False
    ) -> tuple[NDArray[np.uint32] | NDArray[np.uint16], NDArray[np.uint64]]:
        """`encode_flat` of the lines of one contiguous text, which is not copied (`np.frombuffer` makes an array of
        bytes or of a memory map): a line is a document without its ``\\n``; one that ends the text without a newline
        counts, nothing after the last newline does not. `end_of_text` is an id after each document's. With `narrow`
        the ids are uint16; ValueError where one of the vocabulary or `end_of_text` would not fit.

        >>> Tokenizer(*tables).encode_lines(np.frombuffer(b"ab\\n\\nc", np.uint8), end_of_text=0)
        (array([97, 98,  0,  0, 99,  0], dtype=uint32), array([0, 3, 4, 6], dtype=uint64))
        """

    def count_batch(self, texts: Sequence[str | bytes], threads: int = 0, options: Options | None = None) -> list[int]:
        """The number of ids of each text."""

    def decode_batch(
        self, documents: Sequence[NDArray[np.unsignedinteger] | Sequence[int]], skip: Sequence[int] = ()
    ) -> list[bytes]:
        """The text of each document without the tokens to skip, by the decoder's steps (bytes that are no UTF-8 stay):
        those of a byte-level model have all tokens in one. Of SentencePiece control pieces are nothing, the unknown id
        is `unk_surface`, bytes are joined, and the dummy prefix goes. ValueError for what is no id, and where a step
        gives up or blows the text up."""

    def decode_flat(
        self,
        ids: NDArray[np.uint16 | np.uint32],
        starts: NDArray[np.uint64],
        threads: int = 0,
        *,
        skip: Sequence[int] = (),
        end_of_text: int | None = None,
        end: bytes = b"",
    ) -> bytes:
        """`decode_batch` of the documents of an array, one after another, each followed by `end`. `starts` are their
        places beyond the first of them, the last is where they end; an `end_of_text` behind a document is left out.
        ValueError also where the starts do not fit."""

    def lost(self) -> list[bytes]:
        """Characters (WordPiece: words) that the vocabulary could not say so far, at most 1,000, in order; under
        SentencePiece bytes too that are no UTF-8."""

def read_ranks(data: bytes) -> tuple[bytes, bytes] | None:
    r"""The tokens of tiktoken's file (a token in base64, a space, its rank on each line): all in one buffer in the
    order of their ranks, and where each ends there, uint32 in the machine's order. A rank left out is an empty token.

    None where a line is not in order, a token or a rank stands twice, or ranks leave out more than 65,536 numbers;
    the twin raises ValueError that names the line.

    >>> read_ranks(b"YQ== 0\nYg== 1\n")[0]
    b'ab'
    """

def derive_merges(tokens: bytes, ends: bytes) -> tuple[bytes, bytes] | None:
    """The merges that ranks mean: (left, right) ids by rank, and the id of what each makes, as uint32.

    tiktoken merges the adjacent pair whose concatenation has the lowest rank. So a token is only ever made of the two
    parts that its own bytes come to before the last step: that pair stands for it, whatever the order of the ranks;
    a token that its bytes don't come to is left out, for no text does either. None where one of the 256 bytes is no
    token.
    Arguments as `read_ranks` gives them, the tokens distinct; it works on all cores.
    """

def lift_tokenizer_json(data: bytes) -> tuple[bytes, bytes, bytes, bytes] | None:
    """The two large tables of a tokenizer.json: the file with null in their place; the spellings of `model.vocab`
    in the order of their ids (UTF-8 in one buffer) and where each ends (uint32); `model.merges` as ids (left, right).

    None where anything is out of order in the tables, or stands twice: the plain reader tells what.
    """

def lift_vocab_merges(vocab: bytes, merges: bytes) -> tuple[bytes, bytes, bytes] | None:
    """The tables of a vocab.json and its merges.txt: the spellings in the order of their ids and where each ends, and
    the merges as ids (left, right), as `lift_tokenizer_json` gives them.

    None where anything is out of order, or a merge or what it makes is not in the vocabulary: the plain reader tells.

    >>> lift_vocab_merges(b'{"a": 0, "b": 1, "ab": 2}', b"a b")[0]
    b'abab'
    """

def add_tokens(
    tokens: bytes, ends: bytes, added: Sequence[tuple[int, bytes]], spelled: bool
) -> tuple[bytes, bytes] | None:
    """The tokens of a vocabulary with the added ones (id, text) in their places. `spelled`: all but the added ones are
    spelled in GPT-2's stand-ins, and become the bytes that they mean.

    None where an added token has the id of another token, or another id in the vocabulary, or stands twice; where a
    character stands for no byte; and where ids leave out more than 65,536 numbers: the plain reader tells which.

    >>> add_tokens(b"ab", array("I", [1, 2]).tobytes(), [(2, b"<e>")], False)[0]
    b'ab<e>'
    """

def read_table_rows(text: bytes, width: int, spaces: bool) -> tuple[bytes, NDArray[np.float32]] | None:
    r"""Rows of a table from text: on each line a label, then `width` numbers, with a space before each. Gives the
    labels, a newline behind each, and float32 (rows, width); a decimal is read as float64 first, as other readers do.

    `spaces`: a label may hold spaces, though what follows the last of them is no number then. White space at a line's
    end goes. None where a line has more or less than that, or a number that float32 has not: the plain reader tells
    what.

    >>> read_table_rows(b"the 0.5 -1\n", 2, False)
    (b'the\n', array([[ 0.5, -1. ]], dtype=float32))
    """

def write_table_rows(labels: bytes, vectors: NDArray[np.float32]) -> bytes:
    r"""A line for each row of C-contiguous float32 (rows, width): its label of `labels` (a newline behind each), then
    its numbers, each the shortest decimal that float32 reads as this number. ValueError for NaN and infinity, and where
    labels and rows are not as many.

    >>> write_table_rows(b"the\n", np.array([[0.1, 1e-8]], np.float32))
    b'the 0.1 1e-8\n'
    """

def attention(
    queries: NDArray[np.float32],
    keys: NDArray[np.float32],
    values: NDArray[np.float32],
    *,
    scale: float,
    causal: bool = False,
    window: tuple[int, int] | None = None,
    softcap: float = 0.0,
    mask: NDArray[np.bool_] | None = None,
    bias: NDArray[np.float32] | None = None,
    alibi_slopes: NDArray[np.float32] | None = None,
    relative_bias: NDArray[np.float32] | None = None,
    sinks: NDArray[np.float32] | None = None,
    positions: NDArray[np.int64] | None = None,
    lists: tuple[int, NDArray[np.uint32], NDArray[np.uint32]] | None = None,
    threads: int = 0,
    out: NDArray[np.float32] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """softmax(QKᵀ·scale + bias)V, tiled: memory O(N), never N×M (Vaswani et al. 2017, eq. 1).

    queries (H, N, d), keys (Hkv, M, d), values (Hkv, M, dv), each vector's numbers side by side, the vectors
    anywhere; H a multiple of Hkv, query head h reads kv head h // (H / Hkv). Returns output (H, N, dv) and the
    log-sum-exp of each row's logits (H, N). The output is `out` where that is given, laid out as freely.
    A call that takes long calls `progress` every 20 ms and at the end: rows of the output (of all heads) that are done,
    and all there are. The last rows come first, those of all heads together. What it raises ends the work.

    Query i stands at i' = i + M − N among the keys, or at `positions`[i] (N,), any integers. The logits are
    q·k·scale, then softcap·tanh(logits / softcap) where softcap > 0, then + bias, then − slope·|i' − j| where
    `alibi_slopes` (H,) is given, then + `relative_bias`[h, clip(j − i', −R, R) + R] of (H, 2R + 1). `causal`
    keeps keys j ≤ i'. `window` (left, right), −1 unbounded, keeps i' − left ≤ j ≤ i' + right. `mask` (true =
    may attend) and `bias` have shapes (a, b, c), each of a, b, c either 1 or the full H, N, M. `sinks` (H,) is
    one logit more in each row's sum. A row that may attend to nothing (all logits −inf) gives zeros, and
    without a sink log-sum-exp −inf.

    `lists` = (block, starts, ranges) keeps of all this only what they list: queries b·block to (b + 1)·block
    attend to keys ranges[starts[b]:starts[b + 1]], each a (from, to), sorted and disjoint; `starts` has
    ⌈N / block⌉ + 1 entries, or H·⌈N / block⌉ + 1 for lists of each head. Work and memory follow the lists.
    Raises ValueError where shapes or lists do not fit.
    """

def attention_weights(queries: NDArray[np.float32], keys: NDArray[np.float32], **options: Any) -> NDArray[np.float32]:
    """The weights (H, N, M) themselves, options as in `attention`: rows sum to 1 (less with sinks), or are zeros."""

def attention_summary(
    queries: NDArray[np.float32],
    keys: NDArray[np.float32],
    *,
    top_k: int = 0,
    entropy: bool = False,
    mass: bool = False,
    **options: Any,
) -> tuple[
    NDArray[np.int64] | None, NDArray[np.float32] | None, NDArray[np.float32] | None, NDArray[np.float64] | None
]:
    """What the weights p look like, without them; options as in `attention`. None where not asked for.

    The keys (H, N, k) of each row's largest weights, the largest first, the first key among equals, −1 where
    fewer have a weight above 0; these weights (H, N, k), 0 there; entropy (H, N) −Σ p·ln p; mass (H, N + M − 1):
    the weights at each distance i' − j, from 1 − N to M − 1, summed over the rows (ValueError with `positions`).
    """

def rotate(
    x: NDArray[np.float32],
    cos: NDArray[np.float32],
    sin: NDArray[np.float32],
    *,
    interleaved: bool = False,
    threads: int = 0,
) -> NDArray[np.float32]:
    """Rotary position embedding (Su et al. 2021): x (H, N, d) with row n turned by the angles of `cos`, `sin`
    (N, r/2): numbers p and p + r/2 of each row are pair p, or 2p and 2p + 1 where `interleaved`; numbers from r
    on stay. A pair (a, b) becomes (a·cos − b·sin, b·cos + a·sin)."""

def kernel_attention(
    queries: NDArray[np.float32],
    keys: NDArray[np.float32],
    values: NDArray[np.float32],
    *,
    projection: NDArray[np.float32] | None = None,
    scale: float = 1.0,
    causal: bool = False,
    threads: int = 0,
    out: NDArray[np.float32] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Σ_j φ(q)·φ(k_j) v_j / Σ_j φ(q)·φ(k_j), in time and memory O(N) (Katharopoulos et al. 2020, eq. 4 to 12).

    queries (H, N, d), keys (Hkv, M, d), values (Hkv, M, dv), `out` and `progress` as those of `attention`. φ(x) is
    elu(x) + 1 (eq. 7), or where `projection` (m, d) is given exp(w·y − |y|²/2) / √m for each of its rows w, with
    y = √scale·x (Choromanski et al. 2021, lemma 1). `causal` keeps keys j ≤ i + M − N. Returns output (H, N, dv) and
    (H, N) log Σ_j φ(q)·φ(k_j). A query that sees no key gives zeros and −inf; one whose sums or features are
    beyond float32 has NaN in place of the logarithm. The answer does not depend on `threads`, 0 for one a core.
    """

def finite(numbers: NDArray[np.float32], *, threads: int = 0) -> bool:
    """Whether no number of numbers (n,), side by side, is NaN or infinite; `threads` 0 is one a core."""

def project_keys(
    projection: NDArray[np.float32], keys: NDArray[np.float32], *, threads: int = 0
) -> NDArray[np.float32]:
    """projection · keys, keys summed into k others (E K of Wang et al. 2020, eq. 7).

    projection (1 or Hkv, k, M) in C order, the first axis 1 where all heads share one; keys (Hkv, M, d), the numbers of
    each next to each other. Returns (Hkv, k, d). The answer does not depend on `threads`, 0 for one a core.
    """

def train_word2vec(
    vectors: NDArray[np.float32],
    ids: NDArray[np.uint32],
    starts: NDArray[np.uint64],
    keep: NDArray[np.uint32],
    *,
    window: int,
    cbow: bool,
    rates: tuple[float, float],
    seed: int,
    outputs: NDArray[np.float32] | None = None,
    noise: tuple[NDArray[np.uint32], NDArray[np.uint32]] | None = None,
    negative: int = 0,
    nodes: NDArray[np.float32] | None = None,
    tree: tuple[NDArray[np.uint64], NDArray[np.uint32], NDArray[np.uint8]] | None = None,
    threads: int = 0,
) -> tuple[float, int]:
    """word2vec (Mikolov et al. 2013) once over documents: skip-gram or CBOW, by noise, by a tree, or by both.

    `vectors` (V, W), `outputs` (V, W; for noise) and `nodes` (N, W; for the tree) are changed in place, W a multiple of
    16. Documents are ``ids[starts[i]:starts[i + 1]]``; cut every 10,000 ids they are sentences, which are gathered
    into jobs until one has 1,000 ids, and the jobs put into a random order (Fisher-Yates from the end, by
    SplitMix64(seed)). Job j of that order draws from SplitMix64(seed + 1 + j), and its learning rate goes by the ids
    before it, `rates` being those before the first id and behind the last. One thread gives the same bytes each time;
    several change the rows without locks (Hogwild), and none waits for another.

    A sentence is first thinned: an id that has no `keep` is no word; one stays if ``keep[id]`` is 2³² − 1 or above a
    draw below 2³². Then for each word: how many of at most `window` words on each side are its context is drawn evenly
    from 1 on. In a context each word by itself (in groups of up to 16), or with `cbow` their mean, is the input x. The
    word itself with label 1, of `negative` noise words those that differ from it with label 0, and the nodes on the
    tree's way to it with label 1 − turn are the outputs y. For all of a group at once x += rate·Σ(label − σ(x·y))y and
    y += rate·Σ(label − σ(x·y))x, from the values before; with `cbow` each word of the context takes the whole of x's.
    `noise` is an alias table: slots' thresholds and aliases (V,), a slot drawn by a number's upper 32 bits, its lower
    ones at or above the threshold meaning the alias. Word w's way in `tree` (starts, nodes, turns) is
    ``nodes[starts[w]:starts[w + 1]]``.

    Returns (Σ −log σ(±x·y), pairs) of each job's windows number 0, 32, 64, …. Ctrl-C ends it, rows half changed.
    """
