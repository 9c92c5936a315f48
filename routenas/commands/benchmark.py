"""``routenas benchmark``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from routenas.commands import FILE, OUTPUT, example, say, telling
from routenas.commands.verb import PROCESSES, SEEDS, verb


@verb(
    epilog=example(
        "routenas benchmark nas-bench-201 --strategy regularised-evolution --queries 100 --tables nas_tables/",
        "routenas benchmark nas-bench-201 --strategy predictor --strategy evolution --strategy random \\",
        "  --select test --queries 100 --seeds 100 --tables nas_tables/ --json curves.json --png curves.png",
        "routenas benchmark nas-bench-graph --data cora --strategy random --queries 100 --seeds 100",
    )
)
@click.argument("table")
@click.option(
    "--strategy", "strategies", multiple=True, default=("random",), show_default=True,
    help="Search strategy; may be repeated. The first is the reference.",
)  # fmt: skip
@click.option("--data", help="Data set of the table (default: its first).")
@click.option(
    "--select", type=click.Choice(["valid", "test"]),
    help="What the search sees (default: validation where the table has it). The result is always judged on test.",
)  # fmt: skip
@click.option("--queries", type=click.IntRange(1, 10**6), default=100, show_default=True, help="Evaluations a search.")
@click.option("--seeds", type=click.IntRange(min=1), default=10, show_default=True, help="Searches a strategy.")
@click.option("--seed", type=SEEDS, default=0, show_default=True, help="First seed.")
@click.option("--tables", type=FILE, help="Folder of the tables' .npz files (default: packages of the extra 'bench').")
@click.option("--workers", type=PROCESSES, default=1, show_default=True, help="Processes, a search each.")
@click.option(
    "--surrogate", "surrogates", multiple=True,
    help="Also judge this surrogate, fitted to --queries random architectures; may be repeated.",
)  # fmt: skip
@click.option("--json", "json_path", type=OUTPUT, help="Write all numbers as JSON.")
@click.option("--png", "png_path", type=OUTPUT, help="Write regret against queries as a picture.")
@telling
def benchmark(
    table: str, strategies: tuple[str, ...], data: str | None, select: str | None, queries: int, seeds: int, seed: int,
    tables: Path | None, workers: int, surrogates: tuple[str, ...], json_path: Path | None, png_path: Path | None,
) -> None:  # fmt: skip
    """Search a table of fully trained architectures many times: the best found against queries, over seeds.

    TABLE is nas-bench-201, nas-bench-101, nas-bench-macro or nas-bench-graph. The search sees validation accuracy where
    the table has it; the architecture that it then thinks best is judged by its test accuracy. Strategies: random,
    regularised-evolution, genetic, local-search, policy-gradient, ppo, predictor, exhaustive and those of 'search'.
    """
    from placement_data.files import write_text
    from routenas.show.pictures import picture_format, regret_png
    from routenas.show.progress import progress_bar
    from routenas.show.text import benchmark_table
    from routenas.strategies import strategy_class
    from routenas.surrogates import surrogate_class
    from routenas.tabular import benchmark as bench
    from routenas.tabular.tables import load_table

    if png_path is not None:
        picture_format(png_path)
    for name in strategies:
        strategy_class(name)
    for name in surrogates:
        surrogate_class(name)
    loaded = load_table(table, data, tables)
    seen = select or bench.default_select(loaded)
    loaded.column(seen)
    numbers = range(seed, seed + seeds)
    jobs = [bench.Job(table, data, tables, name, seen, queries) for name in dict.fromkeys(strategies)]
    with progress_bar("benchmark", len(jobs) * seeds) as bar:
        curves = [
            bench.run(job, numbers, workers, lambda name=job.strategy: bar.advance(1, name))  # type: ignore[misc]
            for job in jobs
        ]
    judged = [bench.judge_surrogate(jobs[0], name, queries, numbers) for name in surrogates]
    found = bench.report(jobs[0], curves, seeds, judged)
    if json_path is not None:
        write_text(json_path, json.dumps(found, indent=1, allow_nan=False) + "\n")
    if png_path is not None:
        title = f"{loaded.name}, {loaded.data}, selected on {seen}, {seeds} seeds"
        regret_png(curves, found["optimum"], title, png_path)
    say(benchmark_table(found))
