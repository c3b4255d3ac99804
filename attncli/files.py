"""The only module that opens a path: `-`, folders, compression, memory maps, whole files or none."""

from __future__ import annotations

import io
import mmap
import os
import re
import stat
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from attncli.errors import CallError, DataError

if TYPE_CHECKING:
    import hashlib

__all__ = ["digest", "expand", "map_bytes", "open_input", "open_output", "read_bytes", "replace", "size"]

# Whole magics: a text may well begin with "BZh".
COMPRESSIONS = {
    re.compile(rb"\x1f\x8b\x08"): "gzip",
    re.compile(rb"\x28\xb5\x2f\xfd"): "zstd",
    re.compile(rb"\xfd7zXZ\x00"): "xz",
    re.compile(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)"): "bz2",
}
MAGIC = 10
"""Bytes that tell a compression."""
EXTENSIONS = {".gz": "gzip", ".zst": "zstd", ".xz": "xz", ".bz2": "bz2"}


def expand(paths: Sequence[str], *, files_from: str | None = None, null_separated: bool = False) -> list[str]:
    """The inputs that the arguments name: folders stand for their files (sorted, hidden ones left out).

    `files_from` is a file of further names, a line each (or NUL-separated). Nothing at all is `-`, standard
    input. Raises DataError for a name that is not there and for a folder with nothing in it.
    """
    names = list(paths)
    if files_from is not None:
        listed = read_bytes(files_from).split(b"\0" if null_separated else b"\n")
        names += [os.fsdecode(name) for name in listed if name]
    elif not names:
        return ["-"]
    found: list[str] = []
    for name in names:
        if not name:
            raise CallError("an input has an empty name", hint="look at the variable that should hold it")
        if name != "-" and Path(name).is_dir():
            inside = sorted(_walk(name))
            if not inside:
                raise DataError("this folder has no files in it", source=name)
            found += inside
        else:
            if name != "-":
                _status(name)
            found.append(name)
    return found


@contextmanager
def open_input(path: str) -> Iterator[BinaryIO]:
    """A buffered binary handle of a file or of standard input (`-`), decompressed by what it holds.

    Raises DataError with the file's name, also for compressed data that are damaged or cut short.
    """
    try:
        if path == "-":
            if sys.stdin is None:
                raise DataError("standard input is closed")
            yield _decompressed(sys.stdin.buffer)
            return
        with Path(path).open("rb") as raw:
            yield _decompressed(raw)
    except _damage() as error:
        raise DataError(f"the compressed data are damaged or cut short ({error})", source=path) from error
    except OSError as error:
        if error.filename is None and not _is_reading(error):
            raise
        raise _os_error(error, path) from error


@contextmanager
def open_output(path: str | None, *, inputs: Sequence[str] = ()) -> Iterator[BinaryIO]:
    """A binary handle of a file or of standard output (`-` or None); the file appears whole or not at all.

    The data go to a sibling file that is renamed at the end, and removed on failure or Ctrl-C. Devices and pipes
    are written directly. .gz .zst .xz .bz2 compress. Raises CallError where the output is one of the inputs.
    """
    if path is None or path == "-":
        if sys.stdout is None:
            raise DataError("standard output is closed")
        if any(_same(1, source) for source in inputs):
            raise CallError("standard output is an input too", hint="write to another file")
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    target = Path(os.path.realpath(path))  # a link stays a link, its target is replaced
    if any(_same(path, source) for source in inputs):
        raise CallError(f"{path} is an input too", hint="write to another file")
    try:
        if target.exists() and not stat.S_ISREG(target.stat().st_mode):
            with target.open("wb") as handle:
                yield handle
            return
        with _sibling(target) as raw, _compressed(raw, path) as handle:
            yield handle
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        raise _os_error(error, path) from error


def read_bytes(path: str, *, limit: int | None = None) -> bytes:
    """All of a file (or standard input), decompressed. Raises DataError above `limit` bytes."""
    with open_input(path) as handle:
        data = handle.read() if limit is None else handle.read(limit + 1)
    if limit is not None and len(data) > limit:
        raise DataError(f"is larger than {limit:,} bytes", source=path)
    return data


def map_bytes(path: str) -> Any:
    """A file's bytes as a read-only memory map; pipes and compressed files are read whole."""
    if path != "-" and stat.S_ISREG((status := _status(path)).st_mode):
        try:
            with Path(path).open("rb") as raw:
                if _compression(raw.read(MAGIC)) is None:
                    return mmap.mmap(raw.fileno(), 0, access=mmap.ACCESS_READ) if status.st_size else b""
        except OSError as error:
            raise _os_error(error, path) from error
    return read_bytes(path)


class Scratch:
    """A temporary file without a name, in `folder` (default: TMPDIR): it vanishes with the process, however it ends.

    >>> with Scratch() as scratch:
    ...     scratch.write(b"abc")
    ...     scratch.read(1, 2)
    b'bc'
    """

    def __init__(self, folder: str | None = None) -> None:
        import tempfile

        self._place = folder or tempfile.gettempdir()
        try:
            self._file = tempfile.TemporaryFile(buffering=0, dir=self._place)  # noqa: SIM115 - closed by __exit__
        except OSError as error:
            raise _os_error(error, self._place) from error

    def __enter__(self) -> Scratch:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, block: bytes) -> None:
        """Appends. Raises DataError, on a full disk above all."""
        rest = memoryview(block)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            raise _os_error(error, f"temporary file in {self._place}") from error

    def read(self, offset: int, size: int) -> bytes:
        """Up to `size` bytes from an offset on."""
        return os.pread(self._file.fileno(), size, offset)


