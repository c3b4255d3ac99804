"""Which format a tokenizer's file has, by what it holds, with its name as a help; and how each is read and written."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from attncli import compression, files
from attncli.core.tokenizer import patterns
from attncli.core.tokenizer.sentencepiece import SentencePiece
from attncli.errors import AttncliError, CallError, DataError

if TYPE_CHECKING:
    from attncli.artifacts.encodings import Encoding
    from attncli.core.tokenizer.model import Model

__all__ = ["FORMATS", "Source", "dump", "load"]

LARGEST_FILE = 1 << 27
"""Bytes: the largest vocabularies in use take 20 MB."""


class Source(NamedTuple):
    """A file with what its reader may ask beside its bytes."""

    path: str
    data: bytes
    name: str
    pattern: str | None = None
    """A regex in place of what the file names, or does not."""
    encoding: Encoding | None = None
    """The known encoding that its name stands for."""

    def beside(self, *names: str) -> dict[str, bytes]:
        """The bytes of those of these files that lie in the same folder."""
        folder = Path(self.path).parent
        if self.path == "-":
            return {}
        return {
            name: files.read_bytes(str(folder / name), limit=LARGEST_FILE)
            for name in names
            if (folder / name).is_file()
        }


class Format(NamedTuple):
    """One format."""

    name: str
    module: str
    names: tuple[str, ...]
    """The names, or their ends, that such files usually have; the first is written."""
    sniff: str = "sniff"
    """The module's function that tells by a file's bytes whether it is of this format."""
    takes_pattern: bool = False

    @property
    def code(self) -> Any:
        """Its module in `formats`, imported when it is met."""
        return importlib.import_module(f"attncli.formats.{self.module}")

    def is_named(self, path: str) -> bool:
        """Whether a file's name is one that this format's files have."""
        return _bare(path).endswith(self.names)


TOKENIZER_JSON = Format("tokenizer.json", "tokenizer_json", ("tokenizer.json",))
CLIP = Format("clip", "vocab_merges", ("bpe_simple_vocab_16e6.txt",), sniff="sniff_clip")
VOCAB_JSON = Format("vocab.json", "vocab_merges", ("vocab.json", "encoder.json"), "sniff_vocab", takes_pattern=True)
MERGES_TXT = Format("merges.txt", "vocab_merges", ("merges.txt", "vocab.bpe"), "sniff_merges", takes_pattern=True)
TIKTOKEN = Format("tiktoken", "tiktoken", (".tiktoken",), takes_pattern=True)
VOCAB_TXT = Format("vocab.txt", "vocab_txt", ("vocab.txt",))
SENTENCEPIECE = Format("sentencepiece", "sentencepiece", ("tokenizer.model", ".model"))
LLAMA2C = Format("llama2.c", "llama2c", ("tokenizer.bin",))
FORMATS = (SENTENCEPIECE, LLAMA2C, CLIP, VOCAB_JSON, TOKENIZER_JSON, TIKTOKEN, VOCAB_TXT, MERGES_TXT)
"""In the order in which a file is tried."""
PAIRS = {"vocab.json": "merges.txt", "encoder.json": "vocab.bpe"}
IN_A_FOLDER = ("tokenizer.json", "vocab.json", "encoder.json", "tokenizer.model", "vocab.txt")
"""What a folder is looked through for, in this order."""
SINGLE = (".tiktoken", ".model")
"""Then for a single file with such an end."""


def load(path: str, name: str, *, pattern: str | None = None, encoding: Encoding | None = None) -> tuple[str, Model]:
    """The format and the model of a file, of a folder, or of standard input (`-`).

    Raises DataError that names the file and what is wrong with it, CallError for a pattern where the file has its own.
    """
    if path != "-" and Path(path).is_dir():
        path = _in_folder(path)
    try:
        source = Source(path, files.read_bytes(path, limit=LARGEST_FILE), name, pattern, encoding)
        found = _format(source)
        if pattern is not None and not found.takes_pattern:
            raise CallError(f"a {found.name} names its own pattern", hint="leave --pattern out")
        return found.name, _read(found, source)
    except AttncliError as error:
        raise error.at(source=path) from None


def dump(model: Model, path: str, form: str | None = None) -> tuple[dict[str, bytes], list[str]]:
    """The files, by path, that hold a model in the format of a name or of the path's own; and what they leave unsaid.

    Raises CallError where the format cannot say what the model is.
    """
    found = _by_name(form) if form is not None else _by_path(path)
    if not hasattr(found.code, "write"):
        raise CallError(f"a {found.name} file is read here, and not written", hint="use --to tokenizer.json")
    notes: list[str] = []
    if isinstance(model.algorithm, SentencePiece) and found not in (SENTENCEPIECE, LLAMA2C):
        from attncli.formats.sentencepiece_json import rewritten

        model = rewritten(model)
    if found is TIKTOKEN:
        pattern, special_tokens = found.code.unsaid(model)
        notes.append(f"its pattern, for --pattern: {patterns.name_of(pattern) or pattern}")
        notes += [f"its special token {text} is id {id_}" for text, id_ in special_tokens.items()]
    written: bytes | Mapping[str, bytes] = found.code.write(model)
    if isinstance(written, bytes):
        name = found.names[0] if not found.names[0].startswith(".") else (model.name or "tokenizer") + found.names[0]
        return {str(Path(path) / name) if Path(path).is_dir() else path: written}, notes
    folder = Path(path) if Path(path).name not in written else Path(path).parent
    return {str(folder / name): data for name, data in written.items()}, notes


def _bare(path: str) -> str:
    """A file's name without what tells its compression."""
    name = Path(path).name.lower()
    return name.removesuffix(Path(name).suffix) if Path(name).suffix in compression.EXTENSIONS else name


