"""Which parts of a die a plan lets a tool touch: against brute force on whole tiles, and by hand."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from placement_data.design import Design, Status
from placement_data.errors import InputError
from routenas.flow.exports.ground import area_of, site_width, white_space
from routenas.flow.exports.plan import Plan, micron_text
from tests.placement_data.synthetic import ROW_HEIGHT, SITE_WIDTH
from tests.routenas.flow.exports.scores import Box, design_with_macro, memory_box, score_of


@pytest.fixture(scope="module")
def design() -> Design:
    return design_with_macro()


def grown(box: Box, by: int) -> Box:
    return box[0] - by, box[1] - by, box[2] + by, box[3] + by


def painted(boxes: tuple[Box, ...], design: Design, step: int = 20) -> np.ndarray:
    """How often each point of a raster lies in boxes."""
    x = np.arange(int(design.die[0]) - 4000, int(design.die[2]) + 4000, step) + 1
    y = np.arange(int(design.die[1]) - 4000, int(design.die[3]) + 4000, step) + 1
    count = np.zeros((len(y), len(x)), dtype=int)
    for x0, y0, x1, y1 in boxes:
        count += np.outer((y > y0) & (y < y1), (x > x0) & (x < x1))
    return count


def test_parts_are_the_box_without_macros_and_off_the_die(design: Design) -> None:
    memory = memory_box(design)
    outside = (
        int(design.die[0]) - 3000,
        int(design.die[1]) - 3000,
        int(design.die[0]) + 9000,
        int(design.die[1]) + 9000,
    )
    boxes = [grown(memory, 6000), outside, grown(memory, 9000)]
    plan = Plan.of(score_of(design, boxes), design, max_area=1.0)
    parts = tuple(part for region in plan.areas for part in region.parts)
    asked = painted(tuple(boxes), design) > 0
    die = painted((tuple(design.die.tolist()),), design) > 0
    wanted = asked & die & (painted((memory,), design) == 0)
    found = painted(parts, design)
    assert found.max() == 1  # regions do not overlap, though the boxes do
    width = int((design.cells.box[:, 2] - design.cells.box[:, 0]).min())
    slivers = wanted & (found == 0)
    assert not (found.astype(bool) & ~wanted).any()
    assert slivers.sum() * 400 < 4 * width * 40_000  # less than a cell's width beside the die's sides


def test_a_box_wholly_on_a_macro_has_no_parts(design: Design) -> None:
    plan = Plan.of(score_of(design, [grown(memory_box(design), -100)]), design)
    assert [len(region.parts) for region in plan.regions] == [0]
    assert plan.areas == ()


def test_caps(design: Design) -> None:
    x0, y0, x1, _ = (int(edge) for edge in design.die)
    third = (x1 - x0) // 3
    strips: list[Box] = [(x0, y0 + k * 2800, x0 + third, y0 + (k + 1) * 2800) for k in range(4)]
    die = area_of([tuple(design.die.tolist())])
    two = 2.5 * third * 2800 / die
    plan = Plan.of(score_of(design, strips), design, max_regions=3, max_area=two)
    assert len(plan.regions) == 3
    assert [bool(region.parts) for region in plan.regions] == [True, True, False]
    assert "regions: 2 acted on, of 4 in the score" in plan.provenance[-1]
    assert area_of([part for region in plan.areas for part in region.parts]) <= two * die


def test_a_smaller_region_may_follow_one_beyond_the_cap(design: Design) -> None:
    x0, y0, x1, y1 = (int(edge) for edge in design.die)
    plan = Plan.of(score_of(design, [(x0, y0, x1, y1), (x0, y0, x0 + 6000, y0 + 6000)]), design, max_area=0.2)
    assert [bool(region.parts) for region in plan.regions] == [False, True]


def test_cells_and_cover_against_a_loop(design: Design) -> None:
    x0, y0 = int(design.die[0]) + 8000, int(design.die[1]) + 8000
    box = (x0, y0, x0 + 12000, y0 + 12000)
    (region,) = Plan.of(score_of(design, [box]), design, max_area=1.0).regions
    wired = set(design.pins.cell.tolist())
    memory = design.cells.name.tolist().index("mem0")
    names, area = [], 0
    for row, (a, b, c, d) in enumerate(design.cells.box.tolist()):
        if row == memory or str(design.masters.subclass[design.cells.master[row]]) == "SPACER":
            continue
        size = sum(max(0, min(c, x1) - max(a, x0)) * max(0, min(d, y1) - max(b, y0)) for x0, y0, x1, y1 in region.parts)
        area += size
        if size and row in wired and design.cells.status[row] == Status.PLACED:
            names.append(row)
    assert region.cells.tolist() == names
    assert len(names) > 5
    assert region.cover == pytest.approx(area / area_of(region.parts), rel=1e-12)


def test_a_cell_belongs_to_its_worst_region(design: Design) -> None:
    x0, y0 = int(design.die[0]) + 8000, int(design.die[1]) + 8000
    middle = x0 + 6000
    boxes = [(x0, y0, middle, y0 + 12000), (middle, y0, middle + 6000, y0 + 12000)]
    one, two = Plan.of(score_of(design, boxes), design, max_area=1.0).regions
    assert not set(one.cells.tolist()) & set(two.cells.tolist())
    both = Plan.of(score_of(design, [(x0, y0, middle + 6000, y0 + 12000)]), design, max_area=1.0).regions[0]
    assert sorted([*one.cells.tolist(), *two.cells.tolist()]) == both.cells.tolist()


def test_fixed_cells_are_not_told_to_move(design: Design) -> None:
    fixed = dataclasses.replace(
        design, cells=dataclasses.replace(design.cells, status=np.full_like(design.cells.status, Status.FIXED))
    )
    (region,) = Plan.of(score_of(fixed, [tuple(design.die.tolist())]), fixed, max_area=1.0).regions
    assert len(region.cells) == 0
    assert region.cover > 0


@pytest.mark.parametrize(("cover", "stated", "step", "wanted"), [
    (0.80, None, 1, 72), (0.80, None, 5, 70), (0.05, None, 1, 10), (1.2, None, 1, 90), (0.8, 63.0, 1, 63),
    (0.8, 63.0, 5, 60), (0.8, 4.0, 1, 4),
])  # fmt: skip
def test_density(design: Design, cover: float, stated: float | None, step: int, wanted: int) -> None:
    (region,) = Plan.of(score_of(design, [memory_box(design)]), design).regions
    assert dataclasses.replace(region, cover=cover).density(stated, step) == wanted


def test_white_space_is_the_rows_without_macro_and_cells(design: Design) -> None:
    rows = sum(int(count[0]) for count in design.rows.count) * SITE_WIDTH * ROW_HEIGHT
    size = design.cells.box[:, 2:] - design.cells.box[:, :2]
    spacers = design.masters.subclass[design.cells.master] == "SPACER"
    memory = design.cells.name.tolist().index("mem0")
    cells = int(size[~spacers].prod(axis=1).sum()) - int(size[memory].prod())
    on_rows = area_of([memory_box(design)]) if _rows_lie_under(design, memory_box(design)) else 0
    assert white_space(design) == rows - on_rows - cells
    assert site_width(design) == SITE_WIDTH


def _rows_lie_under(design: Design, box: Box) -> bool:
    x = design.rows.origin[:, 0]
    far = x + design.rows.count[:, 0] * SITE_WIDTH
    return bool(
        (
            (x < box[2]) & (far > box[0]) & (design.rows.origin[:, 1] >= box[1]) & (design.rows.origin[:, 1] < box[3])
        ).any()
    )


def test_padding_is_capped_by_white_space(design: Design) -> None:
    plan = Plan.of(score_of(design, [tuple(design.die.tolist())]), design, max_area=1.0)
    ((_, all_names),) = plan.padded(1, 1.0)
    share = 0.5 * len(all_names) * 2 * SITE_WIDTH * ROW_HEIGHT / white_space(design)
    ((_, half),) = plan.padded(1, share)
    assert half == all_names[: len(all_names) // 2]
    assert plan.padded(1, 0.0) == []


def test_padding_of_worse_regions_leaves_less_for_others(design: Design) -> None:
    x0, y0, x1, y1 = (int(edge) for edge in design.die)
    middle = (x0 + x1) // 2
    plan = Plan.of(score_of(design, [(x0, y0, middle, y1), (middle, y0, x1, y1)]), design, max_area=1.0)
    first, second = (len(names) for _, names in plan.padded(1, 1.0))
    share = (first + second // 2) * 2 * SITE_WIDTH * ROW_HEIGHT / white_space(design)
    assert [len(names) for _, names in plan.padded(1, share)] == [first, second // 2]


def test_names_are_of_the_score_not_of_its_seconds(design: Design) -> None:
    box = tuple(design.die.tolist())
    one, two = (Plan.of(score_of(design, [box], timing={"parse_s": s}), design) for s in (1.0, 2.0))
    other = Plan.of(score_of(design, [box], routing_layers="metal2-metal3"), design)
    assert one.prefix == two.prefix != other.prefix
    assert one.prefix.startswith("routenas_")
    text = "\n".join(one.provenance)
    assert "feed" in text
    assert "0123abcd" in text
    assert "test_metrics" not in text


@pytest.mark.parametrize(("change", "told"), [
    ({"schema": "other/1"}, "this is no score, found 'other/1'"),
    ({"hotspots": None}, "the score has no hotspots"),
    ({"regions": [{"score": 1}]}, "the score is broken"),
    ({"regions": [{"box_um": [0, 0, 0, 1], "score": 1, "max": 1, "tiles": 1}]}, "regions are broken"),
    ({"regions": [{"box_um": [0, 0, float("nan"), 1], "score": 1, "max": 1, "tiles": 1}]}, "regions are broken"),
    ({"models": 5}, "the score is broken"),
    ({"inputs": None}, "the score is broken"),
    ({"regions": 7}, "the score is broken"),
])  # fmt: skip
def test_what_is_no_score_is_refused(design: Design, change: dict[str, object], told: str) -> None:
    with pytest.raises(InputError, match=told):
        Plan.of({**score_of(design, []), **change}, design)


def test_a_list_is_no_score(design: Design) -> None:
    with pytest.raises(InputError, match="this is no score, found 'list'"):
        Plan.of(json.loads("[1]"), design)


@pytest.mark.parametrize(("length", "dbu", "text"), [
    (0, 2000, "0"), (2001, 2000, "1.0005"), (-3, 1000, "-0.003"), (100, 1, "100"),
    (20000, 20000, "1"), (1, 20000, "0.00005"),
])  # fmt: skip
def test_microns(length: int, dbu: int, text: str) -> None:
    assert micron_text(length, dbu) == text
