"""JSON Lines: one record a line, as `jq` and every language read it.

Known keys are those of `Record`; unknown ones pass through. A document that is not valid UTF-8 stands as base64
under `bytes`. Floats are the shortest decimals that give the float32 back. NaN and Infinity, which JSON does not
have, are refused unless allowed.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn

from attncli.errors import DataError
from attncli.wire.ids import LARGEST_ID
from attncli.wire.lines import read_lines
from attncli.wire.record import Record

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["read", "write"]

BOM = b"\xef\xbb\xbf"
"""What some editors put before a text."""
ARRAYS = ("vectors", "output", "weights", "scores")
_ENCODER = json.JSONEncoder(ensure_ascii=False)
_quoted = json.encoder.encode_basestring
"""A string as JSON, by C code: json.dumps makes a new encoder for each, which doubled the time of a whole line."""
LISTS = {"ids", "tokens", "offsets", *ARRAYS}
KNOWN = {"id", "end", "text", "bytes", "ids", "tokens", "tokenizer", "offsets", *ARRAYS}


def read(
    handle: BinaryIO, source: str, *, field: str = "text", allow_nan: bool | None = None
) -> Iterator[list[Record]]:
    """Records, a batch as they arrive; `field` names the key that holds the text. A bare list is ids.

    `allow_nan` None: a command without such an option, which an error does not speak of.

    Raises DataError that names the record for a line that is not JSON, or not a record.
    """
    refuse = partial(_refuse_constant, "write null" if allow_nan is None else "try --allow-nan")
    decoder = json.JSONDecoder(parse_constant=None if allow_nan else refuse)
    first = 1
    for lines, _ in read_lines(handle):
        batch = []
        for number, line in enumerate(lines, first):
            if number == 1:
                line = line.removeprefix(BOM)
            if line.isspace() or not line:
                continue
            try:
                batch.append(_record(decoder.decode(line.decode("utf-8")), field, bool(allow_nan)))
            except DataError as error:
                yield batch  # what came before is whole
                raise error.at(source=source, record=number) from None
            except (ValueError, RecursionError) as error:
                yield batch
                raise DataError(_complaint(error), source=source, record=number) from error
            if batch[-1].id is None:
                batch[-1].id = f"{source}:{number}"
        first += len(lines)
        yield batch


def write(handle: BinaryIO, records: Iterable[Record], *, allow_nan: bool = False) -> None:
    """One line a record, keys in the order of `Record`'s fields, unknown ones last."""
    lines = []
    for number, record in enumerate(records, 1):
        try:
            lines.append(_line(record, allow_nan))
        except DataError as error:
            raise error.at(record=record.id or number) from None
    # A name of a file may hold bytes that are no text: as \udcNN they are JSON all the same.
    handle.write("".join(lines).encode("utf-8", "backslashreplace"))


def _line(record: Record, allow_nan: bool) -> str:
    parts = []
    if record.id is not None:
        parts.append(f'"id": {_dumped(record.id)}')
    if record.end is not None:
        parts.append(f'"end": {_quoted(record.end)}')
    if record.text is not None:
        parts.append(_text(record.text))
    if record.ids is not None:
        ids = record.ids.tolist() if hasattr(record.ids, "tolist") else list(record.ids)
        parts.append(f'"ids": {ids}')  # the repr of a list of ints is JSON, and quicker than json.dumps
    if record.tokens is not None:
        parts.append(f'"tokens": [{", ".join(map(_quoted, record.tokens))}]')
    if record.tokenizer is not None:
        parts.append(f'"tokenizer": {_quoted(record.tokenizer)}')
    if record.offsets is not None:
        parts.append(f'"offsets": {[list(span) for span in record.offsets]}')
    for key in ARRAYS:
        if (value := getattr(record, key)) is not None:
            parts.append(f'"{key}": {_floats(value, key, allow_nan)}')
    for key, value in record.summary.items():
        shown = str(value.tolist()) if value.dtype.kind in "iu" else _floats(value, key, allow_nan)
        parts.append(f'"{key}": {shown}')
    parts.extend(
        f"{_quoted(key)}: {_dumped(value)}"
        for key, value in record.extra.items()
        if key not in record.summary
        if key not in KNOWN or getattr(record, key, None) is None
    )
    return "{" + ", ".join(parts) + "}\n"


def _dumped(value: Any) -> str:
    return _quoted(value) if isinstance(value, str) else _ENCODER.encode(value)


def _text(text: bytes) -> str:
    try:
        return f'"text": {_quoted(text.decode("utf-8"))}'
    except UnicodeDecodeError:
        return f'"bytes": "{base64.b64encode(text).decode("ascii")}"'


