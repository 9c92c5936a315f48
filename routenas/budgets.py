"""What one training may cost, and what the names of such budgets mean. Nothing here needs torch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from placement_data.errors import SettingError


@dataclass(frozen=True)
class Budget:
    """What one training may cost: ``epochs`` over the training part in batches of ``batch`` examples.

    The learning rate falls to zero by a cosine. The module is judged on the search part ``evaluations`` times, evenly
    spread, and the best state is kept.
    """

    name: str
    epochs: int
    batch: int = 2
    learning_rate: float = 5e-3
    weight_decay: float = 1e-3
    evaluations: int = 6

    def __post_init__(self) -> None:
        for name in ("epochs", "batch", "evaluations"):
            if type(getattr(self, name)) is not int:
                raise SettingError(f"{name} of a budget must be a whole number", found=getattr(self, name))
        for name in ("learning_rate", "weight_decay"):
            if type(getattr(self, name)) not in (int, float):
                raise SettingError(f"{name} of a budget must be a number", found=getattr(self, name))
        rates = math.isfinite(self.learning_rate) and self.learning_rate > 0 and 0 <= self.weight_decay < math.inf
        if min(self.epochs, self.batch, self.evaluations) < 1 or not rates:
            raise SettingError("a budget needs positive epochs, batch, evaluations and learning rate", found=str(self))

    def changed(self, **values: Any) -> Budget:
        """This budget with other values; None leaves one as it is. It is then named by what differs.

        Told once more what it is already, it keeps its name, so that a run goes on with the words that began it.
        """
        given = {name: value for name, value in values.items() if value not in (None, getattr(self, name))}
        if not given:
            return self
        text = "".join(f"-{name.replace('_', '-')}-{value:g}" for name, value in sorted(given.items()))
        epochs = given.get("epochs", self.epochs)
        return replace(self, **{"evaluations": min(self.evaluations, epochs), **given}, name=f"{self.name}{text}")


BUDGETS = {
    "smoke": Budget("smoke", epochs=1, evaluations=1),
    "fast": Budget("fast", epochs=8, evaluations=3),
    "full": Budget("full", epochs=30, learning_rate=2e-3, evaluations=10),
}


def budgets_of(task: Any) -> Mapping[str, Budget]:
    """What the names of budgets mean on a task (or a class of such): its own where it has any, else :data:`BUDGETS`."""
    return getattr(task, "budgets", BUDGETS)


def budget_named(name: str, budgets: Mapping[str, Budget] = BUDGETS) -> Budget:
    """The budget of that name, or :class:`InputError`."""
    if name not in budgets:
        raise SettingError("no such budget", found=name, expected=", ".join(budgets))
    return budgets[name]
