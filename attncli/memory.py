"""The seconds and the peak memory that a piece of work takes, as Linux's /proc tells the latter."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

__all__ = ["measured"]

PROC = Path("/proc/self")
T = TypeVar("T")


def measured(work: Callable[[], T]) -> tuple[T, float, int | None]:
    """(what the work gives, seconds, bytes at its peak above what there was before).

    The bytes are None where the system does not tell. Pages that others hold too are not new and do not count.

    >>> measured(lambda: 3)[0]
    3
    """
    before = _resident("VmRSS") if _forget_peak() else None
    started = time.perf_counter()
    result = work()
    seconds = time.perf_counter() - started
    peak = None if before is None else _resident("VmHWM")
    return result, seconds, None if before is None or peak is None else max(0, peak - before)


def _forget_peak() -> bool:
    """Lets the peak begin anew at what is resident now (proc(5), clear_refs)."""
    try:
        (PROC / "clear_refs").write_bytes(b"5")
    except OSError:
        return False
    return True


def _resident(key: str) -> int | None:
    try:
        lines = (PROC / "status").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return None
    sizes = [line.split() for line in lines if line.startswith(f"{key}:")]
    return int(sizes[0][1]) * 1024 if sizes else None
