"""The end of a run: the best candidates trained anew with several seeds, and what is chosen of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from routenas.architecture import Architecture
from routenas.bundle import Bundle, Member
from routenas.ensembles import greedy_selection, mean_outputs
from routenas.estimators.folded import RetrainedOnFolds
from routenas.estimators.scratch import Retrained, Retraining
from routenas.executor import Execution
from routenas.interfaces import Estimator, FoldedTask, Task
from routenas.loop import SearchFailedError
from routenas.results import Result, Trial
from routenas.settings import Settings
from routenas.training import Progress
from searchspaces.space import Genotype

Final = Callable[[str, int, Result], object]
Valued = tuple[Retraining, float]


@dataclass(frozen=True)
class Conclusion:
    """What ends a run: its task and settings, where checkpoints are kept, where trainings run and who is told."""

    task: Task
    settings: Settings
    folder: Path
    execution: Execution
    epoch: Progress
    final: Final

    def of(self, chosen: Sequence[Architecture], provenance: Mapping[str, Any]) -> Bundle:
        """The bundle that is chosen of these architectures. Raises SearchFailedError where every training failed."""
        seeds = [self.settings.seed + 1000 + number for number in range(self.settings.final_seeds)]
        items = [Retraining(architecture, seed) for architecture in chosen for seed in seeds]
        if self.settings.folds == 1:
            return self._best(items, provenance)
        beside = [Architecture(network=name) for name in self.settings.hand_made or ()]
        return self._ensemble([*items, *(Retraining(each, seeds[0]) for each in beside)], provenance)

    def _best(self, items: Sequence[Retraining], provenance: Mapping[str, Any]) -> Bundle:
        """The seeds of the architecture that is best in their mean on the search part."""
        estimator = self._retrained(self.task)
        values = self._values(estimator, items)
        found = _by_architecture(values)
        best = max(found, key=lambda name: float(np.mean([value for _, value in found[name]])))
        leading = sorted((value for _, value in found[best]), reverse=True)[: self.settings.members]
        kept = [item for item, value in found[best] if value >= leading[-1]][: self.settings.members]
        members = [Member(item.architecture, estimator.state(item)) for item in kept]
        return Bundle.of(self.task, members, **provenance, finalists=_told(found), chosen=best)

    def _ensemble(self, items: Sequence[Retraining], provenance: Mapping[str, Any]) -> Bundle:
        """What greedy selection draws of all out of fold, trained once more on all that is not the test part.

        A training on all that fails takes its network out of the choice.
        """
        task, settings = cast(FoldedTask, self.task), self.settings
        estimator = RetrainedOnFolds(
            task, settings.final_budget, self.folder, progress=self.epoch, device=settings.device,
            k=settings.folds, fold_seed=settings.seed,
        )  # fmt: skip
        values = self._values(estimator, items)
        pool = [item for item, _ in values]
        while pool:
            outputs = [estimator.outputs(item) for item in pool]
            draws = greedy_selection(
                outputs, lambda mean: task.pooled(estimator.folds, mean)[task.metric], settings.members
            )
            whole, metrics = task.whole(estimator.folds, mean_outputs(outputs, draws))
            # The one that counts most comes first.
            drawn = sorted((-count, place) for place, count in enumerate(draws) if count)
            retrained = self._retrained(whole, unjudged=True)
            results = self._run(retrained, [pool[place] for _, place in drawn], lambda *_: None)
            failed = [place for (_, place), result in zip(drawn, results, strict=True) if result.failed]
            if not failed:
                members = [
                    Member(pool[place].architecture, retrained.state(pool[place]), -count) for count, place in drawn
                ]
                chosen = ", ".join(dict.fromkeys(member.architecture.name for member in members))
                finalists = _told(_by_architecture(values))
                return Bundle.of(
                    whole, members, {"out_of_fold": metrics}, **provenance, finalists=finalists, chosen=chosen
                )
            pool = [item for place, item in enumerate(pool) if place not in failed]
        raise SearchFailedError("every network that was chosen failed when it was trained on everything")

    def _retrained(self, task: Task, unjudged: bool = False) -> Retrained:
        settings = self.settings
        return Retrained(
            task, settings.final_budget, self.folder, unjudged, progress=self.epoch, device=settings.device
        )

    def _values(self, estimator: Estimator, items: Sequence[Retraining]) -> list[Valued]:
        """The trainings that did not fail, and their values. Raises SearchFailedError where all did."""
        results = self._run(estimator, items, self.final)
        values = [(item, result.value) for item, result in zip(items, results, strict=True) if result.value is not None]
        if not values:
            reason = next((result.message for result in results if result.message), "")
            raise SearchFailedError(f"all retrainings of the best candidates failed; one of them: {reason}")
        return values

    def _run(self, estimator: Estimator, items: Sequence[Retraining], final: Final) -> list[Result]:
        """The results of all items, in their order."""
        results: dict[int, Result] = {}
        with closing(self.execution.open(estimator)) as executor:
            for ticket, item in enumerate(items):
                executor.submit(ticket, item)
            for _ in items:
                ticket, result = executor.wait()
                results[ticket] = result.finite()
                final(items[ticket].architecture.name, items[ticket].seed, result)
        return [results[ticket] for ticket in range(len(items))]


def with_a_control(ordered: Sequence[Trial], count: int, controls: Sequence[Genotype]) -> list[Trial]:
    """The first ``count`` of trials, best first; of two or more the last is the best control, if none is among them.

    So what a search answers was chosen beside a hand-made architecture that was trained as long.
    """
    chosen = list(ordered[:count])
    tried = next((trial for trial in ordered if trial.genotype in controls), None)
    if count > 1 and tried is not None and tried not in chosen:
        chosen[-1] = tried
    return chosen


def _by_architecture(values: Sequence[Valued]) -> dict[str, list[Valued]]:
    found: dict[str, list[Valued]] = {}
    for item, value in values:
        found.setdefault(item.architecture.name, []).append((item, value))
    return found


def _told(found: Mapping[str, Sequence[Valued]]) -> list[dict[str, Any]]:
    """The finalists in JSON form: what each of their trainings was worth."""
    return [
        {
            "name": name,
            "search_values": [value for _, value in trainings],
            "architecture": trainings[0][0].architecture.to_dict(),
        }
        for name, trainings in found.items()
    ]
