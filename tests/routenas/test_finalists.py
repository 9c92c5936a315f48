"""The end of a run out of fold: the ensemble that is chosen, and that it is the same whenever the run was killed."""

from __future__ import annotations

import dataclasses
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from placement_data.dataset import Split
from placement_data.errors import InputError, SettingError
from placement_data.store import write
from routenas import evaluate, search
from routenas.architecture import Architecture
from routenas.bundle import Bundle
from routenas.ensembles import greedy_selection, mean_outputs
from routenas.estimators import scratch
from routenas.estimators.folded import RetrainedOnFolds
from routenas.estimators.scratch import Retraining
from routenas.executor import Execution
from routenas.loop import SearchFailedError
from routenas.predictor import Predictor
from routenas.run import Events, run
from routenas.settings import Settings
from routenas.tasks.routability import RoutabilityTask
from routenas.training import fit
from searchspaces.nasbench201 import NasBench201Space
from tests.adapters.folded import FoldedDigits
from tests.routenas.test_run import BRIEF, REPOSITORY, Countdown, Killed, outcome
from tests.samples import CHANNEL_VERSION, CHANNELS, SPLIT, made_up_samples

SETTINGS = Settings(
    space=NasBench201Space(channels=2, cells=1).config(), trials=3, folds=3, budget=BRIEF, final_budget=BRIEF,
    finalists=2, final_seeds=2,
)  # fmt: skip


def digits(folder: Path, resume: bool = False, events: Events = Events(), **changes: Any) -> Bundle:
    settings = dataclasses.replace(SETTINGS, **changes)
    return search(FoldedDigits(300), folder, settings, resume=resume, events=events)


def test_stopped_at_each_event_and_resumed(tmp_path: Path) -> None:
    count = Countdown(0)
    bundle = digits(tmp_path / "whole", events=count.events())
    # An epoch in each fold and a result for each trial and each finalist, and an epoch of each member on everything.
    assert -count.left == 3 * (3 + 1) + 4 * (3 + 1) + len(bundle.members)
    for event in (1, 3, 5, 6, 7, 9, 11, 2, 2):
        with pytest.raises(Killed):
            digits(tmp_path / "stopped", (tmp_path / "stopped").exists(), Countdown(event).events())
    digits(tmp_path / "stopped", True)
    assert outcome(tmp_path / "stopped") == outcome(tmp_path / "whole")


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ended") / "run"
    digits(folder)
    return folder


def test_the_bundle_is_what_greedy_selection_draws(ended: Path) -> None:
    bundle = Bundle.load(ended / "model")
    assert set(bundle.metrics) == {"out_of_fold", "test"}
    seeds = [SETTINGS.seed + 1000, SETTINGS.seed + 1001]
    estimator = RetrainedOnFolds(FoldedDigits(300), BRIEF, ended / "finalists", k=3, fold_seed=SETTINGS.seed)
    names = [finalist["name"] for finalist in bundle.provenance["finalists"]]
    architectures = [Architecture.from_dict(each["architecture"]) for each in bundle.provenance["finalists"]]
    items = [Retraining(architecture, seed) for architecture in architectures for seed in seeds]
    outputs = [estimator.outputs(item) for item in items]
    singles = [FoldedDigits(300).pooled(estimator.folds, each)["accuracy"] for each in outputs]  # type: ignore[arg-type]
    assert [value for each in bundle.provenance["finalists"] for value in each["search_values"]] == singles
    draws = greedy_selection(
        outputs,
        lambda mean: FoldedDigits(300).pooled(estimator.folds, mean)["accuracy"],
        SETTINGS.members,  # type: ignore[arg-type]
    )
    assert sorted((member.draws for member in bundle.members), reverse=True) == [m.draws for m in bundle.members]
    assert sum(member.draws for member in bundle.members) == sum(draws) <= SETTINGS.members
    pooled = FoldedDigits(300).pooled(estimator.folds, mean_outputs(outputs, draws))  # type: ignore[arg-type]
    assert bundle.metrics["out_of_fold"] == pooled
    assert pooled["accuracy"] >= max(singles)
    assert {member.architecture.name for member in bundle.members} <= {*names}
    # Each is trained once on everything that is not the test part, to its last state.
    whole = FoldedDigits(300, whole=True)
    for member in bundle.members:
        states = [fit(member.architecture.build(whole.shape, s), whole, BRIEF, s).module.state_dict() for s in seeds]
        assert any(all(bool((s[n] == t).all()) for n, t in member.weights.items()) for s in states)


def test_one_member_is_the_best_single_network(ended: Path, tmp_path: Path) -> None:
    digits(tmp_path / "run", members=1)
    bundle = Bundle.load(tmp_path / "run" / "model")
    (member,) = bundle.members
    assert member.draws == 1
    values = [value for each in bundle.provenance["finalists"] for value in each["search_values"]]
    assert bundle.metrics["out_of_fold"]["accuracy"] == max(values)
    # The number of members may change when a run goes on, and nothing is trained anew but what is drawn.
    trained: list[int] = []
    digits(tmp_path / "run", True, Events(epoch=lambda *_: trained.append(1)), members=SETTINGS.members)
    assert outcome(tmp_path / "run")[2] == outcome(ended)[2]
    assert len(trained) < len(Bundle.load(ended / "model").members)


