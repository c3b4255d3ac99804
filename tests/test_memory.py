"""Peak memory as the system tells it."""

from __future__ import annotations

import resource
from pathlib import Path

import numpy as np
import pytest

from attncli import memory
from attncli.memory import measured


def test_a_peak_that_is_gone_again_is_seen() -> None:
    def work() -> int:
        return int(np.ones(25_000_000, np.float64).sum())

    total, seconds, peak = measured(work)
    assert total == 25_000_000
    assert seconds > 0
    if peak is None:
        pytest.skip("the system does not tell")
    assert 190e6 < peak < 230e6
    _, _, again = measured(lambda: None)
    assert again is not None
    assert again < 20e6


def test_where_the_system_does_not_tell(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.setattr(memory, "PROC", tmp_path)
    (tmp_path / "clear_refs").mkdir()  # type: ignore[operator]
    assert measured(lambda: 1)[2] is None


def test_what_is_there_is_the_least_of_all_limits(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "self").mkdir()
    (tmp_path / "memory").mkdir()
    (tmp_path / "meminfo").write_text("MemTotal: 9000 kB\nMemAvailable:    5000 kB\n")
    (tmp_path / "self" / "status").write_text("VmSize:\t 3000 kB\nVmRSS:\t 100 kB\n")
    monkeypatch.setattr(memory, "PROC", tmp_path / "self")
    monkeypatch.setattr(memory, "CONTROL_GROUP", tmp_path)
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert memory.available() == 5000 << 10
    (tmp_path / "memory.max").write_text("max\n")
    assert memory.available() == 5000 << 10
    (tmp_path / "memory.max").write_text(f"{4000 << 10}\n")
    assert memory.available() == 3900 << 10
    monkeypatch.setattr(resource, "getrlimit", lambda _: (4500 << 10, resource.RLIM_INFINITY))
    assert memory.available() == 1500 << 10
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1500 << 10, resource.RLIM_INFINITY))
    assert memory.available() == 0
