"""The one way in which pictures of text are written: nothing in them is markup or emoji, and no word is guessed at."""

from __future__ import annotations

from typing import IO

from rich.console import Console

__all__ = ["plain"]


def plain(handle: IO[str], *, width: int | None = None, color: bool = False) -> Console:
    """A console that writes to a text handle what it is given, with colours of 24 bits or none.

    >>> plain(out := io.StringIO()).print("[bold]a[/] :smile:")
    >>> out.getvalue()
    '[bold]a[/] :smile:\\n'
    """
    return Console(
        file=handle,
        width=width,
        force_terminal=color,
        color_system="truecolor" if color else None,
        no_color=not color,
        highlight=False,
        emoji=False,
        markup=False,
        legacy_windows=False,
    )
