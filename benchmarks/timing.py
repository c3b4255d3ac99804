"""Timing side by side: contenders take turns, medians are compared, peaks are of processes of their own."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence

# Here and in the processes begun from here: no figure is the reference engine's by mistake.
os.environ["ATTNCLI_ENGINE"] = "native"
REST = 0.2
"""Seconds between contenders: the threads of some libraries spin on for a while."""


def in_turn(contenders: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median seconds of each, run A B C A B C …, after a round that does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(rounds + 1):
        for name, run in contenders.items():
            time.sleep(REST)
            started = time.perf_counter()
            run()
            if number:
                seconds[name].append(time.perf_counter() - started)
    return {name: statistics.median(times) for name, times in seconds.items()}


def process(command: Sequence[str], stdin: bytes = b"") -> tuple[float, float]:
    """(seconds, peak MiB) of a command in a process of its own; the peak is at least what this process holds."""
    started = time.perf_counter()
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    assert child.stdin is not None
    child.stdin.write(stdin)
    child.stdin.close()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"{command} ended with {child.returncode}")
    return time.perf_counter() - started, usage.ru_maxrss / 1024


def processes_in_turn(
    commands: Mapping[str, Sequence[str]], rounds: int, stdin: bytes = b""
) -> dict[str, tuple[float, float]]:
    """Median seconds and median peak MiB of each command, taken in turn."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    for number in range(rounds + 1):
        for name, command in commands.items():
            figures = process(command, stdin)
            if number:
                found[name].append(figures)
    return {
        name: (statistics.median(s for s, _ in rows), statistics.median(m for _, m in rows))
        for name, rows in found.items()
    }


def table(title: str, headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Prints a Markdown table."""
    print(f"\n**{title}**\n\n| {' | '.join(headings)} |\n|{'|'.join(['---'] + ['---:'] * (len(headings) - 1))}|")
    for row in rows:
        print("| " + " | ".join(f"{cell:.3g}" if isinstance(cell, float) else str(cell) for cell in row) + " |")
    sys.stdout.flush()
