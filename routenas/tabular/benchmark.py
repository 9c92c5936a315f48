"""Searches on tabular benchmarks, where the truth is known: many seeds, the best found against queries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from routenas.loop import search
from routenas.metrics import kendall_tau_b
from routenas.strategies import make_strategy, strategy_class, suited
from routenas.surrogates import surrogate_class
from routenas.tabular.estimator import TableEstimator
from routenas.tabular.tables import NasTable, load_table

Array = NDArray[np.float64]

CHECKPOINTS = (25, 50, 100, 200, 300, 500, 1000, 2000, 5000)


@dataclass(frozen=True)
class Job:
    """One strategy on one table: everything that decides the result."""

    table: str
    data: str | None
    tables: Path | None
    strategy: str
    select: str
    queries: int
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Curve:
    """The best so far, by the value that the search saw: its judged and its seen value, (seeds, queries) each."""

    strategy: str
    values: Array
    seen: Array

    def at(self, optimum: float) -> list[dict[str, float]]:
        """Mean, standard deviation over seeds and mean regret at each checkpoint up to the budget."""
        queries = self.values.shape[1]
        points = [point for point in CHECKPOINTS if point < queries] + [queries]
        return [
            {
                "queries": point,
                "mean": float(self.values[:, point - 1].mean()),
                "std": _deviation(self.values[:, point - 1]),
                "seen_mean": float(self.seen[:, point - 1].mean()),
                "seen_std": _deviation(self.seen[:, point - 1]),
                "regret": float(optimum - self.values[:, point - 1].mean()),
                "at_optimum": float((self.values[:, point - 1] >= optimum - 1e-9).mean()),
            }
            for point in points
        ]


def _deviation(values: Array) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else 0.0


def strategy_options(strategy: str) -> dict[str, Any]:
    """What a benchmark sets, beside what suits its queries: one mutation for evolution, as is usual on tables."""
    return {"mutations": 1} if strategy in ("evolution", "regularised-evolution") else {}


def default_select(table: NasTable) -> str:
    """What a user would see: validation where the table has it."""
    return "valid" if "valid" in table.columns else "test"


def judged_column(table: NasTable) -> str:
    """What a result is judged by: test where the table has it."""
    return "test" if "test" in table.columns else "valid"


def run(job: Job, seeds: Sequence[int], workers: int = 1, progress: Callable[[], object] = lambda: None) -> Curve:
    """The curve of every seed. It is the same for any number of worker processes."""
    _table(job.table, job.data, job.tables)  # errors first
    strategy_class(job.strategy)
    rows: list[Array] = []
    if workers <= 1:
        for seed in seeds:
            rows.append(one_seed(job, seed))
            progress()
    else:
        with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
            for row in pool.map(_worker, [(job, seed) for seed in seeds]):
                rows.append(row)
                progress()
    both = np.stack(rows)
    return Curve(job.strategy, both[:, 0], both[:, 1])


def _worker(task: tuple[Job, int]) -> Array:
    return one_seed(*task)


def one_seed(job: Job, seed: int) -> Array:
    """(2, queries) judged and seen value of the best so far; where a space is exhausted the last values stay."""
    table = _table(job.table, job.data, job.tables)
    options = suited(job.strategy, job.queries, chosen={**strategy_options(job.strategy), **job.options})
    strategy = make_strategy(job.strategy, table.space, seed, options)
    trials = search(strategy, TableEstimator(table, job.select), job.queries)
    judged = table.column(judged_column(table))
    best = np.empty((2, job.queries))
    current = float(judged.min()), float(table.column(job.select).min())
    for number in range(job.queries):
        result = trials[number].result if number < len(trials) else None
        if result is not None and result.value is not None and (number == 0 or result.value > current[1]):
            current = float(judged[result.metrics["row"]]), result.value
        best[:, number] = current
    return best


@cache
def _table(name: str, data: str | None, folder: Path | None) -> NasTable:
    return load_table(name, data, folder)


def better_share(ours: Curve, theirs: Curve) -> float:
    """Probability that a run of ours ends above one of theirs; ties count half."""
    a, b = ours.values[:, -1][:, None], theirs.values[:, -1][None]
    return float(((a > b) + 0.5 * (a == b)).mean())


def judge_surrogate(
    job: Job, surrogate: str, samples: int, seeds: Sequence[int], held_out: int = 500
) -> dict[str, Any]:
    """Kendall tau-b of a surrogate fitted to ``samples`` random architectures, on others: all, and the true top tenth.

    Also the judged value of the best of its top ten, as a share of the way from the median to the optimum.
    """
    table = _table(job.table, job.data, job.tables)
    values = table.column(job.select)
    taus, top_taus, found = [], [], []
    for seed in seeds:
        rng = np.random.default_rng(seed)
        genotypes = list(dict.fromkeys(table.space.sample_many(rng, 2 * (samples + held_out))))
        pairs = [(genotype, table.row(genotype)) for genotype in genotypes]
        pairs = [pair for pair in pairs if pair[1] >= 0][: samples + held_out]
        truth = values[[row for _, row in pairs]]
        model = surrogate_class(surrogate)(table.space)
        model.fit([genotype for genotype, _ in pairs[:samples]], truth[:samples], seed)
        mean, _ = model.predict([genotype for genotype, _ in pairs[samples:]])
        rest = truth[samples:]
        top = rest >= np.quantile(rest, 0.9)
        taus.append(kendall_tau_b(rest, mean))
        top_taus.append(kendall_tau_b(rest[top], mean[top]))
        found.append(float(rest[np.argsort(-mean)[:10]].max()))
    return {
        "surrogate": surrogate,
        "samples": samples,
        "tau": _mean_and_std(taus),
        "top_decile_tau": _mean_and_std(top_taus),
        "best_of_top_ten": _mean_and_std(found),
    }


def _mean_and_std(values: Sequence[float | None]) -> dict[str, float | None]:
    numbers = [value for value in values if value is not None]
    if not numbers:
        return {"mean": None, "std": None}
    return {"mean": float(np.mean(numbers)), "std": _deviation(np.array(numbers))}


def report(job: Job, curves: Sequence[Curve], seeds: int, surrogates: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    """JSON form: ``curve`` of the first strategy, and all under ``strategies``."""
    table = _table(job.table, job.data, job.tables)
    optimum = float(table.column(judged_column(table)).max())
    found = {curve.strategy: {"curve": curve.at(optimum)} for curve in curves}
    for curve in curves[1:]:
        found[curve.strategy]["better_than_first"] = [{"probability": better_share(curve, curves[0])}]
    return {
        "schema": "routenas.benchmark/1",
        "table": table.name,
        "data": table.data,
        "select": job.select,
        "judged": judged_column(table),
        "strategy": curves[0].strategy,
        "queries": job.queries,
        "seeds": seeds,
        "optimum": optimum,
        "curve": found[curves[0].strategy]["curve"],
        "strategies": found,
        "surrogates": list(surrogates),
    }
