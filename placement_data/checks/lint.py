"""``routenas data lint``: everything in LEF and DEF files that contradicts itself, not only the first of it.

A reader stops at the first mistake, since what follows cannot be trusted. Here every statement is read by itself and
every finding is kept, with the file and line that a person would go to.

========================  ============================================================================================
code                      finding
========================  ============================================================================================
``syntax``                a statement that cannot be read
``count``                 a section holds more or fewer statements than its header says
``missing``               DESIGN, UNITS or DIEAREA is not there; a MACRO or SITE has no SIZE
``duplicate``             a component, pin, net, special net, row, region, layer, site or macro of the same name came
                          before
``unknown-master``        a component's master is in no LEF
``unknown-component``     a net names a component that COMPONENTS lacks
``unknown-pin``           a net names a pin that the component's macro, or PINS, lacks
``unknown-net``           a pin of PINS belongs to a net that neither NETS nor SPECIALNETS has
``unknown-site``          a row's or macro's site is in no LEF
``unknown-layer``         tracks, a pin or a blockage name a layer that is in no LEF
``pin-on-two-nets``       a pin of a component is connected twice
``unknown-region``        a component or group names a region that REGIONS lacks
``outside-die``           a placed component does not lie on the die, or not all of it; the die's own outline counts
``outside-fence``         a placed component does not lie in the fence (REGION of TYPE FENCE) that it belongs to
``inside-fence``          a component that may move lies in a fence that it does not belong to
``units``                 the rows are the LEF's sites at another scale
========================  ============================================================================================
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import TypeVar

from placement_data.checks.placement import Fences, Placed, outside_die, outside_fences
from placement_data.cursor import Cursor
from placement_data.errors import InputError
from placement_data.findings import Finding, Findings
from placement_data.readers.def_.components import Component, component_of
from placement_data.readers.def_.geometry import read_blockages, read_ports
from placement_data.readers.def_.link import RawDesign, rows_of
from placement_data.readers.def_.nets import net_of
from placement_data.readers.def_.reader import FIRST_WORDS, read_statement, refuse_lef
from placement_data.readers.def_.regions import read_groups, read_regions
from placement_data.readers.def_.sections import (
    SECTIONS,
    SKIPPED_SECTIONS,
    Walker,
    not_in,
    open_section,
    skip_section,
    statement_end,
)
from placement_data.readers.def_.units import require_same_scale
from placement_data.readers.lef import Library, read_lef
from placement_data.text import PathLike, Source

T = TypeVar("T")
_ROW_OR_TOKEN = re.compile(rb"\n|[^ \n]+")

COUNTED = (
    "layers", "sites", "macros", "components", "pins", "nets", "special_nets", "rows", "tracks", "blockages",
)  # fmt: skip
_COUNTED_SECTIONS = {
    "COMPONENTS": "components",
    "PINS": "pins",
    "NETS": "nets",
    "SPECIALNETS": "special_nets",
    "BLOCKAGES": "blockages",
}


@dataclass
class Lint:
    """What the files hold and what is wrong with them."""

    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTED, 0))
    findings: list[Finding] = field(default_factory=list)

    def add(self, code: str, error: InputError) -> None:
        """Keep an error as a finding."""
        self.findings.append(Finding.of(code, error))

    def to_dict(self) -> dict[str, object]:
        """JSON form."""
        return {"counts": self.counts, "findings": [asdict(finding) for finding in self.findings]}


def lint(lef: Sequence[PathLike], def_: Sequence[PathLike]) -> Lint:
    """Check LEF files together and each DEF against them; without LEF files a DEF is only checked by itself.

    Raises ``InputError`` for a file that cannot be read as what it should be: absent, damaged, cut off, no LEF or DEF.
    """
    result = Lint()
    findings = Findings(lenient=True)
    result.findings = findings.found
    library: Library | None = None
    if lef:
        library = read_lef(lef, findings)
        result.counts["layers"] = len(library.layers.name)
        result.counts["sites"] = len(library.sites.name)
        result.counts["macros"] = len(library.masters.name)
    for path in def_:
        _Checker(path, library, result).run()
    result.findings.sort(key=lambda finding: (finding.file, finding.line))
    return result


class _Lines:
    """Line numbers of offsets that come in order, without counting from the beginning each time."""

    def __init__(self) -> None:
        self._source: Source | None = None
        self._offset = self._line = 0

    def at(self, source: Source, offset: int) -> int:
        """Line of an offset."""
        if source is not self._source or offset < self._offset:
            self._source, self._offset, self._line = source, 0, source.first_line
        self._line += source.data.count(b"\n", self._offset, offset)
        self._offset = offset
        return self._line


class _Checker:
    """Walks over one DEF and keeps what its parts say of each other."""

    def __init__(self, path: PathLike, library: Library | None, result: Lint) -> None:
        self._walker = Walker(path)
        self._raw = RawDesign(path)
        self._library, self._result = library, result
        self._lines = _Lines()
        self._components: dict[str, tuple[int, Component]] = {}
        self._ports: dict[str, tuple[int, str]] = {}
        self._nets: dict[str, tuple[int, None]] = {}
        self._special_nets: dict[str, tuple[int, None]] = {}
        self._rows: dict[str, tuple[int, None]] = {}
        self._regions: dict[str, tuple[int, None]] = {}
        self._fences = Fences()
        self._group_regions: list[tuple[int, str, str]] = []  # line, group, region
        self._row_lines: list[int] = []
        self._pins: list[tuple[int, str, str, str]] = []  # line, net, owner, pin
        self._connected: dict[tuple[str, str], str] = {}
        self._layers: list[tuple[int, str, str]] = []  # line, what, layer

    def run(self) -> None:
        """Read everything, then check the names."""
        walker = self._walker
        word = walker.token()
        refuse_lef(walker, word)
        if word not in FIRST_WORDS:
            expected = "a DEF statement such as VERSION or DESIGN"
            raise walker.source.error("not a DEF file", walker.offset, found=word, expected=expected)
        while (word := walker.token()) != "END":
            if not word:
                raise walker.source.cut_off("before END DESIGN", "END DESIGN")
            self._next(word)
        for name in ("DESIGN", "UNITS", "DIEAREA"):
            if not {"DESIGN": self._raw.name, "UNITS": self._raw.dbu_per_micron, "DIEAREA": self._raw.die}[name]:
                self._add("missing", walker.source.error(f"{name} is missing", walker.offset))
        self._check()

    def _add(self, code: str, error: InputError) -> None:
        self._result.add(code, error)

    def _find(self, code: str, line: int, what: str, found: object = None, expected: str | None = None) -> None:
        self._add(code, InputError(what, file=self._raw.path, line=line, found=found, expected=expected))

    def _next(self, word: str) -> None:
        walker = self._walker
        if word in SECTIONS:
            self._section(word)
        elif word == "BEGINEXT" or word in SKIPPED_SECTIONS:
            skip_section(walker, word)
        else:
            refuse_lef(walker, word)
            line = self._lines.at(walker.source, walker.offset)
            cursor = walker.statement(word)
            before = len(self._raw.rows), len(self._raw.tracks)
            try:
                read_statement(self._raw, word, cursor)
            except InputError as error:
                self._add("syntax", error)
            if len(self._raw.rows) > before[0]:
                self._result.counts["rows"] += 1
                self._row_lines.append(line)
                self._name(self._rows, self._raw.rows[-1].name, line, None, "row")
            if len(self._raw.tracks) > before[1]:
                self._result.counts["tracks"] += 1
                self._layers += [(line, "TRACKS name", track[4]) for track in self._raw.tracks[before[1] :]]

    def _section(self, word: str) -> None:
        section = open_section(self._walker, word)
        found = 0
        for part in section.parts():
            for cursor in _recovering(part, word, self._add):
                found += 1
                line = self._lines.at(part, cursor.span[0])
                try:
                    self._statement(word, cursor, line)
                except InputError as error:
                    self._add("syntax", error)
        if word in _COUNTED_SECTIONS:
            self._result.counts[_COUNTED_SECTIONS[word]] += found
        try:
            section.check_count(found)
        except InputError as error:
            self._add("count", error)

    def _statement(self, word: str, cursor: Cursor, line: int) -> None:
        if word == "COMPONENTS":
            component = component_of(cursor)
            self._name(self._components, component.name, line, component, "component")
        elif word == "PINS":
            ports = read_ports([cursor])
            self._name(self._ports, ports.name[0], line, ports.net[0], "pin")
        elif word == "NETS":
            net = net_of(cursor)
            if net.name != "MUSTJOIN":
                self._name(self._nets, net.name, line, None, "net")
                self._pins += [
                    (line + row, net.name, owner, pin)
                    for row, owner, pin in zip(_rows_of_pins(cursor), net.owner, net.pin, strict=True)
                ]
        elif word == "SPECIALNETS":
            self._name(self._special_nets, cursor.name("the name of a net"), line, None, "special net")
        elif word == "BLOCKAGES":
            blockages = read_blockages([cursor])
            self._layers += [(line, "a blockage names", layer) for layer in set(blockages.layer) if layer]
        elif word == "REGIONS":
            region = read_regions([cursor])
            if self._name(self._regions, region.name[0], line, None, "region"):
                self._fences.add_region(region)
        elif word == "GROUPS":
            group = read_groups([cursor])
            self._fences.add_group(group)
            self._group_regions += [(line, group.name[0], region) for region in group.region if region]

    def _name(self, table: dict[str, tuple[int, T]], name: str, line: int, entry: T, kind: str) -> bool:
        """Enter a name and say whether it is new; one that is there already is a finding."""
        if name in table:
            expected = f"one; the first is in line {table[name][0]}"
            self._find("duplicate", line, f"{kind} {name} is there twice", expected=expected)
            return False
        table[name] = line, entry
        return True

    # ------------------------------------------------------------------ names

    def _check(self) -> None:
        self._check_nets()
        nets = self._nets.keys() | self._special_nets.keys()
        for name, (line, net) in self._ports.items():
            if self._nets and net and net not in nets:  # a floorplan may come without NETS
                what = f"pin {name} belongs to an unknown net"
                self._find("unknown-net", line, what, net, "one of NETS or SPECIALNETS")
        self._check_places()
        library = self._library
        if library is None:
            return
        masters = set(library.masters.name.tolist())
        for name, (line, component) in self._components.items():
            if component.master not in masters:
                what = f"master of component {name} is in no LEF"
                self._find("unknown-master", line, what, component.master, "the name of a MACRO")
        sites, layers = set(library.sites.name.tolist()), set(library.layers.name.tolist())
        for line, row in zip(self._row_lines, self._raw.rows, strict=True):
            if sites and row.site not in sites:
                self._find("unknown-site", line, f"site of row {row.name} is in no LEF", row.site, "the name of a SITE")
        for line, what, layer in self._layers:
            if layer and layers and layer not in layers:
                self._find("unknown-layer", line, f"{what} a layer that is in no LEF", layer, "the name of a LAYER")
        if self._raw.dbu_per_micron:
            try:
                rows = rows_of(self._raw.rows, library, self._raw.dbu_per_micron)
                require_same_scale(rows, library.sites, self._raw.dbu_per_micron, str(self._raw.path))
            except InputError as error:
                self._add("units", error)

    def _check_nets(self) -> None:
        pins_of = None if self._library is None else _pins_of(self._library)
        for line, net, owner, pin in self._pins:
            what = f"net {net} names an unknown"
            if owner == "PIN":
                if pin not in self._ports:
                    self._find("unknown-pin", line, f"{what} pin", pin, "one of PINS")
                continue
            if owner == "*" and owner not in self._components:
                continue
            if owner not in self._components:
                self._find("unknown-component", line, f"{what} component", owner, "one of COMPONENTS")
                continue
            master = self._components[owner][1].master
            if pins_of is not None and pin not in pins_of.get(master, {pin}):
                what = f"{what} pin of component {owner}"
                self._find("unknown-pin", line, what, pin, f"a pin of master {master}")
            first = self._connected.setdefault((owner, pin), net)
            if first != net:
                what = f"pin {pin} of component {owner} is on net {net}"
                self._find("pin-on-two-nets", line, what, expected=f"one net; it is on {first} already")

    def _check_places(self) -> None:
        placed = Placed.of(self._components, self._library, self._raw.dbu_per_micron or 1)
        members = [(name, one.region) for name, (_, one) in self._components.items() if one.region is not None]
        for name, region in members:
            if region not in self._regions:
                what = f"component {name} names an unknown region"
                self._find("unknown-region", self._components[name][0], what, region, "one of REGIONS")
        found = [*outside_fences(placed, self._fences, members)]
        if self._raw.die:
            found += outside_die(placed, self._raw.die)
        for one in found:
            self._find(one.code, one.line, one.what, one.found, one.expected)
        for line, group, region in self._group_regions:
            if region not in self._regions:
                self._find("unknown-region", line, f"group {group} names an unknown region", region, "one of REGIONS")


def _recovering(part: Source, name: str, add: Callable[[str, InputError], None]) -> Iterator[Cursor]:
    """Statements of a stretch of section ``name``; what is none of it is a finding and stepped over."""
    offset = 0
    while True:
        word, begin = part.token(offset)
        if not word:
            return
        offset = statement_end(part, begin, len(part.data))
        if word == "-":
            cursor = Cursor(part, begin, offset, f"inside {name}")
            cursor.position = 1
            yield cursor
        else:
            add("syntax", not_in(part, begin, name))


def _rows_of_pins(cursor: Cursor) -> list[int]:
    """Lines, from the statement's first, that the pins of a net stand on."""
    rows: list[int] = []
    row = 0
    inside = False
    for found in _ROW_OR_TOKEN.finditer(cursor.source.data, *cursor.span):
        token = found[0]
        if token == b"\n":
            row += 1
        elif token == b"(":
            rows.append(row)
            inside = True
        elif token == b")":
            inside = False
        elif token == b"+" and not inside:
            break
    return rows


def _pins_of(library: Library) -> dict[str, set[str]]:
    masters = library.masters
    pins = masters.pin_name.tolist()
    offset = masters.pin_offset.tolist()
    return {name: set(pins[start:end]) for name, start, end in zip(masters.name, offset, offset[1:], strict=False)}
