"""Extra targets: hotspots after the router's earlier iterations, from the manifest to the loss, and never an input."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from placement_data.checks.verify import verify
from placement_data.errors import InputError, SettingError
from placement_data.ingest import Recipe, ingest, make_sample, read_manifest, sample_key
from placement_data.store import Sample, Store, write
from routenas import score
from routenas.baselines import baseline, baselines, predictor_class
from routenas.predictor import Predictor
from routenas.tasks import task_config, task_from_config
from routenas.tasks.card import Card
from routenas.tasks.facts import Start
from routenas.tasks.routability import RoutabilityTask
from routenas.training import BUDGETS, fit
from searchspaces.flexible import FlexibleSpace
from searchspaces.space import TaskShape
from tests.layouts import HEADER, Layout, manifest_row, report_text, write_manifest
from tests.samples import CHANNEL_VERSION, CHANNELS, SPLIT, made_up_samples
from tests.test_cli import Run, assert_one_line
from tests.test_cli import folder as folder
from tests.test_cli import run as run

COLUMNS = ",report_iteration_0,report_iteration_1"


def with_iterations(sample: Sample, *numbers: int) -> Sample:
    """The sample with earlier hotspots of its own: the label moved by one row an iteration."""
    if not numbers:
        return sample
    assert sample.hotspots is not None
    maps = np.stack([np.roll(sample.hotspots, 1 + number, axis=0) for number in numbers])
    return dataclasses.replace(sample, earlier_hotspots=maps, earlier_iterations=numbers)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Placements with iterations 0 and 1, but for f1, which has the first one alone, and f2 without any."""
    told = {"f1": (0,), "f2": ()}
    samples = [with_iterations(sample, *told.get(sample.family, (0, 1))) for sample in made_up_samples()]
    path = tmp_path_factory.mktemp("extra") / "data.h5"
    write(path, samples, CHANNELS, CHANNEL_VERSION)
    return path


def test_reports_of_earlier_iterations_are_stored_beside_the_label(folder: Path, layout: Layout) -> None:
    first, second = layout.nets
    (folder / "zero.drc").write_text(report_text(first, second).replace("(9.0, 5.0) - (9.2, 5.1)", "(20, 9) - (20, 9)"))
    (folder / "empty.drc").write_text("")
    rows = [
        manifest_row(layout, "a", "a") + ",zero.drc,empty.drc",
        manifest_row(layout, "b", "b") + ",,empty.drc",
        manifest_row(layout, "c", "c") + ",,",
        manifest_row(layout, "d", "d", report=False) + ",zero.drc,",
    ]
    found = read_manifest(write_manifest(folder / "m.csv", rows, HEADER + COLUMNS))
    assert [row.report_iterations for row in found] == [
        ((0, folder / "zero.drc"), (1, folder / "empty.drc")), ((1, folder / "empty.drc"),), (), ()
    ]  # fmt: skip
    assert not any(row.attributes for row in found)
    ingest(found, folder / "data.h5")
    data = verify(folder / "data.h5")
    a, b, c, d = data
    assert [each.earlier_iterations for each in data] == [(0, 1), (1,), (), ()]
    assert a.earlier_hotspots is not None
    assert a.earlier_hotspots.shape == (2, *a.features.shape[1:])
    assert a.earlier_hotspots.dtype == np.uint8
    tile = data.heads[0]["grid"]
    x0, y0 = (edge / tile["dbu_per_micron"] for edge in tile["die"][:2])
    places = {(int((y - y0) / 1.4), int((x - x0) / 1.4)) for x, y in ((5.05, 5.05), (20, 9), (5.05, 9.05))}
    assert {(int(r), int(k)) for r, k in np.argwhere(a.earlier_hotspots[0])} == places
    assert not a.earlier_hotspots[1].any()
    assert b.earlier_hotspots is not None
    assert b.earlier_hotspots.shape[0] == 1
    assert c.earlier_hotspots is None
    assert d.earlier_hotspots is None
    for other in (b, c, d):
        np.testing.assert_array_equal(other.features, a.features)
    assert "zero.drc" in a.sources
    assert "earlier_iterations" not in data.heads[2]


def test_the_key_knows_iterations_and_their_numbers(folder: Path, layout: Layout) -> None:
    (folder / "zero.drc").write_text("")
    rows = [manifest_row(layout, "a", "a") + tail for tail in (",zero.drc,", ",,zero.drc", ",,")]
    keys = set()
    for row in rows:
        (one,) = read_manifest(write_manifest(folder / "m.csv", [row], HEADER + COLUMNS))
        keys.add(sample_key(one, Recipe()))
    assert len(keys) == 3


