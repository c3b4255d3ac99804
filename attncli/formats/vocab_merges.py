"""`vocab.json` and `merges.txt`: the pair of files of GPT-2 (there encoder.json and vocab.bpe), RoBERTa, CLIP, Qwen2.

Reference: `convert_slow_tokenizer.py` of https://github.com/huggingface/transformers, `encoder.py` of
https://github.com/openai/gpt-2, `simple_tokenizer.py` of https://github.com/openai/CLIP. The pair says neither how
text is cleaned and split nor which tokens are special: that goes by the class in tokenizer_config.json, or by the
vocabulary. It is read as the tokenizer.json that says the same.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from attncli.core import engine
from attncli.core.tokenizer.model import BPE, Model
from attncli.core.tokenizer.patterns import GPT2
from attncli.core.tokenizer.spellings import Spellings
from attncli.core.tokenizer.tokens import Tokens
from attncli.core.tokenizer.vocab import ALPHABET, spelled
from attncli.errors import DataError
from attncli.formats import tokenizer_json, tokenizer_json_writer
from attncli.formats.tokenizer_config import CONFIG, SPECIAL, TokenizerConfig, dumps, loads
from attncli.formats.tokenizer_template import written_template
from attncli.formats.unsaid import cannot

__all__ = ["read", "read_clip", "sniff_clip", "sniff_merges", "sniff_vocab", "write"]

FILES = "vocab.json and merges.txt"
"""As an error names them."""
HEADER = "#version"
CLIP_HEADER = '"bpe_simple_vocab_16e6.txt' + HEADER
CLIP_MERGES = 49152 - 256 - 2
END_OF_WORD = "</w>"
CLIP_PATTERN = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
CLIP_OWN_PATTERN = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
"""CLIP's own; Hugging Face's has no case to ignore, for text is in lower case: but there is a long s."""
QWEN2_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
CLEAN: list[dict[str, Any]] = [
    {"type": "NFC"},
    {"type": "Replace", "pattern": {"Regex": r"\s+"}, "content": " "},
    {"type": "Lowercase"},
]


@dataclass(frozen=True)
class Family:
    """What a class of tokenizers does around the pair of files."""

    pattern: str = GPT2
    normalizers: Sequence[Mapping[str, Any]] = ()
    special: Sequence[str] = ("<|endoftext|>",)
    template: tuple[str, str] | None = None
    """(bos, eos)"""
    end_of_word: str = ""


_ROBERTA = Family(special=("<s>", "<pad>", "</s>", "<unk>", "<mask>"), template=("<s>", "</s>"))
FAMILIES = {
    "GPT2": Family(),
    "CodeGen": Family(),
    "Roberta": _ROBERTA,
    "Bart": _ROBERTA,
    "Longformer": _ROBERTA,
    "Qwen2": Family(QWEN2_PATTERN, [{"type": "NFC"}], ("<|endoftext|>", "<|im_start|>", "<|im_end|>")),
    "CLIP": Family(
        CLIP_PATTERN,
        CLEAN,
        ("<|startoftext|>", "<|endoftext|>"),
        ("<|startoftext|>", "<|endoftext|>"),
        END_OF_WORD,
    ),
}
"""By tokenizer_class, without `Tokenizer` and `Fast`."""


def sniff_vocab(data: bytes) -> bool:
    """Whether this is an object of tokens and ids.

    >>> sniff_vocab(b'{"!": 0, "a": 1}'), sniff_vocab(b'{"version": "1.0"}')
    (True, False)
    """
    head = data[:4096].lstrip()
    try:
        key, end = json.JSONDecoder().raw_decode(head[1:].decode("utf-8", "replace").lstrip())
    except (ValueError, RecursionError):
        return False
    value = head[1:].decode("utf-8", "replace").lstrip()[end:].lstrip().removeprefix(":").lstrip()
    return head[:1] == b"{" and isinstance(key, str) and value[:1].isdigit()


def sniff_merges(data: bytes) -> bool:
    """Whether this begins as a merges.txt does: with its version, or with two tokens of no digits.

    >>> sniff_merges(b"#version: 0.2\\ni n\\n"), sniff_merges(b"IQ== 0\\n")
    (True, False)
    """
    line = data[: data.find(b"\n")] if b"\n" in data else data
    parts = line.rstrip(b"\r").split(b" ")
    return line.startswith(HEADER.encode()) or (len(parts) == 2 and all(parts) and not parts[1].isdigit())


def sniff_clip(data: bytes) -> bool:
    """Whether this is CLIP's bpe_simple_vocab_16e6.txt."""
    return data.startswith(CLIP_HEADER.encode())


