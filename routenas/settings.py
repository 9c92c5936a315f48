"""What a user sets of a run, and what a recipe makes of it: values that the run and the recipes share."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from placement_data.errors import InputError
from routenas.interfaces import Estimator, Strategy
from routenas.training import BUDGETS, Budget
from searchspaces.space import Space, TaskShape
from searchspaces.table import space_from_config


@dataclass(frozen=True)
class Settings:
    """Everything that decides a run's result, beside its task.

    ``space`` is a `Space.config`, empty for the recipe's own; ``trials`` the total; ``in_flight`` how many are asked
    and estimated together, and ``order`` whether the next are asked when all of those are done ("batch": the same
    trials for the same seed) or as soon as one is ("arrival"). The best ``finalists`` are retrained with
    ``final_seeds`` seeds at ``final_budget``.
    """

    recipe: str = "routenas"
    space: Mapping[str, Any] = field(default_factory=dict)
    strategy: str = "evolution"
    strategy_options: Mapping[str, Any] = field(default_factory=dict)
    scheduler: str = "none"
    trials: int = 24
    budget: Budget = BUDGETS["fast"]
    final_budget: Budget = BUDGETS["full"]
    finalists: int = 3
    final_seeds: int = 3
    seed: int = 0
    in_flight: int = 1
    order: Literal["batch", "arrival"] = "batch"
    threads: int = 1
    device: str = "cpu"

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        return json.loads(json.dumps(asdict(self)))  # type: ignore[no-any-return]

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Settings:
        """Inverse of :meth:`to_dict`. Raises InputError for a setting that there is not, or a wrong value."""
        unknown = sorted(set(value) - set(cls.__dataclass_fields__))
        if unknown:
            raise InputError("no such setting", found=unknown[0], expected=", ".join(cls.__dataclass_fields__))
        try:
            budgets = {name: Budget(**value[name]) for name in ("budget", "final_budget") if name in value}
            return cls(**{**value, **budgets})
        except TypeError as error:
            raise InputError("a setting has a wrong value", found=str(error)) from None


def chosen_space(settings: Settings, default: Mapping[str, Any], shape: TaskShape) -> Space:
    """The space of the settings, else the default one. Raises InputError where it does not exist or fit the task."""
    try:
        space = space_from_config(settings.space or default)
        space.check_shape(shape)
    except ValueError as error:
        raise InputError(str(error)) from None
    return space


@dataclass(frozen=True)
class Parts:
    """What a recipe composes. ``fidelities`` are the cheaper estimators below ``estimator``, cheapest first."""

    space: Space
    strategy: Strategy
    estimator: Estimator
    fidelities: tuple[Estimator, ...] = ()
