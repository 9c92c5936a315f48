"""Classes of the nodes of one graph, and of whole graphs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, from_numpy
from torch.nn import functional

from placement_data.errors import InputError, SettingError
from routenas.budgets import Budget
from routenas.interfaces import Forward
from routenas.tasks.graph_files import PARTS, GraphData, Indices, read_graph, read_graphs
from routenas.tasks.neighbours import Neighbours
from searchspaces.space import TaskShape

Batch = tuple[tuple[Tensor, ...], Tensor, Tensor]
"""What a network takes, the classes of what it answers for, and the places of the answers that count."""

JUDGED = 64
"""Graphs that are judged at once."""


class NodeTask:
    """The class of each node of one graph, judged by accuracy.

    ``data`` is what `routenas.tasks.graph_files.read_graph` reads. Its parts are those that the data tell (the public
    split of Planetoid), else, and with ``split`` "drawn", so large ``search_share`` and ``test_share`` of each class,
    drawn from ``seed``. With ``normalise`` the features of each node are divided by their sum. A step is one of the
    whole graph; with ``neighbours``, as [10, 5], one of a batch of training nodes and at most so many drawn
    neighbours of each, of these, and so on (Hamilton et al., NeurIPS 2017). All nodes are seen in training, the classes
    of the training part alone. Raises InputError for data that cannot be learnt from, and SettingError for an option.
    """

    name, metric, output = "nodes", "accuracy", "nodes"
    told = ("data", "split", "search_share", "test_share", "normalise", "neighbours", "seed")
    budgets: Mapping[str, Budget] = {
        "smoke": Budget("smoke", epochs=2, batch=512, learning_rate=1e-2, evaluations=1),
        "fast": Budget("fast", epochs=100, batch=512, learning_rate=1e-2, weight_decay=5e-2, evaluations=20),
        "full": Budget("full", epochs=200, batch=512, learning_rate=1e-2, weight_decay=5e-2, evaluations=40),
    }

    def __init__(
        self,
        data: Path | str,
        *,
        split: str = "given",
        search_share: float = 0.2,
        test_share: float = 0.2,
        normalise: bool = True,
        neighbours: Sequence[int] = (),
        seed: int = 0,
    ) -> None:
        if not isinstance(neighbours, Sequence) or not all(type(each) is int and each > 0 for each in neighbours):
            raise SettingError("neighbours must be a list of numbers above 0", found=neighbours, expected="[10, 5]")
        self.data, self.seed, self.split, self.neighbours = str(Path(data).absolute()), seed, split, list(neighbours)
        self.normalise, self.search_share, self.test_share = normalise, search_share, test_share
        known, self.data_sha256 = read_graph(Path(self.data))
        self.parts = _parts(known, split, search_share, test_share, seed, Path(self.data))
        self.shape = TaskShape(known.features.shape[1], _classes(known.labels, self.parts, Path(self.data)), "nodes")
        self.features, self.edges = from_numpy(_normalised(known.features, normalise)), from_numpy(known.edges)
        self.labels = from_numpy(known.labels)

    def config(self) -> dict[str, Any]:
        """JSON values: the options, and what follows from the data."""
        return {**_config(self), "features": self.shape.inputs}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> NodeTask:
        """The task of a `config`; what follows from the data is worked out of them again."""
        return cls(**{name: value for name, value in config.items() if name in cls.told})

    def batches(self, part: str, size: int, rng: np.random.Generator) -> Iterator[Batch]:
        """The whole graph once, or with ``neighbours`` the surroundings of ``size`` nodes of the part at a time."""
        chosen = self.parts[part]
        if not len(chosen):
            return
        if not self.neighbours:
            yield (self.features, self.edges), self.labels[chosen], from_numpy(chosen)
            return
        order = rng.permutation(chosen)
        for nodes in np.split(order, range(size, len(order), size)):
            around, edges = self._around.drawn(nodes, self.neighbours, rng)
            inputs = (self.features[around], from_numpy(edges))
            yield inputs, self.labels[nodes], torch.arange(len(nodes))

    @cached_property
    def _around(self) -> Neighbours:
        return Neighbours.of(self.edges.numpy(), len(self.features))

    def loss(self, forward: Forward, batch: Batch) -> Tensor:
        """Cross-entropy, mean over the nodes of the part."""
        return _loss(forward, batch)

    @torch.inference_mode()
    def score(self, forward: Forward, part: str) -> dict[str, Any]:
        """``accuracy`` and ``negative_loss`` of the nodes of a part; None where it is empty."""
        if not len(self.parts[part]):
            return dict.fromkeys(("accuracy", "negative_loss"))
        logits = forward(self.features, self.edges)[self.parts[part]]
        return _metrics(logits, self.labels[self.parts[part]])

    def example(self) -> tuple[Tensor, ...]:
        """The whole graph."""
        return self.features, self.edges

    @classmethod
    def predictions(cls, config: Mapping[str, Any], forward: Forward, data: Path) -> Iterator[dict[str, Any]]:
        """A row a node of a graph, which may be another one with the same features; InputError where they differ."""
        known, _ = read_graph(data)
        _check_alike(known.features.shape[1], config["features"], data)
        features = from_numpy(_normalised(known.features, bool(config["normalise"])))
        logits = forward(features, from_numpy(known.edges))
        yield from _rows("node", logits, range(logits.shape[1]))


class GraphTask:
    """The class of each of many graphs, judged by accuracy.

    ``data`` is what `routenas.tasks.graph_files.read_graphs` reads; so large ``search_share`` and ``test_share`` of
    each class are drawn from ``seed``. Attributes of nodes are divided by their standard deviation over the training
    part, and labels of nodes are one-hot among those that it has. Raises as `NodeTask`.
    """

    name, metric, output = "graphs", "accuracy", "graphs"
    told = ("data", "search_share", "test_share", "seed")
    budgets: Mapping[str, Budget] = {
        "smoke": Budget("smoke", epochs=1, batch=32, learning_rate=1e-2, evaluations=1),
        "fast": Budget("fast", epochs=30, batch=32, learning_rate=1e-2, evaluations=10),
        "full": Budget("full", epochs=100, batch=32, learning_rate=1e-2, evaluations=20),
    }

    def __init__(self, data: Path | str, *, search_share: float = 0.1, test_share: float = 0.1, seed: int = 0) -> None:
        self.data, self.seed, self.search_share, self.test_share = (
            str(Path(data).absolute()),
            seed,
            search_share,
            test_share,
        )
        known, self.data_sha256 = read_graphs(Path(self.data))
        self.parts = _parts(known, "drawn", search_share, test_share, seed, Path(self.data))
        outputs = _classes(known.labels, self.parts, Path(self.data))
        self.classes = list(known.classes)
        learnt = np.isin(cast(Indices, known.graph), self.parts["train"])
        deviation = known.features[learnt].std(axis=0).astype(float)
        self.scale = np.where(deviation > 0, deviation, 1.0).tolist()
        kinds = () if known.kinds is None else known.kinds[learnt].T
        self.kinds = [np.unique(column).tolist() for column in kinds]
        self.shape = TaskShape(len(self.scale) + sum(map(len, self.kinds)), outputs, "graphs")
        self._graphs = _Graphs.of(known, self.scale, self.kinds)
        self.labels = from_numpy(known.labels)

    def config(self) -> dict[str, Any]:
        """JSON values: the options, and what follows from the data."""
        return {**_config(self), "scale": self.scale, "kinds": self.kinds, "classes": self.classes}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> GraphTask:
        """The task of a `config`; what follows from the data is worked out of them again."""
        return cls(**{name: value for name, value in config.items() if name in cls.told})

    def batches(self, part: str, size: int, rng: np.random.Generator) -> Iterator[Batch]:
        """The graphs of a part in random order, ``size`` of them at a time."""
        order = rng.permutation(self.parts[part])
        for chosen in np.split(order, range(size, len(order), size)) if len(order) else ():
            yield self._graphs.batch(chosen), self.labels[chosen], torch.arange(len(chosen))

    def loss(self, forward: Forward, batch: Batch) -> Tensor:
        """Cross-entropy, mean over graphs."""
        return _loss(forward, batch)

    @torch.inference_mode()
    def score(self, forward: Forward, part: str) -> dict[str, Any]:
        """``accuracy`` and ``negative_loss`` of the graphs of a part; None where it is empty."""
        chosen = self.parts[part]
        if not len(chosen):
            return dict.fromkeys(("accuracy", "negative_loss"))
        return _metrics(self._graphs.answers(forward, chosen), self.labels[chosen])

    def example(self) -> tuple[Tensor, ...]:
        """The first graph of the training part."""
        return self._graphs.batch(self.parts["train"][:1])

    @classmethod
    def predictions(cls, config: Mapping[str, Any], forward: Forward, data: Path) -> Iterator[dict[str, Any]]:
        """A row a graph of other data with the same features; InputError where they differ."""
        known, _ = read_graphs(data)
        columns = 0 if known.kinds is None else known.kinds.shape[1]
        _check_alike((known.features.shape[1], columns), (len(config["scale"]), len(config["kinds"])), data)
        graphs = _Graphs.of(known, config["scale"], config["kinds"])
        yield from _rows("graph", graphs.answers(forward, np.arange(len(known.labels))), config["classes"])


class _Graphs:
    """Many graphs, of which some are put side by side as one."""

    def __init__(self, features: Tensor, edges: Indices, first: Indices, first_edge: Indices) -> None:
        self.features, self.edges, self.first, self.first_edge = features, edges, first, first_edge

    @classmethod
    def of(cls, known: GraphData, scale: Sequence[float], kinds: Sequence[Sequence[int]]) -> _Graphs:
        assert known.graph is not None
        one_hot = [known.kinds[:, [place]] == np.array(each) for place, each in enumerate(kinds)]  # type: ignore[index]
        features = np.concatenate([known.features / np.asarray(scale), *one_hot], axis=1, dtype=np.float32)
        number = len(known.labels)
        first = np.searchsorted(known.graph, np.arange(number + 1))
        owner = known.graph[known.edges[0]]
        order = np.argsort(owner, kind="stable")
        return cls(
            from_numpy(features), known.edges[:, order], first, np.searchsorted(owner[order], np.arange(number + 1))
        )

    def batch(self, chosen: Indices) -> tuple[Tensor, Tensor, Tensor]:
        """Features, edges and the place among ``chosen`` of each node's graph."""
        sizes = self.first[chosen + 1] - self.first[chosen]
        nodes = _ranges(self.first[chosen], sizes)
        counts = self.first_edge[chosen + 1] - self.first_edge[chosen]
        shift = np.repeat(np.cumsum(sizes) - sizes - self.first[chosen], counts)
        edges = self.edges[:, _ranges(self.first_edge[chosen], counts)] + shift
        place = np.repeat(np.arange(len(chosen)), sizes)
        return self.features[nodes], from_numpy(edges), from_numpy(place)

    def answers(self, forward: Forward, chosen: Indices) -> Tensor:
        """Logits of the chosen graphs, in order."""
        several = np.split(chosen, range(JUDGED, len(chosen), JUDGED))
        return torch.cat([forward(*self.batch(each)) for each in several])


