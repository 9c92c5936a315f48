"""A run as a journal of Optuna, read back by Optuna."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from placement_data.errors import InputError
from routenas.show.optuna_journal import export_optuna
from searchspaces.flexible import FlexibleSpace
from tests.routenas.show.runs import a_run, a_trial
from tests.test_cli import Run, assert_one_line
from tests.test_cli import run as run


def records() -> tuple[FlexibleSpace, list[dict[str, Any]]]:
    """Trials 0 and 3 at the highest fidelity, 1 ended early, 2 failed."""
    space = FlexibleSpace("paper")
    found = [a_trial(0, 0.6, 100.0, 1), a_trial(1, 0.9, 50.0), a_trial(2, None, 10.0), a_trial(3, 0.7, 900.0, 1)]
    for record in found:
        record["genotype"] = json.loads(space.sample(np.random.default_rng(record["trial"])).to_json())
    found[0]["metrics"]["curve"] = {"loss": [2.0, 1.0], "value": [None, 0.6]}
    return space, found


def with_settings(folder: Path, **changes: Any) -> Path:
    told = json.loads((folder / "config.json").read_text())
    told["settings"] |= changes
    (folder / "config.json").write_text(json.dumps(told))
    return folder


def loaded(path: Path) -> Any:
    optuna = pytest.importorskip("optuna")
    backend = optuna.storages.journal.JournalFileBackend(str(path))
    return optuna.load_study(study_name="run", storage=optuna.storages.JournalStorage(backend))


def test_optuna_reads_the_trials(tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    space, found = records()
    folder = with_settings(a_run(tmp_path / "run", found), space=space.config())
    assert export_optuna(folder, tmp_path / "journal.log") == 4
    assert export_optuna(folder, tmp_path / "journal.log") == 4  # made anew
    assert sorted(path.name for path in tmp_path.iterdir()) == ["journal.log", "run"]
    study = loaded(tmp_path / "journal.log")
    assert [direction.name for direction in study.directions] == ["MAXIMIZE"]
    assert study.metric_names == ["roc_auc"]
    assert [trial.state.name for trial in study.trials] == ["COMPLETE", "PRUNED", "FAIL", "COMPLETE"]
    assert [trial.value for trial in study.trials] == [0.6, None, None, 0.7]
    assert study.best_trial.number == 3
    assert study.trials[0].intermediate_values == {2: 0.6}
    assert study.trials[2].user_attrs["message"] == found[2]["message"]
    for trial, record in zip(study.trials, found, strict=True):
        assert trial.user_attrs["hash"] == record["hash"]
        assert trial.user_attrs["parameters"] == record["costs"]["parameters"]
        assert trial.duration.total_seconds() == pytest.approx(1.0)
        values = tuple(record["genotype"]["values"])
        active = space.active(values)
        wanted = {
            choice.name: choice.names[value]
            for choice, value, on in zip(space.choices, values, active, strict=True) if on and choice.count > 1
        }  # fmt: skip
        assert trial.params == wanted
        assert len(wanted) > 3


def test_costs_of_a_multi_objective_search_are_objectives(tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    space, found = records()
    folder = with_settings(a_run(tmp_path / "run", found), space=space.config(), strategy="multi-objective")
    export_optuna(folder, tmp_path / "journal.log")
    study = loaded(tmp_path / "journal.log")
    assert [direction.name for direction in study.directions] == ["MAXIMIZE", "MINIMIZE"]
    assert study.metric_names == ["roc_auc", "parameters"]
    assert study.trials[3].values == [0.7, 900.0]
    assert {trial.number for trial in study.best_trials} == {0, 3}


def test_refusals(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    space, found = records()
    folder = with_settings(a_run(tmp_path / "run", found), space=space.config())
    assert_one_line(run("export-optuna", tmp_path, "-o", tmp_path / "j.log"), 3, "no configuration of a run")
    monkeypatch.setitem(sys.modules, "optuna", None)
    told = "a journal for Optuna needs optuna, expected pip install 'routenas[optuna]'"
    assert_one_line(run("export-optuna", folder, "-o", tmp_path / "j.log"), 3, told)
    with pytest.raises(InputError, match="needs optuna"):
        export_optuna(folder, tmp_path / "j.log")
    assert not (tmp_path / "j.log").exists()
