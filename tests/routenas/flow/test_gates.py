"""Gates: the grammar, by hand; what trips and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from placement_data.errors import SettingError
from routenas.bundle import ModelMismatchError
from routenas.flow.gates import Gate

SCORE: dict[str, Any] = {
    "hotspots": {"area_frac": 0.021, "tiles": 40, "max": 0.9, "regions": 3},
    "violated_nets": None,
    "warnings": [{"code": "no-rows", "text": ""}],
}


@pytest.mark.parametrize(
    ("text", "trips"),
    [
        ("hotspot_area_fraction > 0.02", True),
        ("hotspot_area_fraction>2%", True),
        ("hotspot_area_fraction > 2.1%", False),
        ("hotspot_area_fraction >= 2.1e-2", True),
        ("hotspot_tiles == 40", True),
        ("hotspot_tiles != 40", False),
        ("hotspot_tiles < 41 and hotspot_max <= 0.5", False),
        ("hotspot_tiles < 41 and hotspot_max <= 0.5 or hotspot_regions >= 3", True),
        ("hotspot_regions > 3 or warnings < 1", False),
        ("  warnings>-1  ", True),
    ],
)
def test_what_trips(text: str, trips: bool) -> None:
    assert (Gate.of(text).tripped(SCORE) is not None) == trips


def test_why() -> None:
    gate = Gate.of(" hotspot_tiles > 3 and hotspot_max>0.5")
    assert gate.tripped(SCORE) == "hotspot_tiles > 3 and hotspot_max>0.5 (hotspot_tiles is 40, hotspot_max is 0.9)"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("hotspot_area > 0.02", "no such number of a score, found 'hotspot_area', expected hotspot_area_fraction or"),
        ("hotspot_tiles", "not a gate, found 'hotspot_tiles', expected NAME > NUMBER, several with 'and' and 'or'"),
        ("", "not a gate, found ''"),
        ("hotspot_tiles > 4 and", "not a gate, found ''"),
        ("hotspot_tiles > four", "the limit of a gate is no number, found 'four', expected as 0.02, 500 or 2%"),
        ("hotspot_tiles > nan", "the limit of a gate is no number, found 'nan'"),
        ("hotspot_tiles > inf", "the limit of a gate is no number, found 'inf'"),
        ("hotspot_tiles => 4", "not a gate"),
        ("4 < hotspot_tiles", "not a gate"),
        ("hotspot_tiles > 4; import os", "not a gate"),
    ],
)
def test_what_is_refused(text: str, what: str) -> None:
    with pytest.raises(SettingError) as error:
        Gate.of(text)
    assert str(error.value).startswith(what)
    assert "\n" not in str(error.value)


def test_a_gate_never_passes_for_want_of_an_answer() -> None:
    gate = Gate.of("hotspot_tiles > 1000 and violated_nets > 5")
    with pytest.raises(ModelMismatchError, match="needs a model of the task 'violated_nets'"):
        gate.require(["hotspots"])
    gate.require(["hotspots", "violated_nets"])
    Gate.of("warnings > 0").require([])
    with pytest.raises(ModelMismatchError, match="asks for violated_nets, which the score has not"):
        gate.tripped(SCORE)
