"""Bundles as graphs: what onnxruntime answers is what torch does, whatever the networks and the size of the map."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from placement_data.errors import InputError, SettingError
from routenas import Scorer, example, onnx_export, onnx_model, tiling, train
from routenas.architecture import Architecture
from routenas.bundle import Bundle, Member
from routenas.onnx_export import exported, write_onnx
from routenas.onnx_model import ONNX_FILE, OnnxModel
from routenas.predictor import Predictor
from routenas.tasks.card import Calibration
from routenas.tasks.routability import RoutabilityTask, TaskName
from routenas.training import BUDGETS
from searchspaces.flexible import OPERATIONS, FlexibleSpace
from searchspaces.space import TaskShape
from tests.layouts import Layout
from tests.samples import SPLIT
from tests.test_cli import Run, assert_one_line
from tests.test_cli import run as run

for _name in ("onnx", "onnxscript", "onnxruntime"):
    pytest.importorskip(_name)

TOLERANCE = 1e-5
SIZES = ((1, 1), (1, 9), (8, 8), (13, 6), (40, 33), (64, 128))
REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module", autouse=True)
def _graphs() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(onnx_export, "installed", lambda: True)
        yield


def made_up(store: Path, name: TaskName, architectures: dict[str, Architecture], draws: tuple[int, ...] = ()) -> Bundle:
    """A bundle of untrained networks: their weights are drawn, all of them, so that no part of them is silent."""
    task = RoutabilityTask(name, store, SPLIT)
    members = []
    for number, architecture in enumerate(architectures.values()):
        module = architecture.build(task.shape, number)
        generator = torch.Generator().manual_seed(number)
        with torch.no_grad():
            for parameter in module.parameters():
                if not parameter.any():  # a last layer that starts at zero
                    parameter.copy_(0.1 * torch.randn(parameter.shape, generator=generator))
            for key, buffer in module.named_buffers():
                if key.endswith("running_var"):
                    buffer.copy_(0.5 + torch.rand(buffer.shape, generator=generator))
        if hasattr(module, "fit_to"):
            module.fit_to(task, number)
        members.append(Member(architecture, module.state_dict(), draws[number] if draws else 1))
    bundle = Bundle.of(task, members, {"out_of_fold": {"threshold": 0.2}})
    calibration = dataclasses.asdict(Calibration(0.8, 0.3)) if name == "hotspots" else None
    return dataclasses.replace(bundle, task={**bundle.task, "calibration": calibration})


def of_operations(space: FlexibleSpace, operations: Sequence[str], **options: str) -> Architecture:
    """A network of the space with these operations, a DAG each, and global choices."""
    values = [0] * len(space.choices)
    told = {choice.name: "in" for choice in space.choices if choice.name.startswith("input.")} | options
    for number, operation in enumerate(operations, 1):
        told |= {f"dag{number}.operation1": operation, f"dag{number}.edge0-1": "keep"}
    for name, option in told.items():
        values[space.index(name)] = space.choices[space.index(name)].option(option)
    return Architecture.of(space, space.genotype(values))


def searched(store: Path) -> dict[str, Architecture]:
    """Every operation of the space of routability once, in a network of two, and every option of the global choices."""
    space = FlexibleSpace().for_task(RoutabilityTask("hotspots", store, SPLIT).shape)
    assert isinstance(space, FlexibleSpace)
    found = {}
    for number in range(0, len(OPERATIONS), 2):
        place, chosen = number // 2, OPERATIONS[number : number + 2]
        skips = {"skips": ("no", "yes")[place % 2]} if place else {}
        found["+".join(chosen)] = of_operations(
            space, chosen, halvings=str(place), stem=str(place % 3), join=("residual", "concat")[place // 2],
            norm=("none", "batch")[place // 3], bottleneck=("half", "same")[place % 2], channels="16", **skips,
        )  # fmt: skip
    paper = FlexibleSpace("paper")
    return found | {"paper": Architecture.of(paper, paper.sample(np.random.default_rng(4)))}


def same(predictor: Predictor, graph: OnnxModel, size: tuple[int, int], seed: int = 0) -> float:
    """The largest difference of probabilities, of the answer and of those of the members."""
    rng = np.random.default_rng([seed, *size])
    inside = rng.random(size) < 0.9
    maps = (rng.standard_normal((len(predictor.card.channels), *size)) * inside).astype(np.float32)
    on_die, net_count = (None, 50) if inside.all() else (inside, 50)
    ours, theirs = predictor.answer(maps, net_count, on_die), dataclasses.replace(predictor, onnx=graph)
    found = theirs.answer(maps, net_count, on_die)
    assert found.draws == ours.draws
    assert found.value.shape == ours.value.shape == (size if predictor.card.name == "hotspots" else (1,))
    np.testing.assert_array_equal(np.isnan(found.members), np.isnan(ours.members))
    return float(max(np.nanmax(abs(ours.value - found.value)), np.nanmax(abs(ours.members - found.members))))


@pytest.fixture(scope="module")
def networks(made_up_store: Path) -> tuple[Predictor, OnnxModel, list[str]]:
    architectures = searched(made_up_store)
    predictor = Predictor.of(made_up(made_up_store, "hotspots", architectures))
    return predictor, OnnxModel(exported(predictor), ()), list(architectures)


@pytest.mark.parametrize("size", SIZES)
def test_every_operation_answers_alike_at_every_size(
    networks: tuple[Predictor, OnnxModel, list[str]], size: tuple[int, int]
) -> None:
    predictor, graph, _ = networks
    assert same(predictor, graph, size) <= TOLERANCE


@pytest.mark.parametrize("name", [*OPERATIONS, "paper"])
def test_each_operation_is_in_the_graph(networks: tuple[Predictor, OnnxModel, list[str]], name: str) -> None:
    """Its member says something that is no constant."""
    predictor, graph, names = networks
    (place,) = (number for number, each in enumerate(names) if name in each.split("+"))
    maps = np.random.default_rng(1).standard_normal((len(predictor.card.channels), 21, 34)).astype(np.float32)
    inside = np.ones((21, 34), dtype=bool)
    ours = predictor.answer(maps, 1).members[place]
    found = graph.answers(maps, 1, inside)[1][place]
    assert ours.std() > 1e-3
    np.testing.assert_allclose(found, ours, rtol=0, atol=TOLERANCE)


def test_height_and_width_are_free(networks: tuple[Predictor, OnnxModel, list[str]]) -> None:
    _, graph, names = networks
    maps, inside, net_count = graph.session.get_inputs()
    assert (maps.shape[1:], inside.shape, net_count.shape) == (["height", "width"], ["height", "width"], [])
    answer, members = graph.session.get_outputs()
    assert (answer.shape, members.shape) == (["height", "width"], [len(names), "height", "width"])


def test_hand_made_predictors_answer_alike(made_up_store: Path) -> None:
    """Those with layers that no other has: transposed and strided convolutions, pooling, shuffled pixels, leaks."""
    names = {name: Architecture(network=name) for name in ("unet", "pros", "pix2pix", "gpdl")}
    predictor = Predictor.of(made_up(made_up_store, "hotspots", names))
    graph = OnnxModel(exported(predictor), ())
    assert max(same(predictor, graph, size) for size in SIZES) <= TOLERANCE


@pytest.mark.parametrize("task", ["hotspots", "violated_nets"])
def test_trees_answer_alike(made_up_store: Path, task: TaskName) -> None:
    """Beside a network, each as often as drawn; every number that decides a branch is the same to the last bit."""
    other = "tile-mlp" if task == "hotspots" else "resnet18"
    names = {name: Architecture(network=name) for name in ("gradient-boosting", other)}
    predictor = Predictor.of(made_up(made_up_store, task, names, draws=(3, 1)))
    graph = OnnxModel(exported(predictor), ())
    assert max(same(predictor, graph, size, seed) for size in SIZES for seed in range(5)) <= TOLERANCE
    for sample in (each.sample for each in RoutabilityTask(task, made_up_store, SPLIT).examples("train")):
        maps = predictor.normalised(sample.features)
        ours, found = predictor.answer(maps, 9), dataclasses.replace(predictor, onnx=graph).answer(maps, 9)
        np.testing.assert_allclose(found.members, ours.members, rtol=0, atol=TOLERANCE)
        np.testing.assert_allclose(found.value, ours.value, rtol=0, atol=TOLERANCE)


def test_trees_by_hand() -> None:
    """Two trees, one of them a single leaf: what each row comes to is worked out here."""
    import onnxruntime
    from onnx import TensorProto, helper

    from routenas.baselines.trees import TreeEnsemble
    from routenas.onnx_export import tree_node

    trees = TreeEnsemble(2)
    found = {
        "column": [1, 0, 0, 0], "threshold": [0.5, 0.0, 0.0, 0.0], "left": [1, 1, 2, 3], "right": [2, 1, 2, 3],
        "value": [0.0, 10.0, 20.0, 3.0], "root": [0, 3],
    }  # fmt: skip
    for name, values in found.items():
        setattr(trees, name, torch.tensor(values, dtype=getattr(trees, name).dtype))
    trees.depth.fill_(1)
    place = helper.make_node("Trees", ["rows"], ["sums"], "trees")
    graph = helper.make_graph(
        [tree_node(trees, place)], "trees", [helper.make_tensor_value_info("rows", TensorProto.DOUBLE, [None, 2])],
        [helper.make_tensor_value_info("sums", TensorProto.DOUBLE, [None, 1])],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("ai.onnx.ml", 5)], ir_version=10)
    rows = np.array([[9.0, 0.5], [9.0, np.nextafter(np.float32(0.5), 1)], [0.0, -1.0]])
    (sums,) = onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"rows": rows})
    assert sums[:, 0].tolist() == [13.0, 23.0, 13.0]
    np.testing.assert_array_equal(trees(torch.from_numpy(rows).float()).numpy(), [13.0, 23.0, 13.0])


# ------------------------------------------------------------------------------------ in a bundle


@pytest.fixture(scope="module")
def model(made_up_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained model with its graph. Not to be changed."""
    folder = tmp_path_factory.mktemp("graph") / "model"
    train(made_up_store, "tile-mlp", folder, budget=BUDGETS["smoke"], split=SPLIT, say=pytest.fail)
    return folder


