"""The only module that opens a path: `-`, folders, compression, memory maps, whole files or none."""

from __future__ import annotations

import errno
import mmap
import os
import stat
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from attncli import compression
from attncli.errors import CallError, DataError
from attncli.renaming import replace_all

if TYPE_CHECKING:
    import hashlib

__all__ = [
    "check_output",
    "digest",
    "expand",
    "forget",
    "is_compressed",
    "map_bytes",
    "open_input",
    "open_kept",
    "open_output",
    "open_together",
    "os_error",
    "read_bytes",
    "remove",
    "replace",
    "settle",
    "size",
    "status",
    "write_all",
]


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
                status(name)
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
            yield compression.decompressed(sys.stdin.buffer)
            return
        with Path(path).open("rb") as raw:
            yield compression.decompressed(raw)
    except compression.damage() as error:
        raise DataError(f"the compressed data are damaged or cut short ({error})", source=path) from error
    except OSError as error:
        if error.filename is None and not compression.is_damage(error):
            raise
        raise os_error(error, path) from error


@contextmanager
def open_output(path: str | None, *, inputs: Sequence[str] = ()) -> Iterator[BinaryIO]:
    """A binary handle of a file or of standard output (`-` or None); the file appears whole or not at all.

    The data go to a sibling file that is renamed at the end, and removed on failure or Ctrl-C. Devices and pipes
    are written directly. .gz .zst .xz .bz2 compress. Raises CallError where the output is one of the inputs.
    """
    check_output(path, inputs=inputs)
    if path is None or path == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    target = Path(os.path.realpath(path))  # a link stays a link, its target is replaced
    try:
        if target.exists() and not stat.S_ISREG(target.stat().st_mode):
            with target.open("wb") as handle:
                yield handle
            return
        with _sibling(target) as raw, compression.compressed(raw, path) as handle:
            yield handle
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        raise os_error(error, path) from error


def check_output(path: str | None, *, inputs: Sequence[str] = ()) -> None:
    """Raises what `open_output` would, and writes nothing: for an input, a folder, a place where no file can be."""
    if path is None or path == "-":
        if sys.stdout is None:
            raise DataError("standard output is closed")
        if any(_same(1, source) for source in inputs):
            raise CallError("standard output is an input too", hint="write to another file")
        return
    if any(_same(path, source) for source in inputs):
        raise CallError(f"{path} is an input too", hint="write to another file")
    target = Path(os.path.realpath(path))
    try:
        special = target.exists() and not stat.S_ISREG(target.stat().st_mode)
        for wrong, number in (
            (target.is_dir(), errno.EISDIR),
            (not target.parent.is_dir(), errno.ENOENT),
            (not os.access(target if special else target.parent, os.W_OK), errno.EACCES),
        ):
            if wrong:
                raise OSError(number, os.strerror(number))
    except OSError as error:
        raise os_error(error, path) from error


@contextmanager
def open_together(paths: Sequence[str], *, inputs: Sequence[str] = (), keep: bool = False) -> Iterator[list[BinaryIO]]:
    """Handles of files that appear all together at the end, or none of them; to write, read and seek in.

    With `keep`, what was written stays beside where the work is cut short, and is there the next time. Raises
    CallError for what is no plain file (a device, a pipe, a compressed one), or is an input.
    """
    for path in paths:
        if any(_same(path, source) for source in inputs):
            raise CallError(f"{path} is an input too", hint="write to another file")
        found = size(path) is not None or not Path(path).exists()
        if path == "-" or not found or Path(path).suffix.lower() in compression.EXTENSIONS:
            hint = "give one that is not compressed"
            raise CallError(f"{path} is no plain file, in which the writer could go back", hint=hint)
    targets = [Path(os.path.realpath(path)) for path in paths]
    beside = [_part(target, "" if keep else f".{os.getpid()}") for target in targets]
    try:
        with ExitStack() as stack:
            handles = [stack.enter_context(_beside(part, keep)) for part in beside]
            yield handles
            for handle, target in zip(handles, targets, strict=True):
                _settle(handle, target)
        replace_all(beside, targets)
    except OSError as error:
        raise os_error(error, paths[0]) from error
    finally:
        if not keep:
            for part in beside:
                part.unlink(missing_ok=True)


def write_all(contents: Mapping[str, bytes], *, inputs: Sequence[str] = ()) -> None:
    """Writes a file as `open_output` does, or several that appear all together at the end, or none of them."""
    if len(contents) > 1:
        with open_together(list(contents), inputs=inputs) as handles:
            for handle, data in zip(handles, contents.values(), strict=True):
                handle.write(data)
        return
    for path, data in contents.items():
        with open_output(path, inputs=inputs) as handle:
            handle.write(data)


