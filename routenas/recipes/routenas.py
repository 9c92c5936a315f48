"""RouteNAS (Chang et al., ICCAD 2021, arXiv 2012.01737): a space of guide-DAGs, every candidate trained for real."""

from __future__ import annotations

from routenas.estimators.scratch import TrainedFromScratch
from routenas.interfaces import Task
from routenas.look_up import look_up
from routenas.settings import Parts, Settings
from routenas.strategies import STRATEGIES, suited
from routenas.training import Progress
from searchspaces.table import space_from_config

SPACE = {"space": "flexible", "preset": "extended"}


def compose(task: Task, settings: Settings, progress: Progress) -> Parts:
    """The parts, by default on the extended preset of the flexible space; with two cheaper budgets for a scheduler."""
    space = space_from_config(settings.space or SPACE)
    options = {**suited(settings.strategy, settings.trials, settings.in_flight), **settings.strategy_options}
    strategy = look_up("search strategy", STRATEGIES, settings.strategy)(space, settings.seed, **options)
    budgets = [settings.budget]
    if settings.scheduler != "none":
        budgets = [settings.budget.changed(epochs=max(1, settings.budget.epochs // part)) for part in (4, 2)] + budgets
    *fidelities, estimator = (
        TrainedFromScratch(task, budget, space, settings.seed, progress=progress, device=settings.device)
        for budget in budgets
    )
    return Parts(space, strategy, estimator, tuple(fidelities))
