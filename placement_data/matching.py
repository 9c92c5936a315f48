"""Whether a report belongs to a layout, and which of the layout's nets it names."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from os import PathLike

import numpy as np
from numpy.typing import NDArray

from placement_data.columns import owners
from placement_data.design import Design
from placement_data.errors import InputError
from placement_data.findings import Finding
from placement_data.names import rows_of
from placement_data.violations import Violations

MISMATCH = "the report does not belong to this layout"


def match_nets(
    design: Design, violations: Violations, report_path: str | PathLike[str] | None = None
) -> tuple[NDArray[np.int64], tuple[Finding, ...]]:
    """Row in ``design.nets`` of each net that a violation names, -1 for special and unknown nets; and what is amiss.

    Names are compared as :mod:`placement_data.names` says. Raises ``InputError`` where the design lacks most of the
    nets that the report names.
    """
    nets, special = design.nets.name.tolist(), design.special_nets.name.tolist()
    row = dict.fromkeys(special, -1) | {name: i for i, name in enumerate(nets)}
    named = set(violations.net_name.tolist())
    left = named - row.keys()
    if left:
        meant = rows_of(left, [*nets, *special], design.spelling, tops=(design.name, violations.design))
        row |= {name: i if i < len(nets) else -1 for name, i in meant.items()}
        left -= meant.keys()
        left -= _pins(design, left & violations.may_be_pin)
    unknown = left - violations.may_be_pin
    if 2 * len(unknown) > len(named & row.keys()) + len(unknown):
        what = f"{MISMATCH}: {len(unknown)} of {len(named)} nets that it names are not in the design"
        raise InputError(what, file=report_path, found=min(unknown), expected=f"nets of the design {design.name}")
    found = np.array([row.get(name, -1) for name in violations.net_name], dtype=np.int64)
    return found, tuple(_findings(design, violations, left, report_path))


def _pins(design: Design, names: Iterable[str]) -> set[str]:
    """Those names that are an instance's, or a port's, with one of its pins behind a ``/``."""
    owner = {name: name.rpartition("/")[0] for name in names}
    known = set(design.cells.name.tolist()) & set(owner.values()) if owner else set()
    left = set(owner.values()) - known - {"", "PIN"}
    if left:
        known |= rows_of(left, design.cells.name.tolist(), design.spelling, tops=(design.name,)).keys()
    return {name for name, of in owner.items() if of == "PIN" or of in known}


def _findings(
    design: Design, violations: Violations, unknown: set[str], report_path: str | PathLike[str] | None
) -> Iterable[Finding]:
    """Unknown nets and layers that the report names, and a design of another name."""
    file = str(report_path or violations.source)

    def finding(code: str, what: str, first: int, found: str, expected: str, count: int) -> Finding:
        line = int(violations.line[first]) if len(violations.line) else 0
        error = InputError(what, file=file, line=line or None, found=found, expected=expected)
        return replace(Finding.of(code, error), count=count)

    spelling = replace(design.spelling, any_case=True)
    if violations.design and not rows_of([violations.design], [design.name], spelling):
        error = InputError(
            "the report is one of another design", file=file, found=violations.design, expected=design.name
        )
        yield Finding.of("other-design", error)
    if unknown:
        at = _first(violations.net_name, unknown.__contains__)
        of = int(owners(violations.net_offset)[at])
        what = "net that the report names is not in the design"
        yield finding("unknown-net-in-report", what, of, violations.net_name[at], "a net of the design", len(unknown))
    layers = set(violations.layer.tolist()) - {""}
    lost = layers - set(design.layers.name.tolist())
    lost -= rows_of(lost, design.layers.name.tolist(), design.spelling).keys()
    if lost and len(design.layers.name):
        first = _first(violations.layer, lost.__contains__)
        count = sum(layer in lost for layer in violations.layer.tolist())
        what = "layer of a violation is in no LEF"
        yield finding("unknown-layer-in-report", what, first, violations.layer[first], "the name of a LAYER", count)


def _first(values: Iterable[str], wanted: Callable[[str], bool]) -> int:
    return next(at for at, value in enumerate(values) if wanted(value))
