"""The errors of attncli: one tree, one line each, with the place and what to do."""

from __future__ import annotations

from attncli.printable import printable

__all__ = ["AttncliError", "CallError", "DataError"]


class AttncliError(Exception):
    """Base of everything that attncli raises on purpose.

    ``message`` says what is wrong, ``source`` where (a file's name, or ``-``), ``record`` which record of
    it (a number from 1, or words), ``hint`` what to do, ``argument`` which of a function's arguments is wrong, by
    which its caller knows the file that it came from. Each layer adds what it knows:

    >>> error = DataError("cut short", hint="try writing it again").at(source="x.npy", record=3)
    >>> str(error)
    'x.npy, record 3: cut short; try writing it again'
    """

    exit_status = 1

    def __init__(
        self,
        message: str,
        *,
        source: str | None = None,
        record: int | str | None = None,
        hint: str | None = None,
        argument: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.source = source
        self.record = record
        self.hint = hint
        self.argument = argument

    def at(
        self, *, source: str | None = None, record: int | str | None = None, argument: str | None = None
    ) -> AttncliError:
        """The same error, with the place filled in where it was not known before."""
        self.source = source if self.source is None else self.source
        self.record = record if self.record is None else self.record
        self.argument = argument if self.argument is None else self.argument
        return self

    def __str__(self) -> str:
        record = f"record {self.record}" if isinstance(self.record, int) else self.record
        if self.source and record and record.startswith(f"{self.source}:"):  # an id that names the file itself
            place = record
        else:
            place = ", ".join(part for part in (self.source, record) if part)
        text = f"{place}: {self.message}" if place else self.message
        # Names and values of foreign files may hold anything.
        return printable(f"{text}; {self.hint}" if self.hint else text)


class DataError(AttncliError, ValueError):
    """The data or the machine failed: a file missing or wrong, ids out of range, a full disk. Exit 1."""


class CallError(AttncliError, ValueError):
    """The call was wrong: options that don't fit each other or name nothing. Exit 2."""

    exit_status = 2