def _by_name(name: str) -> Format:
    for form in FORMATS:
        if name.removeprefix(".") == form.name and form is not CLIP:
            return VOCAB_JSON if form is MERGES_TXT else form
    known = ", ".join(form.name for form in FORMATS if form not in (CLIP, MERGES_TXT))
    raise CallError(f"no tokenizer format is called {name!r}", hint=f"use one of {known}")


def _by_path(path: str) -> Format:
    named = (form for form in FORMATS if form.is_named(path) and form is not CLIP)
    found = next(named, TOKENIZER_JSON)
    return VOCAB_JSON if found is MERGES_TXT else found


def _in_folder(folder: str) -> str:
    for name in IN_A_FOLDER:
        if (Path(folder) / name).is_file() and (Path(folder) / PAIRS.get(name, name)).is_file():
            return str(Path(folder) / name)
    single = [str(path) for path in sorted(Path(folder).iterdir()) if path.suffix in SINGLE and path.is_file()]
    if len(single) == 1:
        return single[0]
    if single:
        raise DataError(f"holds {len(single)} files {' and '.join(SINGLE)}", source=folder, hint="name one of them")
    wanted = ", ".join(f"{name} with {PAIRS[name]}" if name in PAIRS else name for name in IN_A_FOLDER)
    raise DataError(f"no tokenizer is in this folder: none of {wanted}, *{', *'.join(SINGLE)}", source=folder)


def _format(source: Source) -> Format:
    """The format whose reader takes the first look: of those whose marks the file bears, one that has its name."""
    for form in _by_likeness(source.path):
        if getattr(form.code, form.sniff)(source.data):
            return form
    named = next((form for form in FORMATS if form.is_named(source.path)), None)
    if named is None:
        known = ", ".join(form.name for form in FORMATS)
        raise DataError("is no tokenizer of a known format", hint=f"known are {known}")
    return named


def _by_likeness(path: str) -> Iterator[Format]:
    yield from (form for form in FORMATS if form.is_named(path))
    yield from (form for form in FORMATS if not form.is_named(path))


def _read(form: Format, source: Source) -> Model:
    if form is TIKTOKEN:
        return _read_tiktoken(source)
    if form in (VOCAB_JSON, MERGES_TXT):
        return _read_pair(form, source)
    if form is CLIP:
        model: Model = form.code.read_clip(source.data, source.name)
    elif form is VOCAB_TXT:
        model = form.code.read(source.data, source.name, config=_config(source))
    else:
        model = form.code.read(source.data, source.name)
    return model


def _config(source: Source) -> Any:
    from attncli.formats import tokenizer_config

    return tokenizer_config.TokenizerConfig(source.beside(*tokenizer_config.NAMES))


def _read_pair(form: Format, source: Source) -> Model:
    """vocab.json and merges.txt, of which one was named."""
    name = Path(source.path).name
    others = PAIRS if form is VOCAB_JSON else {merges: vocab for vocab, merges in PAIRS.items()}
    # `en-vocab.json` lies beside `en-merges.txt`.
    other = next(
        (name.replace(one, two) for one, two in others.items() if name.endswith(one)), next(iter(others.values()))
    )
    beside = source.beside(other)
    if other not in beside:
        raise DataError(f"{other} should lie beside it", hint="name a file in the folder that holds both")
    vocab, merges = (source.data, beside[other]) if form is VOCAB_JSON else (beside[other], source.data)
    model: Model = form.code.read(vocab, merges, source.name, config=_config(source), pattern=source.pattern)
    return model


def _read_tiktoken(source: Source) -> Model:
    encoding = source.encoding or _known_encoding(source.data)
    pattern = source.pattern
    if pattern is None and encoding is not None:
        from attncli.core.tokenizer.patterns import resolve

        pattern = resolve(encoding.pattern)
    if pattern is None:
        raise DataError(
            "a .tiktoken file names no pattern, and this is no known encoding",
            hint="give one with --pattern: gpt2, cl100k, o200k, or a regex",
        )
    special_tokens = encoding.special_tokens if encoding is not None else {}
    model: Model = TIKTOKEN.code.read(source.data, source.name, pattern=pattern, special_tokens=special_tokens)
    return model


def _known_encoding(data: bytes) -> Encoding | None:
    import hashlib

    from attncli.artifacts.encodings import KNOWN

    digest = hashlib.sha256(data).hexdigest()
    return next((encoding for encoding in KNOWN.values() if encoding.sha256 == digest), None)


def title(path: str) -> str:
    """What a tokenizer at a path is called: by the folder where the file's own name says nothing."""
    if path == "-":
        return ""
    place = Path(os.path.realpath(path))
    if place.is_dir():
        return place.name
    named = any(_bare(path) in form.names for form in FORMATS)
    return place.parent.name if named else Path(path).name.partition(".")[0]
