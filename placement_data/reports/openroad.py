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

import numpy as np

from placement_data.errors import InputError
from placement_data.readers.text import PathLike
from placement_data.violations import Violations

_START = re.compile(r"\s*violation[ \t]+type:", re.ASCII)
# Bounded, so that every coordinate fits in int64 as database units.
_NUMBER = r"[ \t]*([+-]?(?:[0-9]{1,9}\.?[0-9]{0,12}|\.[0-9]{1,12})(?:[eE](?:-[0-9]{1,2}|\+?0?[0-5]))?)[ \t]*"
_LINES = (
    (re.compile(r"[ \t]*violation[ \t]+type:[ \t]*(\S.*?)[ \t\r]*"), "'violation type: KIND'"),
    (re.compile(r"[ \t]*srcs:[ \t]*(.*?)[ \t\r]*"), "'srcs: SOURCES'"),
    (
        re.compile(
            rf"[ \t]*bbox[ \t]*=[ \t]*\({_NUMBER},{_NUMBER}\)[ \t]*-[ \t]*\({_NUMBER},{_NUMBER}\)"
            r"(?:[ \t]*on[ \t]+Layer[ \t]*(\S*))?[ \t\r]*"
        ),
        "'bbox = (X, Y) - (X, Y) on Layer NAME'",
    ),
)
_COMMENT = re.compile(r"[ \t]*comment:.*")
_PREFIXES = ("iterm:", "bterm:", "inst:", "obstruction:")
_PLAIN_OWNER = re.compile(r"(?<!\\)/")


def recognises(text: str) -> bool:
    """True where the text begins with such a report's first record."""
    return _START.match(text) is not None


def parse(text: str, path: PathLike) -> Violations:
    """The report's violations. Raises ``InputError`` with the line for a record that is broken or cut off."""
    kinds: list[str] = []
    layers: list[str] = []
    boxes: list[tuple[str, ...]] = []
    nets: list[str] = []
    ends = [0]
    nets_of: dict[str, list[str]] = {}
    awaited = 0
    line = 0
    for line, row in enumerate(text.split("\n"), start=1):
        found = _LINES[awaited][0].fullmatch(row)
        if found is None:
            if not row or row.isspace() or (awaited == 2 and _COMMENT.fullmatch(row)):
                continue
            raise InputError("record is broken", file=path, line=line, found=row.strip(), expected=_LINES[awaited][1])
        if awaited == 0:
            kinds.append(found[1])
        elif awaited == 1:
            if found[1] not in nets_of:
                nets_of[found[1]] = _nets(found[1])
            nets += nets_of[found[1]]
            ends.append(len(nets))
        else:
            boxes.append(found.groups()[:4])
            layers.append(found[5] or "")
        awaited = (awaited + 1) % 3
    if awaited:
        raise InputError("file ends inside a record", file=path, line=line, expected=_LINES[awaited][1])
    corner = np.array(boxes, dtype=np.float64).reshape(-1, 2, 2)
    box = np.concatenate([corner.min(axis=1), corner.max(axis=1)], axis=1)
    return Violations(
        np.array(kinds, dtype=object),
        np.array(layers, dtype=object),
        box,
        np.array(ends, dtype=np.int64),
        np.array(nets, dtype=object),
        str(path),
    )


def _nets(sources: str) -> list[str]:
    """Names of the nets among a record's sources, each once."""
    nets: dict[str, None] = {}
    for source in sources.split():
        if source.startswith("net:"):
            nets[source[4:]] = None
        elif not source.startswith(_PREFIXES) and not _PLAIN_OWNER.search(source):
            nets[source] = None
    return list(nets)
