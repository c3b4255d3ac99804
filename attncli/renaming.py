"""Several files renamed as one."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

__all__ = ["replace_all"]


def replace_all(parts: list[Path], targets: list[Path]) -> None:
    """Renames each; where one fails, none of the new files is there, and all of the old ones are."""
    old = [target.with_name(f".{target.name}.{os.getpid()}.old") for target in targets]
    begun: list[tuple[Path, Path, Path]] = []
    try:
        for part, target, kept in zip(parts, targets, old, strict=True):
            begun.append((part, target, kept))  # first: an interrupt may come at any place behind
            _keep(target, kept)
            part.replace(target)
    except BaseException:
        for part, target, kept in begun:
            if kept.exists():
                kept.replace(target)
            elif not part.exists():  # renamed, where no file was
                target.unlink(missing_ok=True)
        raise
    finally:
        for kept in old:  # to rename one name of a file to its other name leaves both
            kept.unlink(missing_ok=True)


def _keep(target: Path, kept: Path) -> None:
    """Gives a file a second name, if there is one."""
    with suppress(FileNotFoundError):
        try:
            kept.hardlink_to(target)
        except FileNotFoundError:
            raise
        except OSError:  # a file system without links: for a moment only the second name is there
            target.rename(kept)