def read(
    vocab: bytes,
    merges: bytes,
    name: str = "",
    *,
    config: TokenizerConfig | None = None,
    pattern: str | None = None,
) -> Model:
    """The model of the two files' bytes; `pattern` is a regex that is to hold in place of the class's own.

    Raises DataError that names the file and the line, or the class that is not done here.
    """
    config = config or TokenizerConfig()
    return _read_lifted(vocab, merges, name, config, pattern) or _read_plain(vocab, merges, name, config, pattern)


def _read_lifted(vocab: bytes, merges: bytes, name: str, config: TokenizerConfig, pattern: str | None) -> Model | None:
    """The model where the two files are in order; None where the plain reader is to tell what is wrong."""
    lifted: tokenizer_json.Lifted | None = engine.lift_vocab_merges()(vocab, merges)
    if lifted is None:
        return None
    ids = Spellings(Tokens(lifted[0], array("I", lifted[1])))
    return tokenizer_json.from_object(_whole(ids, _family(config, ids, pattern), config, pattern), name, lifted)


def _read_plain(vocab: bytes, merges: bytes, name: str, config: TokenizerConfig, pattern: str | None) -> Model:
    ids = loads(vocab, "vocab.json")
    family = _family(config, ids, pattern)
    pairs = _read_merges(merges, ids)
    return _joined(_whole(ids, family, config, pattern), ids, pairs, name)


def read_clip(data: bytes, name: str = "clip") -> Model:
    """The model of bpe_simple_vocab_16e6.txt: ids follow from its first 48,894 merges, as simple_tokenizer.py has it.

    (What ftfy and html.unescape do to a text there is the caller's business.)
    """
    lines = _lines(data)[1 : CLIP_MERGES + 1]
    if len(lines) < CLIP_MERGES:
        raise DataError(f"has {len(lines):,} merges where CLIP's has {CLIP_MERGES:,} and more")
    pairs = [_pair(line, number) for number, line in enumerate(lines, 2)]
    family = FAMILIES["CLIP"]
    symbols = [spelled(byte) for byte in ALPHABET]
    words = [*symbols, *(symbol + END_OF_WORD for symbol in symbols), *map("".join, pairs), *family.special]
    ids = {word: id_ for id_, word in enumerate(words)}
    _check_merges(pairs, ids, 2)
    return _joined(_whole(ids, family, TokenizerConfig(), CLIP_OWN_PATTERN), ids, pairs, name)


def write(model: Model) -> dict[str, bytes]:
    """The files of a model, by name: the pair, and the small ones that say its class and its special tokens.

    Raises CallError where the pair would be read as something else.
    """
    whole = tokenizer_json_writer.to_object(model)
    if not isinstance(model.algorithm, BPE) or not model.byte_level:
        raise cannot(FILES, "a model that is no BPE over bytes")
    table = whole["model"]
    ids: dict[str, int] = table["vocab"]
    added = whole["added_tokens"]
    config: dict[str, Any] = {"added_tokens_decoder": {}}
    for token in added:
        config["added_tokens_decoder"][str(token["id"])] = {key: token[key] for key in token if key != "id"}
    files = {
        "vocab.json": dumps({token: ids[token] for token in sorted(ids, key=ids.__getitem__)}),
        "merges.txt": "".join(f"{left} {right}\n" for left, right in table["merges"]).encode("utf-8"),
    }
    files["merges.txt"] = f"{HEADER}: 0.2\n".encode() + files["merges.txt"]
    config["add_prefix_space"] = any(step.get("add_prefix_space") for step in model.pre_tokenizer)
    for kind, family in FAMILIES.items():
        if family.end_of_word != model.algorithm.end_of_word_suffix:
            continue
        small = {CONFIG: dumps({"tokenizer_class": kind + "Tokenizer"} | config)}
        if read(files["vocab.json"], files["merges.txt"], model.name, config=TokenizerConfig(small)) == model:
            special = [token["content"] for token in added if token["special"]]
            return files | small | {SPECIAL: dumps({"additional_special_tokens": special})}
    raise cannot(FILES, "how this model cleans, splits or marks text: no known class does it so")


