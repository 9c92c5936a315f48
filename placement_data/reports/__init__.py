"""Readers of design-rule reports: one module per format, chosen by what the file holds, never by its name."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from placement_data.errors import InputError
from placement_data.reports import calibre, csv_, ieda, innovus, klayout, magic, markers, openroad
from placement_data.reports.rows import Reads, Rows
from placement_data.text import PathLike, load_text
from placement_data.violations import Violations

__all__ = ["READS", "Reads", "Violations", "read_report"]


class _Format(NamedTuple):
    reads: Reads
    recognises: Callable[[str], bool]
    parse: Callable[..., Violations]  # (text, path), and (text, path, dbu_per_micron) where in_dbu
    in_dbu: bool = False


# In this order: the last ones ask the least of a file.
_FORMATS = (
    _Format(openroad.READS, openroad.recognises, openroad.parse),
    _Format(innovus.READS, innovus.recognises, innovus.parse),
    _Format(klayout.READS, klayout.recognises, klayout.parse),
    _Format(markers.READS, markers.recognises, markers.parse),
    _Format(ieda.READS, ieda.recognises, ieda.parse, in_dbu=True),
    _Format(csv_.READS, csv_.recognises, csv_.parse),
    _Format(magic.READS, magic.recognises, magic.parse),
    _Format(calibre.READS, calibre.recognises, calibre.parse),
)

READS = tuple(form.reads for form in _FORMATS)
"""What each reader makes of its reports: the table of ``docs/ingest.md`` is that of these."""

# Tools and reports that are known and not read; looked for at the top of a file that is of none of the formats.
_NOT_READ = {
    "IC Validator": re.compile(r"LAYOUT[_ ]ERRORS|IC ?Validator|ICV[_ ]", re.IGNORECASE),
    "Hercules": re.compile(r"Hercules", re.IGNORECASE),
    "Pegasus or PVS": re.compile(r"\b(?:Pegasus|PVS|Physical Verification System)\b", re.IGNORECASE),
    "Assura": re.compile(r"Assura|\bDiva\b", re.IGNORECASE),
    "a summary of Calibre (its results database is read)": re.compile(r"CALIBRE(?:::DRC|.*SUMMARY REPORT)"),
    "a check of connectivity, not of design rules": re.compile(
        r"verify_?connectivity|check_connectivity", re.IGNORECASE
    ),
    "a check of antennas, not of design rules": re.compile(r"antenna", re.IGNORECASE),
}
_TOP = 4000  # characters


def read_report(path: PathLike, dbu_per_micron: int | None = None) -> Violations:
    """Read a design-rule report, plain or gzip, of OpenROAD, Innovus, KLayout, Calibre, Magic, iEDA or as CSV;
    UTF-8, Latin-1 or UTF-16 with a byte order mark, lines ended as on any system.

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
    known = next((name for name, words in _NOT_READ.items() if words.search(text, 0, _TOP)), None)
    if known:
        expected = " or ".join(reads.tool for reads in READS)
        raise InputError(f"a report of a form that is not read: {known}", file=path, line=1, expected=expected)
    first = text.split(maxsplit=1)[0]
    line = text.count("\n", 0, text.index(first)) + 1
    raise InputError(
        "not a design-rule report of a known format",
        file=path,
        line=line,
        found=first,
        expected=" or ".join(reads.begins for reads in READS),
    )
