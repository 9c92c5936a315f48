"""Reports of OpenROAD's detailed router (``-output_drc``) and of TritonRoute before it.

A record is three lines, or four with a comment; widths of blanks differ from release to release::

    violation type: Short
        srcs: net:n1 net:n2
        bbox = (39.58, 44.1) - (39.65, 44.135) on Layer metal2

Since 2022 a source is prefixed (``net:``, ``iterm:``, ``bterm:``, ``inst:``, ``obstruction:``) and only ``net:`` ones
are nets. The reports of 2020 print plain names: ``instance/terminal``, ``PIN/terminal``, ``instance/OBS``, ``PIN/OBS``,
and a net by its bare name. There a source is taken as a net if it holds no ``/`` (an escaped one, ``\\/``, belongs to
the name); a net of a hierarchical name cannot be told from an instance's terminal, and is left out.
"""

from __future__ import annotations

import re

from placement_data.errors import InputError
from placement_data.reports.rows import NUMBER, Rows
from placement_data.text import PathLike
from placement_data.violations import Violations

BEGINS = "'violation type:' (OpenROAD)"

_START = re.compile(r"\s*violation[ \t]+type:", re.ASCII)
_NUMBER = rf"[ \t]*+({NUMBER})[ \t]*+"
_LINES = (
    (re.compile(r"violation[ \t]++type:[ \t]*+(\S.*+)"), "'violation type: KIND'"),
    (re.compile(r"srcs:[ \t]*+(.*+)"), "'srcs: SOURCES'"),
    (
        re.compile(
            rf"bbox[ \t]*+=[ \t]*+\({_NUMBER},{_NUMBER}\)[ \t]*+-[ \t]*+\({_NUMBER},{_NUMBER}\)"
            r"(?:[ \t]*+on[ \t]++Layer[ \t]*+(\S*+))?"
        ),
        "'bbox = (X, Y) - (X, Y) on Layer NAME'",
    ),
)
_PREFIXES = ("iterm:", "bterm:", "inst:", "obstruction:")
_PLAIN_OWNER = re.compile(r"(?<!\\)/")


def recognises(text: str) -> bool:
    """True where the text begins with such a report's first record."""
    return _START.match(text) is not None


def parse(text: str, path: PathLike) -> Violations:
    """The report's violations. Raises ``InputError`` with the line for a record that is broken or cut off."""
    rows = Rows(path)
    nets_of: dict[str, list[str]] = {}
    kind = ""
    nets: list[str] = []
    awaited = 0
    line = 0
    for line, row in enumerate(text.split("\n"), start=1):
        row = row.strip()
        found = _LINES[awaited][0].fullmatch(row)
        if found is None:
            if not row or (awaited == 2 and row.startswith("comment:")):
                continue
            raise InputError("record is broken", file=path, line=line, found=row, expected=_LINES[awaited][1])
        if awaited == 0:
            kind = found[1]
        elif awaited == 1:
            if found[1] not in nets_of:
                nets_of[found[1]] = source_nets(found[1])
            nets = nets_of[found[1]]
        else:
            rows.add(kind, found[5] or "", found.groups()[:4], line, nets)
        awaited = (awaited + 1) % 3
    if awaited:
        raise InputError("file ends inside a record", file=path, line=line, expected=_LINES[awaited][1])
    return rows.violations()


def source_nets(sources: str) -> list[str]:
    """Names of the nets among a record's sources, each once."""
    nets: dict[str, None] = {}
    for source in sources.split():
        if source.startswith("net:"):
            nets[source[4:]] = None
        elif not source.startswith(_PREFIXES) and not _PLAIN_OWNER.search(source):
            nets[source] = None
    return list(nets)