def test_workers_find_what_this_process_finds(ended: Path, tmp_path: Path) -> None:
    search(FoldedDigits(300), tmp_path / "run", SETTINGS, execution=Execution("processes", 2))
    assert outcome(tmp_path / "run")[1:] == outcome(ended)[1:]


def test_a_member_that_fails_on_everything_is_not_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(module: Any, task: Any, budget: Any, seed: int, **options: Any) -> Any:
        if task.arguments["whole"] and (everything or seed == 1000):
            raise FloatingPointError("the loss is nan")
        return fit(module, task, budget, seed, **options)

    monkeypatch.setattr(scratch, "fit", fails)
    everything = False
    bundle = digits(tmp_path / "run", final_seeds=2, finalists=1, members=1)
    assert len(bundle.members) == 1
    (finalist,) = bundle.provenance["finalists"]
    assert bundle.metrics["out_of_fold"]["accuracy"] == finalist["search_values"][1]
    everything = True
    with pytest.raises(SearchFailedError, match="failed when it was trained on everything"):
        digits(tmp_path / "none", final_seeds=1, finalists=1)


def test_the_search_part_may_be_empty_with_folds_alone(made_up_store: Path, tmp_path: Path) -> None:
    task = RoutabilityTask("hotspots", made_up_store, Split(("f0", "f1", "f2"), (), ()))
    small = dataclasses.replace(SETTINGS, space={}, trials=1, finalists=1, final_seeds=1)
    with pytest.raises(SettingError, match="nothing judges a candidate: the search part is empty, expected --folds 2"):
        run(tmp_path / "run", task, dataclasses.replace(small, folds=1))
    with pytest.raises(SettingError, match="folds need two families or more"):
        run(tmp_path / "run", RoutabilityTask("hotspots", made_up_store, Split(("f0",), (), ())), small)
    assert not (tmp_path / "run").exists()
    bundle = run(tmp_path / "run", task, small)
    assert set(bundle.metrics) == {"out_of_fold"}
    assert Predictor.of(bundle).threshold == bundle.metrics["out_of_fold"]["threshold"]
    with pytest.raises(InputError, match="the test part of the split is empty"):
        evaluate(made_up_store, {"own": bundle}, [], part="test")


def test_a_routability_run_is_calibrated_and_reads_no_test_part_before_its_end(tmp_path: Path) -> None:
    write(tmp_path / "data.h5", made_up_samples(5, 2), CHANNELS, CHANNEL_VERSION)
    split = Split(("f0", "f1", "f2"), ("f3",), ("f4",))
    task = RoutabilityTask("hotspots", tmp_path / "data.h5", split)
    small = dataclasses.replace(SETTINGS, space={}, trials=2, finalists=1, final_seeds=2)
    bundle = run(tmp_path / "run", task, small)
    metrics = bundle.metrics["out_of_fold"]
    assert metrics["placements"] == 8
    assert bundle.metrics["test"]["placements"] == 2
    assert bundle.task["split"] == Split(("f0", "f1", "f2", "f3"), (), ("f4",)).to_dict()
    assert {"brier", "brier_uncalibrated", "expected_calibration_error", "threshold"} <= set(metrics)
    assert sum(metrics["reliability"]["count"]) == metrics["tiles"]
    predictor = Predictor.of(tmp_path / "run" / "model")
    assert predictor.card.calibration is not None
    sample = task.examples("test")[0].sample
    found = predictor.predict(sample.features, sample.net_count)
    whole = bundle.open_task()
    assert isinstance(whole, RoutabilityTask)
    np.testing.assert_allclose(found, whole.answers(bundle.ensemble, "test")[0], rtol=1e-5)


