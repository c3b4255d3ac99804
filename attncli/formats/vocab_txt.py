"""WordPiece's `vocab.txt`: a token on each line, its id the line's number from 0.

Reference: `tokenization.py` of https://github.com/google-research/bert; transformers' BertTokenizer. The switches
(lower case, accents, Chinese characters) stand in the folder's tokenizer_config.json; without one, text becomes lower
case. It is read as the tokenizer.json that says the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attncli.core.tokenizer.model import Model, WordPiece
from attncli.errors import DataError
from attncli.formats import tokenizer_json
from attncli.formats.tokenizer_config import CONFIG, SPECIAL, TokenizerConfig, dumps
from attncli.formats.tokenizer_template import written_template
from attncli.formats.unsaid import cannot

__all__ = ["read", "sniff", "write"]

FILES = "a vocab.txt"
"""As an error names them."""
UNKNOWN, CLS, SEP = "[UNK]", "[CLS]", "[SEP]"
SPECIAL_TOKENS = {
    "unk_token": UNKNOWN,
    "sep_token": SEP,
    "pad_token": "[PAD]",
    "cls_token": CLS,
    "mask_token": "[MASK]",
}
CLASSES = ("", "Bert", "DistilBert", "Electra", "MobileBert")
"""Readers of this file that clean text as BERT does."""
DEFAULTS: dict[str, bool | None] = {"do_lower_case": True, "tokenize_chinese_chars": True, "strip_accents": None}


def sniff(data: bytes) -> bool:
    """Whether one of the lines is [UNK].

    >>> sniff(b"[PAD]\\n[UNK]\\n"), sniff(b"#version: 0.2\\n")
    (True, False)
    """
    return b"\n[UNK]\n" in b"\n" + data.replace(b"\r\n", b"\n") + b"\n"


def read(data: bytes, name: str = "", *, config: TokenizerConfig | None = None) -> Model:
    """The model of a file's bytes. A blank line leaves its id out.

    Raises DataError that names the line that is no UTF-8 or stands twice, or the class that is not done here.
    """
    config = config or TokenizerConfig()
    if config.tokenizer_class not in CLASSES:
        raise DataError(f"{CONFIG}: tokenizer_class {config.tokenizer_class + 'Tokenizer'!r} is not supported")
    ids = _ids(data)
    if UNKNOWN not in ids:
        raise DataError(f"has no line {UNKNOWN}: it is no vocabulary of WordPiece")
    return tokenizer_json.from_object(_whole(ids, config), name)


def write(model: Model) -> dict[str, bytes]:
    """The files of a model, by name: vocab.txt, and the small ones with its switches and its special tokens.

    Raises CallError where they would be read as something else.
    """
    if not isinstance(model.algorithm, WordPiece):
        raise cannot(FILES, "a model that is no WordPiece")
    lines = [token.decode("utf-8") for token in model.tokens]
    if any("\n" in line or "\r" in line for line in lines):
        raise cannot(FILES, "a token with a line break in it")
    special = {token.text for token in model.added if token.special}
    roles = {role: text for role, text in SPECIAL_TOKENS.items() if text in special}
    decoder = {str(token.pop("id")): token for token in tokenizer_json.to_object(model)["added_tokens"]}
    files = {"vocab.txt": "".join(line + "\n" for line in lines).encode("utf-8"), SPECIAL: dumps(roles)}
    step = next((step for step in model.normalizer if step["type"] == "BertNormalizer"), {})
    switches = {
        "do_lower_case": step.get("lowercase", True),
        "tokenize_chinese_chars": step.get("handle_chinese_chars", True),
        "strip_accents": step.get("strip_accents"),
    }
    files[CONFIG] = dumps({"tokenizer_class": "BertTokenizer", "added_tokens_decoder": decoder} | switches | roles)
    config = TokenizerConfig({name: data for name, data in files.items() if name != "vocab.txt"})
    if read(files["vocab.txt"], model.name, config=config) != model:
        raise cannot(FILES, "how this model cleans, splits or marks text: it is not as BERT does it")
    return files


def _ids(data: bytes) -> dict[str, int]:
    lines = data.split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    ids: dict[str, int] = {}
    for id_, line in enumerate(lines):
        try:
            token = line.removesuffix(b"\r").decode("utf-8")
        except UnicodeDecodeError:
            raise DataError(f"line {id_ + 1} is no UTF-8") from None
        if token and ids.setdefault(token, id_) != id_:
            raise DataError(f"line {id_ + 1}: {token[:40]!r} stands on line {ids[token] + 1} too")
    return ids


def _whole(ids: Mapping[str, int], config: TokenizerConfig) -> dict[str, Any]:
    """The tokenizer.json that says the same."""
    switches = {name: config.flag(name, default) for name, default in DEFAULTS.items()}
    framed = CLS in ids and SEP in ids
    return {
        "added_tokens": config.added_tokens(ids, SPECIAL_TOKENS.values()),
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": switches["tokenize_chinese_chars"],
            "strip_accents": switches["strip_accents"],
            "lowercase": switches["do_lower_case"],
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": written_template([ids[CLS]], [ids[SEP]], {ids[CLS]: CLS, ids[SEP]: SEP}) if framed else None,
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {
            "type": "WordPiece",
            "unk_token": UNKNOWN,
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": dict(ids),
        },
    }
