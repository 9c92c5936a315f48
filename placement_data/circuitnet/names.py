"""What CircuitNet calls things: its maps and their folders, its designs, and the settings in its sample names.

Facts from the data set's documentation (circuitnet.github.io) and its lists of samples. Three naming schemes:

- N28: ``9276-zero-riscy-b-1-c5-u0.85-m4-p5-f0``; the leading number may be missing
- N14: ``RISCY_freq_50_mp_1_fpu_60_fpa_1.0_p_7_fi_ar``
- ISPD 2015: the name of the benchmark, ``mgc_fft_a``
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Literal

from placement_data.checks.families import Families
from placement_data.errors import InputError

FamilyRule = Literal["core", "design", "table"]

_EARLY = "congestion/congestion_early_global_routing/overflow_based/congestion_eGR_"
_GLOBAL = "congestion/congestion_global_routing/overflow_based/congestion_GR_"

PLACEMENT_MAPS: Mapping[str, str] = {
    "macro_region": "macro_region",
    "cell_density": "cell_density",
    "RUDY": "RUDY/RUDY",
    "RUDY_long": "RUDY/RUDY_long",
    "RUDY_short": "RUDY/RUDY_short",
    "RUDY_pin": "RUDY/RUDY_pin",
    "RUDY_pin_long": "RUDY/RUDY_pin_long",
}
"""Folder of each map that is known before routing."""

ROUTER_MAPS: Mapping[str, str] = {
    "congestion_eGR_horizontal_overflow": f"{_EARLY}horizontal_overflow",
    "congestion_eGR_vertical_overflow": f"{_EARLY}vertical_overflow",
    "congestion_GR_horizontal_overflow": f"{_GLOBAL}horizontal_overflow",
    "congestion_GR_vertical_overflow": f"{_GLOBAL}vertical_overflow",
}
"""Folder of each overflow map of the early and the final global router: as inputs of a pre-route predictor a leak."""

DRC_TASK_CHANNELS = ("macro_region", "cell_density", "RUDY_long", "RUDY_short", "RUDY_pin_long", *ROUTER_MAPS)
"""The nine channels of CircuitNet's DRC task in the order of its prepared training set."""

DRC_ALL = "DRC_all"
DRC_FOLDER = "DRC/DRC_all"
DRC_TYPES_FOLDERS = ("drc_seperated", "drc_separated")
"""Folders that hold a folder of maps a violation type, in lower case; CircuitNet's spelling is the first."""

COUNTS_CLIP = 200.0
"""CircuitNet's prepared label is the number of violations, clipped to this and divided by it."""

# RISCY-FPU is RISCY with another unit. The bundled table has zero-riscy with them, which would leave N28 one family.
_CORES = (("zero-riscy", "zero-riscy"), ("riscy", "RISCY"))
_N28 = re.compile(
    r"(?:(?P<number>\d+)-)?(?P<design>[A-Za-z][\w-]*)-(?P<macro_setting>\d+)-c(?P<clock>\d+(?:\.\d+)?)"
    r"-u(?P<utilization>\d+(?:\.\d+)?)-m(?P<macro_placement>\d+)-p(?P<power_mesh>\d+)-f(?P<filler>[01])"
)
_N14 = re.compile(
    r"(?P<design>[A-Za-z][\w-]*)_freq_(?P<frequency>\d+(?:\.\d+)?)_mp_(?P<macro_placement>\d+)"
    r"_fpu_(?P<percent>\d+(?:\.\d+)?)_fpa_(?P<aspect_ratio>\d+(?:\.\d+)?)_p_(?P<power_mesh>\d+)_fi_(?P<filler>ap|ar)_?"
)
_ISPD2015 = re.compile(r"mgc_(des_perf|edit_dist|fft|matrix_mult|pci_bridge32|superblue\d+)(_[0-9a-z])?")
_FILLER = {"1": "after placement", "0": "after routing", "ap": "after placement", "ar": "after routing"}


@dataclass(frozen=True)
class Name:
    """What a sample's name tells: its design, the family of it, and the settings of synthesis and layout as text."""

    design: str
    family: str
    attributes: Mapping[str, str] = field(default_factory=dict)


def parse_name(
    sample: str, families: FamilyRule = "core", designs: Mapping[str, tuple[str, str]] | None = None
) -> Name:
    """Design, family and settings of a sample.

    ``families`` "core" makes one family of the designs around one core (RISCY with and without FPU, any macro count);
    "design" one of each design name, as in CircuitNet's own split; "table" follows ``placement_data.checks.families``
    throughout, for which RISCY and zero-riscy are one family of related cores. ``designs`` maps samples to (design,
    family) and goes before the name. Raises ``InputError`` where neither tells: a design by guess would put placements
    of one design on both sides of a split.
    """
    found = _n28(sample) or _n14(sample)
    if designs is not None and sample in designs:
        design, family = designs[sample]
        return Name(design, family, found[1] if found else {})
    if found:
        return Name(found[0], _family(found[0], families), found[1])
    if _ISPD2015.fullmatch(sample):
        return Name(sample, _family(sample, families))
    raise InputError(
        "the name of a sample does not tell its design", found=sample,
        expected="CircuitNet N28, N14 or ISPD 2015 naming, or a table with the columns sample, design, family",
    )  # fmt: skip


def read_designs(path: str | PathLike[str]) -> dict[str, tuple[str, str]]:
    """(design, family) by sample from a CSV with the columns sample, design, family; raises ``InputError``."""
    columns = ("sample", "design", "family")
    table: dict[str, tuple[str, str]] = {}
    family_of: dict[str, str] = {}
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            if missing := [name for name in columns if name not in (reader.fieldnames or ())]:
                raise InputError(f"column '{missing[0]}' is missing", file=path, line=1, expected=", ".join(columns))
            for row in reader:
                sample, design, family = (str(row[name] or "") for name in columns)
                if not (sample and design and family):
                    raise InputError("an empty field", file=path, line=reader.line_num, expected=", ".join(columns))
                if sample in table:
                    raise InputError("a sample is named twice", file=path, line=reader.line_num, found=sample)
                if family_of.setdefault(design, family) != family:
                    what = f"design {design} is in two families"
                    raise InputError(what, file=path, line=reader.line_num, found=family, expected=family_of[design])
                table[sample] = design, family
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError("the table of designs cannot be read", file=path, found=str(error)) from None
    return table


def _family(design: str, rule: FamilyRule) -> str:
    if rule == "design":
        return design
    if rule == "core":
        for prefix, family in _CORES:
            if design.lower().startswith(prefix):
                return family
    relation = Families().widest(design)
    return relation.family if relation else design


def _n28(sample: str) -> tuple[str, dict[str, str]] | None:
    match = _N28.fullmatch(sample)
    if match is None or float(match["clock"]) <= 0:
        return None
    kept = ("number", "macro_setting", "utilization", "macro_placement", "power_mesh")
    attributes = {"node": "28 nm", **{name: match[name] for name in kept if match[name] is not None}}
    attributes |= {"frequency_mhz": f"{1000 / float(match['clock']):g}", "filler": _FILLER[match["filler"]]}
    return match["design"], attributes


def _n14(sample: str) -> tuple[str, dict[str, str]] | None:
    match = _N14.fullmatch(sample)
    if match is None:
        return None
    attributes = {"node": "14 nm", **{name: match[name] for name in ("macro_placement", "power_mesh", "aspect_ratio")}}
    attributes |= {
        "frequency_mhz": f"{float(match['frequency']):g}",
        "utilization": f"{float(match['percent']) / 100:g}",
        "filler": _FILLER[match["filler"]],
    }
    return match["design"], attributes