def size(path: str) -> int | None:
    """Bytes of a regular file, as it lies on disk; None for anything else."""
    try:
        status = Path(path).stat()
    except OSError:
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def digest(path: str, hasher: hashlib._Hash) -> str:
    """The hexadecimal digest of a file as it lies on disk, by a hasher that may have begun with other bytes."""
    try:
        with Path(path).open("rb") as raw:
            while chunk := raw.read(1 << 20):
                hasher.update(chunk)
    except OSError as error:
        raise _os_error(error, path) from error
    return hasher.hexdigest()


def replace(path: str, data: bytes) -> None:
    """Puts a file into a folder, made if need be, whole or not at all; a link there is replaced and not followed.

    For folders that others may write to: `open_output` would write through their links.
    """
    target = Path(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _sibling(target) as raw:
            raw.write(data)
    except OSError as error:
        raise _os_error(error, path) from error


def _walk(folder: str) -> Iterator[str]:
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        paths = (Path(place, name) for name in names if not name.startswith("."))
        yield from (str(path) for path in paths if path.is_file())  # a pipe would never end


def _status(path: str) -> os.stat_result:
    try:
        status = Path(path).stat()
    except OSError as error:
        raise _os_error(error, path) from error
    except ValueError as error:  # a NUL in the name
        raise DataError(f"is no file's name ({error})", source=path) from error
    if stat.S_ISDIR(status.st_mode):
        raise DataError("is a folder", source=path, hint="name a file")
    return status


def _compression(head: bytes) -> str | None:
    return next((name for magic, name in COMPRESSIONS.items() if magic.match(head)), None)


def _decompressed(raw: BinaryIO) -> BinaryIO:
    """The handle itself, or one that decompresses it; each format's module is imported when met."""
    buffered: Any = raw
    kind = _compression(buffered.peek(MAGIC)[:MAGIC])
    if kind is None:
        return cast(BinaryIO, buffered)
    # The modules' own read1 gives up to 8 kB at a time; the buffer joins them.
    return cast(BinaryIO, io.BufferedReader(_opener(kind)(buffered, "rb"), 1 << 17))


def _opener(kind: str) -> Any:
    if kind == "gzip":
        import gzip

        return gzip.open
    if kind == "bz2":
        import bz2

        return bz2.open
    if kind == "xz":
        import lzma

        return lzma.open
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    return zstd.open


def _damage() -> tuple[type[Exception], ...]:
    """What tells of damaged compressed data: the errors of those modules that have been imported by now."""
    found: list[type[Exception]] = [EOFError]
    for module, name in (
        ("zlib", "error"),
        ("gzip", "BadGzipFile"),
        ("lzma", "LZMAError"),
        ("backports.zstd", "ZstdError"),
        ("compression.zstd", "ZstdError"),
    ):
        if module in sys.modules:
            found.append(getattr(sys.modules[module], name))
    return tuple(found)


def _is_reading(error: OSError) -> bool:
    """bz2 tells damage by an OSError that has no number."""
    return error.errno is None and "bz2" in sys.modules


@contextmanager
def _sibling(target: Path) -> Iterator[BinaryIO]:
    """A file beside the target that takes its place at the end, or vanishes."""
    beside = target.with_name(f".{target.name}.{os.getpid()}.part")
    handle = beside.open("xb")
    try:
        with handle:
            if target.exists():
                os.fchmod(handle.fileno(), stat.S_IMODE(target.stat().st_mode))
            yield handle
            handle.flush()
            os.fsync(handle.fileno())
        beside.replace(target)
    except BaseException:
        with suppress(FileNotFoundError):
            beside.unlink()
        raise


@contextmanager
def _compressed(raw: BinaryIO, path: str) -> Iterator[BinaryIO]:
    kind = EXTENSIONS.get(Path(path).suffix.lower())
    if kind is None:
        yield raw
        return
    if kind == "gzip":
        import gzip

        # No name and no time in the header: the same data give the same bytes.
        with gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as packed:
            yield cast(BinaryIO, packed)
        return
    with _opener(kind)(raw, "wb") as handle:
        yield handle


def _same(path: str | int, other: str) -> bool:
    """Whether two are one regular file; `-` is standard input, a number a descriptor."""
    try:
        one, two = (os.stat(0 if name == "-" else name) for name in (path, other))  # noqa: PTH116 - also descriptors
    except OSError:
        return False
    return stat.S_ISREG(one.st_mode) and os.path.samestat(one, two)


def _os_error(error: OSError, path: str) -> DataError:
    hints = {
        "FileNotFoundError": "check the path",
        "PermissionError": "check who may read or write it",
        "IsADirectoryError": "name a file",
    }
    reason = (error.strerror or str(error)).lower()
    return DataError(reason, source=path, hint=hints.get(type(error).__name__))
