"""What a DEF says, before names are looked up, and how it is told what nothing defines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from placement_data.cursor import Cursor
from placement_data.design import Ints
from placement_data.errors import InputError
from placement_data.findings import Findings
from placement_data.readers.def_.components import RawComponents
from placement_data.readers.def_.geometry import RawBlockages, RawPorts
from placement_data.readers.def_.locate import located
from placement_data.readers.def_.nets import RawNets
from placement_data.readers.def_.regions import RawGroups, RawRegions
from placement_data.readers.def_.vias import RawVias
from placement_data.readers.def_.wires import RawSpecialNets
from placement_data.text import PathLike


@dataclass
class RawRow:
    """A ROW as written; ``step`` is None where STEP is left out."""

    name: str
    site: str
    origin: tuple[int, int]
    orientation: int
    count: tuple[int, int] = (1, 1)
    step: tuple[int, int] | None = None
    line: int = 1


@dataclass(frozen=True)
class RawTracks:
    """TRACKS or GCELLGRID of one layer ("" for none): lines at ``start + k * step``, of constant x if ``vertical``."""

    vertical: bool
    start: int
    count: int
    step: int
    layer: str = ""
    line: int = 1


@dataclass
class RawDesign:
    """What a DEF says. ``folded`` is that of the walk that found it all."""

    path: PathLike
    findings: Findings = field(default_factory=Findings)
    folded: bool = False
    name: str | None = None
    dbu_per_micron: int | None = None
    die: list[tuple[int, int]] = field(default_factory=list)
    rows: list[RawRow] = field(default_factory=list)
    tracks: list[RawTracks] = field(default_factory=list)
    gcell_grid: list[RawTracks] = field(default_factory=list)
    components: RawComponents = field(default_factory=RawComponents)
    ports: RawPorts = field(default_factory=RawPorts)
    nets: RawNets = field(default_factory=RawNets)
    special_nets: RawSpecialNets = field(default_factory=RawSpecialNets)
    blockages: RawBlockages = field(default_factory=RawBlockages)
    vias: RawVias = field(default_factory=RawVias)
    regions: RawRegions = field(default_factory=RawRegions)
    groups: RawGroups = field(default_factory=RawGroups)
    spelling: dict[str, str] = field(default_factory=dict)  # what the statements of ``SPELLING`` say

    def tell(
        self, code: str, wrong: Sequence[int], errors: Callable[[Sequence[int]], list[InputError]], *, refuse: bool
    ) -> None:
        """Refuse, or note as findings, the things that are ``wrong``; ``errors`` makes the errors of some of them."""
        if not len(wrong):
            return
        if self.findings.lenient:
            for error in errors(wrong):
                self.findings.error(code, error)
            return
        [first] = errors(wrong[:1])
        if refuse:
            raise first
        self.findings.add(code, self.path, lambda: first, len(wrong))

    def statements(self, section: str, rows: Ints) -> list[Cursor]:
        """The statements ``rows`` of a section, found by walking over the file once more."""
        found = located(self.path, section, rows, folded=self.folded)
        return [found[row] for row in np.asarray(rows).tolist()]

    def error(self, line: int, what: str, found: str, expected: str) -> InputError:
        """The error at a line of the file."""
        return InputError(what, file=self.path, line=line, found=found, expected=expected)
