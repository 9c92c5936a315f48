"""``LibertyCells``: what the cells of a Liberty library are."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LibertyCells:
    """Names of a library's cells, and of those among them that store or gate. ``a | b`` joins two libraries."""

    cells: frozenset[str] = frozenset()
    registers: frozenset[str] = frozenset()  # flip-flops, and cells with a state table
    latches: frozenset[str] = frozenset()
    clock_gates: frozenset[str] = frozenset()  # integrated clock-gating cells; they are in neither of the above

    def __or__(self, other: LibertyCells) -> LibertyCells:
        return LibertyCells(
            self.cells | other.cells,
            self.registers | other.registers,
            self.latches | other.latches,
            self.clock_gates | other.clock_gates,
        )
