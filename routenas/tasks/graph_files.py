"""Graphs on disk: one large graph (Planetoid's raw files or .npz), or many small ones (TUDataset's raw text files)."""

from __future__ import annotations

import hashlib
import io
import pickle
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from placement_data.errors import InputError

DAMAGED = (OSError, ValueError, LookupError, EOFError, AttributeError, TypeError, RuntimeError, MemoryError)
DAMAGED += (zipfile.BadZipFile, zlib.error)  # type: ignore[assignment]
Indices = NDArray[np.int64]
PARTS = ("train", "search", "test")
PLANETOID = ("x", "y", "tx", "ty", "allx", "ally", "graph", "test.index")
TUDATASET = ("A", "graph_indicator", "graph_labels", "node_labels", "node_attributes")
SEARCHED = 500
"""Nodes behind the training nodes that the public split of Planetoid validates on."""


@dataclass(frozen=True)
class GraphData:
    """Node features (N, F) float32, edges (2, E) from and to, and labels: of nodes (N,), or of graphs (G,).

    With several graphs ``graph`` (N,) is that of each node, ascending, and ``kinds`` (N, K) are numbers that stand for
    what a node is. A label is -1 where it is not known; ``classes`` are what labels are called. ``parts`` are the
    indices of the nodes, or graphs, of each part where the data tell them.
    """

    features: NDArray[np.float32]
    edges: Indices
    labels: Indices
    graph: Indices | None = None
    kinds: Indices | None = None
    classes: tuple[int, ...] = ()
    parts: Mapping[str, Indices] = field(default_factory=dict)


def read_graph(place: Path) -> tuple[GraphData, str]:
    """One graph and the SHA-256 of its files: ``.npz``, or a folder (or the ``raw`` in it) of Planetoid's files.

    Raises InputError for what is neither, is damaged or does not go together.
    """
    if place.is_file():
        data = place.read_bytes()
        return _checked(_of_arrays(place, data), place), hashlib.sha256(data).hexdigest()
    folder = next((each for each in (place, place / "raw") if any(each.glob("ind.*.graph"))), None)
    if folder is None:
        raise InputError("no graph here", file=place, expected="an .npz file, or a folder with Planetoid's ind.NAME.*")
    names = sorted(path.name.split(".")[1] for path in folder.glob("ind.*.graph"))
    if len(names) != 1:
        raise InputError("several graphs in one folder", file=folder, found=", ".join(names), expected="one")
    paths = {part: folder / f"ind.{names[0]}.{part}" for part in PLANETOID}
    contents = {part: _bytes(path) for part, path in paths.items()}
    digest = hashlib.sha256(b"".join(hashlib.sha256(content).digest() for content in contents.values())).hexdigest()
    return _checked(_of_planetoid(paths, contents), folder), digest


def read_graphs(place: Path) -> tuple[GraphData, str]:
    """Many graphs and the SHA-256 of their files: a folder (or the ``raw`` in it) with TUDataset's ``NAME_A.txt``.

    Features are the attributes of nodes, ``kinds`` their labels; where there are neither, the feature is the number of
    edges into a node. Without a file of graph labels these are not known. Raises InputError as `read_graph`.
    """
    folder = next((each for each in (place, place / "raw") if any(each.glob("*_A.txt"))), None)
    if folder is None:
        raise InputError("no graphs here", file=place, expected="a folder with TUDataset's NAME_A.txt")
    names = sorted(path.name.removesuffix("_A.txt") for path in folder.glob("*_A.txt"))
    if len(names) != 1:
        raise InputError("several data sets in one folder", file=folder, found=", ".join(names), expected="one")
    paths = {kind: folder / f"{names[0]}_{kind}.txt" for kind in TUDATASET}
    contents = {kind: _bytes(path) for kind, path in paths.items() if path.exists() or kind in TUDATASET[:2]}
    digest = hashlib.sha256(b"".join(hashlib.sha256(content).digest() for content in contents.values())).hexdigest()
    tables = {kind: _numbers(paths[kind], content) for kind, content in contents.items()}
    graph, edges = _whole(tables["graph_indicator"]).ravel() - 1, _whole(tables["A"]).T - 1
    for kind in TUDATASET[3:]:
        if kind in tables and len(tables[kind]) != len(graph):
            what, expected = "nodes and their features differ in number", f"{len(graph)} nodes"
            raise InputError(what, file=paths[kind], found=len(tables[kind]), expected=expected)
    if (np.diff(graph) < 0).any():
        raise InputError("nodes are not in the order of their graphs", file=paths["graph_indicator"])
    kinds = _whole(tables["node_labels"]) if "node_labels" in tables else None
    features = tables.get("node_attributes", np.empty((len(graph), 0))).astype(np.float32)
    if kinds is None and not features.shape[1]:
        into = edges[1][(edges[1] >= 0) & (edges[1] < len(graph))]
        features = np.bincount(into, minlength=len(graph))[:, None].astype(np.float32)
    classes, labels = np.empty(0, np.int64), np.full(int(graph[-1]) + 1 if graph[-1] < len(graph) else 0, -1)
    if "graph_labels" in tables:
        classes, labels = np.unique(_whole(tables["graph_labels"]).ravel(), return_inverse=True)
    known = GraphData(features, edges, labels.astype(np.int64), graph, kinds, tuple(classes.tolist()))
    return _checked(known, folder), digest


