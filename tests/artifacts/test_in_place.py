"""Outputs that are computed where they are to stand."""

from __future__ import annotations

import errno
import io
import os
from pathlib import Path

import pytest

from attncli import files
from attncli.artifacts.in_place import room as room_in_file
from attncli.errors import DataError


def test_room_in_a_file_is_filled_in_place(tmp_path: Path) -> None:
    with files.open_output(str(tmp_path / "f")) as handle:
        handle.write(b"before ")
        room = room_in_file(handle, b"head ", 10_000)
        assert room is not None
        room[:] = b"x" * 10_000
        handle.write(b" behind")
    assert (tmp_path / "f").read_bytes() == b"before head " + b"x" * 10_000 + b" behind"


def test_room_is_in_plain_files_alone(tmp_path: Path) -> None:
    assert room_in_file(io.BytesIO(), b"", 10) is None
    for name in ("f.gz", "f.bz2", "f.xz", "f.zst"):
        with files.open_output(str(tmp_path / name)) as handle:
            assert room_in_file(handle, b"", 10) is None
    with open(tmp_path / "appended", "ab") as handle, open("/dev/null", "wb") as device:
        assert room_in_file(handle, b"", 10) is None
        assert room_in_file(device, b"", 10) is None
    assert (tmp_path / "appended").read_bytes() == b""


def test_no_room_where_the_file_system_reserves_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*_: object) -> None:
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(os, "posix_fallocate", refuses)
    with files.open_output(str(tmp_path / "f")) as handle:
        assert room_in_file(handle, b"head", 10) is None
        handle.write(b"all")
    assert (tmp_path / "f").read_bytes() == b"all"


def test_no_room_on_a_full_disk_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(DataError, match="f: no space left on device"), files.open_output(str(tmp_path / "f")) as handle:
        room_in_file(handle, b"head", 10)
    assert os.listdir(tmp_path) == []
