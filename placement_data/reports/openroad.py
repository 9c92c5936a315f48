"""Reports of OpenROAD's detailed router (``-output_drc``) and of TritonRoute before it.

A record is three lines, or four with a comment; widths of blanks differ from release to release::

    violation type: Short
        srcs: net:n1 net:n2
        bbox = (39.58, 44.1) - (39.65, 44.135) on Layer metal2

Since 2022 a source is prefixed (``net:``, ``iterm:``, ``bterm:``, ``inst:``, ``obstruction:``) and only ``net:`` ones
are nets. The reports of 2020 print plain names: ``instance/terminal``, ``PIN/terminal``, ``instance/OBS``, ``PIN/OBS``,
and a net by its bare name. There a source that holds a ``/`` (an escaped one, ``\\/``, belongs to the name) may be a
net of a hierarchical name or an instance's terminal, which only the design can tell.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from placement_data.errors import InputError
from placement_data.reports.rows import NUMBER, Reads, Rows
from placement_data.text import PathLike
from placement_data.violations import Violations

READS = Reads(
    "OpenROAD, TritonRoute",
    "'violation type:' (OpenROAD)",
    "text of `detailed_route -output_drc` of all releases since 2020; an empty file is a clean report",
    "`net:NAME`; in reports of 2020 bare names, and those with `/` where the design has such a net",
    refused="broken and cut records",
)

_START = re.compile(r"\s*violation[ \t]+type:", re.ASCII)
_NUMBER = rf"[ \t]*+({NUMBER})(?:um)?[ \t]*+"
_LINES = (
    (re.compile(r"violation[ \t]++type:[ \t]*+(\S.*+)"), "'violation type: KIND'"),
    (re.compile(r"srcs:[ \t]*+(.*+)"), "'srcs: SOURCES'"),
    (
        re.compile(
            rf"bbox[ \t]*+=[ \t]*+\({_NUMBER},{_NUMBER}\)[ \t]*+-[ \t]*+\({_NUMBER},{_NUMBER}\)"
            r"(?:[ \t]*+on[ \t]++Layer[ \t]*+(\S*+))?",
        ),
        "'bbox = (X, Y) - (X, Y) on Layer NAME'",
    ),
)
_COMMENT = re.compile(r"(?:comment|congestion information)[ \t]*+:", re.IGNORECASE)
_PREFIXES = {"net", "iterm", "bterm", "inst", "instance", "component", "pin", "term", "obstruction", "blockage"}
_NO_NET = re.compile(r"PIN/.*|.*/OBS|N/A|-", re.IGNORECASE)
_PLAIN_OWNER = re.compile(r"(?<!\\)/")


def recognises(text: str) -> bool:
    """True where the text begins with such a report's first record."""
    return _START.match(text) is not None


def parse(text: str, path: PathLike) -> Violations:
    """The report's violations. Raises ``InputError`` with the line for a record that is broken or cut off."""
    rows = Rows(path)
    nets_of: dict[str, list[str]] = {}
    kind = ""
    nets: Sequence[str] = ()
    awaited = 0
    line = 0
    for line, row in enumerate(text.split("\n"), start=1):
        row = row.strip()
        found = _LINES[awaited][0].fullmatch(row)
        if found is None:
            if not row or (awaited == 2 and _COMMENT.match(row)):
                continue
            raise InputError("record is broken", file=path, line=line, found=row, expected=_LINES[awaited][1])
        if awaited == 0:
            kind = found[1]
        elif awaited == 1:
            if found[1] not in nets_of:
                nets_of[found[1]], may_be_pin = source_nets(found[1].split())
                if may_be_pin:
                    rows.may_be_pins(may_be_pin)
            nets = nets_of[found[1]]
        else:
            rows.add(kind, (found[5] or "").strip("-"), found.groups()[:4], line, nets)
        awaited = (awaited + 1) % 3
    if awaited:
        raise InputError("file ends inside a record", file=path, line=line, expected=_LINES[awaited][1])
    return rows.violations()


def source_nets(sources: Iterable[str]) -> tuple[list[str], list[str]]:
    """Names of the nets among a record's sources, each once, and those of them that may be names of pins."""
    nets: dict[str, None] = {}
    may_be_pin: list[str] = []
    before = ""  # a prefix that a blank stands behind
    for source in sources:
        if source.startswith("net:") and len(source) > 4:
            nets[source[4:]] = None
            before = ""
            continue
        prefix, colon, name = source.partition(":")
        if not colon or prefix.lower() not in _PREFIXES:
            prefix, name = before, source
        before = ""
        if not name:
            before = prefix.lower()
        elif prefix.lower() == "net":
            nets[name] = None
        elif not prefix and not _NO_NET.fullmatch(name):
            nets[name] = None
            if _PLAIN_OWNER.search(name):
                may_be_pin.append(name)
    return list(nets), may_be_pin
