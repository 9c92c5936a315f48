"""Results: whatever an estimator puts in, plain JSON values come out."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from routenas.results import Result


@pytest.mark.parametrize("value", [np.float32(0.5), np.float64(0.5), np.array(0.5), torch.tensor(0.5), 0.5])
def test_numbers_of_any_kind(value: float) -> None:
    metrics = {"a": value, "list": [value, math.nan, np.float32("inf")], 3: (value, {"b": np.arange(2)})}
    result = Result(value, metrics, "", {"latency": value}, value, value).finite()
    expected = {"a": 0.5, "list": [0.5, None, None], "3": [0.5, {"b": [0, 1]}]}
    assert result == Result(0.5, expected, "", {"latency": 0.5}, 0.5, 0.5)
    assert type(result.value) is type(result.seconds) is type(result.epochs) is float
    assert json.loads(json.dumps(result.to_dict(), allow_nan=False)) == result.to_dict()


@pytest.mark.parametrize("value", [math.nan, math.inf, np.float32("nan"), torch.tensor(-math.inf)])
def test_a_value_that_is_no_finite_number_has_failed(value: float) -> None:
    result = Result(value).finite()
    assert result.failed
    assert result.value is None
    assert result.message == f"the metric is {value}"


@pytest.mark.parametrize("value", ["good", [0.5, 0.6], np.ones(2)])
def test_a_value_that_is_no_number_has_failed(value: float) -> None:
    result = Result(value).finite()
    assert result.value is None
    assert result.message == f"the metric is {value}"


def test_a_cost_that_is_no_number_is_left_out() -> None:
    assert Result(0.5, costs={"a": math.nan, "b": np.int64(3)}).finite().costs == {"b": 3}


def test_other_objects_are_told_in_words() -> None:
    assert Result(0.5, {"file": Path("a/b"), "none": None, "flag": np.bool_(True)}).finite().metrics == {
        "file": "a/b", "none": None, "flag": True,
    }  # fmt: skip


def test_the_fields_by_name_and_back() -> None:
    result = Result(None, {"a": [1]}, "why", {"parameters": 3.0}, 2.5, 4.0, True)
    assert list(result.to_dict()) == [
        "value",
        "metrics",
        "message",
        "costs",
        "seconds",
        "epochs",
        "repeated",
        "cpu_seconds",
    ]
    assert Result.from_dict({**result.to_dict(), "trial": 3}) == result
    older = {"value": 0.5, "metrics": {}, "message": "", "seconds": 1.0}  # a journal of before there were costs
    assert Result.from_dict(older) == Result(0.5, seconds=1.0)
    with pytest.raises(KeyError, match="seconds"):
        Result.from_dict({"value": 0.5, "metrics": {}, "message": ""})
