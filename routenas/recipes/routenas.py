"""RouteNAS (Chang et al., ICCAD 2021, arXiv 2012.01737): a space of guide-DAGs, every candidate trained for real."""

from __future__ import annotations

from functools import partial

from routenas.estimators.folded import TrainedOnFolds
from routenas.estimators.scratch import TrainedFromScratch
from routenas.interfaces import Task
from routenas.settings import Parts, Settings, chosen_space
from routenas.strategies import make_strategy
from routenas.training import Progress

SPACE = {"space": "flexible", "preset": "extended"}


def compose(task: Task, settings: Settings, progress: Progress) -> Parts:
    """The parts, by default on the extended preset of the flexible space; with two cheaper budgets for a scheduler.

    The search begins with the hand-made controls that the space contains.
    """
    space = chosen_space(settings, SPACE, task.shape)
    initial = space.controls if settings.initial == "controls" else ()
    strategy = make_strategy(settings.strategy, space, settings.seed, settings.strategy_options, initial)
    epochs = settings.budget.epochs
    fewer = sorted({epochs // 4, epochs // 2} - {0, epochs}) if settings.scheduler != "none" else []
    budgets = [*(settings.budget.changed(epochs=each) for each in fewer), settings.budget]
    folded = partial(TrainedOnFolds, k=settings.folds, fold_seed=settings.seed)
    *fidelities, estimator = (
        (TrainedFromScratch if settings.folds == 1 else folded)(
            task, budget, space, settings.seed, progress=progress, device=settings.device
        )
        for budget in budgets
    )
    return Parts(space, strategy, estimator, tuple(fidelities))
