"""A run as a journal of Optuna, which its dashboard opens. Needs the extra ``optuna``."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from importlib.util import find_spec
from itertools import accumulate
from pathlib import Path
from typing import Any

from placement_data.errors import InputError
from placement_data.files import atomic_path
from routenas.journal import Journal
from routenas.results import FIDELITY
from routenas.run import CONFIG, JOURNAL, read_configuration
from searchspaces.space import Genotype, Space
from searchspaces.table import space_from_config

Record = Mapping[str, Any]


def export_optuna(folder: Path, path: Path) -> int:
    """Write the trials of the run in ``folder`` to ``path``, a file that is made anew; how many there are.

    The objective is the run's metric, to be maximised; of a multi-objective search its costs are objectives, too, to be
    minimised. Parameters are the decisions that are active in a genotype, by the names of their options. A trial that
    failed is a failed one; one that a schedule ended at a lower fidelity than another came to is pruned. User
    attributes are the hash, costs, plain metrics, seconds, epochs and the message of what failed. Trials stand one
    behind the other in time, as long as each took, from the time the run was started.

    Raises :class:`InputError` where there is no run, where Optuna is not installed, and where ``path`` is no file.
    """
    if find_spec("optuna") is None:
        raise InputError("a journal for Optuna needs optuna", expected="pip install 'routenas[optuna]'")
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    configuration = read_configuration(folder)
    settings = configuration["settings"]
    records = Journal(folder / JOURNAL).records if (folder / JOURNAL).exists() else []
    costs = _objective_costs(settings, records)
    metric = str(configuration["metric"] or "value")
    made = _Trials(space_from_config(settings["space"]), records, costs)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with atomic_path(path) as temporary:
        study = optuna.create_study(
            storage=JournalStorage(JournalFileBackend(str(temporary))),
            study_name=folder.resolve().name,
            directions=["maximize", *("minimize" for _ in costs)],
        )
        with warnings.catch_warnings():  # of an interface that may change
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            study.set_metric_names([metric, *costs])
        for name in ("strategy", "scheduler", "seed"):
            study.set_user_attr(name, settings.get(name))
        study.add_trials(made.all(datetime.fromtimestamp((folder / CONFIG).stat().st_mtime)))
    return len(records)


def _objective_costs(settings: Mapping[str, Any], records: Sequence[Record]) -> list[str]:
    """The costs that a search minimises: those that all good trials have, of a multi-objective one."""
    if settings["strategy"] != "multi-objective":
        return []
    wanted = settings["strategy_options"].get("costs")
    good = [set(record["costs"]) for record in records if record["value"] is not None]
    common = set.intersection(*good) if good else set()
    return sorted(common if wanted is None else common.intersection(wanted))


class _Trials:
    """Trials of Optuna from the records of a journal."""

    def __init__(self, space: Space, records: Sequence[Record], costs: Sequence[str]) -> None:
        self.space, self.costs = space, tuple(costs)
        self.records = sorted(records, key=lambda record: int(record["trial"]))
        self.highest = max((_level(record) for record in records if record["value"] is not None), default=0)

    def all(self, start: datetime) -> list[Any]:
        """In the order in which they were asked for, the first from ``start``."""
        seconds = [float(record.get("seconds") or 0.0) for record in self.records]
        ends = [start + timedelta(seconds=each) for each in accumulate(seconds)]
        trials = [self._trial(record) for record in self.records]
        for trial, took, end in zip(trials, seconds, ends, strict=True):
            trial.datetime_start, trial.datetime_complete = end - timedelta(seconds=took), end
        return trials

    def _trial(self, record: Record) -> Any:
        from optuna.trial import TrialState, create_trial

        value = record["value"]
        curve = (record["metrics"].get("curve") or {}).get("value", ())
        told = {"intermediate_values": {epoch: point for epoch, point in enumerate(curve, 1) if point is not None}}
        told |= self._parameters(record["genotype"]) | {"user_attrs": _attributes(record)}
        if value is None:
            return create_trial(state=TrialState.FAIL, **told)
        if _level(record) < self.highest:
            return create_trial(state=TrialState.PRUNED, **told)
        return create_trial(values=[value, *(record["costs"][name] for name in self.costs)], **told)

    def _parameters(self, genotype: Mapping[str, Any]) -> dict[str, Any]:
        """What was decided, and between what: of the active choices that have more than one option."""
        from optuna.distributions import CategoricalDistribution

        values = Genotype.from_json(json.dumps(genotype)).values
        params, distributions = {}, {}
        for choice, value, active in zip(self.space.choices, values, self.space.active(values), strict=True):
            if active and choice.count > 1:
                params[choice.name] = choice.names[value]
                distributions[choice.name] = CategoricalDistribution(choice.names)
        return {"params": params, "distributions": distributions}


def _level(record: Record) -> int:
    return int(record["metrics"].get(FIDELITY, 0))


def _attributes(record: Record) -> dict[str, Any]:
    plain = {name: value for name, value in record["metrics"].items() if isinstance(value, int | float)}
    kept = ("hash", "seconds", "cpu_seconds", "epochs", "message")
    return {**plain, **record["costs"], **{name: record[name] for name in kept if record.get(name) not in (None, "")}}
