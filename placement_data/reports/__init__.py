"""Readers of design-rule reports: one module a format, chosen by what the file holds, never by its name."""

from __future__ import annotations

from placement_data.errors import InputError
from placement_data.readers.text import PathLike, load_text
from placement_data.reports import openroad
from placement_data.violations import Violations

__all__ = ["Violations", "read_report"]


def read_report(path: PathLike) -> Violations:
    """Read a design-rule report, plain or gzip. A report without any text is a clean one: no violations.

    Raises ``InputError`` for a file that is no report of a known format, and for a record that is broken.
    """
    text = load_text(path)
    if not text.strip() or openroad.recognises(text):
        return openroad.parse(text, path)
    first = text.split(maxsplit=1)[0]
    line = text.count("\n", 0, text.index(first)) + 1
    raise InputError(
        "not a design-rule report of a known format", file=path, line=line, found=first, expected="'violation type:'"
    )
