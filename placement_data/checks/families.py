"""Designs of different names that share logic: what no split by name can keep apart.

The bundled table holds the families of the usual academic suites. A design's name is compared without case, punctuation
and the suffixes that tools append (``b14_opt``, ``B14.1``); a user's CSV adds to the table and overrules it.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from os import PathLike
from pathlib import Path

from placement_data.errors import InputError
from placement_data.names import common

_SUFFIX = re.compile(r"_(opt|orig|syn|synth|netlist|mapped|flat|placed|final|core|top|wrapper)$")
_VARIANT = re.compile(r"_?(v?\d+|[a-e])$")


@dataclass(frozen=True)
class Relation:
    """Why a design belongs to a family."""

    family: str
    basis: str


# Regular expressions that match a whole normalised name (see normal_name); the first that matches counts.
_TABLE: tuple[tuple[str, str, str], ...] = (
    # ITC'99: b17 is built from b15, b18 from b14 and b17, b19 from b18; b20, b21 and b22 from b14.
    (r"b(14|15|17|18|19|20|21|22)(_1)?(_c)?", "itc99-large", "containment"),
    (r"(b(0[1-9]|1[0-3]))(_1)?(_c)?", r"itc99-\1", "name variant"),
    # ISCAS'85: c1355 is c499 with its exclusive-ors expanded.
    (r"c(499|1355)", "iscas85-ecc32", "same function"),
    (r"(c\d{2,4})([ns]r?)?", r"iscas85-\1", "name variant"),
    # ISCAS'89 near-twins.
    (r"s(344|349)", "iscas89-s344", "near-twin"),
    (r"s(382|400|444|526)n?", "iscas89-s382", "near-twin"),
    (r"s(208|420|838)(_1)?a?", "iscas89-s208", "near-twin"),
    (r"s(641|713)", "iscas89-s641", "near-twin"),
    (r"s(820|832)", "iscas89-s820", "near-twin"),
    (r"s(1196|1238)", "iscas89-s1196", "near-twin"),
    (r"s(1488|1494)", "iscas89-s1488", "near-twin"),
    (r"(s\d{2,5})(_1)?", r"iscas89-\1", "name variant"),
    # ISPD contests and the OpenCores designs that they were made from.
    (r"(mgc_)?des_perf(_[a-z0-9]+)*", "opencores-des-perf", "name variant"),
    (r"(mgc_)?fft(_(1|2|a|b|ispd\w*))*", "ispd-fft", "name variant"),
    (r"(mgc_)?matrix_mult(_[a-z0-9]+)*", "ispd-matrix-mult", "name variant"),
    (r"(mgc_)?pci(_bridge(32)?)?(_[a-z0-9]+)*", "opencores-pci", "name variant"),
    (r"(mgc_)?edit_dist(_[a-z0-9]+)*", "ispd-edit-dist", "name variant"),
    (r"(mgc_)?(superblue\d+)(_a)?", r"\2", "name variant"),
    (r"cordic(_ispd\w*|_[a-z0-9])*", "ispd-cordic", "name variant"),
    (r"vga_lcd(_[a-z0-9]+)*|vga_enh", "opencores-vga-lcd", "name variant"),
    (r"aes|aes_(cipher|128|192|256|ip|inv_cipher|nangate45|sky130\w*)(_[a-z0-9]+)*", "opencores-aes", "name variant"),
    (r"(ethernet|ethmac)(_[0-9]+)?", "opencores-ethmac", "name variant"),
    (r"(simple_)?spi|spi_master", "opencores-spi", "name variant"),
    # CircuitNet: RISCY-FPU is RISCY with a unit more; -a and -b only tell the number of macros. CV32E40P is today's
    # name of RISCY (RI5CY), Ibex that of zero-riscy.
    (r"(riscy|ri5cy|cv32e40p)(_fpu)?(_[ab])?(_\w+)?", "pulp-ri5cy", "name variant"),
    (r"(zero_?riscy|ibex)(_fpu)?(_[ab])?(_\w+)?", "pulp-zero-riscy", "name variant"),
    (r"(nvdla|vortex|openc910)(_\w+)?", r"\1", "name variant"),
    (r"(ariane|cva6)(_?\d+)?", "ariane", "name variant"),
    (r"(black_?parrot|bp_(be|fe|multi|quad|single|uno))(_\w+)?", "black-parrot", "containment"),
    (r"(swerv|veer)(_\w+)?", "swerv", "name variant"),
)
# Designs of one origin that are nevertheless different designs.
_RELATED: tuple[tuple[str, str, str], ...] = (
    (r"(zero_?)?(riscy|ri5cy)(_\w+)?|cv32e40p(_\w+)?|ibex(_\w+)?", "pulp-riscy", "related cores"),
)


def _compiled(table: Iterable[tuple[str, str, str]]) -> tuple[tuple[re.Pattern[str], str, str], ...]:
    return tuple((re.compile(pattern), family, basis) for pattern, family, basis in table)


_FAMILIES, _RELATIVES = _compiled(_TABLE), _compiled(_RELATED)


def normal_name(design: str) -> str:
    """A design's name in lower case, words joined by ``_``, without what tools append to it."""
    name = re.sub(r"[^a-z0-9]+", "_", design.lower()).strip("_")
    while (shorter := _SUFFIX.sub("", name)) != name and shorter:
        name = shorter
    return name


