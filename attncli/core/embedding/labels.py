r"""What the rows of a table are called, and how a label is spelled where it may hold no white space.

A label is a str: a word, or a token's bytes as UTF-8 (bytes that are none stand as surrogates, `surrogateescape`).
word2vec's formats end a label at the first space and a row at a newline, and gensim reads labels as UTF-8. So in every
file a label is spelled as its UTF-8 with these bytes as `\xNN`: white space, control characters, what is no UTF-8, and
a backslash before something that would read as one of these. No label at all is `\x`. Words stay as they are.

    " bank"  \x20bank        b"\xe4\xb8"  \xe4\xb8        "\\x20"  \x5cx20        "\\frac"  \frac
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import islice
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from attncli.errors import DataError

__all__ = ["Labels", "spelled", "unspelled"]

ESCAPE = rb"x([01][0-9a-f]|20|7f|5c|[89a-f][0-9a-f])"
"""What may follow a backslash in a spelled label."""
WHITE = re.compile(rb"[\x00-\x20\x7f]")
WHITE_IN_LINES = re.compile(rb"[\x00-\x09\x0b-\x20\x7f]|\A\n|\n\n")
FEW = 32
"""So many labels are looked for by reading over all of them; then a dict is made, which takes a second for millions."""
MOST_COMPARED = 100_000
"""Labels that a misspelled one is compared with: tables are mostly sorted by frequency."""


def spelled(label: str) -> bytes:
    r"""A label as it stands in files.

    >>> spelled(" bank"), spelled("")
    (b'\\x20bank', b'\\x')
    """
    try:
        raw = label.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise DataError(f"the label {label!a} holds half a surrogate pair") from None
    if raw == rb"\x":
        return rb"\x5cx"
    return _respelled(re.sub(rb"\\(?=" + ESCAPE + b")", rb"\\x5c", raw))


def unspelled(text: bytes) -> str:
    r"""The label that is spelled so.

    >>> unspelled(b"\\x20bank")
    ' bank'
    """
    if text == rb"\x":
        return ""
    if b"\\" in text:
        text = re.sub(rb"\\" + ESCAPE, lambda found: bytes([int(found[1], 16)]), text)
    return text.decode("utf-8", "surrogateescape")


class Labels(Sequence[str]):
    """The labels of a table in one piece of memory: spelled, each with a newline behind it.

    >>> labels = Labels.of([" bank", "the"])
    >>> labels[0], labels.find("the"), labels.text
    (' bank', 1, b'\\\\x20bank\\nthe\\n')
    """

    def __init__(self, text: bytes) -> None:
        """`text` is what a file had: white space within a label and what is no UTF-8 are spelled here."""
        if text and not text.endswith(b"\n"):
            text += b"\n"
        if WHITE_IN_LINES.search(text) or not _is_utf8(text):
            text = b"".join(_respelled(line) + b"\n" for line in text[:-1].split(b"\n"))
        self.text = text
        self._looked = 0

    @classmethod
    def of(cls, labels: Iterable[str]) -> Labels:
        """Those of a list; Labels themselves are handed back."""
        return labels if isinstance(labels, Labels) else cls(b"".join(spelled(label) + b"\n" for label in labels))

    def __len__(self) -> int:
        return self.text.count(b"\n")

    @overload
    def __getitem__(self, row: int) -> str: ...
    @overload
    def __getitem__(self, row: slice) -> list[str]: ...
    def __getitem__(self, row: int | slice) -> str | list[str]:
        if isinstance(row, slice):
            return [self[at] for at in range(*row.indices(len(self._ends)))]
        at = row + len(self._ends) if row < 0 else row
        if not 0 <= at < len(self._ends):
            raise IndexError(f"row {row} of {len(self._ends)}")
        start = int(self._ends[at - 1]) + 1 if at else 0
        return unspelled(self.text[start : int(self._ends[at])])

    def lines(self, start: int, stop: int) -> bytes:
        """The spelled labels of some rows, each with its newline."""
        first = int(self._ends[start - 1]) + 1 if start else 0
        return self.text[first : int(self._ends[stop - 1]) + 1] if stop > start else b""

    def find(self, label: str) -> int | None:
        """The first row with this label; None where there is none."""
        self._looked += 1
        wanted = spelled(label) + b"\n"
        if self._looked > FEW:
            return self._rows.get(wanted[:-1])
        if self.text.startswith(wanted):
            return 0
        place = self.text.find(b"\n" + wanted)
        return None if place < 0 else self.text.count(b"\n", 0, place + 1)

    def find_in_any_case(self, label: str) -> int | None:
        """The first row whose label is this one but for upper and lower case."""
        place = self._folded.find("\n" + spelled(label).decode().casefold() + "\n")
        return None if place < 0 else self._folded.count("\n", 0, place)

    def near(self, label: str) -> str | None:
        """A label that is spelled much like this one, of the first 100,000."""
        known = {each.strip() for each in islice(self, MOST_COMPARED)}
        alike = [each for each in known if abs(len(each) - len(label)) < 3 and set(each[:2]) & set(label[:2])]
        return next(iter(difflib.get_close_matches(label, sorted(alike), 1, 0.65)), None)

    @cached_property
    def _ends(self) -> NDArray[np.int64]:
        """Where the newline of each row stands."""
        ends: NDArray[Any] = np.flatnonzero(np.frombuffer(self.text, np.uint8) == ord("\n"))
        return ends

    @cached_property
    def _folded(self) -> str:
        """All labels without upper and lower case, a newline before each and behind the last."""
        return "\n" + self.text.decode().casefold()

    @cached_property
    def _rows(self) -> dict[bytes, int]:
        """Spelled label -> its first row."""
        lines = self.text.split(b"\n")[:-1]
        return {line: len(lines) - 1 - place for place, line in enumerate(reversed(lines))}


def _respelled(raw: bytes) -> bytes:
    """A label as some file has it, with what no file should have in it as `\\xNN`."""
    if not raw:
        return rb"\x"
    text = WHITE.sub(lambda found: rb"\x%02x" % found[0][0], raw)
    return text if _is_utf8(text) else text.decode("utf-8", "backslashreplace").encode()


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
