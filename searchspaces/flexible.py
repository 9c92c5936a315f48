"""The flexible space of networks of maps: three pairs of parallel guide-DAGs with any-pair connections.

Preset ``paper``: the space of RouteNAS (arXiv 2012.01737) as far as it is known. Operations are fixed, one shuffle of
the same seven for each DAG; what is searched is 6 x 28 edges. Strided stages, batch normalisation.

Preset ``extended``: also the operation of each vertex, and
``input.NAME``  whether the network reads the inputs of that group (`TaskShape.groups`); of the groups one or more is in
``halvings``    how many of the three stages begin at half the size: always the last ones, so that the early ones see
                single tiles (with three, the input itself is halved, as in the paper)
``skips``       back to full size by one interpolation; or by a doubling for each halving, each joined by a 3x3
                convolution to what went into that halving (after U-Net)
``channels``    what a stage carries
``bottleneck``  filters of a vertex: half of the channels (the paper: 32 of 64), or as many
``stem``        so many 1x1 convolutions, a network of one tile, before the trunk; and, unless the trunk can pass its
                output on unchanged, beside it
``join``        ``concat``: a convolution of the pair's concatenated output, as in the paper; ``residual``: the stage's
                input plus a zero-initialised projection of it, so that every stage starts as the identity
``norm``        batch normalisation, or none

Without the argument ``inputs`` the preset is what it was before it could choose them, for the genotypes of saved
models: all inputs, ``width`` (a vertex's filters, half of the channels) and ``full_resolution`` (a stem of two, also
beside the trunk).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from searchspaces.arguments import names
from searchspaces.dags import Edge, GuideDag, all_edges, embedded, relabelled, softmax_out, walk
from searchspaces.flexible_choices import (
    CONTROLS,
    FORMER_GLOBALS,
    GLOBALS,
    IN,
    OPERATION_PRIOR,
    OPERATIONS,
    OUT,
    PAPER_OPERATIONS,
    group_names,
    input_choices,
)
from searchspaces.plans import Dag, Plan
from searchspaces.space import Choice, Genotype, Graph, Space, TaskShape

if TYPE_CHECKING:
    from searchspaces.flexible_network import FlexibleNetwork

VERTICES = 7
DAGS = 6
EDGES = all_edges(VERTICES)
FORMER_EMPTY, EMPTY, STOP, EXTRA_EDGE = 0.3, 0.5, 0.4, 0.15
GLOBAL_MUTATION, INPUT_MUTATION = 0.25, 0.25


class FlexibleSpace(Space):
    """See the module's text. ``shuffle_seed`` orders the paper preset's operations and is part of the space's name.

    ``inputs`` are the names of the groups of inputs to choose from, which are part of the name, too; `for_task` takes
    them from a task.

    Canonical genotypes hold no edge out of a vertex that is not reached, no operation of such a vertex, and one
    representative of all orders of vertices, of the two DAGs of a pair and of empty residual stages that mean the
    same.
    """

    table_name = "flexible"
    outputs = ("map", "scalar", "classes")

    def __init__(
        self,
        preset: Literal["paper", "extended"] = "extended",
        shuffle_seed: int = 0,
        inputs: Sequence[str] | None = None,
    ) -> None:
        if preset not in ("paper", "extended"):
            raise ValueError(f"the preset of the flexible space must be 'paper' or 'extended', not {preset!r}")
        self.preset, self.shuffle_seed = preset, shuffle_seed
        self.inputs = None if inputs is None else group_names(inputs)
        name, choices = self._beside_dags()
        self._first_global, self._last_global = len(self.inputs or ()), len(choices)
        dags, blocks = [], [slice(i, i + 1) for i in range(len(choices))]
        for dag in range(1, DAGS + 1):
            start = len(choices)
            if preset == "extended":
                choices += [
                    Choice(f"dag{dag}.operation{v}", OPERATIONS, OPERATION_PRIOR) for v in range(1, VERTICES + 1)
                ]
            dags.append(GuideDag(VERTICES, len(choices), start if preset == "extended" else None))
            choices += [Choice(f"dag{dag}.edge{u}-{v}", ("drop", "keep")) for u, v in EDGES]
            blocks.append(slice(start, len(choices)))
        super().__init__(name, choices, dags=dags, blocks=blocks)
        rng = np.random.default_rng(shuffle_seed)
        self.fixed_operations: tuple[tuple[int, ...], ...] = ()
        if preset == "paper":
            indices = [OPERATIONS.index(operation) for operation in PAPER_OPERATIONS]
            self.fixed_operations = tuple(tuple(rng.permutation(indices).tolist()) for _ in range(DAGS))

    def _beside_dags(self) -> tuple[str, list[Choice]]:
        """The space's name, and its choices but for those of the DAGs."""
        if self.preset == "paper":
            if self.inputs is not None:
                raise ValueError("the paper preset of the flexible space has no choice of inputs")
            return f"flexible-paper:{self.shuffle_seed}", []
        if self.inputs is None:
            return "flexible-extended", list(FORMER_GLOBALS)
        return f"flexible-extended:{'+'.join(self.inputs)}", [*input_choices(self.inputs), *GLOBALS]

    def for_task(self, shape: TaskShape) -> FlexibleSpace:
        """See `Space.for_task`: the extended preset without ``inputs`` takes the task's groups, where it has two."""
        config = self.config()
        if self.preset == "paper" or "inputs" in config or "inputs" not in names(type(self)):
            return self
        groups = [name for name, _ in shape.groups]
        return type(self).from_config({**config, "inputs": groups if len(groups) > 1 else []})

    def config(self) -> dict[str, Any]:
        """See `Space.config`; the paper preset also records the fixed operations of every DAG."""
        config = super().config()
        if self.inputs is None:
            config.pop("inputs", None)  # which a subclass need not have
        return config if self.preset == "extended" else {**config, "fixed_operations": self._operation_names()}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> FlexibleSpace:
        """See `Space.from_config`; also takes what saved models recorded before spaces had a table.

        Raises ValueError for a value that no space of this version gives, such as another shuffle of the operations.
        """
        current = _current(config)
        operations = current.pop("fixed_operations", None)
        space = super().from_config(current)
        assert isinstance(space, FlexibleSpace)
        if operations not in (None, space._operation_names()) or config.get("name", space.name) != space.name:
            raise ValueError(f"the config of the space {space.name!r} is not that of this version")
        return space

    def _operation_names(self) -> list[list[str]]:
        return [[OPERATIONS[i] for i in dag] for dag in self.fixed_operations]

    # ------------------------------------------------------------------ values

    def dag(self, values: Sequence[int], index: int) -> tuple[dict[int, int], set[Edge]]:
        """DAG ``index`` (0 to 5) of the values, pruned: the operation of each reached vertex, and the kept edges."""
        frame = self.dags[index]
        edges = frame.kept(values)
        if frame.first_operation is None:
            operations: Sequence[int] = self.fixed_operations[index]
        else:
            operations = values[frame.first_operation : frame.first_operation + VERTICES]
        return {v: operations[v - 1] for v in sorted({v for _, v in edges})}, edges

    def valid_values(self, values: tuple[int, ...]) -> bool:
        """Whether a group of inputs is in, where there is a choice of them."""
        return not self.inputs or IN in values[: len(self.inputs)]

    def canonical_values(self, values: tuple[int, ...]) -> tuple[int, ...]:
        """The representative of all values that mean the same architecture (idempotent)."""
        result = list(super().canonical_values(values))
        pairs = [[self.dag(values, first), self.dag(values, first + 1)] for first in range(0, DAGS, 2)]
        if self.preset == "extended":
            halvings, residual = values[self.index("halvings")], bool(values[self.index("join")])
            forms = _free_forms(pairs, halvings=halvings, residual=residual)
            for index, (operations, kept) in enumerate(forms):
                self._write(result, index, kept, operations)
            if self.inputs is not None and not any(operations for operations, _ in forms):
                result[self.index("bottleneck")] = 0
            return tuple(result)
        for first, pair in zip(range(0, DAGS, 2), pairs, strict=True):
            frames = self.fixed_operations[first : first + 2]
            ways = []
            for order in (pair, pair[::-1]):
                a, b = (embedded(*dag, frame) for dag, frame in zip(order, frames, strict=True))
                if a is not None and b is not None:
                    ways.append((a, b))
            for index, kept in enumerate(min(ways), first):
                self._write(result, index, kept)
        return tuple(result)

    def _write(
        self, values: list[int], index: int, edges: Sequence[Edge] | set[Edge], operations: Sequence[int] = ()
    ) -> None:
        frame, kept = self.dags[index], set(edges)
        values[frame.first_edge : frame.first_edge + len(EDGES)] = [int(edge in kept) for edge in EDGES]
        if frame.first_operation is not None:
            padded = [*operations, *[0] * (VERTICES - len(operations))]
            values[frame.first_operation : frame.first_operation + VERTICES] = padded

    def draw_values(self, rng: np.random.Generator) -> tuple[int, ...]:
        """Random values.

        ``paper``: the published walk at equal weights (1.9 of 7 vertices a DAG, 34 % of DAGs empty).
        ``extended``: inputs and global choices by their priors; a DAG is empty with probability 0.5 (without the
        argument ``inputs`` 0.3), otherwise its number of vertices is geometric (0.4, cut at 7; 2.3 on average);
        operations follow `OPERATION_PRIOR`; each vertex has one uniformly drawn predecessor, and every other edge with
        probability 0.15.
        """
        values = [0] * len(self.choices)
        if self.preset == "paper":
            keep = softmax_out(VERTICES, np.ones(len(EDGES)))
            for index in range(DAGS):
                self._write(values, index, walk(VERTICES, keep, rng))
            return tuple(values)
        for i, choice in enumerate(self.choices[: self._last_global]):
            values[i] = int(rng.choice(choice.count, p=choice.probabilities))
        law = STOP * (1 - STOP) ** np.arange(VERTICES)
        empty = FORMER_EMPTY if self.inputs is None else EMPTY
        for index in range(DAGS):
            if rng.random() < empty:
                continue
            count = 1 + int(rng.choice(VERTICES, p=law / law.sum()))
            edges = {(int(rng.integers(v)), v) for v in range(1, count + 1)}
            edges |= {(u, v) for u, v in all_edges(count) if rng.random() < EXTRA_EDGE}
            self._write(values, index, edges, rng.choice(len(OPERATIONS), size=count, p=OPERATION_PRIOR).tolist())
        return tuple(values)

    def changed_values(self, values: tuple[int, ...], rng: np.random.Generator) -> tuple[int, ...]:
        """The values with one choice that has an effect changed.

        ``extended``: a quarter of the changes are global, a quarter (of a space with a choice of them) move a group of
        inputs in or out; of those in a DAG that is not empty, half are to a vertex's operation and half to an edge out
        of a reached vertex.
        """
        kind = rng.random() if self.preset == "extended" else 1.0
        if kind < GLOBAL_MUTATION:
            return self.with_other_option(values, int(rng.integers(self._first_global, self._last_global)), rng)
        if self.inputs and kind < GLOBAL_MUTATION + INPUT_MUTATION:
            return self.with_other_option(values, int(rng.integers(self._first_global)), rng)
        index = int(rng.integers(DAGS))
        frame = self.dags[index]
        reached = list(self.dag(values, index)[0])
        if frame.first_operation is not None and reached and rng.random() < 0.5:
            vertex = reached[rng.integers(len(reached))]
            return self.with_other_option(values, frame.first_operation + vertex - 1, rng)
        open_ = [i for i, (u, _) in enumerate(EDGES) if u == 0 or u in reached]
        return self.with_other_option(values, frame.first_edge + open_[rng.integers(len(open_))], rng)

    # ----------------------------------------------------------------- controls

    def control(self, name: str) -> Genotype:
        """A hand-made network of `CONTROLS` as a genotype of the extended preset: it reads every input.

        Raises ValueError for a name that there is not, and where the space does not contain it.
        """
        if self.inputs is None or name not in CONTROLS:
            what = "needs the argument inputs" if self.inputs is None else f"must be {' or '.join(CONTROLS)}"
            raise ValueError(f"a control of the flexible space {what}, not {name!r}")
        options, chains = CONTROLS[name]
        values = [IN] * self._first_global + [0] * (len(self.choices) - self._first_global)
        for choice, option in {"join": "residual", **options}.items():
            values[self.index(choice)] = self.choices[self.index(choice)].option(option)
        for index, chain in chains.items():
            self._write(values, index, set(pairwise(range(len(chain) + 1))), [OPERATIONS.index(each) for each in chain])
        return self.genotype(values)

    @property
    def controls(self) -> tuple[Genotype, ...]:
        """See `Space.controls`: those of `CONTROLS` that a sub-space contains."""
        whole = copy(self)
        whole.fixed = ()
        found = [whole.control(name) for name in (CONTROLS if self.inputs is not None else ())]
        return tuple(genotype for genotype in found if self.contains(genotype))

    # -------------------------------------------------------------------- graph

    def graph(self, genotype: Genotype) -> Graph:
        """Every kept vertex of the DAGs, in the order of data flow.

        The groups of inputs that are in stand side by side behind the input, and the global choices are a chain behind
        them. Each stage is two ``dag`` vertices, the pseudo-vertices of its DAGs, with the reached vertices behind
        them, and a ``join`` vertex that their sinks lead to.
        """
        values = self.canonical(genotype).values
        beside = self.choices[: self._last_global]
        inputs, globals_ = beside[: self._first_global], beside[self._first_global :]
        options = [f"{choice.name}={option}" for choice in globals_ for option in choice.names]
        labels = ("input", "output", "dag", "join", *OPERATIONS, *options, *(choice.name for choice in inputs))
        read = [choice.name for choice, value in zip(inputs, values, strict=False) if value != OUT]
        operations, edges = [0, *map(labels.index, read)], [(0, 1 + i) for i in range(len(read))]
        sources = list(range(1, len(operations))) or [0]
        for choice, value in zip(globals_, values[self._first_global :], strict=False):
            edges += [(source, len(operations)) for source in sources]
            sources = [len(operations)]
            operations.append(labels.index(f"{choice.name}={choice.names[value]}"))
        entry = len(operations) - 1
        for index in range(DAGS):
            reached, kept = self.dag(values, index)
            at = {vertex: len(operations) + i for i, vertex in enumerate((0, *reached))}
            operations += [2, *(4 + operation for operation in reached.values())]
            edges += [(entry, at[0]), *((at[u], at[v]) for u, v in kept)]
            sinks = [at[v] for v in at if all(u != v for u, _ in kept)]
            join = len(operations) + (0 if index % 2 else 1 + len(self.dag(values, index + 1)[0]))
            edges += [(sink, join) for sink in sinks]
            if index % 2:
                operations.append(3)
                entry = join
        adjacency = np.zeros((len(operations) + 1,) * 2, bool)
        adjacency[tuple(zip(*edges, (entry, len(operations)), strict=True))] = True
        return Graph(np.array([*operations, 1]), adjacency, labels)

    # ----------------------------------------------------------------- modules

    def build(self, genotype: Genotype, shape: TaskShape, *, seed: int) -> FlexibleNetwork:
        """The network that the genotype means, with initial weights drawn from ``seed``, on the CPU.

        forward takes (B, inputs, H, W) of any H, W >= 1. ``output`` of the result says what it gives: "map"
        (B, outputs, H, W), "scalar" (B,) or "classes" logits (B, outputs). Asked for a scalar, the extended preset
        gives a "map" (B, 1, H, W) all the same: each tile's contribution, for the task to add up. The last layer
        starts at zero, so the output starts constant. Raises ValueError for a foreign genotype or another shape.
        """
        import torch

        from searchspaces.operators import initialise

        with torch.random.fork_rng(devices=[]):  # torch's own first weights, which are drawn anew below
            network = self._structure(genotype, shape)
        initialise(network, torch.Generator().manual_seed(seed))
        return network

    def check_shape(self, shape: TaskShape) -> None:
        """See `Space.check_shape`; the task must also have every group of inputs that the space chooses from."""
        super().check_shape(shape)
        groups = [name for name, _ in shape.groups]
        missing = [name for name in self.inputs or () if name not in groups]
        if missing:
            has = f"has the inputs {', '.join(groups)}" if groups else "has no groups of inputs"
            raise ValueError(f"{self!r} chooses of the inputs {missing[0]!r}, but the task {has}")

    def _structure(self, genotype: Genotype, shape: TaskShape) -> FlexibleNetwork:
        from searchspaces.flexible_network import ExtendedNetwork, PaperNetwork

        self.check_shape(shape)
        values = self.canonical(genotype).values
        pruned = [self.dag(values, index) for index in range(DAGS)]
        dags = tuple(
            Dag(tuple((v, OPERATIONS[op]) for v, op in operations.items()), tuple(sorted(edges)))
            for operations, edges in pruned
        )
        if self.preset == "paper":
            return PaperNetwork(dags, shape)
        chosen = zip(self.choices[: self._last_global], values, strict=False)
        options = {choice.name: choice.names[value] for choice, value in chosen}
        out = {i for name, indices in shape.groups if options.get(f"input.{name}") == "out" for i in indices}
        return ExtendedNetwork(_plan(options, dags), shape, [i for i in range(shape.inputs) if i not in out])


