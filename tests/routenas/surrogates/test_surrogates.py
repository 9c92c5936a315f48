"""Surrogates: the protocol for each, and that they learn."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import pytest
import torch

from placement_data.errors import InputError
from routenas.metrics import kendall_tau_b
from routenas.surrogates import SURROGATES, Surrogate, surrogate_class
from searchspaces.nasbench201 import NasBench201Space

SPACE = NasBench201Space()
WORTH = np.random.default_rng(5).normal(size=(6, 5))
OPTIONS = {"graph": {"steps": 60, "members": 2}, "boosting": {"members": 2, "trees": 30}}
ALL = [(name, {}) for name in sorted(SURROGATES)] + [("graph", {"loss": "pairwise"})]


@pytest.fixture(params=ALL, ids=lambda case: "-".join([case[0], *case[1].values()]))
def make(request: pytest.FixtureRequest) -> Callable[[], Surrogate]:
    name, options = request.param
    return lambda: surrogate_class(name)(SPACE, **{**OPTIONS.get(name, {}), **options})


def sample(count: int, seed: int) -> tuple[list[object], np.ndarray]:
    genotypes = list(dict.fromkeys(SPACE.sample_many(np.random.default_rng(seed), 2 * count)))[:count]
    return genotypes, np.array([WORTH[range(6), genotype.values].sum() for genotype in genotypes])


def test_learns_an_additive_function(make: Callable[[], Surrogate]) -> None:
    genotypes, values = sample(200, 0)
    model = make()
    model.fit(genotypes[:120], values[:120], seed=1)
    mean, deviation = model.predict(genotypes[120:])
    assert mean.shape == deviation.shape == (80,)
    assert (deviation >= 0).all()
    tau = kendall_tau_b(values[120:], mean)
    assert tau is not None
    assert tau > 0.5


def test_same_seed_same_predictions(make: Callable[[], Surrogate]) -> None:
    genotypes, values = sample(40, 1)
    found = []
    for _ in range(2):
        model = make()
        model.fit(genotypes[:30], values[:30], seed=3)
        found.append(model.predict(genotypes[30:]))
    np.testing.assert_array_equal(found[0], found[1])


def test_failures_are_left_out_and_constants_survived(make: Callable[[], Surrogate]) -> None:
    genotypes, _ = sample(8, 2)
    model = make()
    model.fit(genotypes, [0.5, np.nan, 0.5, np.inf, 0.5, 0.5, 0.5, 0.5], seed=0)
    mean, deviation = model.predict(genotypes)
    assert (mean == 0.5).all()
    assert (deviation == 0).all()
    model.fit(genotypes[:1], [0.25], seed=0)
    assert model.predict(genotypes)[0].tolist() == [0.25] * 8
    with pytest.raises(ValueError, match="one or more finite values"):
        model.fit(genotypes[:1], [np.nan], seed=0)
    with pytest.raises(ValueError, match="a value for each of 2"):
        model.fit(genotypes[:2], [1.0], seed=0)


def test_no_global_randomness(make: Callable[[], Surrogate]) -> None:
    def streams() -> tuple[object, ...]:
        return random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()  # noqa: NPY002

    genotypes, values = sample(20, 3)
    before = streams()
    model = make()
    model.fit(genotypes, values, seed=0)
    model.predict(genotypes)
    assert streams() == before


def test_an_unknown_name_lists_near_ones() -> None:
    with pytest.raises(
        InputError, match="no such surrogate, found 'rigde', expected boosting or gaussian-process or graph or ridge"
    ):
        surrogate_class("rigde")
