"""The errors that a user can cause. Each carries the exit code that the command line ends with."""

from __future__ import annotations

import re
from os import PathLike
from typing import ClassVar

LONGEST_PART = 600
"""Longest part of a message, in characters."""

_LONG_WORD = re.compile(r"(\S{60})\S{90,}")


class RoutenasError(Exception):
    """Base of every error that the command line prints in one line. ``exit_code`` is what the process ends with."""

    exit_code: ClassVar[int] = 1


class InputError(RoutenasError):
    """A file or value that cannot be used: what is wrong, where, what was found and what is allowed.

    The text reads ``FILE:LINE: WHAT, found FOUND, expected EXPECTED``; parts that are not known are left out.
    """

    exit_code = 3

    def __init__(
        self,
        what: str,
        *,
        file: str | PathLike[str] | None = None,
        line: int | None = None,
        found: object = None,
        expected: str | None = None,
    ) -> None:
        self.what, self.file, self.line, self.found, self.expected = what, file, line, found, expected
        where = "" if file is None else f"{file}:" if line is None else f"{file}:{line}:"
        text = f"{where} {_shown(what)}".strip()
        if found is not None:
            text += f", found {_quoted(found)}"
        if expected is not None:
            text += f", expected {_shown(expected)}"
        super().__init__(text)

    def inside(self, file: str | PathLike[str] | None) -> InputError:
        """The same error, naming ``file`` where it names none."""
        if self.file is not None:
            return self
        return InputError(self.what, file=file, line=self.line, found=self.found, expected=self.expected)


class SettingError(InputError):
    """A name or value that a user set and that there is not, or that cannot be.

    As it stands it is about the command line, or an argument of a Python call. Where the setting came from a file,
    ``inside(file)`` makes it an error of that input.
    """

    exit_code = 2


class MismatchError(InputError):
    """An input that is intact but does not go with the model that is to take it."""

    exit_code = 4


def _quoted(found: object) -> str:
    text = found if isinstance(found, str) else repr(found)
    text = text[:200].encode("unicode_escape").decode("ascii")
    return f"'{text[:60]}...'" if len(text) > 63 else f"'{text}'"


def _shown(text: str) -> str:
    """``text`` on one line and not longer than a person will read: it may quote names from a file."""
    text = _LONG_WORD.sub(r"\1...", text[: 10 * LONGEST_PART])
    if not text.isprintable():
        text = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)
    return text if len(text) <= LONGEST_PART else f"{text[:LONGEST_PART]}..."


class WriteError(InputError):
    """A file that cannot be written, for want of room or of permission: of the machine, not of what was to be written.

    Whoever goes on after a bad input does not go on after this.
    """

    def of(self, file: str | PathLike[str]) -> WriteError:
        """The same error, naming the file that a user knows."""
        return WriteError(self.what, file=file, found=self.found, expected=self.expected)


def explain(error: Exception) -> tuple[str, int]:
    """What to say of an error, in a line without a traceback, and the exit code."""
    if isinstance(error, RoutenasError):
        return str(error), error.exit_code
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}" if error.filename else str(error), InputError.exit_code
    first = str(error).partition("\n")[0]
    return f"internal error, please report it: {type(error).__name__}: {first}", 1
