"""Looking values up: the estimator of tabular benchmarks."""

from __future__ import annotations

from collections.abc import Sequence

from routenas.interfaces import Estimator
from routenas.results import Result
from routenas.tabular.tables import NasTable
from searchspaces.space import Genotype


class TableEstimator(Estimator):
    """Values that somebody trained already.

    ``select`` is the column that the search sees, ``valid`` or ``test``; with ``fidelity`` epochs the column of that
    short training (``valid_12``), with ``run`` that of one training run where the table has several. ``metrics`` hold
    the row's number and, as ``test``, the judged value; ``seconds`` and ``epochs`` are what the table recorded. An
    architecture that the table lacks is a failed trial. Raises ``InputError`` for columns that the table lacks.
    """

    def __init__(
        self, table: NasTable, select: str = "valid", fidelity: int | None = None, run: int | None = None
    ) -> None:
        self.table = table
        name = select if fidelity is None else f"{select}_{fidelity}"
        self._values = table.column(name if run is None else f"{name}_run{run}").tolist()
        self._test = table.columns["test"].tolist() if "test" in table.columns else None
        self._epochs = table.epochs if fidelity is None else float(fidelity)
        share = self._epochs / table.epochs
        seconds = table.columns.get("seconds")
        self._seconds = [0.0] * len(table) if seconds is None else (seconds * share).tolist()
        parameters = table.columns.get("parameters")
        self._parameters = [] if parameters is None else [int(value) for value in parameters]

    def estimate(self, genotypes: Sequence[Genotype]) -> list[Result]:
        """See ``Estimator``."""
        return [self._one(genotype) for genotype in genotypes]

    def _one(self, genotype: Genotype) -> Result:
        row = self.table.row(genotype)
        if row < 0:
            return Result(None, {}, "the table has no such architecture", seconds=0.0)
        metrics = {"row": row} if self._test is None else {"row": row, "test": self._test[row]}
        return Result(
            self._values[row],
            metrics,
            "",
            {"parameters": self._parameters[row]} if self._parameters else {},
            self._seconds[row],
            self._epochs,
        )
