from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from searchspaces.space import Choice, Genotype, Space


@pytest.fixture
def space() -> Space:
    choices = [Choice("depth", 3), Choice("kernel", ("3x3", "5x5")), Choice("skip", 2, (0.9, 0.1))]
    return Space("small", choices, blocks=[slice(0, 2), slice(2, 3)])


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


class TestSpace:
    def test_size(self, space: Space) -> None:
        assert space.size == 3 * 2 * 2

    @pytest.mark.parametrize(
        ("genotype", "error"),
        [
            (Genotype("other", (0, 0, 0)), "genotype of space 'other', expected 'small'"),
            (Genotype("small", (0, 0)), "space 'small' has 3 choices, not 2"),
            (Genotype("small", (0, 2, 0)), "choice 'kernel' must be 0 to 1, not 2"),
        ],
    )
    def test_foreign_genotypes_are_refused(self, space: Space, genotype: Genotype, error: str) -> None:
        assert not space.contains(genotype)
        with pytest.raises(ValueError, match=error):
            space.canonical(genotype)

    def test_samples_follow_the_prior(self, space: Space) -> None:
        rng = np.random.default_rng(0)
        samples = np.array([space.sample(rng).values for _ in range(4000)])
        assert (samples[:, 2] == 1).mean() == pytest.approx(0.1, abs=0.02)
        assert (samples[:, 0] == 2).mean() == pytest.approx(1 / 3, abs=0.03)

    def test_mutation_changes_one_choice(self, space: Space) -> None:
        rng = np.random.default_rng(0)
        parent = space.genotype((1, 0, 1))
        children = [space.mutate(parent, rng).values for _ in range(200)]
        assert set(children) == {(0, 0, 1), (2, 0, 1), (1, 1, 1), (1, 0, 0)}

    def test_mutation_of_a_space_with_one_member_gives_it_back(self) -> None:
        single = Space("single", [Choice("only", 1)])
        assert single.mutate(Genotype("single", (0,)), np.random.default_rng(0)).values == (0,)

    def test_crossover_takes_whole_blocks(self, space: Space) -> None:
        rng = np.random.default_rng(0)
        a, b = space.genotype((0, 0, 0)), space.genotype((2, 1, 1))
        children = {space.crossover(a, b, rng).values for _ in range(100)}
        assert children == {(0, 0, 0), (0, 0, 1), (2, 1, 0), (2, 1, 1)}

    def test_one_hot(self, space: Space) -> None:
        assert space.one_hot(space.genotype((2, 0, 1))).tolist() == [0, 0, 1, 1, 0, 0, 1]