def _family(config: TokenizerConfig, ids: Mapping[str, Any], pattern: str | None) -> Family:
    named = config.tokenizer_class
    if named in FAMILIES:
        return FAMILIES[named]
    if named and pattern is None:
        raise DataError(
            f"{CONFIG}: tokenizer_class {named + 'Tokenizer'!r} is not supported",
            hint="give its pattern with --pattern, or a tokenizer.json",
        )
    marked = ids.holding(END_OF_WORD) if isinstance(ids, Spellings) else ids
    if any(token.endswith(END_OF_WORD) for token in marked):
        return FAMILIES["CLIP"]
    return FAMILIES["Roberta"] if "<s>" in ids and "</s>" in ids else FAMILIES["GPT2"]


def _lines(data: bytes) -> list[str]:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise DataError(f"merges.txt, line {line}: no UTF-8") from None
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    return lines[:-1] if lines[-1] == "" else lines


def _pair(line: str, number: int) -> tuple[str, str]:
    parts = line.split(" ")
    if len(parts) != 2 or not all(parts):
        raise DataError(f"merges.txt, line {number} is not two tokens with a space between them")
    return parts[0], parts[1]


def _read_merges(data: bytes, ids: Mapping[str, Any]) -> list[tuple[str, str]]:
    lines = _lines(data)
    first = 2 if lines and lines[0].startswith(HEADER) else 1
    pairs = [_pair(line, number) for number, line in enumerate(lines[first - 1 :], first)]
    _check_merges(pairs, ids, first)
    return pairs


def _check_merges(pairs: Sequence[tuple[str, str]], ids: Mapping[str, Any], first: int) -> None:
    for number, (left, right) in enumerate(pairs, first):
        if left not in ids or right not in ids or left + right not in ids:
            missing = next(token for token in (left, right, left + right) if token not in ids)
            raise DataError(f"merges.txt, line {number}: {missing[:40]!r} is not in the vocabulary")


def _joined(whole: dict[str, Any], ids: Mapping[str, Any], pairs: Sequence[tuple[str, str]], name: str) -> Model:
    """The model of what stands around the tables, and the tables."""
    whole["model"] |= {"vocab": ids, "merges": [list(pair) for pair in pairs]}
    return tokenizer_json.from_object(whole, name)


def _whole(ids: Mapping[str, Any], family: Family, config: TokenizerConfig, pattern: str | None) -> dict[str, Any]:
    """The tokenizer.json that says the same, without its two tables."""
    regex = family.pattern if pattern is None else pattern
    drops_gaps = regex in (CLIP_PATTERN, CLIP_OWN_PATTERN)
    gpt2 = regex == GPT2
    byte_level = {
        "type": "ByteLevel",
        "add_prefix_space": bool(config.flag("add_prefix_space", False)) and not drops_gaps,
        "trim_offsets": True,
        "use_regex": gpt2,
    }
    split = {
        "type": "Split",
        "pattern": {"Regex": regex},
        "behavior": "Removed" if drops_gaps else "Isolated",
        "invert": drops_gaps,
    }
    decoder: dict[str, Any] = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}
    if family.end_of_word:
        spaces = {"type": "Replace", "pattern": {"String": family.end_of_word}, "content": " "}
        decoder = {"type": "Sequence", "decoders": [decoder, spaces]}
    return {
        "added_tokens": config.added_tokens(ids, family.special),
        "normalizer": {"type": "Sequence", "normalizers": list(family.normalizers)} if family.normalizers else None,
        "pre_tokenizer": byte_level
        if gpt2 or not regex
        else {"type": "Sequence", "pretokenizers": [split, byte_level]},
        "post_processor": _template(family.template, ids),
        "decoder": decoder,
        "model": {"type": "BPE", "end_of_word_suffix": family.end_of_word},
    }


def _template(template: tuple[str, str] | None, ids: Mapping[str, Any]) -> dict[str, Any] | None:
    if template is None or not all(token in ids for token in template):
        return None
    first, last = (ids[token] for token in template)
    return written_template([first], [last], dict(zip((first, last), template, strict=True)))
