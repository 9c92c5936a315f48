from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from placement_data.errors import InputError
from routenas.baselines import BASELINES, baseline, predictor_class
from routenas.baselines.fcn import RouteNetFCN
from routenas.look_up import entry, look_up
from routenas.strategies import STRATEGIES, strategy_class
from routenas.strategies.random_ import RandomSearch
from routenas.surrogates import SURROGATES, surrogate_class

TABLE = {"path": "pathlib:Path", "text": "io:StringIO"}


def test_a_name_is_looked_up_in_the_table() -> None:
    assert look_up("thing", TABLE, "path") is Path


def test_an_unknown_name_lists_the_near_ones_or_all() -> None:
    with pytest.raises(InputError) as near:
        look_up("thing", TABLE, "paht")
    assert str(near.value) == "no such thing, found 'paht', expected path or text"
    for name in ("zzz", 3, ["zzz"], None):  # a configuration file may hold anything
        with pytest.raises(InputError, match=r"no such thing, .*expected path or text"):
            entry("thing", TABLE, name)  # type: ignore[arg-type]


def test_a_class_of_the_users_own_needs_no_table() -> None:
    own = f"{__name__}:Mine"
    assert strategy_class(own) is look_up("thing", {}, own) is Mine
    assert surrogate_class("collections:Counter").__name__ == "Counter"
    assert baseline("hotspots", "routenas.baselines.boosting:GradientBoosting").kind == "fitted"
    assert baseline("hotspots", "routenas.baselines.fcn:RouteNetFCN").kind == "network"
    assert predictor_class("routenas.baselines.fcn:RouteNetFCN") is RouteNetFCN
    with pytest.raises(InputError, match=f"not a class of predictors, found '{own}', expected module:Class of an nn"):
        baseline("hotspots", own)


class Mine(RandomSearch):
    pass


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ("pathlib:Pth", "the module pathlib has no such thing, found 'Pth'"),
        ("no_such_module:Mine", "no thing can be imported from no_such_module, found 'ModuleNotFoundError: "),
        (":Mine", "no thing can be imported from a module without a name, found 'ValueError: "),
        ("pathlib:", "the module pathlib has no such thing, found ''"),
    ],
)
def test_what_cannot_be_imported_is_said_in_one_line(own: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        look_up("thing", TABLE, own)
    assert str(error.value).startswith(message)


@pytest.mark.parametrize(
    ("text", "error"), [("class Mine\n", "SyntaxError"), ("import io\nio.Mine\n", "AttributeError")]
)
def test_a_broken_module_is_said_in_one_line(
    text: str, error: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "half_written_module.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(InputError, match=f"imported from half_written_module, found '{error}"):
        look_up("thing", TABLE, "half_written_module:Mine")


def test_a_module_of_the_working_directory_is_found(tmp_path: Path) -> None:
    (tmp_path / "my_strategy.py").write_text("class Mine: pass\n")
    root = Path(__file__).parents[2]
    program = f"import sys; sys.path = [p for p in sys.path if p] + [{str(root)!r}]\n"
    program += "from routenas.look_up import look_up; print(look_up('thing', {}, 'my_strategy:Mine').__module__)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "my_strategy\n"


def test_every_entry_of_the_tables_loads() -> None:
    for kind, table in (("search strategy", STRATEGIES), ("surrogate", SURROGATES)):
        assert all(isinstance(look_up(kind, table, name), type) for name in table)
    assert all(callable(predictor_class(name)) for table in BASELINES.values() for name in table)
