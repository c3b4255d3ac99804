"""A tokenizer at work: text to ids and back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from attncli.core import engine
from attncli.core.tokenizer import special
from attncli.core.tokenizer.documents import finished, lines_of
from attncli.core.tokenizer.model import BPE, Model
from attncli.core.tokenizer.normalize import normalizer
from attncli.core.tokenizer.patterns import GPT2
from attncli.core.tokenizer.vocab import digest, label
from attncli.errors import CallError, DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Tokenizer"]

Allow = str | Iterable[str] | None


class Tokenizer:
    """Encodes and decodes with a BPE model.

    Text is bytes, or str that is encoded as UTF-8. Under a byte-level model any bytes can be encoded and come back
    unchanged. A special token spelled in the text is plain text unless `allow_special` is "all" or names it.
    """

    def __init__(self, model: Model) -> None:
        """Raises DataError where the model contradicts itself."""
        self.model = model
        if not isinstance(model.algorithm, BPE):
            raise DataError(f"{type(model.algorithm).__name__} is not supported")
        self._algorithm = model.algorithm
        self._normalizer, self._marker = _normalizer(model)
        pattern, self._drop_gaps = _pattern(model)
        self._change = normalizer(self._normalizer)
        encoder = engine.bpe()
        try:
            self._bpe = encoder(
                model.tokens,
                self._algorithm.merges,
                pattern,
                drop_gaps=self._drop_gaps,
                byte_level=model.byte_level,
                end_of_word=None if self._marker is None else self._marker.encode("utf-8"),
                unknown=self._algorithm.unknown,
                special=list(self.special_tokens.values()),
            )
        except ValueError as error:
            raise DataError(str(error)) from error
        self._labels: dict[int, str] = {}
        self._lost: set[str] = set()

    def __len__(self) -> int:
        """Entries of the vocabulary, special tokens included."""
        return len(self.model.tokens)

    @property
    def name(self) -> str:
        """What people call it."""
        return self.model.name

    @cached_property
    def digest(self) -> str:
        """Short SHA-256 of the id -> bytes table: the same for the same ids, whatever the file format."""
        return digest(self.model.tokens)

    @property
    def identity(self) -> str:
        """Name and digest, as records and tables remember it: `gpt2@0123456789ab`."""
        return f"{self.name}@{self.digest}" if self.name else self.digest

    @property
    def merges(self) -> list[tuple[bytes, bytes]]:
        """(left, right) bytes by rank."""
        return [(self.model.tokens[left], self.model.tokens[right]) for left, right in self._algorithm.merges]

    @property
    def vocab(self) -> dict[bytes, int]:
        """Bytes -> id."""
        return {token: id_ for id_, token in enumerate(self.model.tokens)}

    @property
    def special_tokens(self) -> dict[str, int]:
        """Text -> id of the special tokens."""
        return {token.text: token.id for token in self.model.added if token.special}

    @property
    def warnings(self) -> list[str]:
        """What was lost in encoding so far, a line each."""
        if not self._lost:
            return []
        shown = ", ".join(repr(character) for character in sorted(self._lost)[:5])
        fate = "vanished" if self._algorithm.unknown is None else "became the unknown token"
        return [f"characters that the vocabulary does not have {fate}: {shown}"]

    def encode(self, text: str | bytes, *, allow_special: Allow = None) -> list[int]:
        """Ids of one text.

        >>> Tokenizer(Model(ALPHABET, BPE(merges=[]))).encode("Hi")
        [39, 72]
        """
        return self.encode_lists([text], allow_special=allow_special)[0]

    def encode_lists(
        self, documents: Sequence[str | bytes], *, threads: int | None = None, allow_special: Allow = None
    ) -> list[list[int]]:
        """Ids of each document, as lists (NumPy is not imported)."""
        allowed = special.chosen(self.special_tokens, allow_special)
        texts = [_bytes(document) for document in documents]
        if not allowed:
            lists: list[list[int]] = self._run(self._bpe.encode_batch, texts, threads)
            return lists
        cuts = [list(special.cut(text, allowed)) for text in texts]
        plain = [part for parts in cuts for part in parts if isinstance(part, bytes)]
        encoded = iter(self._run(self._bpe.encode_batch, plain, threads))
        return [
            [id_ for part in parts for id_ in (next(encoded) if isinstance(part, bytes) else [part])] for parts in cuts
        ]

    def encode_batch(
        self, documents: Sequence[str | bytes], *, threads: int | None = None, allow_special: Allow = None
    ) -> list[NDArray[np.uint32]]:
        """Ids of each document, uint32 (T,); the documents are spread over threads."""
        import numpy as np

        if allow_special is not None:
            lists = self.encode_lists(documents, threads=threads, allow_special=allow_special)
            return [np.array(ids, np.uint32) for ids in lists]
        ids, starts = self.encode_flat(documents, threads=threads)
        return np.split(ids, starts[1:-1].astype(np.int64)) if len(documents) else []

    def encode_flat(
        self, documents: Sequence[str | bytes], *, threads: int | None = None, allow_special: Allow = None
    ) -> tuple[NDArray[np.uint32], NDArray[np.uint64]]:
        """All ids as uint32 (total,), and where each document starts, the total last: uint64 (documents + 1,)."""
        if allow_special is not None:
            import numpy as np

            lists = self.encode_lists(documents, threads=threads, allow_special=allow_special)
            starts = np.cumsum([0, *map(len, lists)], dtype=np.uint64)
            return np.array([id_ for ids in lists for id_ in ids], np.uint32), starts
        flat: tuple[Any, Any] = self._run(self._bpe.encode_flat, [_bytes(text) for text in documents], threads)
        return flat

    def encode_lines(
        self, text: bytes, *, end_of_text: int | None = None, threads: int | None = None
    ) -> tuple[NDArray[np.uint16 | np.uint32], NDArray[np.uint64]]:
        r"""`encode_flat` of the lines of a text, with no object for each: a line is a document without its `\n`.

        Behind each stands the id `end_of_text`. ids are uint16 where the vocabulary has at most 65,536 entries.

        >>> Tokenizer(Model(ALPHABET, BPE(merges=[]))).encode_lines(b"Hi\n!", end_of_text=9)
        (array([39, 72,  9,  0,  9], dtype=uint16), array([0, 3, 5], dtype=uint64))
        """
        import numpy as np

        narrow = len(self) <= 1 << 16
        if self.model.byte_level and not self._change:
            found: tuple[Any, Any] = self._bpe.encode_lines(
                np.frombuffer(text, np.uint8), threads or 0, end_of_text=end_of_text, narrow=narrow
            )
            return found
        ids, starts = self.encode_flat(lines_of(text), threads=threads)
        after = [] if end_of_text is None else [end_of_text]
        ids, ends = finished(ids.astype(np.uint16 if narrow else np.uint32), starts, after=after)
        return ids, np.concatenate([starts[:1], ends])

    def count_batch(
        self, documents: Sequence[str | bytes], *, threads: int | None = None, allow_special: Allow = None
    ) -> list[int]:
        """The number of ids of each document."""
        if allow_special is not None:
            return [len(ids) for ids in self.encode_lists(documents, threads=threads, allow_special=allow_special)]
        counts: list[int] = self._run(self._bpe.count_batch, [_bytes(text) for text in documents], threads)
        return counts

    def safe_cut(self, text: bytes) -> int:
        """The largest known place where the text can be cut, whatever follows it, with the same ids; 0: none is known.

        >>> Tokenizer(Model(ALPHABET, BPE(merges=[]))).safe_cut(b"all of it")
        0
        """
        return 0 if self._change else self._splitter.safe_cut(text)

    def decode(self, ids: Iterable[int], *, skip_special: bool = False) -> bytes:
        """The bytes of ids; `skip_special` leaves special tokens out. Raises DataError for an id that is none."""
        tokens = self.model.tokens
        listed = ids.tolist() if hasattr(ids, "tolist") else list(ids)
        if listed and not (min(listed) >= 0 and max(listed) < len(tokens)):
            wrong = min(listed) if min(listed) < 0 else max(listed)
            raise DataError(
                f"id {wrong} is not in a vocabulary of {len(tokens)}",
                hint="decode with the tokenizer that encoded",
            )
        if skip_special:
            hidden = set(self.special_tokens.values())
            listed = [id_ for id_ in listed if id_ not in hidden]
        text = b"".join(map(self._tokens.__getitem__, listed))
        if self._marker is not None:
            # The marker stands between words; behind the last one nothing follows.
            marker = self._marker.encode("utf-8")
            return text.removesuffix(marker).replace(marker, b" ")
        return text

    def decode_batch(self, documents: Iterable[Iterable[int]], *, skip_special: bool = False) -> list[bytes]:
        """The bytes of each document's ids."""
        return [self.decode(ids, skip_special=skip_special) for ids in documents]

    def labels(self, ids: Iterable[int]) -> list[str]:
        r"""Each token for people; undecodable bytes and control characters as `\xNN`."""
        known = self._labels
        try:
            return [known[id_] for id_ in ids]
        except KeyError:
            for id_ in ids:
                if id_ not in known:
                    known[int(id_)] = label(self.model.tokens[id_])
            return [known[id_] for id_ in ids]

    def offsets(self, ids: Iterable[int]) -> list[tuple[int, int]]:
        """Byte spans (start, end) of the tokens in the text that they encode (as normalized, if it is).

        Raises CallError for a model that is not byte-level, whose tokens may not cover the text.
        """
        if not self.model.byte_level:
            raise CallError("offsets need a byte-level tokenizer", hint="its tokens alone cover every byte")
        spans: list[tuple[int, int]] = []
        at = 0
        for id_ in ids:
            end = at + len(self.model.tokens[id_])
            spans.append((at, end))
            at = end
        return spans

    def check_special(self, allow_special: Allow) -> None:
        """Raises CallError where `allow_special` names a token that is no special one."""
        special.chosen(self.special_tokens, allow_special)

    def _run(self, encode: Any, texts: list[bytes], threads: int | None) -> Any:
        if self._change:
            texts = [self._change(text) for text in texts]
        if not self.model.byte_level:
            self._note_lost(texts)
        try:
            return encode(texts, threads or 0)
        except ValueError as error:
            raise DataError(str(error)) from error

    def _note_lost(self, texts: list[bytes]) -> None:
        characters = {character for text in texts for character in text.decode("utf-8", "replace")}
        if self._drop_gaps:
            characters = {character for character in characters if not character.isspace()}
        self._lost |= {c for c in characters if c.encode("utf-8") not in self._symbols}

    @cached_property
    def _tokens(self) -> list[bytes]:
        return list(self.model.tokens)

    @cached_property
    def _splitter(self) -> Any:
        return engine.splitter()(*_pattern(self.model))

    @cached_property
    def _symbols(self) -> set[bytes]:
        hidden = set(self.special_tokens.values())
        return {token for id_, token in enumerate(self.model.tokens) if id_ not in hidden}


def _bytes(text: str | bytes) -> bytes:
    if isinstance(text, bytes):
        return text
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise DataError(
            f"the text holds half a surrogate pair at character {error.start}", hint="give such text as bytes"
        ) from None


def _normalizer(model: Model) -> tuple[str | None, str | None]:
    """(normalizer, end-of-word symbol)"""
    name = marker = None
    for step in model.normalizer:
        if step["type"] == "Replace":
            marker = step["content"]
        else:
            name = step["type"].lower()
    return name, marker


def _pattern(model: Model) -> tuple[str, bool]:
    """(pattern, whether gaps are left out)"""
    pattern, drop_gaps = "", False
    for step in model.pre_tokenizer:
        if step["type"] == "Split":
            pattern, drop_gaps = step["pattern"]["Regex"], step["invert"]
        elif step["use_regex"]:
            pattern = GPT2
    return pattern, drop_gaps
