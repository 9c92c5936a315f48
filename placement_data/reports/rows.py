"""What every report reader shares: how a number is spelled, and the columns that it fills record by record."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from placement_data.errors import InputError
from placement_data.findings import Findings
from placement_data.text import PathLike
from placement_data.violations import Violations

# Coordinates are refused beyond this many microns (a kilometre): they then fit in int64 as database units.
LARGEST = 1e9

# A finite decimal number. Every part is bounded, so that a match takes bounded time and float() cannot overflow.
NUMBER = r"[+-]?(?:[0-9]{1,15}\.?[0-9]{0,18}|\.[0-9]{1,18})(?:[eE](?:-[0-9]{1,2}|\+?0?[0-9]))?"

Box = Sequence[float] | Sequence[str]

DEFAULT_LIMIT = 1000
"""How many violations (of a check, or in all) several tools write at most, unless they are told another number."""


@dataclass(frozen=True)
class Reads:
    """What a reader makes of the reports of one tool: what such a file begins with, and the row of it in the docs."""

    tool: str
    begins: str
    forms: str  # what is read
    nets: str
    counted: str = "unknown nets and layers"  # what is a finding and no violation
    refused: str = "broken records"


class Rows:
    """The violations of one report as they are read, in its order.

    ``design`` is to be set to the name that the report gives to the design.
    """

    def __init__(self, path: PathLike) -> None:
        self._path = path
        self.design = ""
        self._may_be_pin: set[str] = set()
        self._findings = Findings()
        self._kinds: list[str] = []
        self._layers: list[str] = []
        self._boxes = array("d")
        self._lines: list[int | None] = []
        self._nets: list[str] = []
        self._ends = [0]

    def __len__(self) -> int:
        return len(self._kinds)

    def add(self, kind: str, layer: str, box: Box, line: int | None, nets: Iterable[str] = ()) -> None:
        """One violation: two opposite corners x, y, x, y in microns (numbers, or their spelling as ``NUMBER``)."""
        self._kinds.append(kind.strip())
        self._layers.append(layer.strip())
        self._boxes.extend(map(float, box))
        self._lines.append(line)
        if nets:
            self._nets += dict.fromkeys(nets)
        self._ends.append(len(self._nets))

    def may_be_pins(self, names: Iterable[str]) -> None:
        """Say that these names, which stand for nets in some rows, may be names of pins."""
        self._may_be_pin.update(names)

    def _note(self, code: str, what: str, line: int | None, found: object = None, count: int = 1) -> None:
        error = partial(InputError, what, file=self._path, line=line, found=found)
        self._findings.add(code, self._path, error, count)

    def waived(self, line: int | None, kind: str, count: int = 1) -> None:
        """Count violations that somebody has waived: they are none any more."""
        if count:
            self._note("waived-violation", "violation is waived, and does not count", line, kind, count)

    def capped(self, limit: int, line: int | None, where: str = "the report") -> None:
        """Note that ``where`` holds as many violations as its writer puts there at most."""
        self._note("capped-report", f"{where} may be cut off at its writer's limit of violations", line, str(limit))

    def require_count(self, said: int, line: int | None, where: str = "the report") -> None:
        """Raise ``InputError`` where the number of violations read is not the one that the report gives."""
        if len(self) != said:
            what = f"number of violations is not what {where} says"
            raise InputError(what, file=self._path, line=line, found=str(len(self)), expected=str(said))

    def violations(self) -> Violations:
        """The columns. Raises ``InputError`` with the line of the first box that is not finite or too large."""
        corner = np.array(self._boxes).reshape(-1, 2, 2)
        bad = np.flatnonzero(~(np.abs(corner) <= LARGEST).all(axis=(1, 2)))
        if len(bad):
            raise InputError(
                "coordinate is too large",
                file=self._path,
                line=self._lines[bad[0]],
                found=" ".join(f"{value:g}" for value in corner[bad[0]].ravel()),
                expected=f"numbers from -{LARGEST:g} to {LARGEST:g} (microns)",
            )
        return Violations(
            np.array(self._kinds, dtype=object),
            np.array(self._layers, dtype=object),
            np.concatenate([corner.min(axis=1), corner.max(axis=1)], axis=1),
            np.array(self._ends, dtype=np.int64),
            np.array(self._nets, dtype=object),
            str(self._path),
            np.array([line or 0 for line in self._lines], dtype=np.int64),
            frozenset(self._may_be_pin),
            self.design,
            tuple(self._findings.found),
        )


def hull(points: Sequence[float]) -> tuple[float, float, float, float]:
    """Bounding box of x, y, x, y, ..., at least one point."""
    xs, ys = points[::2], points[1::2]
    return min(xs), min(ys), max(xs), max(ys)
