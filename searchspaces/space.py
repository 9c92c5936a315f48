"""Search spaces: the choices an architecture is made of, and which of their combinations are legal or the same.

Nothing here needs torch; a space with modules imports it when it builds one.
"""

from __future__ import annotations

import copy
import math
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import cached_property
from itertools import accumulate, product
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from searchspaces.arguments import arguments_of, made
from searchspaces.dags import GuideDag
from searchspaces.values import Choice, Genotype, Graph, Output, TaskShape, conditions, unchecked

if TYPE_CHECKING:
    from torch import nn

__all__ = ["Choice", "Genotype", "Graph", "Space", "TaskShape"]

Values = tuple[int, ...]

MAX_ENUMERATED = 2**20
_MUTATIONS = 100
_DRAWS = 10_000


class Space:
    """A product of choices. Pure: no data, no modules, no state.

    ``dags`` says which choices are edges and operations of guide-DAGs; all others are independent categorical ones.
    ``blocks`` are the runs of choices that crossover passes on together (by default each choice alone).

    A space in which not every combination is legal overrides `valid_values`; one in which different values can mean
    the same architecture overrides `canonical_values`; one with its own distribution of samples overrides
    `draw_values` (and, for speed, `draw_many`). All else follows.

    ``outputs`` are the forms of answer that the networks of `build` can give; ``table_name`` is the class's name in
    `searchspaces.table`, where it is there.
    """

    outputs: ClassVar[tuple[Output, ...]] = ("classes",)
    table_name: ClassVar[str]

    def __init__(
        self, name: str, choices: Sequence[Choice], *, dags: Sequence[GuideDag] = (), blocks: Sequence[slice] = ()
    ) -> None:
        self.name, self.choices, self.dags, self.blocks = name, tuple(choices), tuple(dags), tuple(blocks)
        self.fixed: tuple[tuple[int, int], ...] = ()
        self._index = {choice.name: i for i, choice in enumerate(self.choices)}
        if not name or not self.choices or len(self._index) != len(self.choices):
            raise ValueError("a space must have a name and one or more choices of different names")
        self._counts = tuple(choice.count for choice in self.choices)
        self._priors = tuple(tuple(accumulate(c.prior))[:-1] for c in self.choices)
        self._conditions = conditions(self.choices)
        self._conditional = any(self._conditions)
        self._symmetric = self._conditional or type(self).canonical_values is not Space.canonical_values
        self._ruled = type(self).valid_values is not Space.valid_values
        self._open = tuple(i for i, count in enumerate(self._counts) if count > 1)

    def __repr__(self) -> str:
        fixed = "".join(f", {self.choices[i].name}={self.choices[i].names[option]}" for i, option in self.fixed)
        return f"<{type(self).__name__} {self.name!r}: {len(self.choices)} choices{fixed}>"

    # ------------------------------------------------------------- what is in it

    @property
    def size(self) -> int:
        """The number of combinations; an upper bound on the number of architectures."""
        return math.prod(self._counts) // math.prod(self._counts[i] for i, _ in self.fixed)

    def count(self) -> int | None:
        """The exact number of architectures, or None where it is not known and there are too many to enumerate."""
        if not self._symmetric and not self._ruled:
            return self.size
        return sum(1 for _ in self.enumerate()) if self.enumerable else None

    @property
    def enumerable(self) -> bool:
        """Whether `enumerate` takes seconds: at most a million combinations. Of a larger space one takes samples."""
        return self.size <= MAX_ENUMERATED

    def enumerate(self) -> Iterator[Genotype]:
        """All canonical genotypes, in the order of their values. Raises ValueError where it is not `enumerable`."""
        if not self.enumerable:
            raise ValueError(f"{self!r} has {self.size:.3g} combinations, more than the {MAX_ENUMERATED} to enumerate")
        fixed = dict(self.fixed)
        options = ((fixed[i],) if i in fixed else range(count) for i, count in enumerate(self._counts))
        return (unchecked(self.name, values) for values in product(*options) if self._settled(values) == values)

    def index(self, name: str) -> int:
        """The position of a choice. Raises ValueError, listing near names, for one that does not exist."""
        if name not in self._index:
            near = get_close_matches(name, self._index) or list(self._index)[:5]
            raise ValueError(f"space {self.name!r} has no choice {name!r}, expected {' or '.join(near)}")
        return self._index[name]

    def check(self, genotype: Genotype) -> None:
        """Raise ValueError, saying what was found and what is allowed, unless the genotype belongs to this space."""
        self._check_form(genotype)
        if not self._legal(genotype.values):
            raise ValueError(f"{genotype.values} is not a legal architecture of {self!r}")

    def contains(self, genotype: Genotype) -> bool:
        """Whether `check` passes."""
        try:
            self.check(genotype)
        except ValueError:
            return False
        return True

    def valid_values(self, values: Values) -> bool:
        """Whether the values, one option index for each choice, are a legal architecture: here always."""
        return True

    def active(self, values: Sequence[int]) -> tuple[bool, ...]:
        """For each choice whether it is active under the values (see `Choice`)."""
        active: list[bool] = []
        for condition in self._conditions:
            active.append(condition is None or (active[condition[0]] and values[condition[0]] in condition[1]))
        return tuple(active)

    # --------------------------------------------------- one form an architecture

    def canonical_values(self, values: Values) -> Values:
        """The representative of all values that mean the same architecture (idempotent): inactive choices are 0."""
        if not self._conditional:
            return values
        return tuple([v if a else 0 for v, a in zip(values, self.active(values), strict=True)])

    def canonical(self, genotype: Genotype) -> Genotype:
        """The representative of all genotypes that mean the same architecture. Raises ValueError for foreign ones."""
        self._check_form(genotype)
        values = self._settled(genotype.values)
        if values is None:
            raise ValueError(f"{genotype.values} is not a legal architecture of {self!r}")
        return genotype if values == genotype.values else unchecked(self.name, values)

    def genotype(self, values: Sequence[int]) -> Genotype:
        """The canonical genotype of one option index for each choice. Raises ValueError for illegal ones."""
        return self.canonical(Genotype(self.name, tuple([int(value) for value in values])))

    # -------------------------------------------------------------------- chance

    def draw_values(self, rng: np.random.Generator) -> Values:
        """Random values, legal or not: here every choice independently by its prior."""
        drawn = zip(rng.random(len(self._counts)).tolist(), self._counts, self._priors, strict=True)
        return tuple([bisect_right(prior, u) if prior else int(u * count) for u, count, prior in drawn])

    def draw_many(self, rng: np.random.Generator, n: int) -> list[Values]:
        """``n`` draws of the distribution of `draw_values`, in one call of ``rng`` where it is not overridden."""
        if type(self).draw_values is not Space.draw_values:
            return [self.draw_values(rng) for _ in range(n)]
        u = rng.random((n, len(self._counts)))
        values = (u * self._counts).astype(np.int64)
        for i, prior in enumerate(self._priors):
            if prior:
                values[:, i] = np.searchsorted(prior, u[:, i], side="right")
        return list(zip(*values.T.tolist(), strict=True))

    def sample_values(self, rng: np.random.Generator) -> Values:
        """Random legal values, not necessarily canonical: `draw_values` until they are legal.

        Raises ValueError where ten thousand draws give none.
        """
        for _ in range(_DRAWS):
            values = self._with_fixed(self.draw_values(rng))
            if self._legal(values):
                return values
        raise ValueError(f"{self!r} has no legal architecture among {_DRAWS} random ones")

    def sample(self, rng: np.random.Generator) -> Genotype:
        """A random canonical genotype. Raises as `sample_values` does."""
        values = self.sample_values(rng)
        return unchecked(self.name, self.canonical_values(values) if self._symmetric else values)

    def sample_many(self, rng: np.random.Generator, n: int) -> list[Genotype]:
        """``n`` random canonical genotypes: as of `sample`, by another stream, in a fraction of the time."""
        if not (self._ruled or self._symmetric or self.fixed):
            return [unchecked(self.name, values) for values in self.draw_many(rng, n)]
        found: list[Genotype] = []
        drawn = 0
        while len(found) < n:
            if drawn > _DRAWS * (len(found) + 1):
                raise ValueError(f"{self!r} has no legal architecture among {_DRAWS} random ones")
            batch = max(n - len(found), 16)
            drawn += batch
            for values in self.draw_many(rng, batch):
                settled = self._settled(self._with_fixed(values))
                if settled is not None:
                    found.append(unchecked(self.name, settled))
        return found[:n]

    def changed_values(self, values: Values, rng: np.random.Generator) -> Values:
        """The values with one choice, drawn uniformly, set to another of its options."""
        return self.with_other_option(values, self._open[rng.integers(len(self._open))], rng) if self._open else values

    def with_other_option(self, values: Values, index: int, rng: np.random.Generator) -> Values:
        """The values with choice ``index`` set to another of its options, drawn uniformly."""
        shift = 1 + int(rng.integers(self._counts[index] - 1))
        return (*values[:index], (values[index] + shift) % self._counts[index], *values[index + 1 :])

    def mutate(self, genotype: Genotype, rng: np.random.Generator) -> Genotype:
        """A canonical genotype that differs from the given one in one choice; from a degenerate space the parent.

        Changes that are illegal or without effect are drawn again, up to a bound.
        """
        parent = self.canonical(genotype)
        for _ in range(_MUTATIONS):
            child = self._settled(self.changed_values(parent.values, rng))
            if child is not None and child != parent.values:
                return unchecked(self.name, child)
        return parent

    def crossover(self, a: Genotype, b: Genotype, rng: np.random.Generator) -> Genotype:
        """A canonical genotype that takes each block of choices from one of its parents with equal probability.

        Illegal children are drawn again, up to a bound; then the first parent is given back.
        """
        first, second = self.canonical(a), self.canonical(b)
        blocks = self.blocks or tuple(slice(i, i + 1) for i in range(len(self.choices)))
        for _ in range(_MUTATIONS):
            values = list(first.values)
            for block, other in zip(blocks, rng.random(len(blocks)).tolist(), strict=True):
                if other < 0.5:
                    values[block] = second.values[block]
            child = self._settled(tuple(values))
            if child is not None:
                return unchecked(self.name, child)
        return first

    def neighbours(self, genotype: Genotype) -> tuple[Genotype, ...]:
        """The other canonical genotypes that differ from the given one's canonical form in one choice, each once.

        They come in the order of the choices and then of the options.
        """
        values = self.canonical(genotype).values
        found: dict[Values, None] = {}
        for i in self._open:
            for option in range(self._counts[i]):
                settled = self._settled((*values[:i], option, *values[i + 1 :])) if option != values[i] else None
                if settled is not None and settled != values:
                    found[settled] = None
        return tuple([unchecked(self.name, found_values) for found_values in found])

    # ---------------------------------------------------------------- sub-spaces

    def fix(self, name: str, option: int | str) -> Space:
        """The part of this space whose canonical genotypes have the option, by name or index, at the choice ``name``.

        It keeps the name, so its genotypes are genotypes of this space, too; whatever it does stays inside it. Raises
        ValueError for a choice or option that does not exist or is excluded by an earlier `fix`.
        """
        index = self.index(name)
        number = self.choices[index].option(option)
        if dict(self.fixed).get(index, number) != number:
            raise ValueError(f"{self!r} has no genotype with {name} = {self.choices[index].names[number]}")
        part = copy.copy(self)
        part.fixed = tuple(sorted({*self.fixed, (index, number)}))
        part._open = tuple(i for i in self._open if i != index)
        return part

    def split(self, name: str) -> tuple[Space, ...]:
        """The parts of this space with each option of the choice ``name``: every genotype is in exactly one."""
        fixed = dict(self.fixed).get(self.index(name))
        options = range(self.choices[self.index(name)].count) if fixed is None else (fixed,)
        return tuple(self.fix(name, option) for option in options)

    # ------------------------------------------------------------------- encodings

    @property
    def vocabulary(self) -> int:
        """The number of different tokens: one for each option of each choice, and last the `pad_token`."""
        return sum(self._counts) + 1

    @property
    def pad_token(self) -> int:
        """The token of an inactive choice."""
        return sum(self._counts)

    def tokens(self, genotype: Genotype) -> tuple[int, ...]:
        """The canonical genotype as one token for each choice: the choice's offset in the vocabulary + its option."""
        values = self.canonical(genotype).values
        tokens = map(sum, zip(self._offsets, values, strict=True))
        if not self._conditional:
            return tuple(tokens)
        return tuple(t if a else self.pad_token for t, a in zip(tokens, self.active(values), strict=True))

    def from_tokens(self, tokens: Sequence[int]) -> Genotype:
        """The canonical genotype of tokens. Raises ValueError where they are not one option of each choice, or pad."""
        if len(tokens) != len(self.choices):
            raise ValueError(f"space {self.name!r} has {len(self.choices)} choices, not {len(tokens)} tokens")
        values = []
        for choice, offset, token in zip(self.choices, self._offsets, tokens, strict=True):
            values.append(0 if token == self.pad_token and choice.when else token - offset)
            if not 0 <= values[-1] < choice.count:
                allowed = f"{offset} to {offset + choice.count - 1}"
                raise ValueError(f"a token of choice {choice.name!r} must be {allowed}, not {token}")
        return self.genotype(values)

    def one_hot(self, genotype: Genotype) -> np.ndarray:
        """The canonical genotype as float32 zeros and ones, shape (sum of option counts,); inactive choices are 0."""
        result = np.zeros(self.vocabulary, np.float32)
        result[list(self.tokens(genotype))] = 1.0
        return result[:-1]

    def graph(self, genotype: Genotype) -> Graph:
        """The canonical genotype as a graph: here a chain from an input through the active choices to an output."""
        chosen = [token + 2 for token in self.tokens(genotype) if token != self.pad_token]
        return Graph(np.array([0, *chosen, 1]), np.eye(len(chosen) + 2, k=1, dtype=bool), self._token_names)

    # ------------------------------------------------- another process, and modules

    def config(self) -> dict[str, Any]:
        """JSON values from which `searchspaces.table.space_from_config` makes the space, or sub-space, again.

        They are ``space`` (its name in the table, or ``module:Class``), the arguments of the constructor, each read
        from the attribute of its name, and ``fixed``, the options of `fix`. Raises ValueError where an argument is not
        kept or is no JSON value.
        """
        kind = type(self)
        space = vars(kind).get("table_name", f"{kind.__module__}:{kind.__qualname__}")
        fixed = {self.choices[i].name: self.choices[i].names[option] for i, option in self.fixed}
        return {"space": space, **arguments_of(self), **({"fixed": fixed} if fixed else {})}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Space:
        """The space of this class that `config` tells. Raises ValueError for an argument that it does not have."""
        space: Space = made(cls, {name: value for name, value in config.items() if name not in ("space", "fixed")})
        for name, option in config.get("fixed", {}).items():
            space = space.fix(name, option)
        return space

    def check_shape(self, shape: TaskShape) -> None:
        """Raise ValueError unless the space's networks can give what the shape asks for (see `outputs`)."""
        if shape.output not in self.outputs:
            raise ValueError(f"networks of {self!r} give {' or '.join(self.outputs)}, not {shape.output}")

    def build(self, genotype: Genotype, shape: TaskShape, *, seed: int) -> nn.Module:
        """The torch module that the genotype means, its weights drawn from ``seed`` alone.

        ``shape`` is all that it knows of the task. Here it raises NotImplementedError: a plain space has only values.
        """
        raise NotImplementedError(f"{self!r} has no modules: a space that has overrides build")

    def for_task(self, shape: TaskShape) -> Space:
        """The space to search for a task of this shape, where the space leaves something to the task: here itself."""
        return self

    @property
    def controls(self) -> tuple[Genotype, ...]:
        """Hand-made architectures of this space, which a search is to be no worse than: here none."""
        return ()

    # --------------------------------------------------------------------- private

    @cached_property
    def _offsets(self) -> tuple[int, ...]:
        return tuple(accumulate((0, *self._counts[:-1])))

    @cached_property
    def _token_names(self) -> tuple[str, ...]:
        return ("input", "output", *(f"{c.name}={option}" for c in self.choices for option in c.names))

    def _check_form(self, genotype: Genotype) -> None:
        values = genotype.values
        if genotype.space != self.name:
            raise ValueError(f"genotype of space {genotype.space!r}, expected {self.name!r}")
        if len(values) != len(self._counts):
            raise ValueError(f"space {self.name!r} has {len(self.choices)} choices, not {len(values)}")
        for i, value in enumerate(values):
            if value >= self._counts[i]:
                raise ValueError(f"choice {self.choices[i].name!r} must be 0 to {self._counts[i] - 1}, not {value}")

    def _settled(self, values: Values) -> Values | None:
        """The canonical form of values in range, or None where they are not legal here."""
        if self._ruled and not self.valid_values(values):
            return None
        if self._symmetric:
            values = self.canonical_values(values)
        for index, option in self.fixed:
            if values[index] != option:
                return None
        return values

    def _legal(self, values: Values) -> bool:
        return self._settled(values) is not None if self.fixed else not self._ruled or self.valid_values(values)

    def _with_fixed(self, values: Values) -> Values:
        fixed = dict(self.fixed)
        return tuple([fixed.get(i, value) for i, value in enumerate(values)]) if fixed else values
