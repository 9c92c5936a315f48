"""Spaces by name, and spaces from what tells them: their configs, also those of models saved by earlier versions."""

from __future__ import annotations

import json

import numpy as np
import pytest

from searchspaces.flexible import FlexibleSpace
from searchspaces.mnasnet import MnasNetSpace
from searchspaces.nasbench_graph import NasBenchGraphSpace
from searchspaces.space import Choice, Space
from searchspaces.table import SPACES, space_class, space_from_config, space_named
from tests.searchspaces.toys import Categorical, Toy


class TestNames:
    @pytest.mark.parametrize("name", SPACES)
    def test_every_name_is_what_its_class_says(self, name: str) -> None:
        kind = space_class(name)
        assert f"{kind.__module__}:{kind.__qualname__}" == SPACES[name]
        assert vars(kind)["table_name"] == name
        assert space_named(name).config()["space"] == name

    def test_options_reach_the_constructor(self) -> None:
        space = space_named("nas-bench-graph", operations=5, hidden=8)
        assert isinstance(space, NasBenchGraphSpace)
        assert (space.count(), space.hidden) == (2_021, 8)
        with pytest.raises(
            ValueError, match="MnasNetSpace takes width, halvings: got an unexpected keyword argument 'depth'"
        ):
            space_named("mnasnet", depth=3)

    def test_the_paper_preset_by_its_arguments_alone(self) -> None:
        config = {"space": "flexible", "preset": "paper", "shuffle_seed": 2}
        assert space_from_config(config).config() == FlexibleSpace("paper", 2).config()
        assert space_named("flexible", preset="paper").name == "flexible-paper:0"

    def test_own_classes(self) -> None:
        space = space_named("tests.searchspaces.toys:Categorical", edges=3, options=2)
        assert space.size == 8
        assert isinstance(space_named("tests.searchspaces.toys:Toy"), Toy)

    @pytest.mark.parametrize(
        ("name", "error"),
        [
            ("nas-bench-20", "no space has the name 'nas-bench-20', expected nas-bench-201 or nas-bench-101 or"),
            ("", "no space has the name '', expected auto-gnn or darts or"),
            (None, "no space has the name None, expected"),
            ("nowhere.at_all:Space", "'nowhere.at_all:Space' is in a module 'nowhere' that is not there"),
            ("tests.searchspaces.nowhere:A", "in a module 'tests.searchspaces.nowhere' that is not there"),
            ("tests.searchspaces.toys:Nothing", "the module 'tests.searchspaces.toys' has no class 'Nothing'"),
            ("tests.searchspaces.toys:Choice", "'tests.searchspaces.toys:Choice' is not a class of spaces"),
        ],
    )
    def test_what_is_not_there_is_named(self, name: str, error: str) -> None:
        with pytest.raises(ValueError, match=error):
            space_named(name)

    @pytest.mark.parametrize("config", [{}, [], None, "flexible", {"preset": "paper"}])
    def test_a_config_names_its_space(self, config: object) -> None:
        with pytest.raises(ValueError, match="must be an object with the key 'space', not"):
            space_from_config(config)  # type: ignore[arg-type]


class TestConfigs:
    def test_by_hand(self) -> None:
        assert MnasNetSpace(0.5).fix("block0_k", "5").fix("block3_se", 1).config() == {
            "space": "mnasnet",
            "width": 0.5,
            "halvings": 5,
            "fixed": {"block0_k": "5", "block3_se": "1"},
        }
        assert Categorical(3).config() == {"space": "tests.searchspaces.toys:Categorical", "edges": 3, "options": 5}
        assert Toy().config() == {"space": "tests.searchspaces.toys:Toy"}
        assert FlexibleSpace().config() == {"space": "flexible", "preset": "extended", "shuffle_seed": 0}

    def test_a_class_that_is_derived_is_not_its_base(self) -> None:
        class Narrow(MnasNetSpace):
            pass

        assert Narrow(0.5).config()["space"].endswith("Narrow")

    def test_what_no_space_can_be_made_from_is_named(self) -> None:
        class Forgetful(Space):
            def __init__(self, depth: int) -> None:
                super().__init__("forgetful", [Choice("depth", depth)])

        with pytest.raises(ValueError, match=r"Forgetful must keep its argument depth as self\.depth, or"):
            Forgetful(3).config()
        with pytest.raises(ValueError, match="has no config: an argument is no JSON value"):
            Space("plain", [Choice("depth", 3)]).config()
        with pytest.raises(ValueError, match="has no config: an argument is no JSON value"):
            Categorical(np.int64(3)).config()  # type: ignore[arg-type]

    def test_a_fixed_option_must_exist(self) -> None:
        with pytest.raises(ValueError, match="space 'mnasnet' has no choice 'block9_k'"):
            space_from_config({"space": "mnasnet", "fixed": {"block9_k": "5"}})


OLD = {
    "name": "flexible-paper:2",
    "preset": "paper",
    "fixed_operations": [
        ["dilated2", "mix", "dilated2", "mix", "conv3x3", "conv3x3", "conv3x3_wide"],
        ["dilated2", "conv3x3", "conv3x3", "mix", "conv3x3_wide", "mix", "dilated2"],
        ["mix", "conv3x3_wide", "conv3x3", "mix", "dilated2", "dilated2", "conv3x3"],
        ["mix", "conv3x3", "conv3x3", "dilated2", "mix", "dilated2", "conv3x3_wide"],
        ["mix", "dilated2", "conv3x3", "conv3x3_wide", "mix", "dilated2", "conv3x3"],
        ["conv3x3_wide", "conv3x3", "mix", "dilated2", "dilated2", "conv3x3", "mix"],
    ],
}
"""What saved models recorded of a space before there was a table."""


class TestFlexible:
    def test_saved_models_of_earlier_versions_load(self) -> None:
        paper = space_from_config(json.loads(json.dumps(OLD)))
        assert paper.config() == FlexibleSpace("paper", 2).config()
        extended = space_from_config({"name": "flexible-extended", "preset": "extended", "fixed_operations": []})
        assert extended.config() == FlexibleSpace().config()

    @pytest.mark.parametrize(
        "change",
        [
            {"more": 1},
            {"name": "flexible-paper:3"},
            {"name": "flexible-paper:-1"},
            {"name": "flexible-paper:02"},
            {"name": "flexible-paper:\u0662"},
            {"name": "flexible-extended"},
            {"name": "flexible-other"},
            {"name": None},
            {"preset": "extended"},
            {"preset": "other"},
            {"fixed_operations": []},
        ],
    )
    def test_other_values_are_refused(self, change: dict[str, object]) -> None:
        with pytest.raises(ValueError, match=r"flexible space|the space"):
            FlexibleSpace.from_config({**OLD, **change})

    @pytest.mark.parametrize(
        ("config", "error"),
        [
            ({**FlexibleSpace("paper", 2).config(), "shuffle_seed": 3}, "is not that of this version"),
            ({**FlexibleSpace().config(), "fixed_operations": [["mix"]]}, "is not that of this version"),
            (
                {**FlexibleSpace().config(), "more": 1},
                "FlexibleSpace takes preset, shuffle_seed, inputs: got an unexpected",
            ),
            ([], "must be an object, not list"),
        ],
    )
    def test_other_values_of_today_are_refused(self, config: object, error: str) -> None:
        with pytest.raises(ValueError, match=error):
            FlexibleSpace.from_config(config)  # type: ignore[arg-type]
