"""Random pipelines and texts, for the tests that hold ours to a peer or a twin."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from attncli.formats import sentencepiece

BEHAVIORS = ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"]
WORDS = [
    " ", "  ", "\n", "\t", "a", "b", "ab", "aab", "A", "É", "é", "e\u0301", "\u0301", "中", "文", "12", "3", "²", ".",
    ",", "--", "-", "'s", "<s>", "<sep>", "<a>", "▁", "▁▁", "_", "ﬁ", "İ", "\u3000", "\x00", "\x1f", "\u200b", "👍",
    "\ufffd", "가", "ᄀ", "ᅡ", "[UNK]", "unk", "ß", "Σ",
]  # fmt: skip
texts = st.one_of(
    st.lists(st.sampled_from(WORDS), max_size=12).map("".join),
    st.lists(st.sampled_from(["a", "b", " ", "<a>", "<s>", "<sep>", "▁", "-"]), max_size=14).map("".join),
)
patterns = st.sampled_from(
    [{"String": " "}, {"String": "a"}, {"String": "ab"}, {"String": "--"}, {"Regex": r"\s+"}, {"Regex": r"a+|\d"},
     {"Regex": r"\p{L}+"}, {"Regex": r"(?<=a)b"}, {"Regex": "a*"}]
)  # fmt: skip
flags = st.booleans()
MODELS = Path(__file__).parents[1] / "fixtures" / "sentencepiece"
CHARSMAP = base64.b64encode(
    sentencepiece.read((MODELS / "unigram.model").read_bytes()).algorithm.normalizer.precompiled_charsmap  # type: ignore[union-attr]
).decode()
"""nmt_nfkc."""


def steps(**kinds: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """One of several kinds of steps, with fields drawn."""
    return st.one_of([st.fixed_dictionaries({"type": st.just(kind), **fields}) for kind, fields in kinds.items()])


normalizers = steps(
    Precompiled={"precompiled_charsmap": st.just(CHARSMAP)},
    NFC={}, NFD={}, NFKC={}, NFKD={}, Lowercase={}, StripAccents={}, Nmt={}, ByteLevel={},
    Strip={"strip_left": flags, "strip_right": flags},
    Prepend={"prepend": st.sampled_from(["▁", "ab", " "])},
    # Theirs loses count where a regex matches nothing; of added tokens that become one another it takes either.
    Replace={"pattern": patterns.filter(lambda pattern: pattern.get("Regex") not in ("a*", r"\p{L}+")),
             "content": st.sampled_from(["▁", "", "b", " a"])},
    BertNormalizer={"clean_text": flags, "handle_chinese_chars": flags, "strip_accents": st.none() | flags,
                    "lowercase": flags},
)  # fmt: skip
pre_tokenizers = steps(
    ByteLevel={"add_prefix_space": flags, "trim_offsets": st.just(True), "use_regex": flags},
    Split={"pattern": patterns, "behavior": st.sampled_from(BEHAVIORS), "invert": flags},
    Metaspace={"replacement": st.just("▁"), "prepend_scheme": st.sampled_from(["first", "never", "always"]),
               "split": flags},
    Whitespace={}, WhitespaceSplit={}, BertPreTokenizer={},
    Digits={"individual_digits": flags},
    Punctuation={"behavior": st.sampled_from(BEHAVIORS)},
    CharDelimiterSplit={"delimiter": st.sampled_from("-a ")},
)  # fmt: skip
decoders = steps(
    ByteLevel={"add_prefix_space": st.just(True), "trim_offsets": st.just(True), "use_regex": st.just(True)},
    WordPiece={"prefix": st.sampled_from(["##", ""]), "cleanup": flags},
    BPEDecoder={"suffix": st.just("</w>")},
    Metaspace={"replacement": st.just("▁"), "prepend_scheme": st.sampled_from(["first", "never", "always"]),
               "split": flags},
    ByteFallback={}, Fuse={},
    Strip={"content": st.sampled_from("a▁ "), "start": st.integers(0, 2), "stop": st.just(0)},
    Replace={"pattern": st.sampled_from([{"String": "▁"}, {"String": "a"}, {"Regex": r"b+"}]),
             "content": st.sampled_from([" ", ""])},
)  # fmt: skip

SYMBOLS = ["a", "b", "é", "e", "\u0301", "中", "▁", " ", "-", "1", ".", "A", "Ġ", "Ã", "©", "<", "s", ">", "\n"]
PIECES = ["ab", "aa", "aab", "▁a", "▁ab", "▁▁", "Ã©", "--", "a▁", "ba", "中文", "fi", "e\u0301", "12", "un"]
PAIRS = ["a b", "a a", "aa b", "▁ a", "▁a b", "▁ ▁", "Ã ©", "Ġ a", "- -", "a ▁", "b a"]


@st.composite
def bpe_models(draw: st.DrawFn) -> dict[str, Any]:
    """A character model: merges whose parts and wholes are all there, sometimes fallbacks, affixes, an unknown."""
    prefix = draw(st.sampled_from([None, None, None, "##"]))
    suffix = draw(st.sampled_from([None, None, None, "</w>"]))
    fallback = draw(flags)
    vocab = ["<unk>", "<s>", *SYMBOLS]
    if fallback:
        vocab += [f"<0x{byte:02X}>" for byte in range(256)]
    if prefix:
        vocab += [prefix + symbol for symbol in SYMBOLS]
    if suffix:
        vocab += [symbol + suffix for symbol in SYMBOLS[:-2]]
        vocab += [(prefix or "") + symbol + suffix for symbol in SYMBOLS] if prefix else []
    merges = []
    for pair in draw(st.lists(st.sampled_from(PAIRS), max_size=6, unique=True)):
        left, right = pair.split(" ")
        right = (prefix or "") + right
        if left in vocab and right in vocab:
            merges.append([left, right])
            vocab.append(left + right[len(prefix or "") :])
    return {
        "type": "BPE", "dropout": None, "unk_token": draw(st.sampled_from([None, "<unk>"])),
        "continuing_subword_prefix": prefix, "end_of_word_suffix": suffix, "fuse_unk": draw(flags),
        "byte_fallback": fallback, "ignore_merges": draw(flags),
        "vocab": {token: id_ for id_, token in enumerate(dict.fromkeys(vocab))}, "merges": merges,
    }  # fmt: skip


@st.composite
def wordpiece_models(draw: st.DrawFn) -> dict[str, Any]:
    """A word-piece model of a few pieces."""
    vocab = [
        "<unk>",
        "<s>",
        *SYMBOLS,
        "ab",
        "aab",
        "é",
        "un",
        "##b",
        "##a",
        "##ab",
        "##1",
        "##\u0301",
        "##中",
        "##é",
        "##▁",
    ]
    return {
        "type": "WordPiece", "unk_token": "<unk>", "continuing_subword_prefix": "##",
        "max_input_chars_per_word": draw(st.sampled_from([100, 4])),
        "vocab": {token: id_ for id_, token in enumerate(dict.fromkeys(vocab))},
    }  # fmt: skip


@st.composite
def unigram_models(draw: st.DrawFn) -> dict[str, Any]:
    """A unigram model of a few pieces, some of them as probable as others."""
    pieces = ["<unk>", "<s>", *SYMBOLS, *draw(st.lists(st.sampled_from(PIECES), max_size=12, unique=True))]
    if draw(flags):
        pieces += [f"<0x{byte:02X}>" for byte in range(256)]
    scores = st.sampled_from([-1.0, -2.0, -2.5, -3.0]) | st.floats(-9, 0)
    return {
        "type": "Unigram", "unk_id": draw(st.sampled_from([0, 0, 0, 3])), "byte_fallback": draw(flags),
        "vocab": [[piece, draw(scores) if piece[:3] != "<0x" else -5.0] for piece in dict.fromkeys(pieces)],
    }  # fmt: skip


@st.composite
def added_tokens(draw: st.DrawFn, vocab: dict[str, int]) -> list[dict[str, Any]]:
    """Added tokens with flags, behind the vocabulary where they are not in it."""
    texts = draw(st.lists(st.sampled_from(["<s>", "<a>", "<sep>", "ba-", "--", "É"]), max_size=4, unique=True))
    new = [text for text in texts if text not in vocab]
    ids = vocab | {text: max(vocab.values()) + number for number, text in enumerate(new, 1)}
    drawn = [
        {"id": ids[text], "content": text}
        | {flag: draw(flags) for flag in ("single_word", "lstrip", "rstrip", "normalized", "special")}
        for text in sorted(texts, key=ids.__getitem__)
    ]
    # Where one is a piece of the vocabulary and is not cut out (no single word, or changed by the normalizer), theirs
    # still finds it as text; special tokens are never that here.
    for token in drawn:
        if token["content"] == "<s>" or (token["content"] in vocab and token["special"]):
            token["single_word"] = False
            token["normalized"] &= not token["special"]
    return drawn


def sequence(kind: str, steps: list[dict[str, Any]]) -> dict[str, Any] | None:
    return {"type": "Sequence", kind: steps} if steps else None


@st.composite
def files(draw: st.DrawFn) -> dict[str, Any]:
    """A whole tokenizer.json."""
    model = draw(bpe_models() | wordpiece_models() | unigram_models())
    vocab = model["vocab"]
    if model["type"] == "Unigram":
        vocab = {piece: id_ for id_, (piece, _) in enumerate(vocab)}
    normalize = draw(st.lists(normalizers, max_size=2))
    split = draw(st.lists(pre_tokenizers, max_size=2))
    if any(step["type"] == "Prepend" for step in normalize) and len(split) == 2:
        # Where a split falls behind what was put before a text, theirs takes both pieces for the first.
        split[1] |= {"prepend_scheme": "never"} if split[1]["type"] == "Metaspace" else {}
    return {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": draw(added_tokens(vocab)),
        "normalizer": sequence("normalizers", normalize),
        "pre_tokenizer": sequence("pretokenizers", split),
        "post_processor": None,
        "decoder": sequence("decoders", draw(st.lists(decoders, max_size=2))),
        "model": model,
    }  # fmt: skip