def _current(config: Mapping[str, Any]) -> dict[str, Any]:
    """The config in today's form: before there was a table it was the name, the preset and the fixed operations."""
    if not isinstance(config, Mapping):
        raise ValueError(f"the config of a flexible space must be an object, not {type(config).__name__}")
    if "name" not in config:
        return dict(config)
    if set(config) != {"name", "preset", "fixed_operations"}:
        raise ValueError(
            f"a flexible space is told by name, preset and fixed_operations, not {', '.join(sorted(config))}"
        )
    seed = str(config["name"]).partition(":")[2] or "0"
    if not (seed.isascii() and seed.isdecimal()):
        raise ValueError(f"no flexible space has the name {config['name']!r}")
    return {
        "preset": config["preset"],
        "shuffle_seed": int(seed),
        "fixed_operations": config["fixed_operations"],
    }


def _free_forms(
    pairs: list[list[tuple[dict[int, int], set[Edge]]]], *, halvings: int, residual: bool
) -> list[tuple[tuple[int, ...], tuple[Edge, ...]]]:
    """The canonical DAGs (operations, edges) of the extended preset, in order."""
    stages = [
        sorted((relabelled(*dag) for dag in pair), key=lambda form: (len(form[0]), form), reverse=True)
        for pair in pairs
    ]
    # An empty residual stage is the identity: among stages of one size (see `halvings`) it goes last.
    same_size = 3 - halvings
    if residual and same_size > 1:
        stages[:same_size] = sorted(stages[:same_size], key=lambda stage: not stage[0][0])
    return [form for stage in stages for form in stage]


def _plan(options: Mapping[str, str], dags: tuple[Dag, ...]) -> Plan:
    halvings, residual = int(options["halvings"]), options["join"] == "residual"
    skips = options.get("skips") == "yes"
    if "width" in options:
        filters, stem = int(options["width"]), 2 * (options["full_resolution"] == "yes")
        channels, beside = 2 * filters, stem > 0
    else:
        channels, stem = int(options["channels"]), int(options["stem"])
        filters = channels // 2 if options["bottleneck"] == "half" else channels
        # A residual trunk at full size passes the stem's output on, and a decoder takes it in.
        beside = stem > 0 and not skips and (halvings > 0 or not residual)
    return Plan(dags, channels, filters, stem, beside, halvings, skips, residual, options["norm"] == "batch")
