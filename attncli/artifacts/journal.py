"""What a long job has done so far, kept beside its output, so that it can go on there after an interruption."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from attncli import files
from attncli.errors import DataError

__all__ = ["Journal", "forget", "journal"]


class Journal:
    """A line of JSON that says what the job is, then one for each step that is safely on the disk."""

    def __init__(self, handle: BinaryIO, job: Mapping[str, Any], source: str) -> None:
        """Reads what is there. Raises DataError where that was begun as another job."""
        self._handle = handle
        *lines, cut_short = handle.read().split(b"\n")
        handle.seek(-len(cut_short), 2)
        handle.truncate()
        self.step: dict[str, int] | None = None
        """The last step; None at the beginning."""
        if not lines:
            self._append({"job": job})
            return
        try:
            begun, *steps = map(json.loads, lines)
            kept, self.step = begun["job"], steps[-1] if steps else None
        except (ValueError, LookupError, TypeError, RecursionError):
            kept = None
        if not isinstance(kept, dict) or not all(map(_is_step, steps)):
            raise DataError("is no journal of a job", source=source, hint="leave out --resume to start over")
        changed = [what for what in job if kept.get(what) != json.loads(json.dumps(job[what]))]
        if changed:
            raise DataError(
                f"the job was begun with other {' and '.join(changed)}",
                source=source,
                hint="give the same as then, or leave out --resume to start over",
            )

    def note(self, **step: int) -> None:
        """One more step; what it tells of is on the disk already."""
        self._append(step)

    def _append(self, line: Mapping[str, Any]) -> None:
        self._handle.write(json.dumps(line).encode("utf-8") + b"\n")
        self._handle.flush()


@contextmanager
def journal(output: str, job: Mapping[str, Any]) -> Iterator[Journal]:
    """The journal of the job that makes this output; gone once the job is done, kept where it is cut short.

    >>> with journal("out.npy", {"inputs": ["a.txt"]}) as kept:
    ...     kept.step is None
    True
    """
    path = _path(output)
    with files.open_kept(path) as handle:
        yield Journal(handle, job, path)
        files.remove(path)


def forget(output: str) -> bool:
    """Takes away what an interrupted job has left; whether there was anything. Raises DataError where it still runs."""
    path = _path(output)
    if not Path(path).exists():
        return False
    with files.open_kept(path):
        return files.remove(path)


def _is_step(value: Any) -> bool:
    return isinstance(value, dict) and all(type(count) is int and count >= 0 for count in value.values())


def _path(output: str) -> str:
    target = Path(output)
    return str(target.with_name(f".{target.name}.journal"))
