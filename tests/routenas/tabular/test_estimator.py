"""The table as an estimator: the contract, on a small table with a gap."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from routenas.interfaces import Estimator
from routenas.loop import SearchBudget, search
from routenas.strategies import strategy_class
from routenas.tabular.estimator import TableEstimator
from routenas.tabular.tables import NasTable, load_table
from routenas.testing.estimators import BAD, GOOD, SPACE, EstimatorContract
from searchspaces.space import Genotype

ROWS = np.arange(len(GOOD), dtype=np.float64)


def row(genotype: Genotype) -> int:
    return GOOD.index(genotype) if genotype in GOOD else -1


@pytest.fixture(scope="module")
def tables(shared_data: Path) -> Path:
    return shared_data / "nas_tables"


def test_the_estimator_charges_what_the_table_recorded(tables: Path) -> None:
    table = load_table("nas-bench-201", "cifar10", tables)
    genotype = table.space.from_key("333132")
    row = table.row(genotype)
    (full,) = TableEstimator(table, "valid").estimate([genotype])
    (short,) = TableEstimator(table, "valid", fidelity=12).estimate([genotype])
    assert full.value == table.column("valid")[row]
    assert full.seconds == pytest.approx(table.column("seconds")[row])
    assert (full.epochs, short.epochs) == (200.0, 12.0)
    assert short.seconds == pytest.approx(full.seconds * 12 / 200)
    assert short.value == table.column("valid_12")[row]
    trials = search(strategy_class("random")(table.space, 0), TableEstimator(table), SearchBudget(seconds=20_000.0))
    spent = sum(trial.result.seconds for trial in trials)
    assert spent - trials[-1].result.seconds < 20_000 <= spent
    macro = load_table("nas-bench-macro", None, tables)
    runs = [TableEstimator(macro, "test", run=i).estimate([macro.space.genotype([0] * 8)])[0].value for i in range(3)]
    assert TableEstimator(macro, "test").estimate([macro.space.genotype([0] * 8)])[0].value == pytest.approx(
        np.mean(runs)
    )


class TestTableEstimator(EstimatorContract):
    bad = BAD
    costs = ()  # what a table lacks has none

    def make(self) -> Estimator:
        columns = {
            "valid": 0.5 + ROWS / 10,
            "test": 0.4 + ROWS / 10,
            "seconds": 60 + ROWS,
            "parameters": 1e6 * (ROWS + 1),
        }
        return TableEstimator(NasTable("small", "made up", SPACE, columns, row, 200.0))

    def test_a_row_by_hand(self) -> None:
        (result,) = self.make().estimate(GOOD[2:3])
        assert (result.value, result.costs, result.seconds, result.epochs) == (0.7, {"parameters": 3e6}, 62.0, 200.0)
        assert result.metrics == {"row": 2, "test": 0.6000000000000001}
