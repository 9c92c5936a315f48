"""Scoring a layout: the answer's form, regions against brute force, warnings, refusals."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from placement_data.design import Use
from placement_data.errors import InputError
from placement_data.features import feature_maps
from placement_data.making import LayoutFiles, read_layout
from placement_data.netlist import signal_nets
from placement_data.technology import technology
from routenas.bundle import ModelMismatchError
from routenas.predictor import Predictor
from routenas.regions import LARGE_REGION, label_regions
from routenas.results import Result
from routenas.scoring import Score, heat_map_csv
from routenas.show.pictures import LABEL, available, heat_map_png, label_places
from routenas.show.text import score_table, timing_table
from tests.layouts import Layout, score_layout
from tests.placement_data.synthetic import synthetic_def


@pytest.fixture(scope="module")
def loaded(bundles: dict[str, Path]) -> dict[str, Predictor]:
    return {task: Predictor.of(folder) for task, folder in bundles.items()}


def files(layout: Layout, def_: Path, *liberty: Path) -> LayoutFiles:
    return LayoutFiles("def", def_, (layout.lef,), liberty)


def with_card(predictor: Predictor, **changes: Any) -> Predictor:
    return dataclasses.replace(predictor, card=dataclasses.replace(predictor.card, **changes))


def with_threshold(predictor: Predictor, threshold: float) -> Predictor:
    metrics = {**predictor.bundle.metrics, "search": {**predictor.bundle.metrics["search"], "threshold": threshold}}
    return dataclasses.replace(predictor, bundle=dataclasses.replace(predictor.bundle, metrics=metrics))


@pytest.fixture(scope="module")
def score(layout: Layout, loaded: dict[str, Predictor]) -> Score:
    """The layout with a threshold that leaves several regions."""
    hotspots = loaded["hotspots"]
    plain = score_layout(files(layout, layout.def_), [hotspots])
    assert plain.probability is not None
    map_ = plain.probability
    thresholds = [float(np.quantile(map_, share)) for share in np.arange(0.5, 1.0, 0.02)]
    threshold = max(thresholds, key=lambda value: len(connected(hot_tiles(map_, value))))
    both = [with_threshold(hotspots, threshold), loaded["violated_nets"]]
    return score_layout(files(layout, layout.def_), both)


def numbers(value: Any) -> list[float]:
    if isinstance(value, dict):
        return [number for item in value.values() for number in numbers(item)]
    if isinstance(value, list):
        return [number for item in value for number in numbers(item)]
    return [float(value)] if isinstance(value, int | float) else []


def test_json(score: Score, layout: Layout) -> None:
    value = json.loads(json.dumps(score.to_dict(), allow_nan=False))
    assert list(value) == [
        "schema", "routenas", "versions", "key", "design", "inputs", "models", "die_um", "tile_um", "grid", "nets",
        "routing_layers", "violated_nets",
        "hotspots", "regions", "warnings", "timing",
    ]  # fmt: skip
    assert value["schema"] == "routenas.score/1"
    assert all(math.isfinite(number) for number in numbers(value))
    assert set(value["inputs"]) == {str(layout.lef), str(layout.def_)}
    assert [model["task"] for model in value["models"]] == ["hotspots", "violated_nets"]
    assert value["grid"] == list(score.grid.shape)
    assert set(value["timing"]) == {"parse_s", "features_s", "infer_s", "regions_s", "causes_s"}


def test_violated_nets_are_the_ratio_of_the_nets(score: Score) -> None:
    value = score.to_dict()["violated_nets"]
    assert 0 <= value["ratio"] <= 1
    assert value["predicted"] == value["ratio"] * score.net_count
    assert score.net_count == int(signal_nets(score.design).sum()) > 100


def test_the_map_is_the_model_s_answer(score: Score, loaded: dict[str, Predictor]) -> None:
    features = feature_maps(score.design, score.grid, loaded["hotspots"].channel_set)
    np.testing.assert_array_equal(score.probability, loaded["hotspots"].predict(features, score.net_count))


def test_hotspot_summary_by_brute_force(score: Score) -> None:
    assert score.probability is not None
    summary = score.to_dict()["hotspots"]
    values = sorted(score.probability.ravel().tolist(), reverse=True)
    hot = [(r, c) for r in range(score.grid.shape[0]) for c in range(score.grid.shape[1])
           if score.probability[r, c] >= summary["threshold"]]  # fmt: skip
    assert summary["tiles"] == len(hot)
    assert summary["area_frac"] == pytest.approx(sum(score.grid.area[tile] for tile in hot) / score.grid.area.sum())
    assert summary["max"] == values[0]
    count = max(1, round(0.05 * len(values)))
    assert summary["mean_top_5pct"] == pytest.approx(sum(values[:count]) / count)
    assert summary["mean_top_0p5pct"] >= summary["mean_top_1pct"] >= summary["mean_top_2pct"] >= summary["mean"]


def hot_tiles(probability: np.ndarray, threshold: float) -> set[tuple[int, int]]:
    return {(int(row), int(column)) for row, column in np.argwhere(probability >= threshold)}


def connected(hot: set[tuple[int, int]]) -> list[set[tuple[int, int]]]:
    """Regions of tiles that share an edge or a corner, by flood fill."""
    left, found = set(hot), []
    while left:
        region, border = set(), {left.pop()}
        while border:
            tile = border.pop()
            region.add(tile)
            near = {(tile[0] + i, tile[1] + j) for i in (-1, 0, 1) for j in (-1, 0, 1)} & left
            left -= near
            border |= near
        found.append(region)
    return found


def test_regions_by_brute_force(score: Score) -> None:
    assert score.probability is not None
    assert score.threshold is not None
    design, grid, probability = score.design, score.grid, score.probability
    hot = hot_tiles(probability, score.threshold)
    expected = sorted(connected(hot), key=lambda region: -sum(probability[tile] for tile in region))
    assert len(score.regions) == min(20, len(expected)) > 1
    signal = signal_nets(design)
    for region, tiles in zip(score.regions, expected, strict=False):
        rows, columns = [r for r, _ in tiles], [c for _, c in tiles]
        x0, x1 = grid.x_edges[min(columns)], grid.x_edges[max(columns) + 1]
        y0, y1 = grid.y_edges[min(rows)], grid.y_edges[max(rows) + 1]
        assert region.box_um == tuple(edge / design.dbu_per_micron for edge in (x0, y0, x1, y1))
        assert region.tiles == len(tiles)
        assert region.score == pytest.approx(np.mean([probability[tile] for tile in tiles]))
        assert region.max == max(probability[tile] for tile in tiles)
        cells = sum(bool(a < x1 and c > x0 and b < y1 and d > y0) for a, b, c, d in design.cells.box)
        assert region.cells == cells
        points: dict[int, list[tuple[float, float]]] = {}
        for net, x, y, placed in zip(design.pins.net, design.pins.x, design.pins.y, design.pins.placed, strict=True):
            if placed and signal[net]:
                points.setdefault(int(net), []).append((x, y))
        assert region.pins == sum(x0 <= x < x1 and y0 <= y < y1 for at in points.values() for x, y in at)
        crossing = sum(
            min(x for x, _ in at) < x1 and max(x for x, _ in at) > x0
            and min(y for _, y in at) < y1 and max(y for _, y in at) > y0
            for at in points.values()
        )  # fmt: skip
        assert region.nets_crossing == crossing


def test_a_region_too_large_to_act_on_is_narrowed_to_its_worst_parts() -> None:
    y, x = np.mgrid[0:60, 0:60]
    probability = 0.3 + 0.5 * np.exp(-((x - 15) ** 2 + (y - 15) ** 2) / 40.0)
    probability += 0.4 * np.exp(-((x - 45) ** 2 + (y - 40) ** 2) / 40.0)
    labels, count = label_regions(probability, 0.2)  # all of the die is above the threshold
    sizes = np.bincount(labels.ravel())[1:]
    assert count == 2
    assert sizes.max() <= LARGE_REGION
    assert labels[15, 15] > 0
    assert labels[40, 45] > 0
    assert labels[15, 15] != labels[40, 45]


def test_a_level_region_cannot_be_narrowed() -> None:
    probability = np.full((30, 40), 0.5)
    probability[:, 30] = 0.0
    probability[5, 35] = 0.9
    labels, count = label_regions(probability, 0.2)
    assert count == 2
    assert (labels[:, :30] == labels[0, 0]).all()
    assert np.argwhere(labels == labels[5, 35]).tolist() == [[5, 35]]


def test_regions_lie_on_the_die(score: Score) -> None:
    die = score.to_dict()["die_um"]
    for region in score.regions:
        x0, y0, x1, y1 = region.box_um
        assert die[0] <= x0 < x1 <= die[2]
        assert die[1] <= y0 < y1 <= die[3]


def test_csv_covers_the_die_exactly(score: Score) -> None:
    assert score.probability is not None
    rows = list(csv.reader(io.StringIO(heat_map_csv(score.grid, score.probability, score.design.dbu_per_micron))))
    assert rows[0] == ["x0", "y0", "x1", "y1", "value (%)"]
    tiles = np.array(rows[1:], dtype=float)
    assert len(tiles) == score.probability.size
    np.testing.assert_allclose(tiles[:, 4], 100 * score.probability.T.ravel(), atol=1e-4)
    assert (np.diff(tiles[:, 0]) >= 0).all()  # column by column, from the lower left
    assert (tiles[0, :2] == (0, 0)).all()
    assert tiles[1, 1] == tiles[0, 3]
    x0, y0, x1, y1 = score.to_dict()["die_um"]
    assert (tiles[:, 0].min(), tiles[:, 1].min(), tiles[:, 2].max(), tiles[:, 3].max()) == (x0, y0, x1, y1)
    area = (tiles[:, 2] - tiles[:, 0]) * (tiles[:, 3] - tiles[:, 1])
    assert (area > 0).all()
    assert area.sum() == pytest.approx((x1 - x0) * (y1 - y0))
    assert len({(row[0], row[1]) for row in rows[1:]}) == len(tiles)  # no two tiles on one place
    for axis in (0, 1):  # one tile's end is the next one's start, as text
        starts, ends = {row[axis] for row in rows[1:]}, {row[axis + 2] for row in rows[1:]}
        assert len(starts ^ ends) == 2


def overlap(a: Any, b: Any) -> float:
    sides = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    return float(np.clip(sides, 0, None).prod())


def test_labels_of_a_picture_cover_no_region_and_no_other_label() -> None:
    size, tile = (400.0, 300.0), 8.0
    corners = [
        (0, 0),
        (392, 292),
        (0, 292),
        (392, 0),
        (100, 100),
        (108, 108),
        (116, 100),
        (100, 116),
        (124, 116),
        (200, 0),
    ]
    boxes = np.array([(x, y, x + tile, y + tile) for x, y in corners], dtype=float)
    places = label_places(boxes, size)
    rooms = np.concatenate([places - LABEL / 2, places + LABEL / 2], axis=1)
    for number, room in enumerate(rooms):
        assert (room[:2] >= 0).all()
        assert (room[2:] <= size).all()
        assert all(overlap(room, box) == 0 for box in boxes)
        assert all(overlap(room, other) == 0 for other in np.delete(rooms, number, axis=0))
        gap = np.abs(places[number] - (boxes[number, :2] + tile / 2))
        assert (gap < 45).all()  # beside its own region
    assert label_places(np.empty((0, 4)), size).shape == (0, 2)
    assert label_places(np.array([[0.0, 0.0, *size]]), size).shape == (1, 2)  # no room at all, and still a label


def test_all_pictures_have_one_scale_and_the_numbers_of_the_table(
    score: Score, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from routenas.show import pictures

    figures: list[Any] = []
    monkeypatch.setattr(pictures, "_save", lambda figure, path: figures.append(figure))
    named = dataclasses.replace(score, design=dataclasses.replace(score.design, name="mine"))
    pictures.heat_map_png(named, tmp_path / "map.png")
    (figure,) = figures
    axes, bar = figure.axes
    assert axes.get_title().startswith("mine: ")
    (mesh,) = axes.images or axes.collections[:1]
    assert mesh.get_clim() == (0.0, 1.0)
    assert bar.get_ylabel() == "predicted probability of a DRC hotspot (0 to 1)"
    assert len(score.regions) > 1
    table = score_table(score)
    for number, (text, region) in enumerate(zip(axes.texts, score.regions, strict=False), 1):
        assert text.get_text() == str(number)
        assert text.xy == pytest.approx(
            ((region.box_um[0] + region.box_um[2]) / 2, (region.box_um[1] + region.box_um[3]) / 2)
        )
        assert f"\n{number} " in table


def test_png(score: Score, tmp_path: Path) -> None:
    from routenas.show.pictures import heat_map_png, search_png

    heat_map_png(score, tmp_path / "map.png")
    search_png([Result(0.5), Result(None), Result(0.7)], "ROC-AUC", tmp_path / "search.png")
    for name in ("map.png", "search.png"):
        data = (tmp_path / name).read_bytes()
        assert data.startswith(b"\x89PNG\r\n\x1a\n")
        assert len(data) > 5000
    assert len(list(tmp_path.iterdir())) == 2
    with pytest.raises(InputError, match="a heat map needs a hotspot model"):
        heat_map_png(dataclasses.replace(score, probability=None), tmp_path / "none.png")


def test_a_die_that_starts_elsewhere(loaded: dict[str, Predictor], layout: Layout, tmp_path: Path) -> None:
    """The same placement moved by whole tiles has the same answer, at another place."""
    moved = tmp_path / "moved.def"
    moved.write_text(synthetic_def(150, 3, utilization=0.6, memory=False, name="one", origin=(-28000, 56000)))
    both = list(loaded.values())
    here, there = (score_layout(files(layout, path), both) for path in (layout.def_, moved))
    assert here.probability is not None
    assert there.probability is not None
    np.testing.assert_allclose(here.probability, there.probability, rtol=1e-5)
    assert there.violated_nets == pytest.approx(here.violated_nets, rel=1e-5)
    shift = np.array(there.regions[0].box_um) - np.array(here.regions[0].box_um) if here.regions else np.zeros(4)
    if here.regions:
        np.testing.assert_allclose(shift, (-14.0, 28.0, -14.0, 28.0))


def test_two_bundles_of_one_task_are_refused(loaded: dict[str, Predictor], layout: Layout) -> None:
    with pytest.raises(ModelMismatchError, match="two models for the task 'hotspots', expected at most one per task"):
        score_layout(files(layout, layout.def_), [loaded["hotspots"], loaded["hotspots"]])


def test_tiles_of_two_sizes(loaded: dict[str, Predictor], layout: Layout) -> None:
    both = [loaded["hotspots"], with_card(loaded["violated_nets"], tile_um=2.8)]
    with pytest.raises(ModelMismatchError, match=r"the models were trained on tiles of 1\.4 and 2\.8 um"):
        score_layout(files(layout, layout.def_), both)
    score = score_layout(files(layout, layout.def_), both, tile_um=1.4)
    assert ("other-tile", "tiles of 1.4 um, but training was on tiles of 2.8 um") in score.warnings


def test_another_technology_is_told(loaded: dict[str, Predictor], layout: Layout) -> None:
    def warned(*technologies: str) -> list[str]:
        one = with_card(loaded["hotspots"], technologies=technologies)
        found = score_layout(files(layout, layout.def_), [one])
        assert found.to_dict()["models"][0]["technologies"] == list(technologies)
        return [text for code, text in found.warnings if code == "other-technology"]

    here = technology(read_layout(files(layout, layout.def_)))
    assert warned() == warned(here) == warned("another", here) == []
    assert warned("another") == [f"hotspots: the layout is in another technology ({here}), not another"]


def test_one_model_answers_one_question(loaded: dict[str, Predictor], layout: Layout) -> None:
    counts = score_layout(files(layout, layout.def_), [loaded["violated_nets"]])
    assert counts.probability is None
    assert counts.to_dict()["hotspots"] is None
    assert counts.regions == ()
    maps = score_layout(files(layout, layout.def_), [loaded["hotspots"]], top=1)
    assert maps.to_dict()["violated_nets"] is None
    assert maps.violated_nets is None
    assert len(maps.regions) <= 1


def test_what_is_not_placed_is_refused(loaded: dict[str, Predictor], layout: Layout, tmp_path: Path) -> None:
    text = synthetic_def(150, 3, utilization=0.6, memory=False, name="one")
    bad = tmp_path / "unplaced.def"
    bad.write_text(re.sub(r"(- u7 \S+ .*?)\+ PLACED \( \S+ \S+ \) \S+", r"\1+ UNPLACED", text, count=1))
    with pytest.raises(InputError, match=r"unplaced\.def: .*u7"):
        score_layout(files(layout, bad), list(loaded.values()))


def test_warnings(loaded: dict[str, Predictor], layout: Layout, tmp_path: Path) -> None:
    text = synthetic_def(150, 3, utilization=0.6, memory=False, name="one")
    start, end = text.index("SPECIALNETS"), text.index("END SPECIALNETS\n") + len("END SPECIALNETS\n")
    bare = tmp_path / "bare.def"
    bare.write_text(text[:start] + text[end:])
    score = score_layout(files(layout, bare), [loaded["hotspots"]])
    codes = [code for code, _ in score.warnings]
    assert "no-power-grid" in codes
    assert "out-of-range" in codes  # the made-up training data know nothing of this layout's channels
    assert not np.isin(score.design.nets.use, (Use.POWER, Use.GROUND)).any()


def test_a_die_that_is_no_rectangle(loaded: dict[str, Predictor], tmp_path: Path, layout: Layout) -> None:
    """Tiles off it have no probability, are in no mean, region or row of the CSV, and are blank in the picture."""
    text = synthetic_def(150, 3, utilization=0.6, memory=False, name="one")
    found = re.search(r"DIEAREA \( (\S+) (\S+) \) \( (\S+) (\S+) \)", text)
    assert found is not None
    x0, y0, x1, y1 = map(int, found.groups())
    x, y = x0 + (x1 - x0) // 3 // 2800 * 2800, y0 + (y1 - y0) // 2 // 2800 * 2800
    corners = [(x0, y0), (x0, y1), (x1, y1), (x1, y), (x, y), (x, y0)]
    cut = tmp_path / "cut.def"
    cut.write_text(text.replace(found[0], "DIEAREA " + " ".join(f"( {a} {b} )" for a, b in corners)))
    score = score_layout(files(layout, cut), [with_threshold(loaded["hotspots"], 0.0), loaded["violated_nets"]])
    assert score.probability is not None
    rows, columns = score.grid.shape
    off = np.zeros((rows, columns), dtype=bool)
    off[: (y - y0) // 2800, (x - x0) // 2800 :] = True
    np.testing.assert_array_equal(np.isnan(score.probability), off)
    value = json.loads(json.dumps(score.to_dict(), allow_nan=False))
    assert value["outline_um"] == [[a / 2000, b / 2000] for a, b in corners]
    assert value["hotspots"]["area_frac"] == pytest.approx(1.0)
    assert value["hotspots"]["tiles"] == (~off).sum()
    assert value["hotspots"]["mean"] == pytest.approx(np.mean(score.probability[~off]))
    assert sum(region.tiles for region in score.regions) <= (~off).sum()
    table = list(csv.reader(io.StringIO(heat_map_csv(score.grid, score.probability, 2000))))
    assert len(table) == 1 + (~off).sum()
    assert not any("nan" in line for row in table for line in row)
    if available():
        heat_map_png(score, tmp_path / "map.png")
        assert (tmp_path / "map.png").stat().st_size > 1000


def test_an_answer_that_is_not_finite_is_refused(loaded: dict[str, Predictor], layout: Layout) -> None:
    scale = dataclasses.replace(loaded["hotspots"].card.output_scale, offset=float("nan"))
    with pytest.raises(ModelMismatchError, match="no finite answer"):
        score_layout(files(layout, layout.def_), [with_card(loaded["hotspots"], output_scale=scale)])


def test_tables(score: Score) -> None:
    text = score_table(score)
    assert f"one: {len(score.design.cells.name)} cells, {score.net_count} nets" in text
    assert "violated nets:" in text
    assert "hotspots:" in text
    assert "warning: " in text
    timing = timing_table(score.timings).splitlines()
    assert timing[0].split() == ["stage", "seconds", "%"]
    assert timing[2].startswith("start-up and imports")
    shares = [int(line.split()[-1]) for line in timing[2:-1]]
    assert abs(sum(shares) - 100) <= len(shares)
