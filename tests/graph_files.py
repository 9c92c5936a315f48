"""Small graphs in the formats that the graph tasks read."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix

NAMES = ("x", "y", "tx", "ty", "allx", "ally", "graph")


def communities(nodes: int = 90, classes: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features (N, 2 * classes), edges (2, E) in both directions, and classes (N,)."""
    rng, labels = np.random.default_rng(2), np.arange(nodes) % classes
    near = np.triu(rng.random((nodes, nodes)) < np.where(labels[:, None] == labels[None], 0.15, 0.01), 1)
    features = np.repeat(np.eye(classes)[labels], 2, axis=1) + rng.random((nodes, 2 * classes))
    return features.astype(np.float32), np.stack(np.nonzero(near | near.T)), labels


def write_npz(path: Path, nodes: int = 90) -> Path:
    """A graph with a third of its nodes in each part."""
    x, edges, y = communities(nodes)
    part = np.random.default_rng(3).permutation(nodes) % 3
    masks = {f"{name}_mask": part == number for number, name in enumerate(("train", "val", "test"))}
    np.savez(path, x=x, edge_index=edges, y=y, **masks)  # type: ignore[arg-type]
    return path


def write_planetoid(folder: Path, nodes: int = 700) -> Path:
    """Planetoid's files of a graph: 30 training nodes, 100 test nodes in another order but one that has no features."""
    raw = folder / "raw"
    raw.mkdir(parents=True)
    x, edges, y = communities(nodes)
    known, test = nodes - 101, np.random.default_rng(4).permutation(np.arange(nodes - 100, nodes))
    one_hot = np.eye(3, dtype=np.int32)[y]
    graph = {node: edges[1][edges[0] == node].tolist() for node in range(nodes)}
    parts = {
        "x": csr_matrix(x[:30]), "y": one_hot[:30], "tx": csr_matrix(x[test]), "ty": one_hot[test],
        "allx": csr_matrix(x[:known]), "ally": one_hot[:known], "graph": graph,
    }  # fmt: skip
    for name, value in parts.items():
        (raw / f"ind.made.{name}").write_bytes(pickle.dumps(value, protocol=2))
    (raw / "ind.made.test.index").write_text("\n".join(map(str, test)))
    return folder


def write_tudataset(folder: Path, graphs: int = 60) -> Path:
    """Rings (class 1) and stars (class -1) of five to eight nodes, with labels 7 and 9 and one attribute a node."""
    folder.mkdir()
    rng = np.random.default_rng(5)
    edges, owner, labels, kinds, attributes, first = [], [], [], [], [], 1
    for number in range(1, graphs + 1):
        size, ring = int(rng.integers(5, 9)), number % 2
        pairs = [(i, (i + 1) % size) for i in range(size)] if ring else [(0, i) for i in range(1, size)]
        edges += [f"{first + a}, {first + b}" for i, j in pairs for a, b in ((i, j), (j, i))]
        owner += [str(number)] * size
        labels.append("1" if ring else "-1")
        kinds += rng.choice(["7", "9"], size).tolist()
        attributes += [f"{value:.3f}" for value in rng.normal(size=size) * 10]
        first += size
    tables = {
        "A": edges, "graph_indicator": owner, "graph_labels": labels, "node_labels": kinds,
        "node_attributes": attributes,
    }  # fmt: skip
    for name, rows in tables.items():
        (folder / f"MADE_{name}.txt").write_text("\n".join(rows) + "\n")
    return folder
