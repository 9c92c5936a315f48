"""What `Space` makes of choices: conditions, counts, chance, sub-spaces, encodings; and no torch in it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from searchspaces.space import Choice, Genotype, Space, TaskShape
from tests.searchspaces.toys import Toy

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def space() -> Space:
    choices = [Choice("depth", 3), Choice("kernel", ("3x3", "5x5")), Choice("skip", 2, (0.9, 0.1))]
    return Space("small", choices, blocks=[slice(0, 2), slice(2, 3)])


def test_importing_a_space_does_not_import_torch() -> None:
    names = sorted(
        f"searchspaces.{path.stem}"
        for path in (REPOSITORY / "searchspaces").glob("*.py")
        if path.stem not in ("__init__", "operators") and not path.stem.endswith("_network")
    )
    assert "searchspaces.flexible" in names
    code = f"import sys, importlib\nfor name in {names!r}: importlib.import_module(name)\nprint('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


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


class TestConditions:
    def test_canonical_and_active_by_hand(self) -> None:
        space = Toy()  # head none linear mlp; depth 0-2 if linear or mlp; skip 0-1 if depth 1 or 2; norm
        assert space.active((0, 2, 1, 1)) == (True, False, False, True)
        assert space.canonical_values((0, 2, 1, 1)) == (0, 0, 0, 1)
        assert space.canonical_values((1, 0, 1, 0)) == (1, 0, 0, 0)
        assert space.canonical_values((2, 2, 1, 0)) == (2, 2, 1, 0)

    def test_count_by_hand(self) -> None:
        # none: 1; linear and mlp: depth 0 without skip, depths 1 and 2 with two skips; all with two norms.
        assert Toy().count() == (1 + 2 * (1 + 2 * 2)) * 2
        assert Toy().size == 3 * 3 * 2 * 2
        assert Toy().fix("head", "none").count() == 2
        assert Toy().fix("skip", 1).count() == 2 * 2 * 2

    def test_tokens_by_hand(self) -> None:
        space = Toy()
        assert (space.vocabulary, space.pad_token) == (11, 10)
        assert space.tokens(space.genotype((2, 1, 1, 0))) == (2, 4, 7, 8)
        assert space.tokens(space.genotype((0, 0, 0, 1))) == (0, 10, 10, 9)
        assert space.one_hot(space.genotype((0, 0, 0, 1))).tolist() == [1, 0, 0, 0, 0, 0, 0, 0, 0, 1]

    @pytest.mark.parametrize(
        ("tokens", "error"),
        [
            ((0, 3), "has 4 choices, not 2 tokens"),
            ((3, 10, 10, 9), "a token of choice 'head' must be 0 to 2, not 3"),
            ((10, 10, 10, 9), "a token of choice 'head' must be 0 to 2, not 10"),
            ((1, 2, 6, 8), "a token of choice 'depth' must be 3 to 5, not 2"),
        ],
    )
    def test_wrong_tokens_are_named(self, tokens: tuple[int, ...], error: str) -> None:
        with pytest.raises(ValueError, match=error):
            Toy().from_tokens(tokens)

    def test_graph_by_hand(self) -> None:
        space = Toy()
        graph = space.graph(space.genotype((0, 0, 0, 1)))
        assert [graph.operation_names[i] for i in graph.operations] == ["input", "head=none", "norm=none", "output"]
        assert np.argwhere(graph.adjacency).tolist() == [[0, 1], [1, 2], [2, 3]]

    @pytest.mark.parametrize(
        ("choices", "error"),
        [
            ([Choice("a", 2, when=("b", (0,))), Choice("b", 2)], "must be on an earlier choice, not 'b'"),
            ([Choice("a", 2), Choice("b", 2, when=("a", (2,)))], "choice 'a' has the options 0, 1, not 2"),
            ([Choice("a", 2), Choice("b", 2, when=("c", (0,)))], "must be on an earlier choice, not 'c'"),
            ([Choice("a", 2), Choice("a", 2)], "choices of different names"),
            ([], "one or more choices"),
        ],
    )
    def test_spaces_that_make_no_sense(self, choices: list[Choice], error: str) -> None:
        with pytest.raises(ValueError, match=error):
            Space("s", choices)


class TestChance:
    def test_samples_follow_priors_alone_and_in_batches(self) -> None:
        space = Space("s", [Choice("a", 3, (0.2, 0.0, 0.8)), Choice("b", 4)])
        rng = np.random.default_rng(0)
        for samples in ([space.sample(rng) for _ in range(8000)], space.sample_many(rng, 8000)):
            values = np.array([genotype.values for genotype in samples])
            a, b = (np.bincount(values[:, i], minlength=n) / 8000 for i, n in ((0, 3), (1, 4)))
            assert a == pytest.approx([0.2, 0.0, 0.8], abs=0.015)
            assert b == pytest.approx([0.25] * 4, abs=0.02)

    def test_illegal_draws_are_drawn_again(self) -> None:
        class Even(Space):
            def valid_values(self, values: tuple[int, ...]) -> bool:
                return sum(values) % 2 == 0

        space = Even("even", [Choice("a", 3), Choice("b", 3)])
        rng = np.random.default_rng(0)
        legal = {(0, 0), (0, 2), (1, 1), (2, 0), (2, 2)}
        assert (
            {g.values for g in space.sample_many(rng, 200)} == {space.sample(rng).values for _ in range(200)} == legal
        )
        assert space.count() == 5
        assert {g.values for g in space.neighbours(Genotype("even", (0, 0)))} == {(0, 2), (2, 0)}
        assert space.neighbours(Genotype("even", (1, 1))) == ()
        assert space.mutate(Genotype("even", (1, 1)), rng).values == (1, 1)
        with pytest.raises(ValueError, match=r"\(0, 1\) is not a legal architecture of <Even 'even'"):
            space.canonical(Genotype("even", (0, 1)))

    def test_a_space_without_legal_members_says_so(self) -> None:
        class Never(Space):
            def valid_values(self, values: tuple[int, ...]) -> bool:
                return False

        space = Never("never", [Choice("a", 2)])
        for draw in (space.sample, space.sample_values, lambda rng: space.sample_many(rng, 2)):
            with pytest.raises(ValueError, match="no legal architecture among 10000"):
                draw(np.random.default_rng(0))


class TestSubSpaces:
    def test_by_hand(self) -> None:
        space = Space("s", [Choice("a", ("x", "y")), Choice("b", 3), Choice("c", 2)])
        part = space.fix("a", "y").fix("b", 2)
        assert repr(part) == "<Space 's': 3 choices, a=y, b=2>"
        assert [g.values for g in part.enumerate()] == [(1, 2, 0), (1, 2, 1)]
        assert (part.size, part.count(), space.size) == (2, 2, 12)
        assert part.fix("b", 2).fixed == part.fixed
        assert [p.fixed for p in part.split("b")] == [part.fixed]
        assert [p.size for p in part.split("c")] == [1, 1]
        assert [g.values for g in part.neighbours(Genotype("s", (1, 2, 0)))] == [(1, 2, 1)]
        with pytest.raises(ValueError, match="is not a legal architecture of <Space 's': 3 choices, a=y, b=2>"):
            part.check(Genotype("s", (0, 2, 0)))

    def test_what_does_not_exist_is_named(self) -> None:
        space = Space("s", [Choice("kernel", ("3x3", "5x5"))])
        with pytest.raises(ValueError, match="space 's' has no choice 'kernels', expected kernel"):
            space.fix("kernels", 0)
        with pytest.raises(ValueError, match="choice 'kernel' has the options 3x3, 5x5, not '7x7'"):
            space.fix("kernel", "7x7")
        with pytest.raises(ValueError, match="has no genotype with kernel = 5x5"):
            space.fix("kernel", 0).fix("kernel", 1)


def test_a_plain_space_builds_nothing() -> None:
    space = Toy()
    with pytest.raises(NotImplementedError, match="a space that has overrides build"):
        space.build(space.genotype((0, 0, 0, 0)), TaskShape(1, 1), seed=0)
