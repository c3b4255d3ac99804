r"""What word2vec's formats have no place for: a line behind the last row, `# ` and a JSON object of strings.

gensim and the original tool read as many rows as the first line says, and no further.

    # {"tokenizer": "starter@79f96a035ca4"}
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from attncli.errors import DataError

__all__ = ["read", "write"]

LARGEST = 1 << 16
"""Bytes."""


def read(rest: bytes) -> dict[str, str]:
    """What stands behind the rows: nothing, or that line. Raises DataError for anything else."""
    line = rest.strip(b"\r\n")
    if not line:
        return {}
    if not line.startswith(b"# {") or b"\n" in line or len(line) > LARGEST:
        raise DataError("goes on behind the rows that its first line tells of", hint="correct the number there")
    try:
        found = json.loads(line[2:])
    except (ValueError, RecursionError):
        raise DataError("the line behind its rows is no JSON") from None
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise DataError("the line behind its rows is no JSON object of strings")
    return found


def write(metadata: Mapping[str, str]) -> bytes:
    """The line; nothing where there is nothing to say."""
    return b"# %s\n" % json.dumps(dict(metadata)).encode("ascii") if metadata else b""
