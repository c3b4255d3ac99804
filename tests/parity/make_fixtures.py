"""Makes tests/fixtures/*.json: small tokenizers in the styles of well-known ones, and the ids that the peer gives.

Run by hand, with Hugging Face's `tokenizers` installed: python tests/parity/make_fixtures.py [STYLE]...
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from attncli.formats import sentencepiece

TESTS = Path(__file__).parent.parent
SAMPLES = TESTS.parent / "sample_corpora"
LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
CLIP = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
TEXTS = [
    "", " ", "  \n", "The river runs past the bank, doesn't it?", " leading and  double  spaces ",
    "naïve café e\u0301 ﬁn", "1234567 3.14", "中文和日本語", "<s>special</s> [MASK] <|endoftext|>",
    "tabs\tand\r\nnewlines\n\n\n", "👍🏽 emoji", "▁▁x ▁", "'LL 'll I'LL", "supercalifragilistic " + "z" * 120,
    "def f(x):\n    return x**2  # √", "ÀÉÎ ǅ ß İ Σς", "a\x00b\ufffdc",
]  # fmt: skip


def unigram(style: str) -> tuple[Tokenizer, Any]:
    """As transformers converts models of SentencePiece; their character map is that of a small one."""
    algorithm = sentencepiece.read((TESTS / "fixtures/sentencepiece/unigram.model").read_bytes()).algorithm
    precompiled = normalizers.Precompiled(algorithm.normalizer.precompiled_charsmap)  # type: ignore[union-attr]
    tok = Tokenizer(models.Unigram())
    tok.normalizer = precompiled
    tok.pre_tokenizer = pre_tokenizers.Metaspace()
    tok.decoder = decoders.Metaspace()
    special = ["<pad>", "</s>", "<unk>"]
    if style == "t5":
        tok.post_processor = processors.TemplateProcessing("$A </s>", special_tokens=[("</s>", 1)])
    elif style == "xlm-roberta":
        special = ["<s>", "<pad>", "</s>", "<unk>"]
        tok.normalizer = normalizers.Sequence([precompiled, normalizers.Replace(Regex(" {2,}"), " ")])
        tok.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
        ends = [("<s>", 0), ("</s>", 2)]
        tok.post_processor = processors.TemplateProcessing("<s> $A </s>", special_tokens=ends)
    elif style == "albert":
        special = ["<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]"]
        quotes = [normalizers.Replace("``", '"'), normalizers.Replace("''", '"')]
        plain = [normalizers.NFKD(), normalizers.StripAccents(), normalizers.Lowercase(), precompiled]
        tok.normalizer = normalizers.Sequence([*quotes, *plain])
    else:
        special = ["<unk>", *(f"<0x{byte:02X}>" for byte in range(256))]
        tok.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
        bytes_back = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
        tok.decoder = decoders.Sequence(bytes_back)
    return tok, trainers.UnigramTrainer(vocab_size=600, special_tokens=special, unk_token="<unk>", show_progress=False)


def byte_level(**kinds: Any) -> Any:
    return pre_tokenizers.ByteLevel(add_prefix_space=False, **kinds)


def tokenizer(style: str) -> tuple[Tokenizer, Any]:
    """An untrained tokenizer and its trainer."""
    if style in UNIGRAM:
        return unigram(style)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    if style == "bert":
        tok = Tokenizer(models.WordPiece(unk_token="[UNK]"))
        tok.normalizer = normalizers.BertNormalizer(lowercase=True)
        tok.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        tok.decoder = decoders.WordPiece()
        special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
        return tok, trainers.WordPieceTrainer(vocab_size=600, special_tokens=special, show_progress=False)
    if style == "llama2":
        tok = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
        tok.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
        parts = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
        tok.decoder = decoders.Sequence(parts)
        tok.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never")  # for training alone
        special = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
        return tok, trainers.BpeTrainer(vocab_size=700, special_tokens=special, show_progress=False)
    tok = Tokenizer(models.BPE(**({"end_of_word_suffix": "</w>"} if style == "clip" else {})))
    special = ["<|endoftext|>"] if style != "roberta" else ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    tok.decoder = decoders.ByteLevel()
    suffix = {"end_of_word_suffix": "</w>"} if style == "clip" else {}
    if style == "clip":
        whole = [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
        tok.normalizer = normalizers.Sequence(whole)
        split = pre_tokenizers.Split(Regex(CLIP), "removed", invert=True)
        tok.pre_tokenizer = pre_tokenizers.Sequence([split, byte_level()])
        alphabet = [*alphabet, *(sign + "</w>" for sign in alphabet)]
    elif style == "roberta":
        tok.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
        tok.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    elif style == "qwen2":
        tok.normalizer = normalizers.NFC()
        split = pre_tokenizers.Split(Regex(LLAMA3.replace("{1,3}", "")), "isolated")
        tok.pre_tokenizer = pre_tokenizers.Sequence([split, byte_level(use_regex=False)])
    elif style == "llama3":
        split = pre_tokenizers.Split(Regex(LLAMA3), "isolated")
        tok.pre_tokenizer = pre_tokenizers.Sequence([split, byte_level(use_regex=False)])
    elif style == "falcon":
        steps = [pre_tokenizers.Punctuation("contiguous"), byte_level(), pre_tokenizers.Digits(False)]
        steps.append(pre_tokenizers.Split(Regex("[0-9][0-9][0-9]"), "isolated"))
        tok.pre_tokenizer = pre_tokenizers.Sequence(steps)
    elif style == "starcoder":
        tok.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(True), byte_level()])
    else:
        tok.pre_tokenizer = byte_level()
    return tok, trainers.BpeTrainer(
        vocab_size=256 * (2 if suffix else 1) + 300,
        initial_alphabet=alphabet,
        special_tokens=special,
        show_progress=False,
        **suffix,
    )


UNIGRAM = ["t5", "xlm-roberta", "albert", "unigram-bytes"]
STYLES = ["bert", "llama2", "clip", "roberta", "qwen2", "llama3", "falcon", "starcoder", "gpt2", *UNIGRAM]


def finished(style: str, tok: Tokenizer) -> Tokenizer:
    """Changes that real files of the style have and the trainer cannot make."""
    whole = json.loads(tok.to_str())
    if style == "llama2":
        whole["pre_tokenizer"] = None
        for token in whole["added_tokens"][3:]:
            token["special"] = False
        whole["added_tokens"] = whole["added_tokens"][:3]
    if style == "unigram-bytes":
        whole["model"]["byte_fallback"] = True
        whole["added_tokens"] = whole["added_tokens"][:1]
    if style == "llama3":
        whole["model"]["ignore_merges"] = True
    if style == "roberta":
        whole["added_tokens"][-1]["lstrip"] = True
    return Tokenizer.from_str(json.dumps(whole))


def main() -> None:
    for style in sys.argv[1:] or STYLES:
        tok, trainer = tokenizer(style)
        # The unigram trainer wants room for all characters.
        texts = ["english.txt"] if style in UNIGRAM else ["english.txt", "multilingual.txt"]
        tok.train([str(SAMPLES / text) for text in texts], trainer)
        tok = finished(style, tok)
        whole = json.loads(tok.to_str())
        cases = []
        for text in TEXTS:
            ids = tok.encode(text, add_special_tokens=False).ids
            framed = tok.encode(text, add_special_tokens=True).ids
            decoded = tok.decode(ids, skip_special_tokens=False)
            cases.append({"text": text, "ids": ids, "framed": framed, "decoded": decoded})
        out = {"tokenizer": whole, "cases": cases}
        path = TESTS / "fixtures" / f"{style}.json"
        path.write_text(json.dumps(out, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
