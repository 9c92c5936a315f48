"""The values that travel: genotypes, choices, graphs, shapes of tasks."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from searchspaces.values import Choice, Genotype, Graph, TaskShape


class TestGenotype:
    @given(st.text(min_size=1), st.lists(st.integers(0, 9), min_size=1).map(tuple))
    def test_json_round_trip(self, name: str, values: tuple[int, ...]) -> None:
        genotype = Genotype(name, values)
        assert Genotype.from_json(genotype.to_json()) == genotype

    def test_canonical_json_and_hash(self) -> None:
        genotype = Genotype("small", (2, 0, 1))
        assert genotype.to_json() == '{"space":"small","values":[2,0,1]}'
        assert genotype.hash == hashlib.sha256(b'{"space":"small","values":[2,0,1]}').hexdigest()[:12]
        assert Genotype.from_json('{ "values": [2, 0, 1], "space": "small" }').hash == genotype.hash

    @pytest.mark.parametrize(
        ("text", "error"),
        [
            ("nonsense", "a genotype must be JSON, not 'nonsense'"),
            ("[1]", "a JSON object with the keys 'space' and 'values', not list"),
            ('{"space":"s"}', r"keys 'space' and 'values', not \['space'\]"),
            ('{"space":1,"values":[0]}', "space must be a name, not 1"),
            ('{"space":"s","values":7}', "one or more ints >= 0, not 7"),
            ('{"space":"s","values":[]}', r"one or more ints >= 0, not \(\)"),
            ('{"space":"s","values":[0,-1]}', "ints >= 0, not -1"),
            ('{"space":"s","values":[true]}', "ints >= 0, not True"),
            ('{"space":"s","values":[1.0]}', "ints >= 0, not 1.0"),
            ('{"space":"s","values":[NaN]}', "ints >= 0, not nan"),
        ],
    )
    def test_bad_text_is_named(self, text: str, error: str) -> None:
        with pytest.raises(ValueError, match=error):
            Genotype.from_json(text)


class TestChoice:
    def test_prior_must_fit(self) -> None:
        with pytest.raises(ValueError, match=r"prior of choice 'x' must be 2 numbers of sum 1, not \(0.5, 0.6\)"):
            Choice("x", 2, (0.5, 0.6))
        with pytest.raises(ValueError, match="choice 'x' must have at least one option, not 0"):
            Choice("x", 0)


def test_a_graph_is_a_frozen_copy() -> None:
    operations, adjacency = np.array([0, 1]), np.eye(2, k=1)
    graph = Graph(operations, adjacency, ("in", "out"))
    operations[0] = 1
    assert graph.operations.tolist() == [0, 1]
    with pytest.raises(ValueError, match="read-only"):
        graph.adjacency[0, 0] = True
    with pytest.raises(ValueError, match=r"adjacency of 3 vertices must be 3 x 3, not \(2, 2\)"):
        Graph(np.arange(3), adjacency, ("a", "b", "c"))


class TestTaskShape:
    def test_a_task_has_inputs_and_outputs(self) -> None:
        with pytest.raises(ValueError, match="at least one input and one output, not 3, 0"):
            TaskShape(3, 0)

    def test_the_form_of_the_answer_is_known(self) -> None:
        with pytest.raises(ValueError, match="must be one of classes, map, scalar, tokens, nodes, graphs, not 'boxes'"):
            TaskShape(3, 1, "boxes")  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="a task with a scalar answer has one output, not 2"):
            TaskShape(3, 2, "scalar")


@pytest.mark.parametrize(
    ("groups", "said"),
    [
        ((("a", (0,)), ("a", (1,))), "different names and an input each"),
        ((("a", ()),), "different names and an input each"),
        ((("a", (0, 1)), ("b", (1,))), "of different ones, 0 to 2"),
        ((("a", (3,)),), "of different ones, 0 to 2"),
    ],
)
def test_groups_of_inputs_are_apart(groups, said) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=said):
        TaskShape(3, 1, "map", groups)
