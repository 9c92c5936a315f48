"""What a user sets of a run, and what a recipe makes of it: values that the run and the recipes share."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

from placement_data.errors import SettingError
from routenas.interfaces import Estimator, Strategy
from routenas.training import BUDGETS, Budget, budget_named, budgets_of
from searchspaces.space import Space, TaskShape
from searchspaces.table import space_from_config

Order = Literal["batch", "arrival"]
Initial = Literal["controls", "none"]


@dataclass(frozen=True)
class Settings:
    """Everything that decides a run's result, beside its task.

    ``space`` is a `Space.config`, empty for the recipe's own; ``trials`` the total; ``in_flight`` how many are asked
    and estimated together, and ``order`` whether the next are asked when all of those are done ("batch": the same
    trials for the same seed) or as soon as one is ("arrival"). None is asked once the trials took ``cpu_seconds``.
    ``initial`` says what every strategy tries first: the hand-made architectures that are in the space ("controls"), or
    "none". Candidates are judged out of so many ``folds`` where the task has them, with 1 on its search part. The best
    ``finalists`` are retrained with ``final_seeds`` seeds at ``final_budget``; the answer is the mean of at most
    ``members`` of these. Out of fold, the predictors that are named in ``hand_made`` (None: those of the task) are
    trained beside the finalists, with one seed each, and may be drawn into that mean as they are.
    """

    recipe: str = "routenas"
    space: Mapping[str, Any] = field(default_factory=dict)
    strategy: str = "evolution"
    strategy_options: Mapping[str, Any] = field(default_factory=dict)
    initial: Initial = "controls"
    scheduler: str = "none"
    trials: int = 24
    cpu_seconds: float | None = None
    folds: int = 3
    budget: Budget = BUDGETS["fast"]
    final_budget: Budget = BUDGETS["full"]
    finalists: int = 3
    final_seeds: int = 3
    members: int = 8
    hand_made: Sequence[str] | None = None
    seed: int = 0
    in_flight: int = 1
    order: Order = "batch"
    threads: int = 1
    device: str = "cpu"

    def __post_init__(self) -> None:
        for name in ("trials", "folds", "finalists", "final_seeds", "members", "in_flight", "threads"):
            value = getattr(self, name)
            if type(value) is not int or value < 1:
                raise SettingError(f"the setting {name} must be a whole number above 0", found=value)
        limit = self.cpu_seconds
        if limit is not None and (type(limit) not in (int, float) or not 0 < limit < math.inf):
            raise SettingError("the setting cpu_seconds must be a number above 0", found=limit)
        if type(self.seed) is not int or not 0 <= self.seed < 2**62:
            raise SettingError("the setting seed must be a whole number", found=self.seed, expected="0 to 2^62 - 1")
        for name in ("recipe", "strategy", "scheduler", "device"):
            if not isinstance(getattr(self, name), str):
                raise SettingError(f"the setting {name} must be a text", found=getattr(self, name))
        for name in ("space", "strategy_options"):
            if not isinstance(getattr(self, name), Mapping):
                raise SettingError(f"the setting {name} must be a table of options", found=getattr(self, name))
        named = self.hand_made or ()
        if isinstance(named, str) or not all(isinstance(each, str) for each in named):
            raise SettingError("the setting hand_made must be a list of names", found=named)
        for name, allowed in (("order", get_args(Order)), ("initial", get_args(Initial))):
            if getattr(self, name) not in allowed:
                raise SettingError(f"no such {name}", found=getattr(self, name), expected=" or ".join(allowed))

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        return json.loads(json.dumps(asdict(self)))  # type: ignore[no-any-return]

    @classmethod
    def for_task(cls, task: Any, **values: Any) -> Settings:
        """The settings with the budgets of a task (or a class of such), and other ``values``."""
        budgets = budgets_of(task)
        return cls(**{"budget": budgets["fast"], "final_budget": budgets["full"], **values})

    @classmethod
    def from_dict(cls, value: Mapping[str, Any], budgets: Mapping[str, Budget] = BUDGETS) -> Settings:
        """Inverse of :meth:`to_dict`; a budget may be one of the names of ``budgets``, and has its default from there.

        Raises InputError for a setting that there is not, or a wrong value.
        """
        unknown = sorted(set(value) - set(cls.__dataclass_fields__))
        if unknown:
            raise SettingError("no such setting", found=unknown[0], expected=", ".join(cls.__dataclass_fields__))
        try:
            told = {"budget": "fast", "final_budget": "full", **value}
            return cls(**{**told, **{name: _budget(told[name], budgets) for name in ("budget", "final_budget")}})
        except TypeError as error:
            raise SettingError("a setting has a wrong value", found=str(error)) from None


def _budget(value: Any, budgets: Mapping[str, Budget]) -> Budget:
    """A budget by name, or by its values."""
    if isinstance(value, str):
        return budget_named(value, budgets)
    if not isinstance(value, Mapping):
        raise SettingError("a budget is a name or a table of values", found=value, expected=" or ".join(budgets))
    return Budget(**value)


def chosen_space(settings: Settings, default: Mapping[str, Any], shape: TaskShape) -> Space:
    """The space of the settings, else the default one, for a task of this shape.

    Raises SettingError where it does not exist or fit the task.
    """
    space = made_space(settings.space or default)
    try:
        space = space.for_task(shape)
        space.check_shape(shape)
    except ValueError as error:
        raise SettingError(str(error)) from None
    return space


def made_space(config: Mapping[str, Any]) -> Space:
    """The space of a `Space.config`. Raises SettingError where there is none, or for an option that it refuses."""
    try:
        return space_from_config(config)
    except (ValueError, TypeError, AttributeError, LookupError) as error:  # whatever a constructor says of a value
        what = str(error).partition("\n")[0]
        raise SettingError(what if type(error) is ValueError else f"the space cannot be made: {what}") from None


@dataclass(frozen=True)
class Parts:
    """What a recipe composes. ``fidelities`` are the cheaper estimators below ``estimator``, cheapest first."""

    space: Space
    strategy: Strategy
    estimator: Estimator
    fidelities: tuple[Estimator, ...] = ()

    def __post_init__(self) -> None:
        wanted, told = (getattr(part, "costs", None) for part in (self.strategy, self.estimator))
        unknown = [name for name in wanted or () if told is not None and name not in told]
        if unknown:
            raise SettingError("no such cost of a trial", found=unknown[0], expected=" or ".join(told or ()))
