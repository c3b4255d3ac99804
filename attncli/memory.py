"""The memory that there is, and the seconds and the peak memory that a piece of work takes, as Linux tells them."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

__all__ = ["available", "measured"]

PROC = Path("/proc/self")
CONTROL_GROUP = Path("/sys/fs/cgroup")
LIMITS = ("memory.max", "memory/memory.limit_in_bytes")
"""Where the second and the first version of control groups have a container's limit."""
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


def available() -> int | None:
    """Bytes that can still be had: of the system's memory, the process's own limit and its container's, the least.

    None where the system tells nothing.

    >>> available() == 0
    False
    """
    import resource

    found = [_told(PROC.parent / "meminfo", "MemAvailable")]
    for name in LIMITS:
        try:
            text = (CONTROL_GROUP / name).read_text(encoding="ascii", errors="replace").strip()
        except OSError:
            continue
        found.append(int(text) - (_resident("VmRSS") or 0) if text.isdecimal() else None)
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit != resource.RLIM_INFINITY:
        found.append(limit - (_resident("VmSize") or 0))
    return min((max(0, size) for size in found if size is not None), default=None)


def _forget_peak() -> bool:
    """Lets the peak begin anew at what is resident now (proc(5), clear_refs)."""
    try:
        (PROC / "clear_refs").write_bytes(b"5")
    except OSError:
        return False
    return True


def _resident(key: str) -> int | None:
    return _told(PROC / "status", key)


def _told(path: Path, key: str) -> int | None:
    """Bytes, from a line like "VmRSS:  1234 kB"."""
    try:
        lines = path.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return None
    sizes = [line.split() for line in lines if line.startswith(f"{key}:")]
    return int(sizes[0][1]) * 1024 if sizes else None
