"""Readers of design-rule reports: one module per format, chosen by what the file holds, never by its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from placement_data.errors import InputError
from placement_data.reports import calibre, csv_, ieda, innovus, klayout, magic, openroad
from placement_data.reports.rows import Rows
from placement_data.text import PathLike, load_text
from placement_data.violations import Violations

__all__ = ["Violations", "read_report"]


class _Format(NamedTuple):
    begins: str  # what an error says that such a file begins with
    recognises: Callable[[str], bool]
    parse: Callable[..., Violations]  # (text, path), and (text, path, dbu_per_micron) where in_dbu
    in_dbu: bool = False


# In this order: the last ones ask the least of a file.
_FORMATS = (
    _Format(openroad.BEGINS, openroad.recognises, openroad.parse),
    _Format(innovus.BEGINS, innovus.recognises, innovus.parse),
    _Format(klayout.BEGINS, klayout.recognises, klayout.parse),
    _Format(ieda.BEGINS, ieda.recognises, ieda.parse, in_dbu=True),
    _Format(csv_.BEGINS, csv_.recognises, csv_.parse),
    _Format(magic.BEGINS, magic.recognises, magic.parse),
    _Format(calibre.BEGINS, calibre.recognises, calibre.parse),
)


def read_report(path: PathLike, dbu_per_micron: int | None = None) -> Violations:
    """Read a design-rule report, plain or gzip, of OpenROAD, Innovus, KLayout, Calibre, Magic, iEDA or as CSV.

    ``dbu_per_micron`` is needed by the reports that are in database units without saying which (iEDA's) and does
    nothing for others. A report without any text is a clean one: no violations.

    Raises ``InputError`` for a file that is no report of a known format, and for a record that is broken.
    """
    if dbu_per_micron is not None and dbu_per_micron <= 0:
        expected = "a whole number above 0"
        raise InputError("dbu_per_micron is not above 0", file=path, found=dbu_per_micron, expected=expected)
    text = load_text(path)
    if not text.strip():
        return Rows(path).violations()
    for form in _FORMATS:
        if form.recognises(text):
            return form.parse(text, path, dbu_per_micron) if form.in_dbu else form.parse(text, path)
    first = text.split(maxsplit=1)[0]
    line = text.count("\n", 0, text.index(first)) + 1
    raise InputError(
        "not a design-rule report of a known format",
        file=path,
        line=line,
        found=first,
        expected=" or ".join(form.begins for form in _FORMATS),
    )