def base_name(design: str) -> str:
    """The name without what counts variants, too: ``fft_2`` and ``fft_b`` become ``fft``. Short names stay whole."""
    name = normal_name(design)
    base = _VARIANT.sub("", name)
    return base if len(re.sub(r"[^a-z]", "", base)) >= 3 else name


class Families:
    """The bundled table and what a user adds: ``mine`` maps names or glob patterns of designs to families.

    A name in any spelling (see :mod:`placement_data.names`) goes before the patterns: ``core[0]`` is a name first.
    """

    def __init__(self, mine: Mapping[str, str] | None = None) -> None:
        self.mine = {pattern.lower(): family for pattern, family in (mine or {}).items()}

    def of(self, design: str) -> Relation | None:
        """The family that a design is known to belong to, None for an unknown one."""
        name = common(design).casefold()
        same = (family for pattern, family in self.mine.items() if common(pattern).casefold() == name)
        alike = (family for pattern, family in self.mine.items() if fnmatchcase(design.lower(), pattern))
        for family in (*same, *alike):
            return Relation(family, "your table")
        return _find(_FAMILIES, design)

    def widest(self, design: str) -> Relation | None:
        """The widest circle that a design is known to belong to: its related designs, else its family."""
        return _find(_RELATIVES, design) or self.of(design)

    def groups(self, designs: Iterable[str]) -> dict[str, tuple[str, tuple[str, ...]]]:
        """Basis and designs of every known family that several of ``designs`` belong to."""
        return _groups(designs, self.of)

    def related(self, designs: Iterable[str]) -> dict[str, tuple[str, tuple[str, ...]]]:
        """The same of designs that are only related: one origin, but not one logic."""
        return _groups(designs, lambda design: _find(_RELATIVES, design))


def _find(table: Iterable[tuple[re.Pattern[str], str, str]], design: str) -> Relation | None:
    name = normal_name(design)
    for known, family, basis in table:
        match = known.fullmatch(name)
        if match:
            return Relation(match.expand(family), basis)
    return None


def _groups(designs: Iterable[str], of: Callable[[str], Relation | None]) -> dict[str, tuple[str, tuple[str, ...]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for design in sorted(set(designs)):
        relation = of(design)
        if relation is not None:
            found.setdefault(relation.family, []).append((relation.basis, design))
    return {
        family: (members[0][0], tuple(design for _, design in members))
        for family, members in found.items()
        if len(members) > 1
    }


def read_families(path: str | PathLike[str]) -> dict[str, str]:
    """A user's table: a CSV with the columns ``design`` (a name or a glob pattern) and ``family``.

    Raises :class:`InputError` with file and line.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("the table of families cannot be read", file=path, found=str(error)) from None
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    table: dict[str, str] = {}
    try:
        missing = [name for name in ("design", "family") if name not in (reader.fieldnames or ())]
        if missing:
            raise InputError(f"column '{missing[0]}' is missing", file=path, line=1, expected="design, family")
        for fields in reader:
            design, family = ((fields[name] or "").strip() for name in ("design", "family"))
            if None in fields or not design or not family:
                raise InputError("a row needs a design and a family", file=path, line=reader.line_num)
            if table.setdefault(design, family) != family:
                raise InputError(
                    f"design {design} is in two families", file=path, line=reader.line_num, found=family,
                    expected=f"'{table[design]}' as above",
                )  # fmt: skip
    except csv.Error as error:
        raise InputError(f"not CSV ({error})", file=path, line=reader.line_num) from None
    return table
