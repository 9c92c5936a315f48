"""The contract of a task: subclass `TaskContract`, give the fixture ``task`` and a ``network``, and have all tests."""

from __future__ import annotations

import dataclasses
import json
import random
import subprocess
import sys
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from routenas.interfaces import FoldedTask, Task
from routenas.tasks import task_config, task_from_config
from routenas.training import moved, tolerating_single_values

PARTS = ("train", "search", "test")
SIZE = 2

IN_ANOTHER_PROCESS = """
import json, sys
import numpy as np
from routenas.tasks import task_from_config
from routenas.testing.tasks import fingerprint
task = task_from_config(json.load(sys.stdin))
print(json.dumps([fingerprint(task, part) for part in ("train", "search", "test")]))
"""


def tensors(value: Any) -> list[Tensor]:
    """All tensors in a batch, in a fixed order."""
    if isinstance(value, Tensor):
        return [value]
    if hasattr(value, "to_dict") and not dataclasses.is_dataclass(value):  # a graph of torch-geometric
        value = value.to_dict()
    if isinstance(value, Mapping):
        return [tensor for _, item in sorted(value.items()) for tensor in tensors(item)]
    if isinstance(value, list | tuple):
        return [tensor for item in value for tensor in tensors(item)]
    if dataclasses.is_dataclass(value):
        return [tensor for item in dataclasses.fields(value) for tensor in tensors(getattr(value, item.name))]
    return []


def fingerprint(task: Task, part: str, seed: int = 0) -> list[float]:
    """A number per tensor of the first batches of a part: equal for equal tasks."""
    batches = islice(task.batches(part, SIZE, np.random.default_rng(seed)), 3)
    found = []
    for batch in batches:
        for tensor in tensors(batch):
            values = torch.nan_to_num(tensor.double()).flatten()
            found.append(float((values * torch.arange(1, len(values) + 1)).sum()))
    return found


class TaskContract:
    """``network`` must give a small module that fits the task's shape."""

    @pytest.fixture
    def task(self) -> Task:
        raise NotImplementedError

    def network(self, task: Task) -> nn.Module:
        """A small network of the task's shape."""
        raise NotImplementedError

    def first_batch(self, task: Task, part: str = "train") -> Any:
        return next(iter(task.batches(part, SIZE, np.random.default_rng(0))))

    @pytest.mark.parametrize("part", PARTS)
    def test_every_part_has_batches_and_a_score(self, task: Task, part: str) -> None:
        assert tensors(self.first_batch(task, part))
        metrics = task.score(self.network(task).eval(), part)
        assert task.metric in metrics
        json.dumps(metrics, allow_nan=False)

    @pytest.mark.parametrize("part", PARTS)
    def test_the_seed_alone_decides_the_batches(self, task: Task, part: str) -> None:
        assert fingerprint(task, part, 5) == fingerprint(task, part, 5) != []

    def test_the_loss_is_a_finite_scalar_with_a_gradient(self, task: Task) -> None:
        module = self.network(task).train()
        with tolerating_single_values(module):
            for batch in islice(task.batches("train", SIZE, np.random.default_rng(0)), 3):
                loss = task.loss(module, batch)
                assert loss.ndim == 0
                assert torch.isfinite(loss)
                loss.backward()  # type: ignore[no-untyped-call]
        gradients = [parameter.grad for parameter in module.parameters() if parameter.grad is not None]
        assert gradients
        assert all(bool(torch.isfinite(gradient).all()) for gradient in gradients)

    @pytest.mark.parametrize("part", PARTS)
    def test_a_constant_prediction_has_a_score(self, task: Task, part: str) -> None:
        module = self.network(task).eval()
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.zero_()
        value = task.score(module, part)[task.metric]
        assert value is None or np.isfinite(value)  # None: the metric is not defined for it

    def test_a_score_leaves_no_gradient_and_is_the_same_again(self, task: Task) -> None:
        module = self.network(task).eval()
        assert task.score(module, "search") == task.score(module, "search")
        assert all(parameter.grad is None for parameter in module.parameters())

    def test_the_example_is_what_a_network_takes(self, task: Task) -> None:
        with torch.no_grad():
            outputs = tensors(self.network(task).eval()(*task.example()))
        assert outputs
        assert all(bool(torch.isfinite(output).all()) for output in outputs)

    def test_its_configuration_makes_an_equal_task(self, task: Task) -> None:
        config = json.loads(json.dumps(task_config(task), allow_nan=False))
        again = task_from_config(config)
        assert task_config(again) == task_config(task) == config
        assert again.shape == task.shape
        for part in PARTS:
            assert fingerprint(again, part) == fingerprint(task, part)
        module = self.network(task).eval()
        assert again.score(module, "search") == task.score(module, "search")

    def test_its_configuration_makes_an_equal_task_in_another_process(self, task: Task) -> None:
        text = json.dumps(task_config(task))
        done = subprocess.run(
            [sys.executable, "-c", IN_ANOTHER_PROCESS], input=text, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout) == [fingerprint(task, part) for part in PARTS]

    def test_folds_cover_what_is_not_tested_and_are_judged_together(self, task: Task) -> None:
        if not hasattr(task, "folds"):
            pytest.skip("the task has no folds")
        whole_task = cast(FoldedTask, task)
        folds, again = whole_task.folds(3, 0), whole_task.folds(3, 0)
        assert 2 <= len(folds) <= 3
        assert [fingerprint(fold, "train") for fold in folds] == [fingerprint(fold, "train") for fold in again]
        module = self.network(task).eval()
        outputs = [fold.outputs(module, "search") for fold in folds]
        judged = [len(each) for each in outputs]
        total = len(whole_task.outputs(module, "train")) + len(whole_task.outputs(module, "search"))
        assert sum(judged) == total
        assert [len(fold.outputs(module, "train")) for fold in folds] == [total - each for each in judged]
        assert not any(fold.outputs(module, "test") for fold in folds)
        metrics = whole_task.pooled(folds, outputs)
        assert np.isfinite(metrics[task.metric])
        json.dumps(metrics, allow_nan=False)
        whole, found = whole_task.whole(folds, outputs)
        assert found[task.metric] == pytest.approx(metrics[task.metric])
        again_whole = cast(FoldedTask, task_from_config(json.loads(json.dumps(task_config(whole)))))
        parts = [len(again_whole.outputs(module, part)) for part in PARTS]
        assert parts == [total, 0, len(whole_task.outputs(module, "test"))]
        assert not list(whole.batches("search", SIZE, np.random.default_rng(0)))

    def test_no_global_randomness(self, task: Task) -> None:
        def streams() -> Sequence[object]:
            legacy = np.random.get_state(legacy=False)  # noqa: NPY002
            return random.getstate(), str(legacy), torch.get_rng_state().tolist()

        module = self.network(task).eval()
        before = streams()
        task.loss(module, self.first_batch(task))
        task.score(module, "search")
        assert streams() == before

    def test_a_batch_can_be_moved_whole(self, task: Task) -> None:
        """On torch's device without data, whatever stays behind on the CPU meets what was moved, and fails."""
        module = self.network(task).train().to("meta")
        try:
            with tolerating_single_values(module):
                loss = task.loss(module, moved(self.first_batch(task), "meta"))
        except NotImplementedError as error:  # its shape follows from data
            pytest.skip(f"an operation of the network has no form without data: {error}"[:120])
        assert loss.device.type == "meta"
