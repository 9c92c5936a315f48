"""Architectures as values: a space of named choices, and the genotypes in it. Nothing here needs torch."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from searchspaces.dags import GuideDag

_TRIES = 100


@dataclass(frozen=True)
class Choice:
    """One decision: a name and its options, either their number or their names.

    ``prior`` gives the options' probabilities in a random sample; left empty, they are equal.
    """

    name: str
    options: int | tuple[str, ...]
    prior: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ValueError(f"choice {self.name!r} must have at least one option, not {self.options!r}")
        if self.prior and (len(self.prior) != self.count or not math.isclose(sum(self.prior), 1.0)):
            raise ValueError(
                f"the prior of choice {self.name!r} must be {self.count} numbers of sum 1, not {self.prior}"
            )

    @property
    def count(self) -> int:
        """The number of options."""
        return self.options if isinstance(self.options, int) else len(self.options)

    @property
    def probabilities(self) -> tuple[float, ...]:
        """The prior, written out."""
        return self.prior or (1.0 / self.count,) * self.count


@dataclass(frozen=True, order=True)
class Genotype:
    """An architecture: the name of its space and one option index for each of that space's choices.

    It is the only form in which an architecture travels. Raises ValueError for anything but non-negative ints.
    """

    space: str
    values: tuple[int, ...]

    def __post_init__(self) -> None:
        if not isinstance(self.space, str) or not self.space:
            raise ValueError(f"a genotype's space must be a name, not {self.space!r}")
        if not isinstance(self.values, tuple) or not self.values:
            raise ValueError(f"a genotype's values must be one or more ints >= 0, not {self.values!r}")
        for value in self.values:
            if type(value) is not int or value < 0:
                raise ValueError(f"a genotype's values must be ints >= 0, not {value!r}")

    def to_json(self) -> str:
        """Canonical JSON: equal genotypes give equal text."""
        return json.dumps({"space": self.space, "values": self.values}, separators=(",", ":"), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Genotype:
        """The genotype that `to_json` wrote. Raises ValueError that says what was found and what is allowed."""
        try:
            found = json.loads(text)
        except json.JSONDecodeError as error:
            raise ValueError(f"a genotype must be JSON, not {text[:60]!r} ({error})") from None
        if not isinstance(found, dict) or set(found) != {"space", "values"}:
            what = sorted(found) if isinstance(found, dict) else type(found).__name__
            raise ValueError(f"a genotype must be a JSON object with the keys 'space' and 'values', not {what}")
        values = found["values"]
        return cls(found["space"], tuple(values) if isinstance(values, list) else values)

    @property
    def hash(self) -> str:
        """Twelve hexadecimal digits of the SHA-256 of the canonical JSON."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:12]


class Space:
    """A product of choices, every combination legal. Pure: no data, no modules, no state.

    ``dags`` says which choices are edges and operations of guide-DAGs; all others are independent categorical ones.
    ``blocks`` are the runs of choices that crossover passes on together (by default each choice alone). A space in
    which different values can mean the same architecture overrides `canonical_values`.
    """

    def __init__(
        self,
        name: str,
        choices: Sequence[Choice],
        *,
        dags: Sequence[GuideDag] = (),
        blocks: Sequence[slice] = (),
    ) -> None:
        self.name, self.choices, self.dags, self.blocks = name, tuple(choices), tuple(dags), tuple(blocks)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}: {len(self.choices)} choices>"

    @property
    def size(self) -> int:
        """The number of combinations; an upper bound on the number of architectures."""
        return math.prod(choice.count for choice in self.choices)

    def check(self, genotype: Genotype) -> None:
        """Raise ValueError, saying what was found and what is allowed, unless the genotype belongs to this space."""
        if genotype.space != self.name:
            raise ValueError(f"genotype of space {genotype.space!r}, expected {self.name!r}")
        if len(genotype.values) != len(self.choices):
            raise ValueError(f"space {self.name!r} has {len(self.choices)} choices, not {len(genotype.values)}")
        for choice, value in zip(self.choices, genotype.values, strict=True):
            if value >= choice.count:
                raise ValueError(f"choice {choice.name!r} must be 0 to {choice.count - 1}, not {value}")

    def contains(self, genotype: Genotype) -> bool:
        """Whether `check` passes."""
        try:
            self.check(genotype)
        except ValueError:
            return False
        return True

    def canonical_values(self, values: tuple[int, ...]) -> tuple[int, ...]:
        """The representative of all values that mean the same architecture (idempotent)."""
        return values

    def canonical(self, genotype: Genotype) -> Genotype:
        """The representative of all genotypes that mean the same architecture. Raises ValueError for foreign ones."""
        self.check(genotype)
        return Genotype(self.name, self.canonical_values(genotype.values))

    def genotype(self, values: Sequence[int]) -> Genotype:
        """The canonical genotype of one option index for each choice. Raises ValueError for illegal ones."""
        return self.canonical(Genotype(self.name, tuple(int(value) for value in values)))

    def sample_values(self, rng: np.random.Generator) -> tuple[int, ...]:
        """Random values: here every choice independently by its prior."""
        return tuple(int(rng.choice(choice.count, p=choice.probabilities)) for choice in self.choices)

    def sample(self, rng: np.random.Generator) -> Genotype:
        """A random canonical genotype."""
        return self.genotype(self.sample_values(rng))

    def changed_values(self, values: tuple[int, ...], rng: np.random.Generator) -> tuple[int, ...]:
        """The values with one choice, drawn uniformly, set to another of its options."""
        open_ = [i for i, choice in enumerate(self.choices) if choice.count > 1]
        return self.with_other_option(values, open_[rng.integers(len(open_))], rng) if open_ else values

    def with_other_option(self, values: tuple[int, ...], index: int, rng: np.random.Generator) -> tuple[int, ...]:
        """The values with choice ``index`` set to another of its options, drawn uniformly."""
        shift = 1 + int(rng.integers(self.choices[index].count - 1))
        return (*values[:index], (values[index] + shift) % self.choices[index].count, *values[index + 1 :])

    def mutate(self, genotype: Genotype, rng: np.random.Generator) -> Genotype:
        """A canonical genotype that differs from the given one in one choice.

        Changes without effect are drawn again, up to a bound, so only a degenerate space gives the parent back.
        """
        parent = self.canonical(genotype)
        for _ in range(_TRIES):
            child = self.genotype(self.changed_values(parent.values, rng))
            if child != parent:
                return child
        return parent

    def crossover(self, a: Genotype, b: Genotype, rng: np.random.Generator) -> Genotype:
        """A canonical genotype that takes each block of choices from one of its parents with equal probability."""
        self.check(a)
        self.check(b)
        values = list(a.values)
        blocks = self.blocks or tuple(slice(i, i + 1) for i in range(len(values)))
        for block, other in zip(blocks, rng.random(len(blocks)) < 0.5, strict=True):
            if other:
                values[block] = b.values[block]
        return self.genotype(values)

    def one_hot(self, genotype: Genotype) -> np.ndarray:
        """The canonical genotype as float32 zeros and ones, shape (sum of option counts,)."""
        values = self.canonical(genotype).values
        counts = [choice.count for choice in self.choices]
        result = np.zeros(sum(counts), np.float32)
        result[np.cumsum([0, *counts[:-1]]) + np.asarray(values, int)] = 1.0
        return result
