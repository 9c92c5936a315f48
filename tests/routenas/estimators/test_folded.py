"""Training on each fold keeps the contract of an estimator, and its value is that of all answers out of fold."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from routenas.architecture import Architecture
from routenas.estimators import folded
from routenas.estimators.folded import RetrainedOnFolds, TrainedOnFolds
from routenas.estimators.scratch import Retrained, Retraining
from routenas.interfaces import Estimator
from routenas.testing.estimators import EstimatorContract
from routenas.training import fit
from tests.adapters.folded import FoldedDigits
from tests.routenas.estimators.test_scratch import BUDGET, SPACE

MANY = dataclasses.replace(BUDGET, evaluations=2)


class TestTrainedOnFolds(EstimatorContract):
    space = SPACE
    good = tuple(SPACE.genotype((width, 0)) for width in range(3))
    bad = SPACE.genotype((1, 1))
    costs = ("parameters", "multiplications")

    def make(self) -> Estimator:
        return TrainedOnFolds(FoldedDigits(150), BUDGET, SPACE, 3, k=2, fold_seed=5)


def test_the_value_is_that_of_the_last_states_of_all_folds() -> None:
    """Nothing chooses an epoch on the fold that judges it, whatever the budget says."""
    genotype, told = SPACE.genotype((2, 0)), []
    estimator = TrainedOnFolds(
        FoldedDigits(150), MANY, SPACE, 3, k=3, fold_seed=5, progress=lambda epoch, epochs: told.append((epoch, epochs))
    )
    (result,) = estimator.estimate([genotype])
    right = total = 0
    for fold in FoldedDigits(150).folds(3, 5):
        trained = fit(SPACE.build(genotype, fold.shape, seed=3), fold, dataclasses.replace(MANY, evaluations=1), 3)
        assert trained.epoch == MANY.epochs
        right += trained.metrics["accuracy"] * len(fold.parts["search"])
        total += len(fold.parts["search"])
    assert result.value == pytest.approx(right / total)
    assert result.epochs == 3 * MANY.epochs
    assert told == [(epoch, 6) for epoch in range(1, 7)]
    assert result.cpu_seconds is not None
    assert len(result.metrics["curve"]["loss"]) == MANY.epochs
    assert result.metrics["curve"]["value"] == [None, result.value]


def test_a_fold_that_fails_fails_the_candidate(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def second_fails(*arguments: object, **options: object) -> object:
        calls.append(1)
        if len(calls) == 2:
            raise FloatingPointError("the loss is nan")
        return fit(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr("routenas.estimators.scratch.fit", second_fails)
    (result,) = TrainedOnFolds(FoldedDigits(150), BUDGET, SPACE, 3, k=3, fold_seed=5).estimate([SPACE.genotype((0, 0))])
    assert (result.value, result.message, len(calls)) == (None, "the loss is nan", 2)
    assert result.epochs == BUDGET.epochs + 1
    assert result.costs["parameters"] > 0


def test_outputs_are_kept_by_fold_and_not_trained_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    estimator = RetrainedOnFolds(FoldedDigits(150), BUDGET, tmp_path, k=3, fold_seed=5)
    item = Retraining(Architecture.of(SPACE, SPACE.genotype((0, 0))), 7)
    (first,) = estimator.estimate([item])
    outputs = estimator.outputs(item)
    assert [len(each) for each in outputs] == [34, 33, 33]
    assert first.value == estimator.task.pooled(estimator.folds, outputs)["accuracy"]  # type: ignore[attr-defined]
    files = sorted(tmp_path.iterdir())
    assert len(files) == 3
    files[1].write_bytes(files[1].read_bytes()[:-3])
    trained = []
    original = folded.trained
    monkeypatch.setattr(folded, "trained", lambda *words: trained.append(1) or original(*words))
    again = RetrainedOnFolds(FoldedDigits(150), BUDGET, tmp_path, k=3, fold_seed=5)
    (second,) = again.estimate([item])
    assert (second.value, len(trained), second.epochs) == (first.value, 1, BUDGET.epochs)
    for left, right in zip(again.outputs(item), outputs, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(left, right, strict=True))
    (third,) = again.estimate([item])
    assert (third.message, third.epochs, len(trained)) == ("kept from an earlier run", 0.0, 1)


def test_a_training_that_nothing_judges_keeps_its_last_state(tmp_path: Path) -> None:
    task = FoldedDigits(150, whole=True)
    estimator = Retrained(task, MANY, tmp_path, unjudged=True)
    item = Retraining(Architecture.of(SPACE, SPACE.genotype((0, 0))), 7)
    (result,) = estimator.estimate([item])
    assert not result.failed
    assert result.value == pytest.approx(-result.metrics["curve"]["loss"][-1], abs=1e-4)
    trained = fit(item.architecture.build(task.shape, 7), task, MANY, 7)
    assert trained.epoch == MANY.epochs
    state = trained.module.state_dict()
    assert all(bool((state[name] == tensor).all()) for name, tensor in estimator.state(item).items())
    assert not Retrained(task, MANY, tmp_path / "other").estimate([item])[0].value
