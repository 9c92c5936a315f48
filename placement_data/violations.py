"""``Violations``: what a design-rule check found, as frozen columns."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from placement_data.design import Floats, Ints, Names
from placement_data.findings import Finding


@dataclass(frozen=True)
class Violations:
    """Design-rule violations, one per row, in the order of the report.

    ``box`` is (n, 4) in microns, x0 <= x1 and y0 <= y1. The nets of violation ``i`` are
    ``net_name[net_offset[i]:net_offset[i + 1]]``, each once, in the report's order and spelling; those in
    ``may_be_pin`` may be names of pins instead, which only the design can tell. ``line`` is (n,), 0 where lines say
    nothing (JSON).
    """

    kind: Names
    layer: Names  # "" where the report names none
    box: Floats
    net_offset: Ints
    net_name: Names
    source: str = ""
    line: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    may_be_pin: frozenset[str] = frozenset()
    design: str = ""  # as the report names it, "" where it does not
    findings: tuple[Finding, ...] = ()

    @classmethod
    def empty(cls) -> Violations:
        """A report without violations."""
        none = np.empty(0, dtype=object)
        return cls(none, none, np.empty((0, 4)), np.zeros(1, dtype=np.int64), none)

    def __len__(self) -> int:
        return len(self.kind)

    def __repr__(self) -> str:
        return f"Violations({len(self)} on {len(set(self.net_name.tolist()))} nets)"
