"""Paths: inputs of any kind, outputs whole or not at all."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import stat
import sys
import threading
from pathlib import Path

import pytest

from attncli import Tokenizer, files, renaming
from attncli.errors import CallError, DataError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PACKERS = {"gz": gzip.compress, "zst": zstd.compress, "xz": lzma.compress, "bz2": bz2.compress}
TEXT = "Das Ufer, the bank, 河岸\n".encode() * 500


@pytest.mark.parametrize("kind", PACKERS)
def test_compressed_input_is_known_by_its_content(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "no-extension"
    path.write_bytes(PACKERS[kind](TEXT))
    assert files.read_bytes(str(path)) == TEXT
    assert bytes(files.map_bytes(str(path))) == TEXT


@pytest.mark.parametrize("kind", PACKERS)
def test_members_one_after_another_are_one_input(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x"
    path.write_bytes(PACKERS[kind](b"one ") + PACKERS[kind](b"two"))
    assert files.read_bytes(str(path)) == b"one two"


@pytest.mark.parametrize("kind", PACKERS)
def test_compressed_data_cut_short_are_an_error(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "cut"
    packed = PACKERS[kind](os.urandom(5000))
    path.write_bytes(packed[: len(packed) // 2])
    with pytest.raises(DataError, match="damaged or cut short") as caught:
        files.read_bytes(str(path))
    assert caught.value.source == str(path)


@pytest.mark.parametrize("kind", PACKERS)
def test_output_is_compressed_by_its_name(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"out.{kind}"
    with files.open_output(str(path)) as handle:
        handle.write(TEXT)
    assert path.read_bytes() != TEXT
    assert files.read_bytes(str(path)) == TEXT


def test_a_compressed_pipe_can_be_read(tmp_path: Path) -> None:
    fifo = tmp_path / "pipe"
    os.mkfifo(fifo)
    writer = threading.Thread(target=lambda: fifo.write_bytes(gzip.compress(TEXT)))
    writer.start()
    assert files.read_bytes(str(fifo)) == TEXT
    writer.join()


def test_a_failure_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "kept.txt"
    path.write_text("old")
    for error in (ValueError, KeyboardInterrupt):
        with pytest.raises(error), files.open_output(str(path)) as handle:
            handle.write(b"half of the new")
            raise error
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["kept.txt"]


def test_success_replaces_the_file_and_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text("old")
    path.chmod(0o640)
    with files.open_output(str(path)) as handle:
        handle.write(b"new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_link_stays_and_its_target_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    with files.open_output(str(tmp_path / "link")) as handle:
        handle.write(b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_text() == "new"


def test_never_onto_an_input(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text("x")
    (tmp_path / "g").symlink_to(path)
    with pytest.raises(CallError, match="is an input too"), files.open_output(str(tmp_path / "g"), inputs=[str(path)]):
        pass
    assert path.read_text() == "x"


def test_devices_are_written_directly() -> None:
    with files.open_output("/dev/null") as handle:
        handle.write(b"gone")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_is_an_error_with_a_name() -> None:
    with pytest.raises(DataError, match="/dev/full: no space left"), files.open_output("/dev/full") as handle:
        handle.write(b"x" * 100_000)


def test_folders_stand_for_their_files(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    for name in ("z", "b/a", ".hidden", "b/.hidden"):
        (tmp_path / name).write_text("x")
    assert files.expand([str(tmp_path)]) == [str(tmp_path / "b/a"), str(tmp_path / "z")]
    assert files.expand([]) == ["-"]


def test_folders_leave_pipes_out(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "a").write_text("x")
    assert files.expand([str(tmp_path)]) == [str(tmp_path / "a")]


def test_text_that_looks_compressed_is_text(tmp_path: Path) -> None:
    for text in (b"BZh is great\n", b"\x1f\x8b but no more"):
        (tmp_path / "t").write_bytes(text)
        assert files.read_bytes(str(tmp_path / "t")) == text


def test_compressed_output_is_the_same_each_time(tmp_path: Path) -> None:
    for name in ("a.gz", "b.gz"):
        with files.open_output(str(tmp_path / name)) as handle:
            handle.write(TEXT)
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()


def test_pipes_can_be_mapped_by_reading_them(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=lambda: (tmp_path / "pipe").write_bytes(TEXT))
    writer.start()
    assert files.map_bytes(str(tmp_path / "pipe")) == TEXT
    writer.join()


def test_names_from_a_file(tmp_path: Path) -> None:
    for name in ("a b", "new\nline"):
        (tmp_path / name).write_text("x")
    listing = tmp_path / "list"
    listing.write_bytes(f"{tmp_path}/a b\0{tmp_path}/new\nline\0".encode())
    found = files.expand([], files_from=str(listing), null_separated=True)
    assert found == [f"{tmp_path}/a b", f"{tmp_path}/new\nline"]


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"no-such: no such file.*check the path"):
        files.expand([str(tmp_path / "no-such")])
    with pytest.raises(DataError, match="no files in it"):
        files.expand([str(tmp_path / "empty")])
    with (
        pytest.raises(DataError, match="no-such-folder/out: no such file"),
        files.open_output(str(tmp_path / "no-such-folder/out")),
    ):
        pass
    with pytest.raises(DataError, match="larger than 3 bytes"):
        (tmp_path / "large").write_text("1234")
        files.read_bytes(str(tmp_path / "large"), limit=3)


@pytest.mark.parametrize("links", [True, False])
def test_a_rename_that_fails_loses_no_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool) -> None:
    names = [str(tmp_path / name) for name in ("new", "old", "last")]
    Path(names[1]).write_bytes(b"before")
    rename = Path.replace

    def fails(part: Path, target: Path) -> Path:
        if part.suffix == ".part" and target.name == "last":
            raise OSError(5, "input/output error")
        return rename(part, target)

    def refuses(*_: object) -> None:
        raise PermissionError(1, "no links here")

    monkeypatch.setattr(Path, "replace", fails)
    if not links:
        monkeypatch.setattr(Path, "hardlink_to", refuses)
    with pytest.raises(DataError, match="input/output error"):
        files.write_all(dict.fromkeys(names, b"after"))
    assert [path.name for path in tmp_path.iterdir()] == ["old"]
    assert Path(names[1]).read_bytes() == b"before"
    monkeypatch.setattr(Path, "replace", rename)
    files.write_all(dict.fromkeys(names, b"after"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["last", "new", "old"]
    assert {path.read_bytes() for path in tmp_path.iterdir()} == {b"after"}


@pytest.mark.parametrize("links", [True, False])
@pytest.mark.parametrize("kept", [True, False])
def test_an_interrupt_beside_the_second_name_loses_no_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: bool, links: bool
) -> None:
    path = tmp_path / "old"
    path.write_bytes(b"before")
    keep = renaming._keep

    def refuses(*_: object) -> None:
        raise PermissionError(1, "no links here")

    def interrupted(target: Path, name: Path) -> None:
        if kept:
            keep(target, name)
        raise KeyboardInterrupt

    if not links:
        monkeypatch.setattr(Path, "hardlink_to", refuses)
    monkeypatch.setattr(renaming, "_keep", interrupted)
    with pytest.raises(KeyboardInterrupt):
        files.write_all(dict.fromkeys([str(path), str(tmp_path / "new")], b"after"))
    assert [each.name for each in tmp_path.iterdir()] == ["old"]
    assert path.read_bytes() == b"before"


def test_a_tokenizer_of_several_files_is_saved_whole_or_not_at_all(tmp_path: Path) -> None:
    (tmp_path / "merges.txt").mkdir()
    with pytest.raises(CallError, match="is no plain file"):
        Tokenizer.load("starter").save(tmp_path / "vocab.json")
    assert [path.name for path in tmp_path.iterdir()] == ["merges.txt"]