def _checked(data: GraphData, place: Path) -> GraphData:
    nodes = len(data.features)
    number = nodes if data.graph is None else len(data.labels)
    if data.features.ndim != 2 or not (data.features.size or data.kinds is not None):
        raise InputError(
            "node features are no table", file=place, found=data.features.shape, expected="(nodes, features)"
        )
    if not np.isfinite(data.features).all():
        raise InputError("a node feature is not a finite number", file=place)
    if data.edges.ndim != 2 or len(data.edges) != 2 or not _within(data.edges, nodes):
        raise InputError("an edge names no node", file=place, expected=f"(2, edges) of nodes 0 to {nodes - 1}")
    if data.labels.shape != (number,) or not _within(data.labels + 1, np.iinfo(np.int64).max):
        raise InputError(
            "labels do not go with the nodes", file=place, found=data.labels.shape, expected=f"({number},)"
        )
    if data.graph is not None and not (_within(data.graph, number) and len(np.unique(data.graph)) == number):
        raise InputError("graphs and their labels differ in number", file=place, expected=f"{number} graphs")
    for part, indices in data.parts.items():
        if not _within(indices, number):
            raise InputError(f"the {part} part names no node", file=place)
    return data


def _within(values: Indices, limit: int) -> bool:
    return bool(((values >= 0) & (values < limit)).all())


def _of_arrays(place: Path, data: bytes) -> GraphData:
    """``x``, ``edge_index``, perhaps ``y`` and a mask a part: ``train_mask``, ``val_mask``, ``test_mask``."""
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            features = np.asarray(arrays["x"], np.float32)
            labels = np.asarray(arrays["y"]) if "y" in arrays else np.full(len(features), -1)
            parts = {
                part: np.flatnonzero(arrays[f"{name}_mask"])
                for part, name in zip(PARTS, ("train", "val", "test"), strict=True)
                if f"{name}_mask" in arrays
            }
            edges = np.asarray(arrays["edge_index"])
            if labels.dtype.kind not in "iu" or edges.dtype.kind not in "iu":
                raise InputError("labels and edges must be whole numbers", file=place, found=f"{labels.dtype}")
            return GraphData(features, edges.astype(np.int64), labels.astype(np.int64).ravel(), parts=parts)
    except DAMAGED as error:
        text = str(error.args[0] if error.args else error).partition("\n")[0]
        raise InputError(
            "no graph in this file", file=place, found=text, expected=".npz with x, edge_index, y"
        ) from None


