"""A flexible space from what a saved model records of it."""

from __future__ import annotations

import json

import numpy as np
import pytest

from searchspaces.flexible import FlexibleSpace


@pytest.mark.parametrize("space", [FlexibleSpace("extended"), FlexibleSpace("paper"), FlexibleSpace("paper", 7)])
def test_round_trip(space: FlexibleSpace) -> None:
    again = FlexibleSpace.from_config(json.loads(json.dumps(space.config())))
    assert again.config() == space.config()
    rng = np.random.default_rng(0)
    genotype = space.sample(rng)
    assert again.contains(genotype)
    assert again.cost(genotype) == space.cost(genotype)


CONFIG = FlexibleSpace("paper", 2).config()


@pytest.mark.parametrize(
    "config",
    [
        {},
        [],
        {"name": CONFIG["name"], "preset": "paper"},
        {**CONFIG, "more": 1},
        {**CONFIG, "name": "flexible-paper:3"},
        {**CONFIG, "name": "flexible-paper:-1"},
        {**CONFIG, "name": "flexible-paper:02"},
        {**CONFIG, "name": "flexible-paper:\u0662"},
        {**CONFIG, "name": "flexible-other"},
        {**CONFIG, "name": None},
        {**CONFIG, "preset": "extended"},
        {**CONFIG, "fixed_operations": []},
        {**FlexibleSpace("extended").config(), "fixed_operations": [["mix"]]},
    ],
)
def test_other_values_are_refused(config: object) -> None:
    with pytest.raises(ValueError, match=r"flexible space|the space"):
        FlexibleSpace.from_config(config)  # type: ignore[arg-type]
