"""The flexible space of networks of maps: three pairs of parallel guide-DAGs with any-pair connections.

Preset ``paper``: the space of RouteNAS (arXiv 2012.01737) as far as it is known. Operations are fixed, one shuffle of
the same seven for each DAG; what is searched is 6 x 28 edges. Strided stages, batch normalisation.

Preset ``extended``: also the operation of each vertex, and
``halvings``         how many of the three stages begin at half the size: always the last ones, so that the early ones
                     see single tiles (with three, the input itself is halved, as in the paper)
``width``            filters of a vertex (the paper: 32); the stages carry twice as many channels
``full_resolution``  a path of 1x1 convolutions, a network of one tile, before and beside the trunk
``join``             ``concat``: a convolution of the pair's concatenated output, as in the paper; ``residual``: the
                     stage's input plus a zero-initialised projection of it, so that every stage starts as the identity
``norm``             batch normalisation, or none
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from searchspaces.dags import Edge, GuideDag, all_edges, embedded, relabelled, softmax_out, walk
from searchspaces.plans import Dag, Plan
from searchspaces.space import Choice, Genotype, Graph, Space, TaskShape

if TYPE_CHECKING:
    from searchspaces.flexible_network import FlexibleNetwork

OPERATIONS = ("conv1x1", "conv3x3", "conv3x3_wide", "dilated2", "dilated4", "dilated8", "mix")
"""Operations of a vertex. ``conv3x3``, ``conv3x3_wide`` (twice the filters), ``dilated2`` and ``mix`` are the
paper's C32, C64, Atr and Mix."""

VERTICES = 7
DAGS = 6
EDGES = all_edges(VERTICES)
PAPER_OPERATIONS = ("conv3x3", "conv3x3_wide", "dilated2", "mix", "conv3x3", "dilated2", "mix")

# Narrow networks on the tiles themselves, residual and without batch normalisation, are the cheap and strong ones on
# data sets of a few hundred placements, so random samples prefer them. Every option keeps a fair share.
GLOBALS = (
    Choice("halvings", ("0", "1", "2", "3"), (0.4, 0.3, 0.2, 0.1)),
    Choice("width", ("8", "16", "32"), (0.5, 0.35, 0.15)),
    Choice("full_resolution", ("no", "yes"), (0.25, 0.75)),
    Choice("join", ("concat", "residual"), (0.25, 0.75)),
    Choice("norm", ("none", "batch"), (0.75, 0.25)),
)
# On a CPU a mixed convolution takes seven to fifteen times as long as a 3x3 one, whatever its multiplications say.
OPERATION_PRIOR = (0.16,) * (len(OPERATIONS) - 1) + (0.04,)
EMPTY, STOP, EXTRA_EDGE = 0.3, 0.4, 0.15
GLOBAL_MUTATION = 0.25


