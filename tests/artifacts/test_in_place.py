"""Outputs that are computed where they are to stand."""

from __future__ import annotations

import errno
import io
import mmap
import os
import sys
from pathlib import Path

import pytest

from attncli import files
from attncli.artifacts import in_place
from attncli.artifacts.in_place import place
from attncli.errors import DataError


def test_room_in_a_file_is_filled_in_place(tmp_path: Path) -> None:
    with files.open_output(str(tmp_path / "f")) as handle:
        handle.write(b"before ")
        room = place(handle, b"head ", 10_000)
        assert room is not None
        room.data[:] = b"x" * 10_000
        handle.write(b" behind")
    assert (tmp_path / "f").read_bytes() == b"before head " + b"x" * 10_000 + b" behind"


def test_room_is_in_plain_files_alone(tmp_path: Path) -> None:
    assert place(io.BytesIO(), b"", 10) is None
    for name in ("f.gz", "f.bz2", "f.xz", "f.zst"):
        with files.open_output(str(tmp_path / name)) as handle:
            assert place(handle, b"", 10) is None
    with open(tmp_path / "appended", "ab") as handle, open("/dev/null", "wb") as device:
        assert place(handle, b"", 10) is None
        assert place(device, b"", 10) is None
    assert (tmp_path / "appended").read_bytes() == b""


def test_no_room_where_the_file_system_reserves_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*_: object) -> None:
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(os, "posix_fallocate", refuses)
    with files.open_output(str(tmp_path / "f")) as handle:
        assert place(handle, b"head", 10) is None
        handle.write(b"all")
    assert (tmp_path / "f").read_bytes() == b"all"


def test_no_room_on_a_full_disk_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(DataError, match="f: no space left on device"), files.open_output(str(tmp_path / "f")) as handle:
        place(handle, b"head", 10)
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux begins to write a part of a file")
@pytest.mark.parametrize("parts", [1, 3])
def test_the_disk_begins_with_what_was_filled_by_the_last_call(
    parts: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = mmap.PAGESIZE
    for name, size in (("FIRST", 2 * page), ("STEP", 7 * page), ("AHEAD", 17 * page), ("SMALLEST", page)):
        monkeypatch.setattr(in_place, name, size)
    begun: list[tuple[int, int]] = []
    really = in_place.begin_to_write

    def begin(number: int, start: int, size: int) -> None:
        begun.append((start, start + size))
        really(number, start, size)

    monkeypatch.setattr(in_place, "begin_to_write", begin)
    part, head = 73 * page - page // 4, b"head " * 2_000
    numbers = (bytes(range(251)) * (part // 251 + 1))[:part]
    with files.open_output(str(tmp_path / "f")) as handle:
        room = place(handle, head, part * parts, parts=parts)
        assert room is not None
        left = part
        for done in (0, 1, 2, 5, 9, 10):
            now = part - part * done // 10
            for first in range(0, part * parts, part):
                room.data[first + now : first + left] = numbers[now:left]
            left = now
            room.filled(done, 10)
        # One tenth was left for the call that never came; else each byte is begun with, in pages.
        for first in range(len(head), len(head) + part * parts, part):
            mine = sorted(pages for pages in begun if first - page < pages[0] < first + part)
            assert abs(mine[0][0] - first - part // 10) < page
            assert mine[-1][1] == first + part
            assert all(0 <= mine[n][1] - mine[n + 1][0] < page for n in range(len(mine) - 1))
        room.data[-1:] = b"!"  # of a page that the map has let go
    assert (tmp_path / "f").read_bytes() == head + (numbers * parts)[:-1] + b"!"
