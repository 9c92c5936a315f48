"""The default recipe: the task's groups of inputs are in its space, and a search begins with the hand-made controls."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from placement_data.errors import SettingError
from routenas.recipes.routenas import compose
from routenas.results import Result
from routenas.settings import Settings
from routenas.strategies import STRATEGIES
from searchspaces.flexible import FlexibleSpace
from searchspaces.flexible_choices import CONTROLS
from searchspaces.nasbench201 import NasBench201Space
from searchspaces.space import Genotype, TaskShape


class Grouped:
    """As much of a task as a recipe looks at."""

    name, metric = "grouped", "quality"
    shape = TaskShape(5, 1, "map", (("wires", (0, 1, 4)), ("pins", (2,))))


SETTINGS = Settings(trials=12)


def asked(count: int, **changes: Any) -> list[Genotype]:
    """The first genotypes that the strategy asks, one after the other."""
    strategy = compose(Grouped(), dataclasses.replace(SETTINGS, **changes), lambda *_: None).strategy  # type: ignore[arg-type]
    found: list[Genotype] = []
    while len(found) < count:
        found += strategy.ask(1)
        strategy.tell(found[-1:], [Result(0.5, costs={"parameters": 1.0, "seconds": 1.0})])
    return found


def space_of(**changes: Any) -> FlexibleSpace:
    space = compose(Grouped(), dataclasses.replace(SETTINGS, **changes), lambda *_: None).space  # type: ignore[arg-type]
    assert isinstance(space, FlexibleSpace)
    return space


@pytest.mark.parametrize("strategy", sorted(STRATEGIES))
def test_every_strategy_tries_the_controls_first(strategy: str) -> None:
    first = asked(4, strategy=strategy)
    assert first == [space_of().control(name) for name in CONTROLS]


def test_a_comparison_of_strategies_can_do_without() -> None:
    with_, without = asked(6, strategy="random"), asked(6, strategy="random", initial="none")
    assert not set(without) & set(space_of().controls)
    assert with_[4:] == without[:2]  # the random stream is the same


def test_the_space_chooses_the_inputs_of_the_task() -> None:
    assert space_of().inputs == ("wires", "pins")
    assert space_of(space={"space": "flexible"}).inputs == ("wires", "pins")
    assert space_of(space={"space": "flexible", "inputs": ["pins"]}).inputs == ("pins",)
    assert space_of(space={"space": "flexible", "inputs": []}).inputs == ()
    fixed = space_of(space={"space": "flexible", "fixed": {"halvings": "0"}})
    assert fixed.controls == (fixed.control("one-tile"), fixed.control("residual-dilated"))
    with pytest.raises(SettingError, match="chooses of the inputs 'ports', but the task has the inputs wires, pins"):
        space_of(space={"space": "flexible", "inputs": ["ports"]})


def test_what_the_run_records_makes_the_same_space() -> None:
    space = space_of()
    assert space_of(space=space.config()).config() == space.config()


def test_a_space_without_controls_begins_as_the_strategy_does() -> None:
    space = {**NasBench201Space(channels=2, cells=1).config()}

    class Classes(Grouped):
        shape = TaskShape(3, 4)

    parts = [
        compose(Classes(), dataclasses.replace(SETTINGS, space=space, initial=initial), lambda *_: None)  # type: ignore[arg-type]
        for initial in ("controls", "none")
    ]
    assert parts[0].strategy.ask(3) == parts[1].strategy.ask(3)


def test_another_beginning_is_refused() -> None:
    with pytest.raises(SettingError, match="no such initial, found 'mine', expected controls or none"):
        Settings(initial="mine")  # type: ignore[arg-type]
