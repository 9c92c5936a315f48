"""The contract of a search space: subclass `SpaceContract`, give the fixture ``space``, and have all tests.

A space that is told by ``module:Class`` must be importable in another process, so not of a test function or notebook.
"""

from __future__ import annotations

import json
import os
import pickle
import random
import subprocess
import sys
from collections.abc import Sequence
from itertools import pairwise, product
from typing import Any, get_args

import numpy as np
import pytest
import torch

from searchspaces.space import Genotype, Space, TaskShape
from searchspaces.table import space_from_config
from searchspaces.values import Output

INPUTS = 3
SAMPLES = 60
SMALL = 2000

ELSEWHERE = """
import json, sys
import numpy as np
from searchspaces.table import space_from_config
space, rng = space_from_config(json.load(sys.stdin)), np.random.default_rng(0)
print(json.dumps([[genotype.to_json() for genotype in space.sample_many(rng, 5)], space.config()]))
"""


class SpaceContract:
    """All that the engine expects of a space. Networks are tested where the space has a `build` of its own."""

    groups: tuple[tuple[str, tuple[int, ...]], ...] = ()
    """Groups of the `INPUTS` inputs, for a space that chooses among them."""

    @pytest.fixture
    def space(self) -> Space:
        """The space under test."""
        raise NotImplementedError

    def inputs(self) -> tuple[torch.Tensor, ...]:
        """What a network of `INPUTS` inputs takes: two maps. Override it where networks take something else."""
        return (torch.rand(2, INPUTS, 9, 10, generator=torch.Generator().manual_seed(0)),)

    def arguments(self, shape: TaskShape) -> tuple[Any, ...]:
        """What a network of this shape takes: `inputs`. Override it where that depends on the form of the answer."""
        return self.inputs()

    def answer(self, shape: TaskShape) -> tuple[int, ...]:
        """The size of a network's answer to `inputs`. Override it where networks answer in another form."""
        x = self.inputs()[0]
        return {
            "classes": (len(x), shape.outputs),
            "map": (len(x), shape.outputs, *x.shape[2:]),
            "scalar": (len(x),),
            "tokens": (*x.shape[:2], shape.outputs),
            "nodes": (len(x), shape.outputs),
            "graphs": (len(x), shape.outputs),
        }[shape.output]

    def shapes(self, space: Space) -> list[TaskShape]:
        """A task for each form of answer that the networks of the space give; none for a space of values only."""
        if type(space).build is Space.build:
            return []
        outputs = [(output, 1 if output == "scalar" else 4) for output in space.outputs]
        return [TaskShape(INPUTS, count, output, self.groups) for output, count in outputs]

    def samples(self, space: Space, seed: int = 0, n: int = SAMPLES) -> list[Genotype]:
        rng = np.random.default_rng(seed)
        return [space.sample(rng) for _ in range(n)]

    # ------------------------------------------------------------------- values

    def assert_legal(self, space: Space, genotype: Genotype) -> None:
        assert genotype.space == space.name
        assert type(genotype.values) is tuple
        assert all(type(value) is int for value in genotype.values)
        space.check(genotype)
        assert space.contains(genotype)
        assert space.canonical(genotype) == genotype

    def test_samples_are_legal_and_canonical(self, space: Space) -> None:
        rng = np.random.default_rng(1)
        for genotype in [*self.samples(space), *space.sample_many(rng, SAMPLES)]:
            self.assert_legal(space, genotype)
        assert len(space.sample_many(rng, 5)) == 5
        assert space.sample_many(rng, 0) == []

    def test_same_seed_same_samples(self, space: Space) -> None:
        assert self.samples(space, 5) == self.samples(space, 5)
        many = [space.sample_many(np.random.default_rng(seed), SAMPLES) for seed in (5, 5, 6)]
        assert many[0] == many[1]
        if space.size > SMALL:
            assert many[0] != many[2]
            assert self.samples(space, 5) != self.samples(space, 6)

    def test_one_sample_and_many_have_the_same_distribution(self, space: Space) -> None:
        rng = np.random.default_rng(2)
        n = 2000 if len(space.choices) < 100 else 200
        one = np.array([space.sample(rng).values for _ in range(n)], float)
        many = np.array([genotype.values for genotype in space.sample_many(rng, n)], float)
        spread = np.maximum(np.sqrt((one.var(0) + many.var(0)) / n), 1e-3)
        assert (np.abs(one.mean(0) - many.mean(0)) < 5 * spread).all()

    def test_draws_become_canonical(self, space: Space) -> None:
        rng = np.random.default_rng(3)
        for _ in range(SAMPLES):
            values = space.sample_values(rng)
            genotype = space.genotype(values)
            self.assert_legal(space, genotype)
            assert space.canonical_values(genotype.values) == genotype.values

    def test_mutation_stays_inside_and_is_one_change(self, space: Space) -> None:
        rng = np.random.default_rng(4)
        for parent in self.samples(space, n=10 if len(space.choices) < 100 else 2):
            child = space.mutate(parent, rng)
            self.assert_legal(space, child)
            near = set(space.neighbours(parent))
            assert child in near or (not near and child == parent)

    def test_crossover_stays_inside(self, space: Space) -> None:
        rng = np.random.default_rng(5)
        parents = self.samples(space, n=20)
        for a, b in pairwise(parents):
            self.assert_legal(space, space.crossover(a, b, rng))
        assert space.crossover(parents[0], parents[0], rng) == parents[0]

    def test_neighbours_are_all_that_one_change_gives(self, space: Space) -> None:
        for genotype in self.samples(space, n=3 if len(space.choices) < 100 else 1):
            found = space.neighbours(genotype)
            assert found == space.neighbours(genotype)
            expected = set()
            for i, choice in enumerate(space.choices):
                for option in range(choice.count):
                    values = (*genotype.values[:i], option, *genotype.values[i + 1 :])
                    if space.contains(Genotype(space.name, values)):
                        expected.add(space.canonical(Genotype(space.name, values)))
            assert len(found) == len(set(found))
            assert set(found) == expected - {genotype}
            for neighbour in found[:10]:
                self.assert_legal(space, neighbour)

    def test_enumeration_is_the_set_of_canonical_genotypes(self, space: Space) -> None:
        assert space.enumerable == (space.size <= 2**20)
        if not space.enumerable:
            if type(space).enumerate is Space.enumerate:
                with pytest.raises(ValueError, match="more than the 1048576"):
                    space.enumerate()
            return
        found = list(space.enumerate())
        assert len(set(found)) == len(found) == space.count()
        assert found == list(space.enumerate())
        for genotype in found[:: max(1, len(found) // 50)]:
            self.assert_legal(space, genotype)
        members = set(found)
        assert members.issuperset(self.samples(space))
        if space.size <= SMALL:
            everything = product(*(range(choice.count) for choice in space.choices))
            genotypes = (Genotype(space.name, values) for values in everything)
            assert members == {space.canonical(g) for g in genotypes if space.contains(g)}

    def test_foreign_genotypes_are_refused(self, space: Space) -> None:
        values = self.samples(space, n=1)[0].values
        for wrong in (
            Genotype("elsewhere", values),
            Genotype(space.name, (*values, 0)),
            Genotype(space.name, (space.choices[0].count, *values[1:])),
        ):
            assert not space.contains(wrong)
            for method in (space.canonical, space.neighbours, space.tokens, space.one_hot, space.graph):
                with pytest.raises(ValueError, match=r"expected|choices, not|must be 0 to"):
                    method(wrong)

    def test_json_and_pickle_round_trip(self, space: Space) -> None:
        for genotype in self.samples(space, n=10):
            again = Genotype.from_json(json.dumps(json.loads(genotype.to_json())))
            assert again == genotype
            assert again.hash == genotype.hash
            assert space.canonical(again) == genotype
        copy = pickle.loads(pickle.dumps(space))
        assert self.samples(copy) == self.samples(space)

    def test_no_global_randomness(self, space: Space) -> None:
        def streams() -> Sequence[object]:
            return random.getstate(), pickle.dumps(np.random.get_state()), torch.get_rng_state().tolist()  # noqa: NPY002

        before = streams()
        rng = np.random.default_rng(0)
        a, b = space.sample_many(rng, 2)
        space.crossover(space.mutate(a, rng), b, rng)
        for shape in self.shapes(space):
            space.build(a, shape, seed=1)
        assert streams() == before

    # --------------------------------------------------------------- sub-spaces

    def test_fix_and_split_are_a_partition(self, space: Space) -> None:
        rng = np.random.default_rng(6)
        genotypes = self.samples(space)
        for index in sorted({0, len(space.choices) // 2, len(space.choices) - 1}):
            choice = space.choices[index]
            parts = space.split(choice.name)
            for genotype in genotypes:
                owners = [part for part in parts if part.contains(genotype)]
                assert len(owners) == 1
                assert dict(owners[0].fixed)[index] == genotype.values[index]
            for part in parts:
                members = [genotype for genotype in genotypes if part.contains(genotype)]
                assert part.name == space.name
                assert part.size <= space.size
                for genotype in members[:2]:
                    child = part.mutate(genotype, rng)
                    mixed = part.crossover(child, members[-1], rng)
                    for inside in (child, mixed, part.sample(rng), *part.sample_many(rng, 2)):
                        self.assert_legal(part, inside)
                        self.assert_legal(space, inside)
                        assert inside.values[index] == genotype.values[index]
            if space.size <= SMALL:
                union = [genotype for part in parts for genotype in part.enumerate()]
                assert len(set(union)) == len(union)
                assert set(union) == set(space.enumerate())

    # ---------------------------------------------------------------- encodings

    def test_encodings_tell_genotypes_apart(self, space: Space) -> None:
        if space.size <= SMALL:
            genotypes = list(space.enumerate())
        else:
            near = space.neighbours(self.samples(space, n=1)[0])
            genotypes = list(dict.fromkeys([*self.samples(space), *near[:100]]))
        tokens, vectors, graphs = set(), set(), set()
        for genotype in genotypes:
            row = space.tokens(genotype)
            assert len(row) == len(space.choices)
            assert all(type(token) is int and 0 <= token < space.vocabulary for token in row)
            assert space.from_tokens(row) == genotype
            vector = space.one_hot(genotype)
            assert vector.shape == (space.vocabulary - 1,)
            assert vector.dtype == np.float32
            assert np.flatnonzero(vector).tolist() == [token for token in row if token != space.pad_token]
            graph = space.graph(genotype)
            count = len(graph.operations)
            assert graph.adjacency.shape == (count, count)
            assert graph.adjacency.dtype == bool
            assert not np.tril(graph.adjacency).any()  # topological order, so acyclic
            assert graph.adjacency[:, 1:].any(0).all()  # every vertex but the input has a predecessor
            assert 0 <= graph.operations.min() <= graph.operations.max() < len(graph.operation_names)
            tokens.add(row)
            vectors.add(vector.tobytes())
            graphs.add((graph.operations.tobytes(), graph.adjacency.tobytes()))
        assert len(tokens) == len(vectors) == len(graphs) == len(genotypes)

    def test_controls_and_the_space_for_a_task(self, space: Space) -> None:
        assert len(set(space.controls)) == len(space.controls)
        for genotype in space.controls:
            self.assert_legal(space, genotype)
        for shape in self.shapes(space):
            chosen = space.for_task(shape)
            chosen.check_shape(shape)
            assert chosen.for_task(shape).config() == chosen.config()

    # --------------------------------------------------------- another process

    def test_config_makes_the_same_space(self, space: Space) -> None:
        values = self.samples(space, n=1)[0].values
        for each in (space, *(space.fix(choice.name, values[i]) for i, choice in enumerate(space.choices[:2]))):
            again = space_from_config(json.loads(json.dumps(each.config())))
            assert type(again) is type(each)
            assert (again.name, again.choices, again.fixed) == (each.name, each.choices, each.fixed)
            assert again.config() == each.config()
            assert self.samples(again) == self.samples(each)
            genotype = each.sample(np.random.default_rng(7))
            for shape in self.shapes(space):
                one, same = (made.build(genotype, shape, seed=3).state_dict() for made in (each, again))
                assert all(torch.equal(one[key], same[key]) for key in one)

    def test_another_process_makes_the_same_space(self, space: Space) -> None:
        part = space.fix(space.choices[-1].name, self.samples(space, n=1)[0].values[-1])
        done = subprocess.run(
            [sys.executable, "-c", ELSEWHERE],
            input=json.dumps(part.config()),
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        )
        samples = part.sample_many(np.random.default_rng(0), 5)
        assert json.loads(done.stdout) == [[genotype.to_json() for genotype in samples], part.config()]

    # ------------------------------------------------------------------ modules

    def test_networks_answer_in_the_form_of_the_task(self, space: Space) -> None:
        for shape in self.shapes(space):
            for genotype in self.samples(space, n=3):
                with torch.no_grad():
                    y = space.build(genotype, shape, seed=1).eval()(*self.arguments(shape))
                if shape.output == "tokens":
                    y, _ = y
                assert y.isfinite().all()
                assert y.shape == self.answer(shape)

    def test_the_seed_alone_draws_the_weights(self, space: Space) -> None:
        for shape in self.shapes(space)[:1]:
            for genotype in self.samples(space, n=3):
                one, same, other = (space.build(genotype, shape, seed=seed).state_dict() for seed in (1, 1, 2))
                assert all(torch.equal(one[key], same[key]) for key in one)
                assert any(not torch.equal(one[key], other[key]) for key in one)

    def test_other_forms_are_refused(self, space: Space) -> None:
        genotype = self.samples(space, n=1)[0]
        for output in get_args(Output) if self.shapes(space) else ():
            if output not in space.outputs:
                with pytest.raises(ValueError, match=f"give .*, not {output}"):
                    space.build(genotype, TaskShape(INPUTS, 1, output, self.groups), seed=0)
