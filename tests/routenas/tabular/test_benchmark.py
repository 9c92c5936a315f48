"""Searches on tables of trained architectures."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from routenas.tabular import benchmark
from routenas.tabular.tables import ByDigits, NasTable, load_table
from searchspaces.space import Choice, Space
from tests.test_cli import Run, run

__all__ = ["run"]


@pytest.fixture(scope="module")
def tables(shared_data: Path) -> Path:
    return shared_data / "nas_tables"


def own(data: str | None, folder: Path | None) -> NasTable:
    space = Space("own", [Choice("a", 3)])
    return NasTable("own", data or "mine", space, {"test": np.array([1.0, 3.0, 2.0])}, ByDigits(3), 1.0)


def test_a_table_of_ones_own_is_searched() -> None:
    job = benchmark.Job(f"{__name__}:own", None, None, "random", "test", 3)
    assert benchmark.run(job, [0]).values[0, -1] == 3.0
    assert load_table(f"{__name__}:own", "other").data == "other"


def test_random_search_and_evolution_meet_the_known_bars(tables: Path) -> None:
    """Selected and judged on test, 100 queries: 93.86 +- 0.23 and 94.24 +- 0.19 (300 runs each)."""
    seeds = range(40)
    for strategy, mean, deviation in (("random", 93.86, 0.23), ("regularised-evolution", 94.24, 0.19)):
        curve = benchmark.run(benchmark.Job("nas-bench-201", "cifar10", tables, strategy, "test", 100), seeds)
        last = curve.values[:, -1]
        assert abs(last.mean() - mean) < 3 * deviation * (1 / 40 + 1 / 300) ** 0.5
        assert last.std(ddof=1) == pytest.approx(deviation, rel=0.4)


def test_predictor_search_is_far_above_evolution(tables: Path) -> None:
    job = benchmark.Job("nas-bench-201", "cifar10", tables, "predictor", "test", 50)
    assert benchmark.run(job, range(3)).values[:, -1].mean() > 94.2


def test_the_verb(run: Run, tables: Path, tmp_path: Path) -> None:
    words = ("benchmark", "nas-bench-201", "--tables", tables, "--queries", 60, "--seeds", 4, "--select", "valid")
    done = run(
        *words,
        "--strategy",
        "random",
        "--strategy",
        "genetic",
        "--json",
        tmp_path / "b.json",
        "--png",
        tmp_path / "b.png",
    )
    assert done.code == 0
    assert "P(genetic better than random)" in done.out
    found = json.loads((tmp_path / "b.json").read_text())
    assert [point["queries"] for point in found["curve"]] == [25, 50, 60]
    assert (found["select"], found["judged"], found["seeds"]) == ("valid", "test", 4)
    assert found["curve"][0]["mean"] <= found["optimum"]
    assert (tmp_path / "b.png").read_bytes().startswith(b"\x89PNG")
    spread = run(*words, "--strategy", "random", "--workers", 2, "--json", tmp_path / "c.json")
    assert spread.code == 0
    assert json.loads((tmp_path / "c.json").read_text())["curve"] == found["curve"]


@pytest.mark.parametrize(
    ("words", "code", "what"),
    [
        (("nas-bench-202",), 2, "no such table, found 'nas-bench-202', expected nas-bench-201"),
        (("nas-bench-201", "--data", "mnist"), 2, "has no such data set"),
        (("nas-bench-201", "--strategy", "x"), 2, "no such search strategy"),
        (("nas-bench-macro",), 2, "comes from a folder of tables only"),
        (("nas-bench-201", "--tables", "nowhere"), 3, "the table cannot be read"),
        (("nas-bench-201", "--queries", "0"), 2, "0"),
    ],
)
def test_wrong_command_lines(run: Run, words: tuple[str, ...], code: int, what: str) -> None:
    done = run("benchmark", *words)
    assert (done.code, done.err.count("\n")) == (code, 1)
    assert what in done.err