@pytest.fixture
def copied(model: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(model, tmp_path / "model"))


def test_a_training_ends_with_the_graph(model: Path) -> None:
    facts = json.loads((model / "model.json").read_text())["onnx"]
    assert facts["sha256"] == hashlib.sha256((model / ONNX_FILE).read_bytes()).hexdigest()
    assert facts["inputs_used"] == list(Bundle.load(model).inputs_used)
    assert Bundle.load(model, weights=False).digests == Bundle.load(model).digests
    assert str(REPOSITORY).encode() not in (model / ONNX_FILE).read_bytes()


def test_a_layout_is_scored_alike(model: Path, layout: Layout) -> None:
    scores = {}
    for runtime in ("torch", "onnx", "auto"):
        scorer = Scorer([model], runtime=runtime, say=pytest.fail)  # type: ignore[arg-type]
        scores[runtime] = scorer.score_files(files(layout))
    torch_, onnx = scores["torch"], scores["onnx"]
    assert torch_.probability is not None
    assert onnx.probability is not None
    np.testing.assert_allclose(onnx.probability, torch_.probability, rtol=0, atol=TOLERANCE)
    assert scores["auto"].key == onnx.key != torch_.key
    assert set(onnx.versions) == {"routenas", "numpy", "onnxruntime"}
    assert set(torch_.versions) == {"routenas", "numpy", "torch"}
    assert [score.models[0]["runtime"] for score in (torch_, onnx)] == ["torch", "onnxruntime"]
    assert [region.causes for region in onnx.regions] == [
        tuple(dataclasses.replace(cause, effect=pytest.approx(cause.effect, abs=TOLERANCE)) for cause in region.causes)
        for region in torch_.regions
    ]


