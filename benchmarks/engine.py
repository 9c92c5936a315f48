"""Queries a second of random search on a table: the engine's own overhead, beside Optuna's random sampler.

pip install optuna
python -m benchmarks.engine nas_tables/ --queries 100000
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

try:
    from benchmarks.needs import run
    from routenas.loop import search
    from routenas.show.tables import text_table
    from routenas.strategies.random_ import RandomSearch
    from routenas.tabular.estimator import TableEstimator
    from routenas.tabular.tables import NasTable, load_table
except ModuleNotFoundError as error:
    sys.exit(f"needs {error.name}: run 'python -m benchmarks.engine' in a checkout, with routenas installed")


def ours(table: NasTable, queries: int, batch: int) -> tuple[float, float]:
    """Queries a second and the best value."""
    strategy, estimator = RandomSearch(table.space, 0, distinct=False), TableEstimator(table, "valid")
    start = time.perf_counter()
    trials = search(strategy, estimator, queries, in_flight=batch)
    return queries / (time.perf_counter() - start), max(trial.result.value or 0.0 for trial in trials)


def optunas(table: NasTable, queries: int) -> tuple[float, float]:
    """The same with Optuna's ask and tell."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    values = table.column("valid").tolist()
    names = [choice.name for choice in table.space.choices]
    options = list(range(table.space.choices[0].count))
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=0))
    start = time.perf_counter()
    for _ in range(queries):
        trial = study.ask()
        genotype = table.space.genotype([trial.suggest_categorical(name, options) for name in names])
        study.tell(trial, values[table.row(genotype)])
    return queries / (time.perf_counter() - start), study.best_value


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", type=Path)
    parser.add_argument("--queries", type=int, default=100_000)
    parser.add_argument("--optuna-queries", type=int, default=2000, help="fewer: its time a query grows with them")
    options = parser.parse_args()
    table = load_table("nas-bench-201", "cifar10", options.tables)
    rows = []
    for name, queries, (rate, best) in (
        ("routenas, asked one by one", options.queries, ours(table, options.queries, 1)),
        ("routenas, asked by the hundred", options.queries, ours(table, options.queries, 100)),
        ("optuna, random sampler", options.optuna_queries, optunas(table, options.optuna_queries)),
    ):
        rows.append((name, f"{queries:,}", f"{rate:,.0f}", f"{best:.2f}"))
    print(text_table(("NAS-Bench-201, CIFAR-10", "queries", "queries a second", "best"), rows))


if __name__ == "__main__":
    run(main, "optuna")
