"""REGIONS and GROUPS of a DEF, by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from placement_data.cursor import Cursor
from placement_data.design import RegionKind
from placement_data.errors import InputError
from placement_data.readers import read_def, read_lef
from placement_data.readers.def_.regions import RawGroups, RawRegions, read_groups, read_regions, regions_of
from placement_data.readers.def_.sections import statements
from placement_data.text import Source
from tests.placement_data.small_design import SMALL_DEF, SMALL_LEF, write

CELLS = ["a", "b/x", "b/y", "c[0]", "c[1]", "bx"]


def cursors(text: str, name: str) -> list[Cursor]:
    return list(statements(Source("some.def", text.encode()), name))


def regions(text: str) -> RawRegions:
    return read_regions(cursors(text, "REGIONS"))


def groups(text: str) -> RawGroups:
    return read_groups(cursors(text, "GROUPS"))


REGIONS = """- r ( 0 0 ) ( 10 20 ) ( 30 40 ) ( * 20 ) + TYPE FENCE ;
- s ( 5 6 ) ( 1 2 ) + PROPERTY a "b" c - 5 + TYPE GUIDE ;
- t ( 0 0 ) ( 1 1 ) ;
"""


def test_regions_without_groups() -> None:
    found = regions_of(regions(REGIONS), RawGroups(), CELLS)
    assert found.name.tolist() == ["r", "s", "t"]
    assert found.kind.tolist() == [RegionKind.FENCE, RegionKind.GUIDE, RegionKind.NONE]
    assert found.box_offset.tolist() == [0, 2, 3, 4]
    assert found.box.tolist() == [[0, 0, 10, 20], [30, 20, 30, 40], [1, 2, 5, 6], [0, 0, 1, 1]]
    assert found.cell_offset.tolist() == [0, 0, 0, 0]
    assert found.cell.tolist() == []


@pytest.mark.parametrize(
    ("members", "cells"),
    [
        ("", []),
        ("a c[0]", [0, 3]),
        ("c[0] a a", [0, 3]),
        ("b/*", [1, 2]),
        ("b*", [1, 2, 5]),
        ("*x", [1, 5]),
        ("*", [0, 1, 2, 3, 4, 5]),
        ("c[*] **y", [2, 3, 4]),
        ("c* c[1] lost", [3, 4]),
        ("c.0. b?x", []),  # only '*' stands for other text
    ],
)
def test_members_of_a_group(members: str, cells: list[int]) -> None:
    text = f"- g {members} + SOFT MAXX 5 + REGION s + PROPERTY a 1 ;\n- free a b/x ;\n"
    found = regions_of(regions(REGIONS), groups(text), CELLS)
    assert found.cell_offset.tolist() == [0, 0, len(cells), len(cells)]
    assert found.cell.tolist() == cells


def test_groups_and_components_share_a_region() -> None:
    text = "- g c* + REGION t ;\n- h a + REGION t ;\n"
    found = regions_of(regions(REGIONS), groups(text), CELLS, [(0, "t"), (5, "t"), (2, "r")])
    assert found.cell_offset.tolist() == [0, 1, 1, 5]
    assert found.cell.tolist() == [2, 0, 3, 4, 5]


def test_a_group_of_the_old_form_is_its_own_region() -> None:
    found = regions_of(regions(REGIONS), groups("- g a bx + REGION ( 4 5 ) ( 1 2 ) ;\n"), CELLS)
    assert found.name.tolist() == ["r", "s", "t", "g"]
    assert found.kind[3] == RegionKind.NONE
    assert found.box[-1].tolist() == [1, 2, 4, 5]
    assert found.cell.tolist() == [0, 5]


def test_unknown_regions(tmp_path: Path) -> None:
    library = read_lef([write(tmp_path, "a.lef", SMALL_LEF)])
    groups = "REGIONS 1 ;\n- r ( 0 0 ) ( 1 1 ) ;\nEND REGIONS\nGROUPS 1 ;\n- g u1\n+ REGION q ;\nEND GROUPS\nNETS 3 ;"
    with pytest.raises(InputError, match=r":34: group g names an unknown region, found 'q', expected one of REGIONS"):
        read_def(write(tmp_path, "g.def", SMALL_DEF.replace("NETS 3 ;", groups)), library)
    with pytest.raises(InputError, match=r":11: component u1 names an unknown region, found 'q'"):
        read_def(write(tmp_path, "c.def", SMALL_DEF.replace("2000 ) N", "2000 ) N + REGION q", 1)), library)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- r ( 0 0 ) ;", "1: point is missing, found ';', expected '('"),
        ("- r ( 0 0 ) ( 1 1 )\n ( 2 2 ) ;", "2: region has half a rectangle, found ';', expected a point"),
        ("- r ( 0 0 ) ( 1 1 ) + TYPE WALL ;", "1: TYPE is unknown, found 'WALL', expected FENCE or GUIDE"),
    ],
)
def test_broken_regions(text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        regions(text)
    assert str(caught.value) == f"some.def:{message}"


def test_a_group_that_is_not_ended() -> None:
    with pytest.raises(InputError) as caught:
        groups("- g a\n- h b + REGION r ;\n")
    assert str(caught.value) == "some.def:2: statement is not ended, found '-', expected '+' or ';'"