def _ranges(starts: Indices, sizes: Indices) -> Indices:
    """The numbers from each start on, so many of each, one after the other."""
    places: Indices = np.arange(sizes.sum()) + np.repeat(starts - (np.cumsum(sizes) - sizes), sizes)
    return places


def _config(task: NodeTask | GraphTask) -> dict[str, Any]:
    return {**{name: getattr(task, name) for name in task.told}, "data_sha256": task.data_sha256}


def _normalised(features: NDArray[np.float32], normalise: bool) -> NDArray[np.float32]:
    """Each row divided by its sum, where it has one."""
    total = features.sum(axis=1, keepdims=True)
    return np.divide(features, np.where(total == 0, 1, total), dtype=np.float32) if normalise else features


def _parts(
    data: GraphData, split: str, search_share: float, test_share: float, seed: int, place: Path
) -> dict[str, Indices]:
    """The parts that the data tell, or stratified ones; what has no class is in none."""
    if split not in ("given", "drawn"):
        raise SettingError("no such split", found=split, expected="given or drawn")
    if search_share < 0 or test_share < 0 or not search_share + test_share < 1:
        raise SettingError("shares of parts must leave a training part", found=f"{search_share}, {test_share}")
    if data.parts and split == "given":
        parts = {part: data.parts.get(part, np.empty(0, np.int64)) for part in PARTS}
        if sum(map(len, parts.values())) != len(np.unique(np.concatenate(list(parts.values())))):
            raise InputError("a node is in two parts", file=place)
        return {part: indices[data.labels[indices] >= 0] for part, indices in parts.items()}
    rng = np.random.default_rng([seed, 0x6772])
    found: dict[str, list[Indices]] = {part: [np.empty(0, np.int64)] for part in PARTS}
    for label in np.unique(data.labels[data.labels >= 0]):
        members = rng.permutation(np.flatnonzero(data.labels == label))
        search, test = (round(len(members) * share) for share in (search_share, test_share))
        for part, pieces in zip(
            PARTS, np.split(members, [len(members) - search - test, len(members) - test]), strict=True
        ):
            found[part].append(pieces)
    return {part: np.sort(np.concatenate(pieces)) for part, pieces in found.items()}


