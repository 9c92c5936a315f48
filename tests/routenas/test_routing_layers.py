"""The layers that signals may use, from the manifest to the score."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from placement_data.checks.audit import audit
from placement_data.checks.families import Families
from placement_data.checks.verify import verify
from placement_data.errors import InputError
from placement_data.features import channel_set, feature_maps
from placement_data.grid import Grid
from placement_data.ingest import Recipe, ingest, make_sample, read_manifest, sample_key
from placement_data.readers import read_design
from placement_data.store import Store, write
from routenas import score
from routenas.predictor import Predictor
from routenas.show.text import data_table
from routenas.tasks.card import Card
from routenas.tasks.routability import RoutabilityTask
from tests.layouts import HEADER, Layout, manifest_row, write_manifest
from tests.samples import CHANNEL_VERSION, CHANNELS, SPLIT, made_up_samples
from tests.test_cli import Run, assert_one_line
from tests.test_cli import folder as folder
from tests.test_cli import run as run


def manifest(folder: Path, layout: Layout, *layers: str) -> Path:
    rows = [f"{manifest_row(layout, f'one/{n}', f'f{n}')},{text}" for n, text in enumerate(layers)]
    return write_manifest(folder / "layers.csv", rows, HEADER + ",routing_layers")


def test_a_row_s_own_layers_come_before_those_of_all_rows(folder: Path, layout: Layout) -> None:
    rows = read_manifest(manifest(folder, layout, "metal2-metal3", "", "metal2"))
    assert [row.routing_layers for row in rows] == ["metal2-metal3", "", "metal2"]
    assert not any(row.attributes for row in rows)
    out = folder / "data.h5"
    ingest(rows, out, Recipe(channels="all", routing_layers="metal1-metal2"))
    store = verify(out)
    assert store.routing_layers == ("metal2-metal3", "metal1-metal2", "metal2")
    assert "routing layers: 1 metal1-metal2, 1 metal2, 1 metal2-metal3" in data_table(store)
    design = read_design([layout.lef], layout.def_)
    for index, layers in enumerate(store.routing_layers):
        maps = feature_maps(design, Grid.of(design), channel_set("all"), routing_layers=layers)
        np.testing.assert_array_equal(store.features(index), maps)
        assert store.sample(index).routing_layers == layers
    assert not np.array_equal(store.features(0), store.features(1))


def test_the_key_and_the_resumed_file_know_the_layers(folder: Path, layout: Layout) -> None:
    row, same, none = read_manifest(manifest(folder, layout, "metal2", "metal2", ""))
    plain, other = Recipe(), Recipe(routing_layers="metal2")
    keys = [sample_key(dataclasses.replace(each, sample="s"), recipe) for each, recipe in
            ((row, plain), (none, plain), (none, other), (row, other))]  # fmt: skip
    assert sample_key(same, plain) == sample_key(same, other)
    assert keys[0] == keys[3]
    assert keys[0] != keys[1] != keys[2]
    out = folder / "data.h5"
    ingest((none,), out)
    assert "routing_layers" not in Store(out).heads[0]
    assert Store(out).routing_layers == ("",)
    assert str(ingest((none,), out, other, mode="resume")) == "1 placements: 0 unchanged, 1 read"


def test_layers_that_there_are_not_end_an_ingest_in_one_line(folder: Path, layout: Layout, run: Run) -> None:
    write_manifest(
        folder / "layers.csv", ["", manifest_row(layout, "a", "a") + ",metal2-met9"], HEADER + ",routing_layers"
    )
    path = folder / "layers.csv"
    done = run("ingest", path, "-o", folder / "data.h5")
    assert_one_line(done, 3, "layers.csv:3: there is no such routing layer, found 'met9', expected routing layers")
    done = run("ingest", folder / "manifest.csv", "-o", folder / "data.h5", "--routing-layers", "metal3-metal2")
    assert_one_line(done, 3, "one.def.gz: the highest routing layer lies below the lowest, found 'metal3-metal2'")
    assert not (folder / "data.h5").exists()
    with pytest.raises(InputError, match=r"one\.def\.gz: signals cannot use a layer .* found 'via1'"):
        make_sample(read_manifest(folder / "manifest.csv")[0], recipe=Recipe(routing_layers="via1"))


def with_layers(predictor: Predictor, *layers: str) -> Predictor:
    return dataclasses.replace(predictor, card=dataclasses.replace(predictor.card, routing_layers=layers))


def test_the_card_has_the_layers_of_the_training_placements(tmp_path: Path) -> None:
    told = {"f0": "metal2-metal3", "f2": "metal2-metal3", "f4": "metal1"}
    samples = [dataclasses.replace(each, routing_layers=told.get(each.family, "")) for each in made_up_samples()]
    write(tmp_path / "d.h5", samples, CHANNELS, CHANNEL_VERSION)
    card = RoutabilityTask("hotspots", tmp_path / "d.h5", SPLIT).card
    assert card.routing_layers == ("", "metal2-metal3")  # f1 has none; f4 is for the test
    again = json.loads(json.dumps(card.to_dict()))
    assert Card.from_dict(again) == card
    del again["routing_layers"]
    assert Card.from_dict(again).routing_layers == ("",)
    store = Store(tmp_path / "d.h5")
    parts = {name: tuple(value) for name, value in SPLIT.to_dict().items()}
    found = {one.code: one.text for one in audit(store, parts, families=Families(None)).findings}
    assert found["mixed-routing-layers"].endswith("all routing layers, metal1, metal2-metal3")


@pytest.mark.parametrize(
    ("trained", "said", "warning"),
    [
        (("",), "", None),
        (("metal2-metal3",), "metal2-metal3", None),
        (("metal1", "metal2-metal3"), "metal2-metal3", None),
        (("metal2-metal3",), "", "signals may use all routing layers, but in training they could use metal2-metal3"),
        (("metal2-metal3",), "metal2", "signals may use metal2, but in training they could use metal2-metal3"),
        (("",), "metal2", "signals may use metal2, but in training they could use all routing layers"),
        (("", "metal1"), "metal2", "metal2, but in training they could use all routing layers and metal1"),
    ],
)
def test_score_says_where_training_was_on_other_layers(
    layout: Layout, bundles: dict[str, Path], tmp_path: Path, trained: tuple[str, ...], said: str, warning: str | None
) -> None:
    model = Predictor.of(bundles["hotspots"]).bundle
    bundle = dataclasses.replace(model, task={**model.task, "routing_layers": list(trained)})
    bundle.save(tmp_path / "model")
    found = score([layout.lef], layout.def_, [tmp_path / "model"], routing_layers=said)
    texts = [text for code, text in found.warnings if code == "routing-layers"]
    assert len(texts) == (warning is not None)
    assert all(warning in text for text in texts if warning)
    value = found.to_dict()
    assert value["routing_layers"] == (said or None)
    assert value["models"][0]["routing_layers"] == [layers or None for layers in trained]


def test_score_counts_the_tracks_of_the_layers(folder: Path, layout: Layout, run: Run) -> None:
    """A model of a data set with a range has other answers where another one is given."""
    from routenas import train

    names = [f"{n}/{k}" for n in range(3) for k in range(2)]
    rows = [f"{manifest_row(layout, name, name[0])},metal2-metal3" for name in names]
    path = write_manifest(folder / "many.csv", rows, HEADER + ",routing_layers")
    ingest(read_manifest(path), folder / "data.h5", Recipe(channels="all"))
    from routenas.training import BUDGETS

    train(folder / "data.h5", "tile-mlp", folder / "model", budget=BUDGETS["smoke"])
    words = ["score", "--lef", layout.lef, "--def", layout.def_, "--model", folder / "model", "--json", "-"]
    same, other = (json.loads(run(*words, *more).out) for more in (("--routing-layers", "metal2-metal3"), ()))
    assert not [one for one in same["warnings"] if one["code"] in ("routing-layers", "out-of-range")]
    assert {"routing-layers", "out-of-range"} <= {one["code"] for one in other["warnings"]}
    assert same["hotspots"] != other["hotspots"]
    done = run(*words, "--routing-layers", "metal2-m9")
    assert_one_line(done, 3, "one.def.gz: there is no such routing layer, found 'm9', expected routing layers, lowest")
