"""Reports against designs that spell names differently, and what of a report does not match."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from placement_data.design import Design
from placement_data.errors import InputError
from placement_data.grid import Grid
from placement_data.labels import make_labels
from placement_data.names import Spelling
from placement_data.violations import Violations
from tests.placement_data.builders import names, random_design


def design_of(nets: list[str], spelling: Spelling = Spelling()) -> Design:  # noqa: B008
    """A design whose first signal nets are called ``nets``, with a cell ``u/c``."""
    design = random_design(np.random.default_rng(0))
    called = design.nets.name.copy()
    signal = np.flatnonzero(design.nets.use == 0)[: len(nets)]
    called[signal] = nets
    cells = design.cells.name.copy()
    cells[0] = "u/c"
    return replace(
        design,
        nets=replace(design.nets, name=called),
        cells=replace(design.cells, name=cells),
        spelling=spelling,
        name="chip",
    )


def report(*nets: list[str], layer: str = "", design: str = "", may_be_pin: frozenset[str] = frozenset()) -> Violations:
    return Violations(
        kind=names(["Short"] * len(nets)),
        layer=names([layer] * len(nets)),
        box=np.full((len(nets), 4), 10.0),
        net_offset=np.cumsum([0, *map(len, nets)]),
        net_name=names([name for some in nets for name in some]),
        source="a.rpt",
        line=np.arange(len(nets)) * 3 + 8,
        may_be_pin=may_be_pin,
        design=design,
    )


def violated(design: Design, violations: Violations) -> tuple[int | None, list[tuple[str, int, int]]]:
    labels = make_labels(design, Grid.of(design), violations, "test")
    return labels.violated_nets, [(one.code, one.line, one.count) for one in labels.findings]


@pytest.mark.parametrize(
    ("spelling", "called"),
    [
        (Spelling(), [r"g\[5\].u/n1", "b[0]"]),
        (Spelling("<>", "|"), ["g<5>.u|n1", "b<0>"]),
        (Spelling("()", "."), ["g(5).u.n1", "b(0)"]),
        (Spelling(), [r"g[5]\.u/n1", r"b\[0\]"]),
        (Spelling(), ["chip/g[5].u/n1", "chip/b[0]"]),
        (Spelling(any_case=True), ["G[5].U/N1", "B[0]"]),
    ],
)
@pytest.mark.parametrize("other", [["g[5].u/n1", "b[0]"], ["top/g[5].u/n1", r"\b[0] "], ["/g<5>/u/n1", "chip/b<0>"]])
def test_nets_in_any_spelling(spelling: Spelling, called: list[str], other: list[str]) -> None:
    assert violated(design_of(called, spelling), report(other, [other[0]])) == (2, [])


def test_names_that_are_nobodys_are_counted() -> None:
    design = design_of(["a[5]", r"a\(5\)", "n1", "n2", "n3"])
    # n1 is exact, a<5> may be two nets, and x is none.
    assert violated(design, report(["n1", "n2"], ["a<5>", "n3"], ["x"])) == (3, [("unknown-net-in-report", 11, 2)])
    with pytest.raises(InputError, match="3 of 4 nets that it names are not in the design, found 'a<5>'"):
        violated(design, report(["n1", "a<5>", "x", "y"]))


def test_names_that_may_be_pins() -> None:
    """Of plain names with a divider, a net's is a net, that of a cell's pin is nothing, and others are counted."""
    design = design_of(["u/n1", r"u\/n2"])
    plain = frozenset({"u/n1", "u/n2", "u/c/A", "PIN/clk", "u\\/c/A", "v/n3"})
    found = violated(design, report(["u/n1", "u/c/A"], ["u/n2", "PIN/clk", "u\\/c/A"], ["v/n3"], may_be_pin=plain))
    assert found == (2, [("unknown-net-in-report", 14, 1)])
    # A report that names pins alone says nothing of nets.
    assert violated(design, report(["u/c/A"], may_be_pin=plain)) == (None, [])
    assert violated(design, report(["u/n1"], may_be_pin=plain)) == (1, [])


@pytest.mark.parametrize(("name", "other"), [("chip", False), ("CHIP", False), (r"\chip ", False), ("chip2", True)])
def test_the_name_of_the_design(name: str, other: bool) -> None:
    found = violated(design_of(["n1"]), report(["n1"], design=name))
    assert found == (1, [("other-design", 1, 1)] * other)


def test_layers_that_no_lef_declares() -> None:
    design = design_of(["n1"])
    known = str(design.layers.name[0])
    assert violated(design, report(["n1"], ["n1"], layer=known)) == (1, [])
    assert violated(design, report(["n1"], ["n1"], layer="QQ")) == (1, [("unknown-layer-in-report", 8, 2)])
