"""The table as an estimator: the contract, on a small table with a gap."""

from __future__ import annotations

import numpy as np

from routenas.interfaces import Estimator
from routenas.tabular.estimator import TableEstimator
from routenas.tabular.tables import NasTable
from routenas.testing.estimators import BAD, GOOD, SPACE, EstimatorContract
from searchspaces.space import Genotype

ROWS = np.arange(len(GOOD), dtype=np.float64)


def row(genotype: Genotype) -> int:
    return GOOD.index(genotype) if genotype in GOOD else -1


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