def _classes(labels: Indices, parts: Mapping[str, Indices], place: Path) -> int:
    """How many classes there are. Raises InputError unless the training part has two, and all that others have."""
    train = np.unique(labels[parts["train"]])
    if len(train) < 2:
        raise InputError("the training part has fewer than two classes", file=place, found=len(train))
    unseen = np.setdiff1d(labels[np.concatenate([parts["search"], parts["test"]])], train)
    if len(unseen):
        raise InputError("a class is in no training example", file=place, found=int(unseen[0]))
    return int(train.max()) + 1


def _loss(forward: Forward, batch: Batch) -> Tensor:
    inputs, labels, places = batch
    return functional.cross_entropy(forward(*inputs)[places], labels)


def _metrics(logits: Tensor, labels: Tensor) -> dict[str, float]:
    if not torch.isfinite(logits).all():
        raise FloatingPointError("an answer is not finite")
    right = float((logits.argmax(1) == labels).double().mean())
    return {"accuracy": right, "negative_loss": -float(functional.cross_entropy(logits.double(), labels))}


def _check_alike(found: object, expected: object, place: Path) -> None:
    if found != expected:
        what = "nodes have other features than in training"
        raise InputError(what, file=place, found=str(found), expected=str(expected))


def _rows(what: str, logits: Tensor, classes: Sequence[int]) -> Iterator[dict[str, Any]]:
    shares = torch.softmax(logits.double(), dim=1)
    for number, (label, share) in enumerate(zip(logits.argmax(1).tolist(), shares.amax(1).tolist(), strict=True)):
        yield {what: number, "class": classes[label], "probability": share}