def test_a_map_of_any_size_goes_through_the_graph_in_windows(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiling, "SIDE", 2 * tiling.STEP)
    predictor, seen = Predictor.of(model, runtime="onnx"), []
    graph = predictor.onnx
    assert graph is not None

    def answers(maps: Any, *rest: Any) -> Any:
        seen.append(maps.shape[1:])
        return OnnxModel.answers(graph, maps, *rest)

    maps = np.random.default_rng(0).standard_normal((17, 200, 130)).astype(np.float32)
    wanted = Predictor.of(model).answer(maps, 1)
    graph.__dict__["answers"] = answers
    found = predictor.answer(maps, 1)
    assert len(seen) > 1
    assert max(height * width for height, width in seen) <= tiling.SIDE**2
    np.testing.assert_allclose(found.value, wanted.value, rtol=0, atol=TOLERANCE)
    np.testing.assert_allclose(found.members, wanted.members, rtol=0, atol=TOLERANCE)


def test_a_scorer_goes_to_other_processes(model: Path, layout: Layout) -> None:
    scorer = Scorer([model], runtime="onnx")
    wanted = scorer.score_files(files(layout)).probability
    found = pickle.loads(pickle.dumps(scorer)).score_files(files(layout)).probability
    np.testing.assert_array_equal(found, wanted)


def test_neither_torch_nor_scikit_learn_is_imported(model: Path, tmp_path: Path) -> None:
    out = tmp_path / "score.json"
    code = (
        "import sys, cli\n"
        "try:\n    cli.main()\n"
        "finally:\n    print([name for name in ('torch', 'sklearn', 'torch_geometric') if name in sys.modules])"
    )
    words = ["score", "--lef", example.LEF, "--def", example.DEF, "--model", model, "--runtime", "onnx", "--json", out]
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, words)], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"
    assert "onnxruntime" in json.loads(out.read_text())["versions"]


def damaged(folder: Path) -> None:
    (folder / ONNX_FILE).write_bytes((folder / ONNX_FILE).read_bytes()[:-1])


