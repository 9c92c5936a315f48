"""The order of candidate placements."""

from __future__ import annotations

from typing import Any

import pytest

from placement_data.errors import InputError, SettingError
from routenas.bundle import ModelMismatchError
from routenas.flow.ranking import rank
from routenas.show.flow import rank_table
from tests.routenas.flow.scores import made_up


def order(ranking: dict[str, Any]) -> list[tuple[int, str]]:
    return [(one["rank"], one["name"]) for one in ranking["candidates"]]


def test_the_least_harm_is_first() -> None:
    scores = {
        "a": made_up(nets=5, expected=9.0), "b": made_up(nets=2, expected=8.0),
        "c": made_up(nets=5, expected=7.0), "d": made_up(nets=9, expected=1.0),
    }  # fmt: skip
    ranking = rank(scores)
    assert ranking["by"] == "violated_nets"
    assert order(ranking) == [(1, "b"), (2, "a"), (2, "c"), (4, "d")]  # equal ones share a place
    assert order(rank(scores, "expected_hotspot_tiles")) == [(1, "d"), (2, "c"), (3, "b"), (4, "a")]
    assert ranking["candidates"][0]["violated_net_fraction"] == 0.02
    table = rank_table(ranking)
    assert table.startswith("gcd: 4 placements by violated_nets, least predicted harm first\n")
    assert [line.split()[1] for line in table.splitlines()[3:]] == ["b", "a", "c", "d"]


def test_without_violated_nets_expected_tiles_count_and_then_the_mean() -> None:
    assert rank({"a": made_up(), "b": made_up(nets=1)})["by"] == "expected_hotspot_tiles"
    old = made_up()
    del old["hotspots"]["expected_tiles"]  # of a former version
    assert rank({"a": old, "b": made_up()})["by"] == "hotspot_mean"


def test_what_cannot_be_ranked() -> None:
    with pytest.raises(InputError, match="nothing is given to rank"):
        rank({})
    with pytest.raises(SettingError, match="no such number of a score, found 'harm'"):
        rank({"a": made_up()}, "harm")
    with pytest.raises(ModelMismatchError, match="the scores have no violated_nets, expected a model that answers it"):
        rank({"a": made_up(), "b": made_up(nets=3)}, "violated_nets")
    with pytest.raises(InputError, match="b: another design than that of a, found 'aes', expected 'gcd'"):
        rank({"a": made_up(), "b": made_up(design="aes")})
    with pytest.raises(ModelMismatchError, match=r"b: tiles of 2\.8 um, not 1\.4 um as a"):
        rank({"a": made_up(), "b": made_up(tile_um=2.8)})
    with pytest.raises(ModelMismatchError, match="b: scored by other models than a"):
        rank({"a": made_up(), "b": made_up(models=[{"task": "hotspots", "sha256": "b"}])})