class FlexibleSpace(Space):
    """See the module's text. ``shuffle_seed`` orders the paper preset's operations and is part of the space's name.

    Canonical genotypes hold no edge out of a vertex that is not reached, no operation of such a vertex, and one
    representative of all orders of vertices, of the two DAGs of a pair and of empty residual stages that mean the
    same.
    """

    table_name = "flexible"
    outputs = ("map", "scalar", "classes")

    def __init__(self, preset: Literal["paper", "extended"] = "extended", shuffle_seed: int = 0) -> None:
        if preset not in ("paper", "extended"):
            raise ValueError(f"the preset of the flexible space must be 'paper' or 'extended', not {preset!r}")
        self.preset, self.shuffle_seed = preset, shuffle_seed
        fixed = preset == "paper"
        choices: list[Choice] = [] if fixed else list(GLOBALS)
        dags, blocks = [], [slice(i, i + 1) for i in range(len(choices))]
        for dag in range(1, DAGS + 1):
            start = len(choices)
            if not fixed:
                choices += [
                    Choice(f"dag{dag}.operation{v}", OPERATIONS, OPERATION_PRIOR) for v in range(1, VERTICES + 1)
                ]
            dags.append(GuideDag(VERTICES, len(choices), None if fixed else start))
            choices += [Choice(f"dag{dag}.edge{u}-{v}", ("drop", "keep")) for u, v in EDGES]
            blocks.append(slice(start, len(choices)))
        name = f"flexible-paper:{shuffle_seed}" if fixed else "flexible-extended"
        super().__init__(name, choices, dags=dags, blocks=blocks)
        rng = np.random.default_rng(shuffle_seed)
        self.fixed_operations: tuple[tuple[int, ...], ...] = ()
        if fixed:
            indices = [OPERATIONS.index(operation) for operation in PAPER_OPERATIONS]
            self.fixed_operations = tuple(tuple(rng.permutation(indices).tolist()) for _ in range(DAGS))

    def config(self) -> dict[str, Any]:
        """See `Space.config`; the paper preset also records the fixed operations of every DAG."""
        config = super().config()
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

    def canonical_values(self, values: tuple[int, ...]) -> tuple[int, ...]:
        """The representative of all values that mean the same architecture (idempotent)."""
        result = list(values)
        pairs = [[self.dag(values, first), self.dag(values, first + 1)] for first in range(0, DAGS, 2)]
        if self.preset == "extended":
            for index, (operations, kept) in enumerate(
                _free_forms(pairs, halvings=values[0], residual=bool(values[3]))
            ):
                self._write(result, index, kept, operations)
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
        ``extended``: global choices by their priors (`GLOBALS`); a DAG is empty with probability 0.3, otherwise its
        number of vertices is geometric (0.4, cut at 7; 1.6 on average with the empty ones); operations follow
        `OPERATION_PRIOR`; each vertex has one uniformly drawn predecessor, and every other edge with probability 0.15.
        """
        values = [0] * len(self.choices)
        if self.preset == "paper":
            keep = softmax_out(VERTICES, np.ones(len(EDGES)))
            for index in range(DAGS):
                self._write(values, index, walk(VERTICES, keep, rng))
            return tuple(values)
        for i, choice in enumerate(GLOBALS):
            values[i] = int(rng.choice(choice.count, p=choice.probabilities))
        law = STOP * (1 - STOP) ** np.arange(VERTICES)
        for index in range(DAGS):
            if rng.random() < EMPTY:
                continue
            count = 1 + int(rng.choice(VERTICES, p=law / law.sum()))
            edges = {(int(rng.integers(v)), v) for v in range(1, count + 1)}
            edges |= {(u, v) for u, v in all_edges(count) if rng.random() < EXTRA_EDGE}
            self._write(values, index, edges, rng.choice(len(OPERATIONS), size=count, p=OPERATION_PRIOR).tolist())
        return tuple(values)

    def changed_values(self, values: tuple[int, ...], rng: np.random.Generator) -> tuple[int, ...]:
        """The values with one choice that has an effect changed.

        ``extended``: a quarter of the changes are global; of those in a DAG that is not empty, half are to a vertex's
        operation and half to an edge out of a reached vertex.
        """
        extended = self.preset == "extended"
        if extended and rng.random() < GLOBAL_MUTATION:
            return self.with_other_option(values, int(rng.integers(len(GLOBALS))), rng)
        index = int(rng.integers(DAGS))
        frame = self.dags[index]
        reached = list(self.dag(values, index)[0])
        if frame.first_operation is not None and reached and rng.random() < 0.5:
            vertex = reached[rng.integers(len(reached))]
            return self.with_other_option(values, frame.first_operation + vertex - 1, rng)
        open_ = [i for i, (u, _) in enumerate(EDGES) if u == 0 or u in reached]
        return self.with_other_option(values, frame.first_edge + open_[rng.integers(len(open_))], rng)

    def residual_dilated(self, width: int = 16) -> Genotype:
        """A strong start of the extended preset: the network of one tile plus residual blocks of dilation 1, 2, 4.

        Raises ValueError in the paper preset, which does not contain it, and for a width that is not an option.
        """
        widths = GLOBALS[1].options
        assert isinstance(widths, tuple)
        if self.preset != "extended" or str(width) not in widths:
            raise ValueError(f"residual_dilated needs the extended preset and a width of {', '.join(widths)}")
        values = [0] * len(self.choices)
        values[:5] = 0, widths.index(str(width)), 1, 1, 0
        for index, name in ((0, "conv3x3"), (2, "dilated2"), (4, "dilated4")):
            self._write(values, index, {(0, 1)}, [OPERATIONS.index(name)])
        return self.genotype(values)

    def graph(self, genotype: Genotype) -> Graph:
        """Every kept vertex of the DAGs, in the order of data flow.

        The global choices are a chain behind the input. Each stage is two ``dag`` vertices, the pseudo-vertices of its
        DAGs, with the reached vertices behind them, and a ``join`` vertex that their sinks lead to.
        """
        values = self.canonical(genotype).values
        globals_ = [f"{choice.name}={option}" for choice in GLOBALS for option in choice.names]
        names = ("input", "output", "dag", "join", *OPERATIONS, *globals_)
        operations, edges = [0], []
        for choice, value in zip(GLOBALS, values if self.preset == "extended" else (), strict=False):
            edges.append((len(operations) - 1, len(operations)))
            operations.append(names.index(f"{choice.name}={choice.names[value]}"))
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
        return Graph(np.array([*operations, 1]), adjacency, names)

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
        return ExtendedNetwork(_plan(values, dags), shape)


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


def _plan(values: Sequence[int], dags: tuple[Dag, ...]) -> Plan:
    widths = GLOBALS[1].options
    assert isinstance(widths, tuple)
    halvings, width, full_resolution, join, norm = values[: len(GLOBALS)]
    return Plan(dags, int(widths[width]), halvings, bool(full_resolution), bool(join), bool(norm))