@pytest.mark.parametrize(
    ("tail", "what"),
    [
        (",gone.drc,", "m.csv:2: a file of column 'report_iteration_0' does not exist, found 'gone.drc'"),
        (",,one.drc;one.drc", "m.csv:2: field 'report_iteration_1' names several reports, found '2', expected at most"),
    ],
)
def test_bad_iterations_are_told_by_line(folder: Path, layout: Layout, tail: str, what: str, run: Run) -> None:
    write_manifest(folder / "m.csv", [manifest_row(layout, "a", "a") + tail], HEADER + COLUMNS)
    assert_one_line(run("ingest", folder / "m.csv", "-o", folder / "data.h5"), 3, what)


def test_a_report_of_another_layout_is_refused_there_too(folder: Path, layout: Layout) -> None:
    (folder / "zero.drc").write_text(report_text("other1", "other2"))
    write_manifest(folder / "m.csv", [manifest_row(layout, "a", "a") + ",zero.drc,"], HEADER + COLUMNS)
    (row,) = read_manifest(folder / "m.csv")
    with pytest.raises(InputError, match=r"zero\.drc: the report does not belong to this layout"):
        make_sample(row)


def test_the_card_tells_iterations_and_the_shape_has_an_output_each(store: Path) -> None:
    plain, extra = (RoutabilityTask("hotspots", store, SPLIT, start=Start(extra_targets=on)) for on in (False, True))
    assert (plain.shape.inputs, plain.shape.outputs, plain.shape.output) == (len(CHANNELS), 1, "map")
    assert "extra_targets" not in plain.config()
    assert extra.card.extra_targets == (0, 1)
    assert (extra.shape.inputs, extra.shape.outputs, extra.shape.output) == (len(CHANNELS), 3, "map")
    again = task_from_config(json.loads(json.dumps(task_config(extra))))
    assert isinstance(again, RoutabilityTask)
    assert again.card == extra.card
    assert Card.from_dict(plain.card.to_dict()).extra_targets == ()


def test_where_extra_targets_cannot_be(store: Path, made_up_store: Path) -> None:
    with pytest.raises(SettingError, match="extra targets are maps of hotspots, found 'violated_nets'"):
        RoutabilityTask("violated_nets", store, SPLIT, start=Start(extra_targets=True))
    with pytest.raises(InputError, match=r"no training placement has a report of an earlier .*report_iteration_0"):
        RoutabilityTask("hotspots", made_up_store, SPLIT, start=Start(extra_targets=True))


class Fixed(nn.Module):
    """Logits that do not depend on the maps: one number an output."""

    def __init__(self, *logits: float) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.tensor(logits))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.logits[None, :, None, None].expand(len(x), -1, *x.shape[2:])


def cross_entropy(logit: float, label: float) -> float:
    return math.log1p(math.exp(-logit)) if label else math.log1p(math.exp(logit))


def test_the_loss_is_the_label_s_and_half_of_the_others(store: Path) -> None:
    task = RoutabilityTask("hotspots", store, SPLIT, start=Start(extra_targets=True))
    offset = task.card.output_scale.offset
    logits = (0.3, -0.7, 1.1)
    for batch in task.batches("train", 1, np.random.default_rng(0)):
        (target,), (extra,) = batch.targets, batch.extra
        assert extra is not None
        assert extra.shape == (1, 2, *target.shape[1:])
        known = [each for each in range(2) if not torch.isnan(extra[0, each]).any()]
        expected = np.mean([cross_entropy(logits[0] + offset, float(label)) for label in target.flatten()])
        others = [
            cross_entropy(logits[1 + each] + offset, float(label))
            for each in known
            for label in extra[0, each].flatten()
        ]
        expected += 0.5 * np.mean(others) if others else 0.0
        module = Fixed(*logits)
        loss = task.loss(module, batch)
        assert loss.item() == pytest.approx(expected, rel=1e-5)
        loss.backward()
        assert module.logits.grad is not None
        assert [bool(grad) for grad in module.logits.grad] == [True, 0 in known, 1 in known]
    counts = [bool(torch.isnan(e).any()) for b in task.batches("train", 1, np.random.default_rng(0)) for e in b.extra]
    assert 0 < sum(counts) < len(counts)


def test_extra_maps_turn_with_the_label_and_stay_aligned(store: Path) -> None:
    task = RoutabilityTask("hotspots", store, SPLIT, start=Start(extra_targets=True))
    seen = 0
    for batch in task.batches("train", 4, np.random.default_rng(3)):
        for target, extra in zip(batch.targets, batch.extra, strict=True):
            assert extra is not None
            if torch.isnan(extra).any():
                continue
            shifts = [torch.roll(target, step, dims=1) for step in (1, -1)]  # up, or down where rows are mirrored
            assert any(torch.equal(extra[:, 0], shift) for shift in shifts)
            seen += 1
    assert seen >= 4


def test_answers_and_metrics_read_the_first_output_alone(store: Path) -> None:
    extra = RoutabilityTask("hotspots", store, SPLIT, start=Start(extra_targets=True))
    plain = RoutabilityTask("hotspots", store, SPLIT)
    found = extra.answers(Fixed(0.3, 9.0, -9.0), "search")
    for answer, expected in zip(found, plain.answers(Fixed(0.3), "search"), strict=True):
        np.testing.assert_array_equal(answer, expected)


