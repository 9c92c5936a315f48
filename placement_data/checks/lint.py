"""``routenas data lint``: everything in LEF and DEF files that contradicts itself or is not read, not only the first.

It is the reader of ``ingest`` and ``score``, run to its end: where that refuses a file, lint keeps the error, leaves
the statement out and goes on, and what that steps over is listed one by one, with the file and line that a person would
go to. Looked for here is only what is read and makes no sense: pins on two nets, and components out of their place.

========================  ============================================================================================
code                      finding
========================  ============================================================================================
``syntax``                a statement that cannot be read
``count``                 a section holds more or fewer statements than its header says
``missing``               DESIGN, UNITS or DIEAREA is not there; a MACRO or SITE has no SIZE
``no-components``         no component is placed; ingest and score refuse the layout
``no-nets``               no signal net; ingest and score refuse the layout
``no-ports``, ``no-rows``, ``no-tracks``, ``no-pin-shapes``  PINS, ROW or TRACKS are missing; the LEF says nothing of
                          where pins are
``duplicate``             a component, pin, net, special net, row, via, region or group of the same name came before; a
                          layer, site, via or macro did, and says something else; a pin of a macro did
``unknown-word``          a statement or option begins with a word that LEF and DEF 5.3 to 5.8 do not have there
``ignored``               text behind END DESIGN
``unknown-master``        a component's master is in no LEF
``unknown-component``     a net, group or blockage names a component that COMPONENTS lacks
``unknown-pin``           a net names a pin that the component's macro, or PINS, lacks
``unknown-net``           a pin of PINS belongs to a net that neither NETS nor SPECIALNETS has
``unknown-site``          a row's or macro's site is in no LEF
``unknown-layer``         tracks, a pin, obstruction, blockage, via or special wire name a layer that is in no LEF
``unknown-via``           a pin, obstruction or special net names a via that nothing defines
``unknown-region``        a component or group names a region that REGIONS lacks
``pin-on-two-nets``       a pin of a component is connected twice
``outside-die``           a placed component does not lie on the die, or not all of it; the die's own outline counts
``outside-fence``         a placed component does not lie in the fence (REGION of TYPE FENCE) that it belongs to
``inside-fence``          a component that may move lies in a fence that it does not belong to
``units``                 the rows are the LEF's sites at another scale
========================  ============================================================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

import numpy as np

from placement_data.checks.placement import misplaced
from placement_data.design import Design
from placement_data.errors import InputError
from placement_data.findings import Finding, Findings
from placement_data.gaps import gaps, refusals
from placement_data.readers.def_.link import link
from placement_data.readers.def_.raw import RawDesign
from placement_data.readers.def_.reader import parse_def
from placement_data.readers.def_.units import require_same_scale
from placement_data.readers.lef import Library, read_lef
from placement_data.text import PathLike

COUNTED = (
    "layers", "sites", "macros", "components", "pins", "nets", "special_nets", "rows", "tracks", "blockages",
)  # fmt: skip
# A floorplan is not placed yet, and may be without a power grid: those gaps are no contradictions.
_GAPS = ("no-rows", "no-tracks", "no-ports", "no-pin-shapes")


@dataclass
class Lint:
    """What the files hold and what is wrong with them."""

    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTED, 0))
    findings: list[Finding] = field(default_factory=list)

    def to_dict(self) -> dict[str, object]:
        """JSON form."""
        return {"counts": self.counts, "findings": [asdict(finding) for finding in self.findings]}


def lint(lef: Sequence[PathLike], def_: Sequence[PathLike]) -> Lint:
    """Check LEF files together and each DEF against them; without LEF files a DEF is only checked by itself.

    Raises ``InputError`` for a file that cannot be read as what it should be: absent, damaged, cut off, no LEF or DEF.
    """
    result = Lint()
    library = Library.empty()
    if lef:
        findings = Findings(lenient=True)
        library = read_lef(lef, findings)
        result.findings += findings.found
        names = {"layers": library.layers.name, "sites": library.sites.name, "macros": library.masters.name}
        result.counts |= {what: len(column) for what, column in names.items()}
    for path in def_:
        result.findings += _lint_def(path, library, bool(lef), result.counts)
    result.findings.sort()
    return result


def _lint_def(path: PathLike, library: Library, with_lef: bool, counts: dict[str, int]) -> list[Finding]:
    findings = Findings(lenient=True)
    raw = parse_def(path, findings)
    raw.name, raw.dbu_per_micron = raw.name or "", raw.dbu_per_micron or 1
    on_die = bool(raw.die)
    raw.die = raw.die or [(0, 0)]
    design = link(raw, library, masters_known=with_lef)
    for name, held in (
        ("components", raw.components.name), ("pins", raw.ports.name), ("nets", raw.nets.name),
        ("special_nets", raw.special_nets.name), ("rows", raw.rows), ("tracks", {row.line for row in raw.tracks}),
        ("blockages", set(raw.blockages.line)),
    ):  # fmt: skip
        counts[name] += len(held)
    for code, error in refusals(design):
        findings.error(code, error)
    findings.found += [one for one in gaps(design) if one.code in _GAPS]
    _check_pins(raw)
    _check_places(raw, design, on_die)
    if with_lef:
        try:
            require_same_scale(design.rows, design.sites, design.dbu_per_micron, str(path))
        except InputError as error:
            findings.error("units", error)
    return findings.found


def _check_pins(raw: RawDesign) -> None:
    """Note pins of components that are on two nets."""
    nets = raw.nets
    owner = raw.components.table.find(nets.owner)
    net = np.repeat(np.arange(len(nets.name)), nets.fan)
    rows = np.flatnonzero(owner >= 0)
    key = owner[rows].astype(np.int64) * max(len(nets.vocabulary.words), 1) + nets.pin[rows]
    order = np.argsort(key, kind="stable")
    again, first = rows[order], np.r_[True, key[order][1:] != key[order][:-1]][: len(order)]
    of_first = again[np.maximum.accumulate(np.where(first, np.arange(len(order)), 0))]
    wrong = np.flatnonzero(net[again] != net[of_first])

    def errors(places: Sequence[int]) -> list[InputError]:
        pins, others = again[list(places)], net[of_first[list(places)]]
        statements = raw.statements("NETS", nets.row[net[pins]])
        number = pins - np.searchsorted(net, net[pins])
        found = []
        for cursor, pin, place, other in zip(statements, pins, number, others, strict=True):
            at = [place for place, token in enumerate(cursor.tokens) if token == "("][place]
            what = f"pin {cursor.tokens[at + 2]} of component {cursor.tokens[at + 1]} is on net {nets.name[net[pin]]}"
            expected = f"one net; it is on {nets.name[other]} already"
            line = cursor.source.line(cursor.offset(at))
            found.append(InputError(what, file=raw.path, line=line, expected=expected))
        return found

    raw.tell("pin-on-two-nets", wrong.tolist(), errors, refuse=False)


def _check_places(raw: RawDesign, design: Design, on_die: bool) -> None:
    """Note components off the die or their fence."""
    found = list(misplaced(design, on_die=on_die))
    cells = sorted({one.cell for one in found})
    statements = raw.statements("COMPONENTS", raw.components.row[cells]) if cells else []
    line = {cell: one.source.line(one.span[0]) for cell, one in zip(cells, statements, strict=True)}
    for one in found:
        error = InputError(one.what, file=raw.path, line=line[one.cell], found=one.found, expected=one.expected)
        raw.findings.error(one.code, error)
