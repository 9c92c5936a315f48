"""The graph tasks: files, parts, drawn neighbours and answers, by hand and by brute force."""

from __future__ import annotations

import csv
import json
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from routenas.comparison import hand_made, parameters_of
from routenas.interfaces import Task
from routenas.tasks import task_config
from routenas.tasks.graph_files import read_graph, read_graphs
from routenas.tasks.graphs import GraphTask, NodeTask
from routenas.tasks.neighbours import Neighbours
from routenas.testing.tasks import TaskContract
from routenas.training import Budget, fit
from searchspaces.auto_gnn import AutoGnnSpace
from tests.graph_files import NAMES, communities, write_npz, write_planetoid, write_tudataset
from tests.test_cli import Run, assert_one_line
from tests.test_cli import run as run

GNNS = ("gcn", "gat", "sage", "gin")


class TestNodes(TaskContract):
    @pytest.fixture
    def task(self, tmp_path: Path) -> Task:
        return NodeTask(write_npz(tmp_path / "graph.npz"))

    def network(self, task: Task) -> nn.Module:
        space = AutoGnnSpace()
        return space.build(space.controls[0], task.shape, seed=0)


class TestSampledNodes(TestNodes):
    @pytest.fixture
    def task(self, tmp_path: Path) -> Task:
        return NodeTask(write_planetoid(tmp_path / "made"), neighbours=[3, 2])


class TestGraphs(TestNodes):
    @pytest.fixture
    def task(self, tmp_path: Path) -> Task:
        return GraphTask(write_tudataset(tmp_path / "graphs"))


def test_planetoid_files_give_the_graph_that_they_were_made_of(tmp_path: Path) -> None:
    data, _ = read_graph(write_planetoid(tmp_path / "made"))
    x, edges, y = communities(700)
    known = np.arange(700) != 599  # in neither file
    assert np.array_equal(data.features[known], x[known])
    assert not data.features[599].any()
    assert data.labels[599] == -1
    assert np.array_equal(data.labels[known], y[known])
    assert set(map(tuple, data.edges.T)) == set(map(tuple, edges.T))
    assert {part: (each[0], each[-1]) for part, each in data.parts.items()} == {
        "train": (0, 29), "search": (30, 529), "test": (600, 699),
    }  # fmt: skip
    assert read_graph(tmp_path / "made" / "raw")[1] == read_graph(tmp_path / "made")[1]


@pytest.mark.parametrize(
    ("name", "nodes", "edges", "features"), [("Cora", 2708, 5278, 1433), ("CiteSeer", 3327, 4552, 3703)]
)
def test_the_published_graphs_have_their_published_sizes(
    shared_data: Path, name: str, nodes: int, edges: int, features: int
) -> None:
    task = NodeTask(shared_data / "graphs" / name)
    assert task.features.shape == (nodes, features)
    assert task.edges.shape == (2, 2 * edges)
    assert [len(task.parts[part]) for part in ("train", "search", "test")] == [20 * task.shape.outputs, 500, 1000]
    assert set(np.bincount(task.labels[task.parts["train"]]).tolist()) == {20}
    sums = task.features.sum(1)
    assert torch.allclose(sums[sums > 0], torch.ones(()))


def test_tudataset_files_give_the_graphs_and_the_vocabulary_is_of_the_training_part(tmp_path: Path) -> None:
    folder = write_tudataset(tmp_path / "graphs")
    task = GraphTask(folder, seed=1)
    assert (task.classes, task.kinds, task.shape.inputs, task.shape.outputs) == ([-1, 1], [[7, 9]], 3, 2)
    sizes = {part: len(task.parts[part]) for part in ("train", "search", "test")}
    assert sizes == {"train": 48, "search": 6, "test": 6}
    assert all(np.mean(task.labels[each].numpy()) == 0.5 for each in task.parts.values())
    x, edges, graph = task._graphs.batch(np.array([3, 0, 5]))
    owner = np.loadtxt(folder / "MADE_graph_indicator.txt", dtype=int) - 1
    values = np.loadtxt(folder / "MADE_node_attributes.txt")
    learnt = np.isin(owner, task.parts["train"])
    wanted = np.concatenate([values[owner == number] for number in (3, 0, 5)]) / values[learnt].std()
    assert np.allclose(x[:, 0], wanted, atol=1e-3)
    degrees = [np.bincount(edges[0][graph[edges[0]] == place]).max() for place in range(3)]
    assert degrees == [int((owner == 3).sum()) - 1, 2, int((owner == 5).sum()) - 1]  # a star, a ring, a star
    assert torch.equal(graph[edges[0]], graph[edges[1]])
    kinds = folder / "MADE_node_labels.txt"
    lines = np.array(kinds.read_text().split())
    lines[owner == task.parts["test"][0]] = "8"
    kinds.write_text("\n".join(lines))
    assert GraphTask(folder, seed=1).kinds == [[7, 9]]