def test_extra_targets_are_no_inputs(store: Path) -> None:
    """What a bundle answers does not depend on them: it has them neither as channels nor when it scores."""
    plain, extra = (RoutabilityTask("hotspots", store, SPLIT, start=Start(extra_targets=on)) for on in (False, True))
    assert plain.card.channels == extra.card.channels
    np.testing.assert_array_equal(plain.example()[0], extra.example()[0])


@pytest.mark.parametrize("name", [n for n in baselines("hotspots") if baseline("hotspots", n).kind == "network"])
def test_hand_made_networks_have_as_many_outputs(name: str) -> None:
    network = predictor_class(name)(TaskShape(17, 3, "map"))
    logits = network(torch.randn(1, 17, 9, 14))
    assert logits.shape == (1, 3, 9, 14)
    logits.sum().backward()
    assert all(p.grad is not None for p in network.parameters())


@pytest.mark.parametrize("preset", ["extended", "paper"])
def test_searched_networks_have_as_many_outputs(preset: str) -> None:
    space = FlexibleSpace(preset=preset)
    genotype = space.sample(np.random.default_rng(0))
    network = space.build(genotype, TaskShape(17, 3, "map"), seed=0)
    assert network(torch.randn(1, 17, 9, 14)).shape == (1, 3, 9, 14)


def test_training_learns_both_and_the_bundle_scores(store: Path, layout: Layout, tmp_path: Path, run: Run) -> None:
    task = RoutabilityTask("hotspots", store, SPLIT, start=Start(extra_targets=True))
    network = predictor_class("tile-mlp")(task.shape)
    batches = list(task.batches("train", 4, np.random.default_rng(0)))
    before = sum(task.loss(network, batch).item() for batch in batches)
    fit(network, task, BUDGETS["smoke"], 0)
    assert sum(task.loss(network, batch).item() for batch in batches) < before
    (tmp_path / "split.json").write_text(json.dumps(SPLIT.to_dict()))
    words = ("train", store, "--budget", "smoke", "--split", tmp_path / "split.json")
    done = run(*words, "--predictor", "tile-mlp", "--extra-targets", "--out", tmp_path / "extra")
    assert done.code == 0, done.err
    assert Predictor.of(tmp_path / "extra").card.extra_targets == (0, 1)
    answer = score([layout.lef], layout.def_, [tmp_path / "extra"]).probability
    assert answer is not None
    assert answer.ndim == 2
    assert run(*words, "--predictor", "tile-mlp", "--out", tmp_path / "plain").code == 0
    assert Predictor.of(tmp_path / "plain").card.extra_targets == ()


def test_a_model_that_is_trained_on_keeps_its_outputs(store: Path) -> None:
    extra, plain = (RoutabilityTask("hotspots", store, SPLIT, start=Start(extra_targets=on)) for on in (True, False))
    again = RoutabilityTask("hotspots", store, SPLIT, start=Start(card=extra.card))
    assert again.card.extra_targets == (0, 1)
    with pytest.raises(InputError, match="the model to start from has no outputs for extra targets, expected a model"):
        RoutabilityTask("hotspots", store, SPLIT, start=Start(card=plain.card, extra_targets=True))


def test_a_search_with_extra_targets_is_gone_on_with_and_run_again(store: Path, tmp_path: Path, run: Run) -> None:
    words = ("--budget", "smoke", "--final-budget", "smoke", "--finalists", 1, "--final-seeds", 1)
    done = run("search", store, "--extra-targets", "--trials", 1, "--out", tmp_path / "a", *words)
    assert done.code == 0, done.err
    assert run("search", "--out", tmp_path / "a", "--resume", "--trials", 2).code == 0
    again = run("search", "--config", tmp_path / "a" / "run.toml", "--out", tmp_path / "b")
    assert again.code == 0, again.err
    assert Predictor.of(tmp_path / "b" / "model").card.extra_targets == (0, 1)
    assert Store(store).heads[0]["earlier_iterations"] == [0, 1]


def test_folds_keep_them_and_are_judged_without(store: Path) -> None:
    extra, plain = (RoutabilityTask("hotspots", store, SPLIT, start=Start(extra_targets=on)) for on in (True, False))
    found = []
    for task, module in ((extra, Fixed(0.3, 9.0, -9.0)), (plain, Fixed(0.3))):
        folds = task.folds(2, 0)
        assert {fold.card.extra_targets for fold in folds} == {task.card.extra_targets}
        whole, metrics = task.whole(folds, [fold.outputs(module, "search") for fold in folds])
        assert whole.card.extra_targets == task.card.extra_targets
        found.append(metrics)
    assert found[0] == found[1]