@contextmanager
def open_kept(path: str) -> Iterator[BinaryIO]:
    """A file to read and to append to, made where it is not there, for this process alone.

    Raises DataError where another process has it.
    """
    import fcntl

    try:
        with Path(path).open("a+b") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                gone = os.fstat(handle.fileno()).st_nlink == 0  # the other finished between our opening and locking
            except BlockingIOError:
                gone = True
            if gone:
                raise DataError("another process is at this job", source=path)
            handle.seek(0)
            yield handle
    except OSError as error:
        raise os_error(error, path) from error


def forget(paths: Sequence[str]) -> None:
    """Takes away what `open_together` has kept of these files."""
    for path in paths:
        remove(str(_part(Path(os.path.realpath(path)))))


def settle(handles: Sequence[BinaryIO]) -> None:
    """Waits until what was written lies on the disk."""
    for handle in handles:
        handle.flush()
        os.fsync(handle.fileno())


def remove(path: str) -> bool:
    """Takes a file away; whether it was there."""
    try:
        Path(path).unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise os_error(error, path) from error
    return True


def read_bytes(path: str, *, limit: int | None = None) -> bytes:
    """All of a file (or standard input), decompressed. Raises DataError above `limit` bytes."""
    with open_input(path) as handle:
        data = handle.read() if limit is None else handle.read(limit + 1)
    if limit is not None and len(data) > limit:
        raise DataError(f"is larger than {limit:,} bytes", source=path)
    return data


def map_bytes(path: str) -> Any:
    """A file's bytes as a read-only memory map; pipes and compressed files are read whole."""
    if path != "-" and stat.S_ISREG((found := status(path)).st_mode):
        try:
            with Path(path).open("rb") as raw:
                if not _compressed(raw):
                    return mmap.mmap(raw.fileno(), 0, access=mmap.ACCESS_READ) if found.st_size else b""
        except OSError as error:
            raise os_error(error, path) from error
    return read_bytes(path)


def size(path: str) -> int | None:
    """Bytes of a regular file, as it lies on disk; None for anything else."""
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None


def is_compressed(path: str) -> bool:
    """Whether a regular file is compressed, by what it holds."""
    try:
        with Path(path).open("rb") as raw:
            return _compressed(raw)
    except OSError as error:
        raise os_error(error, path) from error


def _compressed(raw: BinaryIO) -> bool:
    return compression.kind_of(raw.read(compression.MAGIC)) is not None


def digest(path: str, hasher: hashlib._Hash) -> str:
    """The hexadecimal digest of a file as it lies on disk, by a hasher that may have begun with other bytes."""
    try:
        with Path(path).open("rb") as raw:
            while chunk := raw.read(1 << 20):
                hasher.update(chunk)
    except OSError as error:
        raise os_error(error, path) from error
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
        raise os_error(error, path) from error


def _walk(folder: str) -> Iterator[str]:
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        paths = (Path(place, name) for name in names if not name.startswith("."))
        yield from (str(path) for path in paths if path.is_file())  # a pipe would never end


def status(path: str) -> os.stat_result:
    try:
        found = Path(path).stat()
    except OSError as error:
        raise os_error(error, path) from error
    except ValueError as error:  # a NUL in the name
        raise DataError(f"is no file's name ({error})", source=path) from error
    if stat.S_ISDIR(found.st_mode):
        raise DataError("is a folder", source=path, hint="name a file")
    return found


@contextmanager
def _sibling(target: Path) -> Iterator[BinaryIO]:
    """A file beside the target that takes its place at the end, or vanishes."""
    beside = _part(target, f".{os.getpid()}")
    handle = beside.open("x+b")  # to be read too: else it could not be mapped
    try:
        with handle:
            yield handle
            _settle(handle, target)
        beside.replace(target)
    except BaseException:
        with suppress(FileNotFoundError):
            beside.unlink()
        raise


def _settle(handle: BinaryIO, target: Path) -> None:
    """Takes over the mode of the file that will be replaced, and waits until the data lie on the disk."""
    if target.exists():
        os.fchmod(handle.fileno(), stat.S_IMODE(target.stat().st_mode))
    settle([handle])


def _part(target: Path, mark: str = "") -> Path:
    return target.with_name(f".{target.name}{mark}.part")


def _beside(part: Path, keep: bool) -> BinaryIO:
    if keep:
        part.touch()
    return part.open("r+b" if keep else "x+b")


def _same(path: str | int, other: str) -> bool:
    """Whether two are one regular file; `-` is standard input, a number a descriptor."""
    try:
        one, two = (os.stat(0 if name == "-" else name) for name in (path, other))  # noqa: PTH116 - also descriptors
    except OSError:
        return False
    return stat.S_ISREG(one.st_mode) and os.path.samestat(one, two)


def os_error(error: OSError, path: str) -> DataError:
    """What the system says, as a line of ours."""
    hints = {
        "FileNotFoundError": "check the path",
        "PermissionError": "check who may read or write it",
        "IsADirectoryError": "name a file",
    }
    reason = (error.strerror or str(error)).lower()
    return DataError(reason, source=path, hint=hints.get(type(error).__name__))
