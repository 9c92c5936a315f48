"""What changed between two scores: worked out by hand."""

from __future__ import annotations

from routenas.flow.comparing import compare
from routenas.show.flow import changes_table
from tests.routenas.flow.scores import made_up, region

NAMES = ("before.json", "after.json")


def test_regions_that_appeared_grew_shrank_and_vanished() -> None:
    before = made_up(
        region(0, 0, 10, 10, 20), region(20, 0, 30, 10, 9), region(40, 0, 50, 10, 8), region(60, 0, 70, 10, 7)
    )
    after = made_up(
        region(2, 2, 12, 12, 25),  # grew
        region(0, 0, 3, 3, 4),  # overlaps the first one less: it is another
        region(25, 5, 35, 15, 5),  # shrank
        region(60, 0, 70, 10, 7, 0.6),  # as many tiles
        region(70, 10, 80, 20, 6),  # touches a corner only
        nets=3,
    )
    changes = compare(before, after, NAMES)
    told = [(one["change"], one["tiles_change"]) for one in changes["regions"]]
    assert told == [("appeared", 6), ("appeared", 4), ("grew", 5), ("same", 0), ("shrank", -4), ("vanished", -8)]
    assert changes["region_changes"] == {"appeared": 2, "grew": 1, "same": 1, "shrank": 1, "vanished": 1}
    grew = changes["regions"][2]
    assert (grew["before"]["box_um"], grew["after"]["box_um"]) == ([0, 0, 10, 10], [2, 2, 12, 12])
    assert changes["regions"][0]["before"] is None
    assert changes["regions"][-1]["after"] is None
    assert changes["totals"]["hotspot_tiles"] == {"before": 44, "after": 47, "change": 3, "verdict": "worse"}
    assert changes["totals"]["hotspot_max"]["verdict"] == "same"
    assert "violated_nets" not in changes["totals"]  # only one of the two knows it
    assert changes["complete"] is True
    text = changes_table(changes)
    assert "regions: 2 appeared, 1 grew, 1 same, 1 shrank, 1 vanished" in text
    assert "hotspot_tiles" in text
    assert "worst regions alone" not in text


def test_better() -> None:
    totals = compare(made_up(nets=8), made_up(nets=2), NAMES)["totals"]
    assert totals["violated_nets"] == {"before": 8, "after": 2, "change": -6, "verdict": "better"}
    assert totals["violated_net_fraction"]["verdict"] == "better"


def test_a_list_that_is_cut_off_is_told() -> None:
    cut = made_up(region(0, 0, 1, 1, 3))
    cut["hotspots"]["regions"] = 2
    changes = compare(made_up(), cut, NAMES)
    assert changes["complete"] is False
    assert "the scores list their worst regions alone" in changes_table(changes)


def test_without_hotspots() -> None:
    changes = compare(made_up(nets=1, expected=None), made_up(nets=1, expected=None), NAMES)
    assert changes["regions"] == []
    assert changes["complete"] is True
    assert set(changes["totals"]) == {"violated_nets", "violated_net_fraction", "warnings"}