def _of_planetoid(paths: Mapping[str, Path], contents: Mapping[str, bytes]) -> GraphData:
    """Planetoid's files (Yang et al., ICML 2016) with their public split: 20 training nodes a class, 500, 1,000.

    Nodes of the test range that are not listed have no features and no class.
    """
    told = {part: _unpickled(paths[part], contents[part]) for part in PLANETOID if part != "test.index"}
    try:
        test = np.array(contents["test.index"].split(), dtype=np.int64)
        known, labels = _dense(told["allx"]), np.asarray(told["ally"])
        last = int(test.max()) + 1
        if test.min() < 0 or last > len(told["graph"]):
            what, expected = "a test node is not in the graph", f"0 to {len(told['graph']) - 1}"
            raise InputError(what, file=paths["test.index"], found=last - 1, expected=expected)
        features = np.zeros((last, known.shape[1]), np.float32)
        classes = np.full(last, -1, np.int64)
        features[: len(known)], classes[: len(known)] = known, labels.argmax(1)
        features[test], classes[test] = _dense(told["tx"]), np.asarray(told["ty"]).argmax(1)
        graph: Mapping[int, Sequence[int]] = told["graph"]
        source = np.repeat(np.fromiter(graph, np.int64, len(graph)), [len(each) for each in graph.values()])
        target = np.concatenate([np.asarray(each, np.int64) for each in graph.values()])
        train = len(np.asarray(told["y"]))
        parts = {"train": np.arange(train), "search": np.arange(train, train + SEARCHED), "test": np.sort(test)}
        return GraphData(features, _both_ways(source, target), classes, parts=parts)
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise InputError("these files do not go together", file=paths["graph"], found=str(error)) from None


def _both_ways(source: Indices, target: Indices) -> Indices:
    """Every edge once in each direction, without those from a node to itself."""
    pairs = np.stack([np.concatenate([source, target]), np.concatenate([target, source])])
    return np.unique(pairs[:, pairs[0] != pairs[1]], axis=1)


def _dense(matrix: Any) -> NDArray[np.float32]:
    if hasattr(matrix, "indptr"):
        whole = csr_matrix((matrix.data, matrix.indices, matrix.indptr), shape=matrix.shape)
        whole.check_format(full_check=True)  # toarray itself would write wherever a damaged index points
        matrix = whole.toarray()
    return np.asarray(matrix, np.float32)


def _encoded(text: str, encoding: str) -> bytes:
    """In place of `codecs.encode`: the bytes of an array, which pickles of protocol 2 hold as letters."""
    return text.encode("latin1")


class _Arrays(pickle.Unpickler):
    """Arrays, sparse matrices and dictionaries of lists, and nothing that could run."""

    allowed = (
        ("numpy", "ndarray"), ("numpy", "dtype"), ("numpy.core.multiarray", "_reconstruct"),
        ("numpy._core.multiarray", "_reconstruct"), ("collections", "defaultdict"), ("__builtin__", "list"),
        ("builtins", "list"),
    )  # fmt: skip

    def find_class(self, module: str, name: str) -> Any:
        """The class of a name that is allowed. Raises pickle.UnpicklingError for any other."""
        if name == "csr_matrix" and module.partition(".")[0] == "scipy":
            return csr_matrix
        if (module, name) == ("_codecs", "encode"):
            return _encoded
        if (module, name) not in self.allowed:
            raise pickle.UnpicklingError(f"{module}.{name} is neither an array nor a dictionary")
        return super().find_class(module.replace("numpy.core", "numpy._core").replace("__builtin__", "builtins"), name)


def _unpickled(path: Path, data: bytes) -> Any:
    try:
        return _Arrays(io.BytesIO(data), encoding="latin1").load()
    except Exception as error:  # pickle raises whatever the classes that it makes do
        text = str(error).partition("\n")[0] or type(error).__name__
        raise InputError("not a file of Planetoid", file=path, found=text, expected="arrays alone") from None


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError("a file of the graph cannot be read", file=path, found=error.strerror or "error") from None


def _numbers(path: Path, data: bytes) -> NDArray[np.float64]:
    """A table of numbers, separated by commas."""
    if not data.strip():
        raise InputError("nothing in this file", file=path)
    try:
        return np.loadtxt(io.StringIO(data.decode("utf-8")), delimiter=",", ndmin=2, dtype=np.float64)
    except ValueError as error:
        raise InputError("not a table of numbers", file=path, found=str(error).partition(";")[0]) from None


def _whole(table: NDArray[np.float64]) -> Indices:
    """The table in whole numbers; what is not finite becomes one that names nothing."""
    return np.nan_to_num(table, nan=-2, posinf=-2, neginf=-2).astype(np.int64)
