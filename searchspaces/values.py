"""The values that travel: choices, genotypes, graphs, and what a network must take and give. Nothing needs torch."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, get_args

import numpy as np

Output = Literal["classes", "map", "scalar", "tokens", "nodes", "graphs"]


@dataclass(frozen=True)
class Choice:
    """One decision: a name and its options, either their number or their names.

    ``prior`` gives the options' probabilities in a random sample; left empty, they are equal. ``when``, the name of an
    earlier choice and some of its options, makes the choice conditional: with another option there, or where that
    choice is itself inactive, this one is inactive and canonically 0.
    """

    name: str
    options: int | tuple[str, ...]
    prior: tuple[float, ...] = ()
    when: tuple[str, tuple[int | str, ...]] | None = None

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ValueError(f"choice {self.name!r} must have at least one option, not {self.options!r}")
        if not isinstance(self.options, int) and len(set(self.options)) != self.count:
            raise ValueError(f"the options of choice {self.name!r} must differ, not {self.options!r}")
        if self.prior and (
            len(self.prior) != self.count or min(self.prior) < 0 or not math.isclose(sum(self.prior), 1.0)
        ):
            raise ValueError(
                f"the prior of choice {self.name!r} must be {self.count} numbers of sum 1, not {self.prior}"
            )

    @property
    def count(self) -> int:
        """The number of options."""
        return self.options if isinstance(self.options, int) else len(self.options)

    @property
    def names(self) -> tuple[str, ...]:
        """The options' names; those of numbered options are their numbers."""
        return tuple(map(str, range(self.options))) if isinstance(self.options, int) else self.options

    @property
    def probabilities(self) -> tuple[float, ...]:
        """The prior, written out."""
        return self.prior or (1.0 / self.count,) * self.count

    def option(self, option: int | str) -> int:
        """The index of an option given by index or name. Raises ValueError for one that does not exist."""
        if isinstance(option, str) and option in self.names:
            return self.names.index(option)
        if not isinstance(option, str) and 0 <= option < self.count:
            return int(option)
        raise ValueError(f"choice {self.name!r} has the options {', '.join(self.names)}, not {option!r}")


def conditions(choices: Sequence[Choice]) -> tuple[tuple[int, frozenset[int]] | None, ...]:
    """For each choice the index of the choice that it depends on and that one's options, or None.

    Raises ValueError for a condition on a choice that is not an earlier one, or on an option that it lacks.
    """
    found: list[tuple[int, frozenset[int]] | None] = []
    for index, choice in enumerate(choices):
        if choice.when is None:
            found.append(None)
            continue
        name, options = choice.when
        earlier = [other.name for other in choices[:index]]
        if name not in earlier:
            raise ValueError(f"the condition of choice {choice.name!r} must be on an earlier choice, not {name!r}")
        parent = earlier.index(name)
        found.append((parent, frozenset(choices[parent].option(option) for option in options)))
    return tuple(found)


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

    @cached_property
    def hash(self) -> str:
        """Twelve hexadecimal digits of the SHA-256 of the canonical JSON."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:12]


def unchecked(space: str, values: tuple[int, ...]) -> Genotype:
    """A genotype of values that are known to be ints >= 0: spaces make millions of them."""
    genotype = object.__new__(Genotype)
    genotype.__dict__.update(space=space, values=values)
    return genotype


@dataclass(frozen=True, eq=False)
class Graph:
    """An architecture as a directed acyclic graph with an operation at each vertex.

    ``operations`` int64 (vertices,) are indices of ``operation_names``; ``adjacency`` bool (vertices, vertices) is
    true at [i, j] where an edge leads from i to j. The arrays are read-only.
    """

    operations: np.ndarray
    adjacency: np.ndarray
    operation_names: tuple[str, ...]

    def __post_init__(self) -> None:
        operations, adjacency = np.asarray(self.operations, np.int64), np.asarray(self.adjacency, bool)
        count = len(operations)
        if adjacency.shape != (count, count):
            raise ValueError(f"the adjacency of {count} vertices must be {count} x {count}, not {adjacency.shape}")
        for name, array in (("operations", operations), ("adjacency", adjacency)):
            array = array.copy()
            array.flags.writeable = False
            object.__setattr__(self, name, array)


@dataclass(frozen=True)
class TaskShape:
    """What a network must fit: ``inputs`` channels of a map or features of a node, ``outputs`` classes or values.

    ``output`` is the form of its answer: "classes" logits (B, outputs) of an example; "map" (B, outputs, H, W), a
    value a tile; "scalar" (B,); "tokens" logits (T, B, outputs) and the state after them, of tokens (T, B) below
    ``inputs`` and the state before them, or None; "nodes" logits (N, outputs) of node features (N, inputs) and edges
    (2, E); "graphs" logits (B, outputs) of these and each node's graph (N,), 0 to B - 1.
    ``groups`` are names and indices of inputs that a network may leave out together; it reads those of no group always.
    """

    inputs: int
    outputs: int
    output: Output = "classes"
    groups: tuple[tuple[str, tuple[int, ...]], ...] = ()

    def __post_init__(self) -> None:
        if self.inputs < 1 or self.outputs < 1:
            raise ValueError(f"a task must have at least one input and one output, not {self.inputs}, {self.outputs}")
        if self.output not in get_args(Output):
            raise ValueError(f"an output must be one of {', '.join(get_args(Output))}, not {self.output!r}")
        if self.output == "scalar" and self.outputs != 1:
            raise ValueError(f"a task with a scalar answer has one output, not {self.outputs}")
        grouped = [index for _, indices in self.groups for index in indices]
        if len({name for name, _ in self.groups}) < len(self.groups) or not all(indices for _, indices in self.groups):
            raise ValueError(f"groups of inputs must have different names and an input each, not {self.groups}")
        if len(set(grouped)) < len(grouped) or not all(0 <= index < self.inputs for index in grouped):
            raise ValueError(f"groups of inputs must be of different ones, 0 to {self.inputs - 1}, not {self.groups}")