def _floats(array: NDArray[np.floating[Any]], key: str, allow_nan: bool) -> str:
    """Nested lists of the shortest decimals; NumPy's own conversion to str takes 0.5 µs a number, as
    json.dumps does for a third more digits ("%.9g" takes 0.2 µs, but writes 0.1 as 0.100000001)."""
    import numpy as np

    array = np.asarray(array, np.float32)
    if not np.isfinite(array).all():
        if not allow_nan:
            raise DataError(f"{key} hold NaN or infinity, which JSON has no word for", hint="try --allow-nan or npy")
        return json.dumps(array.astype(float).tolist())
    return _nested(array)


def _nested(array: NDArray[Any]) -> str:
    if array.ndim <= 1:
        return "[" + ", ".join(array.astype(str).tolist()) + "]"
    return "[" + ", ".join(map(_nested, array)) + "]"


def _record(value: Any, field: str, allow_nan: bool) -> Record:
    if isinstance(value, list):
        return Record(ids=_ids(value))
    if not isinstance(value, dict):
        raise DataError("is no JSON object", hint='a record looks like {"text": "..."} or {"ids": [1, 2]}')
    record = Record()
    for key, item in value.items():
        if key == field:
            record.text = _encoded(_string(item, key))
        elif key in KNOWN and key != "text":
            _set(record, key, item, allow_nan)
        else:
            record.extra[key] = item
    return record


def _set(record: Record, key: str, item: Any, allow_nan: bool) -> None:
    """Takes one known key of a line into the record."""
    if item is None:
        return
    if (key in LISTS and not isinstance(item, list)) or (key in ("end", "tokenizer") and not isinstance(item, str)):
        record.extra[key] = item  # a key of the user's own that happens to have our name
    elif key == "bytes":
        record.text = _decoded(_string(item, key))
    elif key == "ids":
        record.ids = _ids(item)
    elif key == "id":
        if not isinstance(item, (str, int)):
            raise DataError("its id is no string or number")
        record.id = item
    elif key == "tokens":
        if not isinstance(item, list) or not all(isinstance(token, str) for token in item):
            raise DataError("its tokens are no list of strings")
        record.tokens = item
    elif key == "offsets":
        record.offsets = _offsets(item)
    elif key in ARRAYS:
        setattr(record, key, _array(item, key, allow_nan))
    else:
        setattr(record, key, _string(item, key))


def _string(item: Any, key: str) -> str:
    if not isinstance(item, str):
        raise DataError(f"its {key} is no string")
    return item


def _encoded(text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        raise DataError(
            "its text holds half a surrogate pair", hint='put such bytes under "bytes", in base64'
        ) from None


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise DataError("its bytes are no base64") from None


def _ids(item: Any) -> list[int]:
    if not isinstance(item, list) or (item and set(map(type, item)) != {int}):
        raise DataError("its ids are no list of whole numbers")
    if item and (min(item) < 0 or max(item) > LARGEST_ID):
        wrong = min(item) if min(item) < 0 else max(item)
        raise DataError(f"id {_shown(wrong)} is not between 0 and 2^32 - 1")
    return item


def _shown(number: int) -> str:
    return str(number) if abs(number) < 1 << 70 else "of many digits"


def _offsets(item: Any) -> list[list[int]]:
    if not isinstance(item, list) or not all(
        isinstance(span, list) and len(span) == 2 and set(map(type, span)) == {int} for span in item
    ):
        raise DataError("its offsets are no list of [start, end]")
    return item


def _array(item: Any, key: str, allow_nan: bool) -> NDArray[np.float32]:
    import numpy as np

    if item == []:
        return np.zeros((0, 0), np.float32)  # an empty document has vectors of no width
    try:
        array = np.asarray(item, dtype=np.float64)
    except (ValueError, TypeError, OverflowError):
        raise DataError(f"its {key} are no rectangular array of numbers") from None
    # NumPy would also take true, null and "1.5" for numbers.
    flat = item
    for _ in range(array.ndim - 1):
        flat = [number for row in flat for number in row] if flat else []
    if array.ndim not in (2, 3) or not set(map(type, flat)) <= {int, float}:
        raise DataError(f"its {key} are no array of numbers (T, D) or (H, T, d)")
    with np.errstate(over="ignore"):
        narrow = array.astype(np.float32)
    if not allow_nan and not np.isfinite(narrow).all():
        raise DataError(f"its {key} hold a number that float32 has not")
    return narrow


def _refuse_constant(hint: str, name: str) -> NoReturn:
    raise DataError(f"{name} is no JSON number", hint=hint)


def _complaint(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"is no JSON: {error.msg} at column {error.colno}"
    if isinstance(error, UnicodeDecodeError):
        return f"is not valid UTF-8 at byte {error.start}"
    if isinstance(error, RecursionError):
        return "is nested too deep"
    return "holds a number of too many digits"