def test_drawn_neighbours_are_those_of_a_loop() -> None:
    _, edges, _ = communities()
    around = Neighbours.of(edges, 90)
    into = {node: sorted(edges[0][edges[1] == node].tolist()) for node in range(90)}
    given = np.array([5, 0, 41])
    known, places = around.drawn(given, [100, 100], np.random.default_rng(0))
    first = {node for each in given.tolist() for node in into[each]} - set(given.tolist())
    wanted = {(source, target) for target in {*given.tolist(), *first} for source in into[target]}
    assert {(known[i], known[j]) for i, j in places.T} == wanted
    assert known[:3].tolist() == given.tolist()
    assert len(set(known.tolist())) == len(known) == len({node for pair in wanted for node in pair})
    drawn, fewer = around.drawn(given, [2], np.random.default_rng(1))
    for place, node in enumerate(given.tolist()):
        sources = drawn[fewer[0][fewer[1] == place]].tolist()
        assert len(set(sources)) == len(sources) == min(2, len(into[node]))
        assert set(sources) <= set(into[node])
    rng = np.random.default_rng(2)
    counts = np.zeros(90)
    for _ in range(3000):
        some, pairs = around.drawn(np.array([5]), [2], rng)
        counts[some[pairs[0]]] += 1
    assert np.allclose(counts[into[5]] / 3000, 2 / len(into[5]), atol=0.04)  # 4 deviations


def test_with_all_neighbours_a_sampled_step_is_a_step_of_the_whole_graph(tmp_path: Path) -> None:
    path = write_npz(tmp_path / "graph.npz")
    whole, sampled = NodeTask(path), NodeTask(path, neighbours=[99, 99])
    module = hand_made(whole, "sage").build(whole.shape, 0).eval()
    (batch,) = whole.batches("train", 512, np.random.default_rng(0))
    (around,) = sampled.batches("train", 512, np.random.default_rng(0))
    losses = [task.loss(module, each).item() for task, each in ((whole, batch), (sampled, around))]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


@pytest.mark.parametrize("kind", [NodeTask, GraphTask])
@pytest.mark.parametrize("name", GNNS)
def test_hand_made_networks_learn_and_are_sized(tmp_path: Path, kind: Callable[..., Task], name: str) -> None:
    task = kind(
        write_npz(tmp_path / "g.npz") if kind is NodeTask else write_tudataset(tmp_path / "g"), search_share=0.3
    )
    sized = hand_made(task, name, 900)
    parameters = parameters_of(sized.build(task.shape, 0))
    assert 500 < parameters <= 900
    trained = fit(sized.build(task.shape, 0), task, Budget("b", 100, batch=32, learning_rate=0.02, evaluations=3), 0)
    # rings and stars differ in degree, which means of neighbours do not tell
    assert trained.metrics["accuracy"] > (0.8 if kind is NodeTask else 0.75 if name == "gin" else 0.3)


def test_parts_are_drawn_by_class_and_seed(tmp_path: Path) -> None:
    path = write_npz(tmp_path / "graph.npz")
    task = NodeTask(path, split="drawn", search_share=0.1, test_share=0.3, seed=1)
    assert {part: len(nodes) for part, nodes in task.parts.items()} == {"train": 54, "search": 9, "test": 27}
    assert np.bincount(task.labels[task.parts["test"]]).tolist() == [9, 9, 9]
    other = NodeTask(path, split="drawn", search_share=0.1, test_share=0.3, seed=2)
    assert not np.array_equal(other.parts["test"], task.parts["test"])


# --- what is wrong ------------------------------------------------------------------------------------------------


class Hostile:
    def __reduce__(self) -> tuple[object, ...]:
        return os.system, ("touch ran",)


