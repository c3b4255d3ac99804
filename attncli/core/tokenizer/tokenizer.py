"""A tokenizer at work: text to ids and back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from attncli.core import engine
from attncli.core.tokenizer import contract, special
from attncli.core.tokenizer.model import BPE, Model, WordPiece
from attncli.core.tokenizer.offsets import in_characters
from attncli.core.tokenizer.patterns import only_pattern
from attncli.core.tokenizer.sentencepiece import SentencePiece
from attncli.core.tokenizer.vocab import digest, label
from attncli.errors import AttncliError, CallError, DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from attncli import _native
    from attncli._native import Options

__all__ = ["Tokenizer"]

Allow = str | Iterable[str] | None


class Tokenizer:
    """Encodes and decodes with a model.

    Text is bytes (or bytearray, memoryview), or str that is encoded as UTF-8 (which Python then keeps with a str beyond
    ASCII, as long as that lives). Under a byte-level model any bytes can be encoded and come back as the normalizer
    leaves them. What each method that encodes takes beside its text:

    - `allow_special`: a special token spelled in the text is plain text unless this is "all" or names it;
    - `bos`, `eos`: whether the ids of the file's template stand before and behind each text;
    - `dropout`: the probability that a merge of a BPE is left out (Provilkov et al. 2020; None: the model's own), drawn
      by `seed`: text number i of a call has the chance of seed + i, whatever the threads.
    """

    def __init__(self, model: Model) -> None:
        """Raises DataError where the model contradicts itself, or asks for what is not done."""
        self.model = model
        arguments, buffers = contract.arguments(model)
        encoder: Callable[..., _native.Tokenizer] = engine.tokenizer()
        try:
            self._engine = encoder(*arguments, **buffers)
        except ValueError as error:
            raise DataError(str(error)) from error
        self._labels: dict[int, str] = {}

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
        """(left, right) bytes by rank; none where the model is no BPE."""
        tokens, algorithm = self.model.tokens, self.model.algorithm
        return [(tokens[left], tokens[right]) for left, right in algorithm.merges] if isinstance(algorithm, BPE) else []

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
        lost, invalid = self._engine.lost(), []
        if isinstance(self.model.algorithm, SentencePiece):
            invalid = [text for text in lost if not _is_text(text)]
            lost = [text for text in lost if _is_text(text)]
        shown = ", ".join(f"0x{byte[0]:02X}" for byte in invalid[:5])
        return self._unsaid(lost) + ([f"bytes that are no UTF-8 became U+FFFD: {shown}"] if invalid else [])

    def _unsaid(self, lost: list[bytes]) -> list[str]:
        """The warning of what the vocabulary does not have."""
        if not lost:
            return []
        shown = ", ".join(repr(text.decode("utf-8", "replace")) for text in lost[:5])
        algorithm = self.model.algorithm
        what = "words" if isinstance(algorithm, WordPiece) else "characters"
        vanished = isinstance(algorithm, BPE) and algorithm.unknown is None
        fate = "vanished" if vanished else "became the unknown token"
        return [f"{what} that the vocabulary does not have {fate}: {shown}"]

    def encode(self, text: str | bytes, **options: Any) -> list[int]:
        """Ids of one text.

        >>> Tokenizer(Model(ALPHABET, BPE(merges=[]))).encode("Hi")
        [39, 72]
        """
        return self.encode_lists([text], **options)[0]

    def encode_lists(
        self,
        documents: Sequence[str | bytes],
        *,
        threads: int | None = None,
        allow_special: Allow = None,
        bos: bool = False,
        eos: bool = False,
        dropout: float | None = None,
        seed: int = 0,
    ) -> list[list[int]]:
        """Ids of each document, as lists (NumPy is not imported)."""
        options = self._options(allow_special, bos, eos, dropout, seed)
        lists: list[list[int]] = self._run(self._engine.encode_batch, documents, threads or 0, options)
        return lists

    def encode_batch(
        self, documents: Sequence[str | bytes], *, threads: int | None = None, **options: Any
    ) -> list[NDArray[np.uint32]]:
        """Ids of each document, uint32 (T,); the documents are spread over threads."""
        import numpy as np

        ids, starts = self.encode_flat(documents, threads=threads, **options)
        return np.split(ids, starts[1:-1].astype(np.int64)) if len(documents) else []

    def encode_flat(
        self,
        documents: Sequence[str | bytes],
        *,
        threads: int | None = None,
        allow_special: Allow = None,
        bos: bool = False,
        eos: bool = False,
        dropout: float | None = None,
        seed: int = 0,
    ) -> tuple[NDArray[np.uint32], NDArray[np.uint64]]:
        """All ids as uint32 (total,), and where each document starts, the total last: uint64 (documents + 1,)."""
        options = self._options(allow_special, bos, eos, dropout, seed)
        flat: tuple[Any, Any] = self._run(self._engine.encode_flat, documents, threads or 0, options)
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
        try:
            found: tuple[Any, Any] = self._engine.encode_lines(
                np.frombuffer(text, np.uint8), threads or 0, end_of_text=end_of_text, narrow=narrow
            )
        except ValueError as error:
            raise DataError(str(error)) from error
        return found

    def count_batch(
        self,
        documents: Sequence[str | bytes],
        *,
        threads: int | None = None,
        allow_special: Allow = None,
        bos: bool = False,
        eos: bool = False,
        dropout: float | None = None,
        seed: int = 0,
    ) -> list[int]:
        """The number of ids of each document."""
        options = self._options(allow_special, bos, eos, dropout, seed)
        counts: list[int] = self._run(self._engine.count_batch, documents, threads or 0, options)
        return counts

    def encode_offsets(
        self,
        documents: Sequence[str | bytes],
        *,
        unit: Literal["bytes", "characters"] = "bytes",
        threads: int | None = None,
        allow_special: Allow = None,
        bos: bool = False,
        eos: bool = False,
        dropout: float | None = None,
        seed: int = 0,
    ) -> tuple[list[list[int]], list[list[tuple[int, int]]]]:
        """Ids of each document, and the span (start, end) of each id in the document as it was given.

        A token that stands for part of a character has that part's bytes, or the whole character where characters
        are counted. What a normalizer puts in, and what `bos` and `eos` add, has an empty span.

        >>> Tokenizer(Model(ALPHABET, BPE(merges=[]))).encode_offsets(["Hi"])
        ([[39, 72]], [[(0, 1), (1, 2)]])
        """
        del threads  # one does it
        if unit not in ("bytes", "characters"):
            raise CallError(f"no offsets are counted in {unit!r}", hint="use bytes or characters")
        texts = [_text(document) for document in documents]
        options = self._options(allow_special, bos, eos, dropout, seed)
        traced = self._run(self._engine.encode_traced, texts, options)
        spans = [spans for _, spans in traced]
        if unit == "characters":
            utf8 = (str.encode(text) if isinstance(text, str) else text for text in texts)
            spans = [in_characters(text, each) for text, each in zip(utf8, spans, strict=True)]
        return [ids for ids, _ in traced], spans

    def safe_cut(self, text: bytes) -> int:
        """The largest known place where the text can be cut, whatever follows it, with the same ids; 0: none is known.

        >>> Tokenizer(Model(ALPHABET, BPE(merges=[]))).safe_cut(b"all of it")
        0
        """
        splitter = self._splitter
        return 0 if splitter is None else splitter.safe_cut(text)

    def decode(self, ids: Iterable[int], *, skip_special: bool = False) -> bytes:
        """The text of ids; `skip_special` leaves special tokens out. Raises DataError for an id that is none."""
        return self.decode_batch([ids], skip_special=skip_special)[0]

    def decode_batch(self, documents: Iterable[Iterable[int]], *, skip_special: bool = False) -> list[bytes]:
        """The text of each document's ids; arrays of uint16 or uint32 are quickest."""
        listed: list[Any] = [_ids(document) for document in documents]
        hidden = sorted(self.special_tokens.values()) if skip_special else []
        try:
            return self._engine.decode_batch(listed, hidden)
        except ValueError as error:
            self._check_ids(listed)
            raise DataError(str(error)) from error
        except (OverflowError, TypeError):
            self._check_ids(listed)
            raise

    def decode_flat(
        self,
        ids: NDArray[np.integer[Any]],
        starts: NDArray[np.uint64],
        *,
        skip_special: bool = False,
        end_of_text: int | None = None,
        end: bytes = b"",
        threads: int | None = None,
    ) -> bytes:
        """The texts of the documents of `encode_flat`, one after another, each followed by `end`, with no object for
        each; `starts` may also be a part of them with its ids. An id `end_of_text` behind a document is left out.

        Raises DataError for an id that is none, and for starts that do not fit.

        >>> import numpy as np
        >>> tokenizer = Tokenizer(Model(ALPHABET, BPE(merges=[])))
        >>> tokenizer.decode_flat(np.array([39, 72, 0], np.uint16), np.array([0, 2, 3], np.uint64), end=b"|")
        b'Hi|!|'
        """
        hidden = sorted(self.special_tokens.values()) if skip_special else []
        if str(ids.dtype) not in ("uint16", "uint32"):  # of the other byte order, or signed
            if len(ids) and (ids.min() < 0 or ids.max() >= len(self)):
                self._check_ids([ids.tolist()])
            ids = ids.astype("uint32")
        try:
            decode: Callable[..., bytes] = self._engine.decode_flat
            return decode(ids, starts, threads or 0, skip=hidden, end_of_text=end_of_text, end=end)
        except ValueError as error:
            self._check_ids([ids.tolist()])
            raise DataError(str(error)) from error

    def labels(self, ids: Iterable[int]) -> list[str]:
        r"""Each token for people; undecodable bytes and control characters as `\xNN`."""
        known = self._labels
        try:
            return [known[id_] for id_ in ids]
        except KeyError:
            self._check_ids([list(ids)])
            for id_ in ids:
                if id_ not in known:
                    known[int(id_)] = label(self.model.tokens[id_])
            return [known[id_] for id_ in ids]

    def check_special(self, allow_special: Allow) -> None:
        """Raises CallError where `allow_special` names a token that is no special one."""
        special.chosen(self.special_tokens, allow_special)

    def check_dropout(self, dropout: float | None) -> None:
        """Raises CallError where `dropout` is no probability, or there are no merges to leave out."""
        if dropout is not None and not 0 <= dropout <= 1:
            raise CallError(f"a dropout of {dropout} is no probability", hint="give a number from 0 to 1")
        if dropout and not isinstance(self.model.algorithm, BPE):
            name = type(self.model.algorithm).__name__
            raise CallError(f"dropout leaves out merges, which a {name} tokenizer does not have", hint="leave it out")

    def _options(self, allow_special: Allow, bos: bool, eos: bool, dropout: float | None, seed: int) -> Options | None:
        self.check_dropout(dropout)
        if not 0 <= seed < 1 << 64:
            raise CallError(f"the seed {seed} is not from 0 to 2^64 - 1")
        for wanted, ids, name in ((bos, self.model.bos, "bos"), (eos, self.model.eos, "eos")):
            if wanted and not ids:
                raise CallError(f"this tokenizer's template has no {name} token")
        allowed = special.chosen(self.special_tokens, allow_special)
        if not (allowed or bos or eos or dropout is not None or seed):
            return None
        return {
            "allow": list(allowed.values()),
            "before": list(self.model.bos) if bos else [],
            "after": list(self.model.eos) if eos else [],
            "dropout": dropout,
            "seed": seed,
        }

    def _run(self, encode: Callable[..., Any], documents: Sequence[str | bytes], *rest: Any) -> Any:
        try:
            return encode([_text(document) for document in documents], *rest)
        except UnicodeEncodeError as error:
            raise DataError(
                f"the text holds half a surrogate pair at character {error.start}", hint="give such text as bytes"
            ) from None
        except ValueError as error:
            if isinstance(error, AttncliError):
                raise
            raise DataError(str(error)) from error

    def _check_ids(self, documents: Sequence[Sequence[int]]) -> None:
        for document in documents:
            if len(document) and not (min(document) >= 0 and max(document) < len(self)):
                wrong = min(document) if min(document) < 0 else max(document)
                raise DataError(
                    f"id {wrong} is not in a vocabulary of {len(self)}", hint="decode with the tokenizer that encoded"
                )

    @cached_property
    def _splitter(self) -> _native.Splitter | None:
        """What alone cuts a text: none where anything else looks at more than a piece."""
        model = self.model
        spaced = any(token.lstrip or token.rstrip or any(map(str.isspace, token.text)) for token in model.added)
        pattern = only_pattern(model.pre_tokenizer)
        if model.normalizer or not model.byte_level or spaced or pattern is None:
            return None
        return engine.splitter()(*pattern)


def _is_text(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _text(text: str | bytes) -> str | bytes:
    """str and bytes as they are, other buffers as bytes."""
    if isinstance(text, str | bytes):
        return text
    if isinstance(text, bytearray | memoryview):
        return bytes(text)
    raise CallError(f"a text is str or bytes, not {type(text).__name__}")


def _ids(document: Iterable[int]) -> Any:
    """An array that an engine takes as it is, or a list."""
    dtype = getattr(document, "dtype", None)
    if dtype is None:
        return document if isinstance(document, list) else list(document)
    contiguous = document.ndim == 1 and document.flags.c_contiguous  # type: ignore[attr-defined]
    return document if contiguous and str(dtype) in ("uint16", "uint32") else document.tolist()  # type: ignore[attr-defined]