def of_another(folder: Path) -> None:
    """A graph that came with other weights: `model.json` is of before."""
    value = json.loads((folder / "model.json").read_text())
    Bundle.load(folder).save(folder)
    assert "onnx" in value
    assert not (folder / ONNX_FILE).exists()
    (folder / ONNX_FILE).write_bytes(b"the former graph")


def gone(folder: Path) -> None:
    (folder / ONNX_FILE).unlink()


@pytest.mark.parametrize(
    ("harm", "line"),
    [
        (damaged, "model.onnx: the ONNX graph is damaged or of another model, expected routenas onnx "),
        (of_another, "model: the bundle has no ONNX graph, expected routenas onnx "),
        (gone, "model.onnx: the ONNX graph cannot be read, found 'No such file or directory', expected routenas onnx "),
    ],
)
def test_a_graph_that_is_not_the_bundle_s_is_told_and_not_used(
    copied: Path, harm: Callable[[Path], None], line: str
) -> None:
    harm(copied)
    told: list[str] = []
    (predictor,) = Predictor.all_of([copied], runtime="auto", say=told.append)
    assert predictor.onnx is None
    assert predictor.version == {"torch": str(torch.__version__)}
    (said,) = told
    assert line in said
    assert said.endswith("; torch computes in its place")
    with pytest.raises(InputError) as error:
        Predictor.of(copied, runtime="onnx")
    assert line in str(error.value)
    write_onnx(copied)
    assert Predictor.of(copied, runtime="onnx").version.keys() == {"onnxruntime"}


def test_a_bundle_without_a_graph_is_scored_by_torch_in_silence(copied: Path, tmp_path: Path) -> None:
    Bundle.load(copied).save(tmp_path / "plain")
    assert Predictor.of(tmp_path / "plain", runtime="auto", say=pytest.fail).onnx is None
    with pytest.raises(InputError, match="the bundle has no ONNX graph, expected routenas onnx"):
        Predictor.of(tmp_path / "plain", runtime="onnx")
    with pytest.raises(InputError, match="a bundle in memory has no ONNX graph"):
        Predictor.of(Bundle.load(copied), runtime="onnx")
    with pytest.raises(SettingError, match="no such runtime, found 'tvm', expected auto or torch or onnx"):
        Predictor.of(copied, runtime="tvm")  # type: ignore[arg-type]


def test_one_line_where_the_extra_is_absent(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_model, "find_spec", lambda name: None)
    monkeypatch.setattr(onnx_export, "installed", lambda: False)
    assert Predictor.of(copied, runtime="auto", say=pytest.fail).onnx is None
    with pytest.raises(InputError, match=r"needs onnxruntime, expected pip install 'routenas\[onnx\]'"):
        Predictor.of(copied, runtime="onnx")
    with pytest.raises(InputError, match=r"needs onnx, onnxscript and onnxruntime, expected pip install 'routenas\[on"):
        write_onnx(copied)
    onnx_export.add_onnx(copied, pytest.fail)  # nobody wants it


class Unlike(nn.Module):
    """What no graph can say: the way through depends on what the values are."""

    output = "map"

    def __init__(self, shape: TaskShape) -> None:
        super().__init__()
        self.head = nn.Conv2d(shape.inputs, shape.outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(x) if float(x.sum()) > 0 else self.head(-x)


def test_a_network_that_cannot_be_exported_is_trained_all_the_same(made_up_store: Path, tmp_path: Path) -> None:
    told: list[str] = []
    train(made_up_store, f"{__name__}:Unlike", tmp_path / "m", budget=BUDGETS["smoke"], split=SPLIT, say=told.append)
    (said,) = told
    assert said.startswith("no model.onnx, torch will compute in its place: the networks cannot be exported to ONNX, f")
    assert Predictor.of(tmp_path / "m", runtime="auto", say=pytest.fail).onnx is None


def test_the_command(copied: Path, run: Run, layout: Layout) -> None:
    before = (copied / ONNX_FILE).read_bytes()
    gone(copied)
    words = ("score", "--lef", layout.lef, "--def", layout.def_, "--model", copied)
    assert_one_line(run(*words, "--runtime", "onnx"), 3, "the ONNX graph cannot be read")
    done = run(*words)
    assert done.code == 0
    assert "torch computes in its place" in done.err
    done = run("onnx", copied)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"{copied / ONNX_FILE}: 0.0")
    assert (copied / ONNX_FILE).read_bytes() == before  # the same bundle, the same bytes
    assert_one_line(run("onnx", layout.lef.parent), 3, "not a model bundle")


def files(layout: Layout) -> Any:
    from placement_data.making import LayoutFiles

    return LayoutFiles("def", layout.def_, (layout.lef,))