@pytest.fixture(scope="module")
def beside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose network learns next to nothing, on hotspots where a channel is neither low nor high."""
    folder = tmp_path_factory.mktemp("beside")
    hot = [((sample.features[0] > 0.2) & (sample.features[0] < 0.4)) for sample in made_up_samples(5, 2)]
    samples = [
        dataclasses.replace(sample, hotspots=each.astype(np.uint8), repeat_hotspots=None, repeat_violated_nets=())
        for sample, each in zip(made_up_samples(5, 2), hot, strict=True)
    ]
    write(folder / "data.h5", samples, CHANNELS, CHANNEL_VERSION)
    run(folder / "run", of_made_up(folder), BESIDE)
    return folder


BESIDE = dataclasses.replace(
    SETTINGS,
    space={},
    trials=1,
    finalists=1,
    final_seeds=2,
    final_budget=BRIEF.changed(learning_rate=1e-9),
    hand_made=["gradient-boosting"],
)


def of_made_up(folder: Path) -> RoutabilityTask:
    return RoutabilityTask("hotspots", folder / "data.h5", Split(("f0", "f1", "f2", "f3"), (), ("f4",)))


def test_gradient_boosting_is_trained_beside_the_finalists_and_is_a_member(beside: Path) -> None:
    bundle = Bundle.load(beside / "run" / "model")
    told = {each["name"]: each for each in bundle.provenance["finalists"]}
    assert told["gradient-boosting"]["architecture"] == {"kind": "hand-crafted", "name": "gradient-boosting"}
    assert [len(each["search_values"]) for each in told.values()] == [2, 1]
    assert bundle.members[0].architecture.name == "gradient-boosting"
    # Its value is that of answers out of fold, and its trees are those of all that is not the test part.
    task = of_made_up(beside)
    outputs, folds = [], task.folds(3, 0)
    for fold in folds:
        module = Architecture(network="gradient-boosting").build(fold.shape, 0)
        outputs.append(fold.outputs(fit(module, fold, BRIEF, 1000).module, "search"))
    assert told["gradient-boosting"]["search_values"] == [task.pooled(folds, outputs)["design_mean_roc_auc"]]
    module = fit(Architecture(network="gradient-boosting").build(task.shape, 0), task, BRIEF, 1000).module
    assert torch.equal(bundle.members[0].weights["trees.value"], module.state_dict()["trees.value"])
    sample = task.examples("test")[0].sample
    assert Predictor.of(bundle).predict(sample.features, sample.net_count).shape == sample.features.shape[1:]


def test_hand_made_members_may_change_when_a_run_goes_on(beside: Path, tmp_path: Path) -> None:
    shutil.copytree(beside / "run", tmp_path / "run")
    alone = run(tmp_path / "run", of_made_up(beside), dataclasses.replace(BESIDE, hand_made=()), resume=True)
    assert "gradient-boosting" not in {each["name"] for each in alone.provenance["finalists"]}
    again = run(tmp_path / "run", of_made_up(beside), BESIDE, resume=True)
    assert again.to_dict() == Bundle.load(beside / "run" / "model").to_dict()
    both = run(
        tmp_path / "run", of_made_up(beside), dataclasses.replace(BESIDE, hand_made=["rudy", "tile-mlp"]), resume=True
    )
    assert [each["name"] for each in both.provenance["finalists"]][1:] == ["rudy", "tile-mlp"]


@pytest.mark.parametrize(
    ("names", "folds", "message"),
    [
        (["gradient-bosting"], 3, "no such baseline, found 'gradient-bosting'"),
        (["resnet18"], 3, "no such baseline, found 'resnet18'"),
        (["pros-paper"], 3, "as its paper says cannot be a member, found 'pros-paper', expected pros"),
        (["gradient-boosting"], 1, "are chosen out of fold alone, expected --folds 2 or more"),
        ("rudy", 3, "hand_made must be a list of names"),
    ],
)
def test_what_cannot_be_a_hand_made_member(
    made_up_store: Path, tmp_path: Path, names: Any, folds: int, message: str
) -> None:
    task = RoutabilityTask("hotspots", made_up_store, SPLIT)
    with pytest.raises(SettingError, match=message):
        run(tmp_path / "run", task, dataclasses.replace(SETTINGS, space={}, hand_made=names, folds=folds))
    assert not (tmp_path / "run").exists()


def test_a_run_that_judged_by_another_metric_is_not_gone_on_with(made_up_store: Path, tmp_path: Path) -> None:
    task = RoutabilityTask("hotspots", made_up_store, SPLIT)
    small = dataclasses.replace(SETTINGS, space={}, trials=1, finalists=1, final_seeds=1, folds=1)
    run(tmp_path / "run", task, small)
    path = tmp_path / "run" / "config.json"
    path.write_text(path.read_text().replace(',\n "metric": "design_mean_roc_auc"', ""))
    with pytest.raises(
        InputError, match="another version, which judged by another metric, found 'design_mean_roc_auc'"
    ):
        run(tmp_path / "run", task, small, resume=True)


PROGRAM = """
import sys
from pathlib import Path
from tests.routenas.test_finalists import digits
digits(Path(sys.argv[1]), True)
"""


def test_killed_at_random_moments_and_resumed(ended: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}
    folder, rng = tmp_path / "killed", random.Random(4)

    def files() -> int:
        return len(list(folder.rglob("*.safetensors"))) if folder.exists() else 0

    for more in (1, 4, 6):
        victim = subprocess.Popen([sys.executable, "-c", PROGRAM, str(folder)], env=environment, cwd=REPOSITORY)
        target = files() + more
        while victim.poll() is None and files() < target:
            time.sleep(0.005)
        time.sleep(rng.uniform(0.0, 0.1))
        victim.kill()
        victim.wait()
    done = subprocess.run([sys.executable, "-c", PROGRAM, str(folder)], env=environment, cwd=REPOSITORY, check=False)
    assert done.returncode == 0
    assert outcome(folder) == outcome(ended)