def test_a_hostile_pickle_does_not_run(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = write_planetoid(tmp_path / "made")
    for name in NAMES:
        path = folder / "raw" / f"ind.made.{name}"
        kept = path.read_bytes()
        for value in (Hostile(), {0: [Hostile()]}, np.array([Hostile()], dtype=object)):
            path.write_bytes(pickle.dumps(value, protocol=2))
            done = run("train", "--task", "nodes", "--data", folder, "--predictor", "gcn", "--out", tmp_path / "model")
            assert_one_line(done, 3, f"ind.made.{name}: not a file of Planetoid, found ", "system is neither an array")
        path.write_bytes(kept)
    assert not (tmp_path / "ran").exists()
    assert not (tmp_path / "model").exists()


def far_away(data: bytes) -> bytes:
    matrix = pickle.loads(data)
    matrix.indices[3] = 2**30
    return pickle.dumps(matrix)


def changed(path: Path, change: Callable[[bytes], bytes]) -> None:
    path.write_bytes(change(path.read_bytes()))


@pytest.mark.parametrize(
    ("name", "change", "what"),
    [
        ("x", lambda data: data[:-20], "not a file of Planetoid"),
        ("allx", lambda data: b"", "not a file of Planetoid, found 'Ran out of input'"),
        ("tx", lambda data: far_away(data), "these files do not go together"),
        ("ally", lambda data: pickle.dumps([1]), "these files do not go together"),
        ("graph", lambda data: pickle.dumps({0: [99999]}), "a test node is not in the graph"),
        ("graph", lambda data: pickle.dumps([1, 2]), "a test node is not in the graph"),
        ("graph", lambda data: pickle.dumps({i: [-4] for i in range(700)}), "an edge names no node"),
        ("test.index", lambda data: b"600\nsix", "these files do not go together"),
        ("test.index", lambda data: data.replace(b"650", b"999999999999"), "a test node is not in the graph"),
        ("tx", None, "a file of the graph cannot be read"),
    ],
)
def test_damaged_planetoid_files_are_one_line(
    run: Run, tmp_path: Path, name: str, change: Callable[[bytes], bytes] | None, what: str
) -> None:
    path = write_planetoid(tmp_path / "made") / "raw" / f"ind.made.{name}"
    path.unlink() if change is None else changed(path, change)
    words = ("train", "--task", "nodes", "--data", tmp_path / "made", "--predictor", "gcn")
    assert_one_line(run(*words, "--out", tmp_path / "model"), 3, what)
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"x": np.full((90, 6), np.nan)}, "a node feature is not a finite number"),
        ({"x": np.ones(90)}, "node features are no table"),
        ({"x": np.array([Hostile()] * 90)}, "no graph in this file, found 'Object arrays cannot be loaded"),
        ({"edge_index": np.array([[0, 1], [1, 90]])}, "an edge names no node, expected (2, edges) of nodes 0 to 89"),
        ({"edge_index": np.ones((2, 2))}, "labels and edges must be whole numbers"),
        ({"y": np.zeros(90, int)}, "the training part has fewer than two classes"),
        ({"y": np.zeros(80, int)}, "labels do not go with the nodes"),
        ({"train_mask": np.ones(90, bool)}, "a node is in two parts"),
        ({"train_mask": np.ones(95, bool)}, "the train part names no node"),
        (None, "no graph in this file"),
    ],
)  # fmt: skip
def test_damaged_arrays_are_one_line(run: Run, tmp_path: Path, change: dict[str, np.ndarray] | None, what: str) -> None:
    path = write_npz(tmp_path / "graph.npz")
    if change is None:
        path.write_bytes(path.read_bytes()[:2000])
    else:
        with np.load(path) as arrays:
            np.savez(path, **{**arrays, **change})  # type: ignore[arg-type]
    words = ("train", "--task", "nodes", "--data", path, "--predictor", "gcn", "--out", tmp_path / "model")
    assert_one_line(run(*words), 3, what)


@pytest.mark.parametrize(
    ("name", "text", "what"),
    [
        ("A", "1, x\n", "MADE_A.txt: not a table of numbers"),
        ("A", "1, 99999\n", "an edge names no node"),
        ("A", "1\n", "an edge names no node"),
        ("graph_indicator", "", "nothing in this file"),
        ("graph_indicator", "nan\n", "nodes and their features differ in number"),
        ("graph_labels", "1\n-1\n", "graphs and their labels differ in number"),
        ("node_labels", "7\n", "MADE_node_labels.txt: nodes and their features differ in number"),
        ("node_attributes", "\xff\n", "nodes and their features differ in number|not a table"),
    ],
)
def test_damaged_tables_are_one_line(run: Run, tmp_path: Path, name: str, text: str, what: str) -> None:
    folder = write_tudataset(tmp_path / "graphs")
    (folder / f"MADE_{name}.txt").write_bytes(text.encode("latin-1"))
    words = ("train", "--task", "graphs", "--data", folder, "--predictor", "gin", "--out", tmp_path / "model")
    assert_one_line(run(*words), 3, what.partition("|")[2] or what)


@pytest.mark.parametrize(
    ("option", "what"),
    [
        ("split=public", "no such split, found 'public', expected given or drawn"),
        ("neighbours=3", "neighbours must be a list of numbers above 0"),
        ("search_share=1", "shares of parts must leave a training part"),
    ],
)
def test_a_wrong_option_is_one_line(run: Run, tmp_path: Path, option: str, what: str) -> None:
    path = write_npz(tmp_path / "graph.npz")
    words = ("search", "--task", "nodes", "--data", path, "--task-option", option, "--out", tmp_path / "run")
    assert_one_line(run(*words), 2, what)


# --- the command line ---------------------------------------------------------------------------------------------


SEARCH = (
    "--space", "auto-gnn", "--strategy", "random", "--trials", 3, "--budget", "smoke", "--final-budget", "smoke",
    "--finalists", 1, "--final-seeds", 2,
)  # fmt: skip


@pytest.mark.parametrize("kind", ["nodes", "graphs"])
def test_search_to_answers_on_the_command_line(run: Run, tmp_path: Path, kind: str) -> None:
    data = write_npz(tmp_path / "g.npz") if kind == "nodes" else write_tudataset(tmp_path / "g")
    words = ("--task", kind, "--data", data)
    done = run("search", *words, *SEARCH, "--out", tmp_path / "run")
    assert done.code == 0, done.err
    model = tmp_path / "run" / "model"
    table = run(
        "evaluate", *words, "--model", f"found={model}", "--budget", "smoke", "--seeds", 1,
        "--json", tmp_path / "table.json",
    )  # fmt: skip
    assert table.code == 0, table.err
    names = [row["name"].partition("-hidden")[0] for row in json.loads((tmp_path / "table.json").read_text())["rows"]]
    assert names == ["found", *(("gcn", "gcn-paper", "gat", "gat-paper", *GNNS[2:]) if kind == "nodes" else GNNS)]
    in_a_fresh_process = subprocess.run(
        [sys.executable, "-m", "routenas", "predict", str(model), str(data)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert in_a_fresh_process.returncode == 0, in_a_fresh_process.stderr
    rows = list(csv.DictReader(in_a_fresh_process.stdout.splitlines()))
    task = NodeTask(data) if kind == "nodes" else GraphTask(data)
    classes = range(3) if kind == "nodes" else task_config(task)["classes"]
    found = np.array([classes.index(int(row["class"])) for row in rows])
    test = task.parts["test"]
    metrics = json.loads((model / "model.json").read_text())["metrics"]["test"]
    assert np.mean(found[test] == task.labels[test].numpy()) == pytest.approx(metrics["accuracy"])
    assert all(1 / len(classes) <= float(row["probability"]) <= 1 for row in rows)
    if kind == "nodes":
        np.savez(tmp_path / "other.npz", x=np.ones((2, 5)), edge_index=np.ones((2, 1), int))
        done = run("predict", model, tmp_path / "other.npz")
        assert_one_line(done, 3, "nodes have other features than in training, found '5', expected 6")
    else:
        (data / "MADE_node_labels.txt").unlink()
        (data / "MADE_graph_labels.txt").unlink()
        assert_one_line(run("predict", model, data), 3, "nodes have other features than in training")


def test_a_run_that_is_killed_ends_as_one_that_is_not(tmp_path: Path) -> None:
    data = write_npz(tmp_path / "g.npz")

    def start(out: str, *more: str) -> subprocess.Popen[bytes]:
        words = ("search", "--task", "nodes", "--data", data, "--task-option", "neighbours=[3,2]", *SEARCH, "--out")
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[3])}
        return subprocess.Popen(
            [sys.executable, "-m", "routenas", *map(str, words), str(tmp_path / out), *more], env=environment,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    assert start("whole").wait() == 0
    killed, journal = start("killed"), tmp_path / "killed" / "journal.jsonl"
    deadline = time.monotonic() + 60
    while not (journal.exists() and journal.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert start("killed", "--resume").wait() == 0
    weights = [(tmp_path / out / "model" / "weights.safetensors").read_bytes() for out in ("whole", "killed")]
    assert weights[0] == weights[1]


def test_graphs_without_labels_are_read(tmp_path: Path) -> None:
    folder = write_tudataset(tmp_path / "graphs")
    for name in ("graph_labels", "node_labels", "node_attributes"):
        (folder / f"MADE_{name}.txt").unlink()
    data, _ = read_graphs(folder)
    assert set(data.labels.tolist()) == {-1}
    assert np.array_equal(data.features[:, 0], np.bincount(data.edges[0], minlength=len(data.features)))
