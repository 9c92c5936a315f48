"""Model bundles: what is saved is what is loaded, and what is damaged or foreign is refused in one line."""

from __future__ import annotations

import dataclasses
import json
import pickletools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from placement_data.errors import InputError, RoutenasError
from routenas.architecture import Architecture
from routenas.bundle import CARD_FILE, MODEL_FILE, WEIGHTS_FILE, Bundle, Member, ModelMismatchError, _digest
from routenas.predictor import Predictor
from routenas.tasks.routability import TASKS, Card, RoutabilityTask, TaskName
from searchspaces.flexible import OPERATIONS, FlexibleSpace
from tests.samples import CHANNEL_VERSION, SPLIT, made_up_sample

SAMPLE = made_up_sample("new", "new", 5, (7, 19))


def architectures(task: TaskName) -> dict[str, Architecture]:
    rng = np.random.default_rng(3)
    spaces = {preset: FlexibleSpace(preset) for preset in ("paper", "extended")}
    found = {preset: Architecture.of(space, space.sample(rng)) for preset, space in spaces.items()}
    return found | {"hand-crafted": Architecture(network="fcn" if task == "hotspots" else "resnet18")}


CASES = [(task, name) for task in TASKS for name in ("paper", "extended", "hand-crafted")]


def make(store: Path, task: TaskName, name: str) -> Bundle:
    """A bundle of two untrained members whose heads are not zero."""
    routability = RoutabilityTask(task, store, SPLIT)
    architecture = architectures(task)[name]
    members = []
    for seed in (1, 2):
        state = architecture.build(routability.shape, seed).state_dict()
        generator = torch.Generator().manual_seed(seed)
        for key, tensor in state.items():
            if key.startswith("head") and key.endswith(("weight", "bias")):
                tensor.copy_(0.1 * torch.randn(tensor.shape, generator=generator))
        members.append(Member(architecture, state))
    return Bundle.of(routability, members, data="made-up.h5")


def answer(bundle: Bundle) -> np.ndarray:
    return Predictor.of(bundle).predict(SAMPLE.features, SAMPLE.net_count)


@pytest.fixture(scope="module", params=CASES, ids="-".join)
def bundle(request: pytest.FixtureRequest, made_up_store: Path) -> Bundle:
    return make(made_up_store, *request.param)


@pytest.fixture(scope="module")
def plain(made_up_store: Path) -> Bundle:
    return make(made_up_store, "hotspots", "extended")


def test_round_trip_gives_identical_predictions(bundle: Bundle, tmp_path: Path) -> None:
    bundle.save(tmp_path / "model")
    found = answer(bundle)
    assert found.shape == (SAMPLE.features.shape[1:] if bundle.task["name"] == "hotspots" else (1,))
    assert np.isfinite(found).all()
    assert 0 <= found.min() <= found.max() <= 1
    for folder in (tmp_path / "model", str(tmp_path / "model")):
        loaded = Bundle.load(folder)
        np.testing.assert_array_equal(answer(loaded), found)
        assert loaded.to_dict() == json.loads(json.dumps(bundle.to_dict()))
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == sorted([CARD_FILE, MODEL_FILE, WEIGHTS_FILE])
    assert len(repr(bundle)) < 100


def test_the_output_is_the_mean_of_the_members(bundle: Bundle, made_up_store: Path) -> None:
    task = RoutabilityTask(bundle.task["name"], made_up_store, SPLIT)
    maps = torch.from_numpy(task.examples("test")[0].maps)[None]
    with torch.inference_mode():
        singles = [dataclasses.replace(bundle, members=(member,)).ensemble(maps) for member in bundle.members]
        both = bundle.ensemble(maps)
    assert len(singles) == 2
    assert not torch.equal(*singles)
    torch.testing.assert_close(both, (singles[0] + singles[1]) / 2)


def test_members_of_several_architectures_count_as_often_as_they_were_drawn(
    made_up_store: Path, tmp_path: Path
) -> None:
    task = RoutabilityTask("hotspots", made_up_store, SPLIT)
    members = [
        Member(architecture, make(made_up_store, "hotspots", name).members[0].weights, draws)
        for (name, architecture), draws in zip(architectures("hotspots").items(), (3, 1, 2), strict=True)
    ]
    bundle = Bundle.of(task, members, {"out_of_fold": {"threshold": 0.125}})
    assert set(bundle.metrics) == {"out_of_fold", "search", "test"}
    assert Predictor.of(bundle).threshold == 0.125
    maps = torch.from_numpy(task.examples("test")[0].maps)[None]
    with torch.inference_mode():
        each = [module(maps) for module in bundle.ensemble.members]
        expected = (3 * each[0] + each[1] + 2 * each[2]) / 6
        torch.testing.assert_close(bundle.ensemble(maps), expected)
    bundle.save(tmp_path / "model")
    loaded = Bundle.load(tmp_path / "model")
    np.testing.assert_array_equal(answer(loaded), answer(bundle))
    names = [member.architecture.name for member in loaded.members]
    assert names == [each.name for each in architectures("hotspots").values()]
    assert [member.draws for member in loaded.members] == [3, 1, 2]
    assert loaded.architecture.name == names[0]
    assert repr(loaded) == f"<Bundle of hotspots: {', '.join(names)}, 3 members>"


def test_the_bundle_s_answer_is_the_task_s(bundle: Bundle, made_up_store: Path) -> None:
    task = RoutabilityTask(bundle.task["name"], made_up_store, SPLIT)
    example = task.examples("test")[0]
    found = Predictor.of(bundle).predict(example.sample.features, example.sample.net_count)
    np.testing.assert_allclose(found, task.answers(bundle.ensemble, "test")[0], rtol=1e-5)
    assert bundle.metrics["test"] == task.score(bundle.ensemble, "test")


def test_a_bundle_finds_its_task_and_its_data(plain: Bundle, made_up_store: Path) -> None:
    task = plain.open_task()
    assert isinstance(task, RoutabilityTask)
    assert task.store.path == made_up_store
    assert task.card == Card.from_dict(plain.task)


def test_what_model_json_says(plain: Bundle, tmp_path: Path) -> None:
    plain.save(tmp_path / "model")
    value = json.loads((tmp_path / "model" / MODEL_FILE).read_text())
    assert value["schema"] == "routenas-model/3"
    task = value["task"]
    assert (task["task"], task["name"]) == ("routability", "hotspots")
    assert len(task["channels"]) == 17
    assert task["channel_version"] == CHANNEL_VERSION
    assert task["label_kind"] == "made-up/iteration-0"
    assert task["tile_um"] == 1.4
    assert task["split"] == SPLIT.to_dict()
    grouped = sorted(index for indices in task["shape"].pop("groups").values() for index in indices)
    assert grouped == list(range(17))
    assert task["shape"] == {"inputs": 17, "outputs": 1, "output": "map"}
    assert 0 < value["metrics"]["test"]["roc_auc"] < 1
    assert [member["draws"] for member in value["members"]] == [1, 1]


def of_schema_2(folder: Path) -> dict[str, Any]:
    """The description of a saved bundle as the former version would have written it."""
    value: dict[str, Any] = json.loads((folder / MODEL_FILE).read_text())
    members = value.pop("members")
    architecture = members[0]["architecture"]
    return {**value, "schema": "routenas-model/2", "architecture": architecture, "members": len(members)}


def test_a_bundle_of_schema_2_is_read(bundle: Bundle, tmp_path: Path) -> None:
    bundle.save(tmp_path / "model")
    reseal(tmp_path / "model", of_schema_2(tmp_path / "model"))
    loaded = Bundle.load(tmp_path / "model")
    np.testing.assert_array_equal(answer(loaded), answer(bundle))
    assert loaded.to_dict() == bundle.to_dict()
    assert Predictor.of(loaded).threshold == Predictor.of(bundle).threshold


def test_a_bundle_of_schema_1_is_read(bundle: Bundle, tmp_path: Path) -> None:
    bundle.save(tmp_path / "model")
    value = of_schema_2(tmp_path / "model")
    task = value.pop("task")
    threshold = 0.25 if task["name"] == "hotspots" else None
    for metrics in value["metrics"].values():
        metrics.pop("threshold", None)
    former = {name: task[name] for name in ("channels", "channel_version", "normalisation", "output_scale")}
    former |= {name: task[name] for name in ("label_kind", "tile_um", "split")}
    space = value["architecture"].get("space")
    if space:
        operations = [[OPERATIONS[i] for i in dag] for dag in FlexibleSpace(space["preset"]).fixed_operations]
        name = "flexible-paper:0" if space["preset"] == "paper" else "flexible-extended"
        value["architecture"]["space"] = {"name": name, "preset": space["preset"], "fixed_operations": operations}
    former |= {"schema": "routenas-model/1", "task": task["name"], "threshold": threshold}
    reseal(tmp_path / "model", {**value, **former})
    loaded = Bundle.load(tmp_path / "model")
    np.testing.assert_array_equal(answer(loaded), answer(bundle))
    assert Predictor.of(loaded).threshold == threshold
    loaded.save(tmp_path / "again")
    np.testing.assert_array_equal(answer(Bundle.load(tmp_path / "again")), answer(bundle))


def test_weights_hold_no_pickle(plain: Bundle, tmp_path: Path) -> None:
    plain.save(tmp_path / "model")
    data = (tmp_path / "model" / WEIGHTS_FILE).read_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    assert all(set(entry) == {"dtype", "shape", "data_offsets"} for name, entry in header.items())
    with pytest.raises((ValueError, IndexError, KeyError)):
        list(pickletools.genops(data))
    assert not data.startswith(b"PK")


def test_saving_replaces_a_bundle_and_nothing_else(plain: Bundle, tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "model"
    plain.save(folder)
    dataclasses.replace(plain, provenance={"data": "other.h5"}).save(folder)
    assert Bundle.load(folder).provenance == {"data": "other.h5"}
    assert [path.name for path in folder.parent.iterdir()] == ["model"]
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis.tex").write_text("words")
    with pytest.raises(InputError, match="cannot write a bundle here, found 'other files'"):
        plain.save(precious)
    assert (precious / "thesis.tex").read_text() == "words"
    with pytest.raises(InputError, match="cannot write a bundle here, found 'a file'"):
        plain.save(precious / "thesis.tex")


def test_a_failed_save_leaves_the_old_bundle(plain: Bundle, tmp_path: Path) -> None:
    plain.save(tmp_path / "model")
    before = (tmp_path / "model" / MODEL_FILE).read_bytes()
    with pytest.raises(ValueError, match="JSON"):
        dataclasses.replace(plain, metrics={"test": float("nan")}).save(tmp_path / "model")
    assert (tmp_path / "model" / MODEL_FILE).read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def flip(path: Path, position: int) -> None:
    data = bytearray(path.read_bytes())
    data[position] ^= 4
    path.write_bytes(data)


def reseal(folder: Path, value: dict[str, Any]) -> None:
    """Write a description whose digest is right, so that what is wrong in it is looked at."""
    (folder / MODEL_FILE).write_text(json.dumps({**value, "sha256": _digest(value)}))


def one_digit(folder: Path) -> None:
    text = (folder / MODEL_FILE).read_text()
    (folder / MODEL_FILE).write_text(text.replace('"tile_um": 1', '"tile_um": 2'))
    assert (folder / MODEL_FILE).read_text() != text


def edit(**changes: Any) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        reseal(folder, {**json.loads((folder / MODEL_FILE).read_text()), **changes})

    return apply


def drop(name: str) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        value = json.loads((folder / MODEL_FILE).read_text())
        del value[name]
        reseal(folder, value)

    return apply


def edit_member(number: int, /, **changes: Any) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        members = json.loads((folder / MODEL_FILE).read_text())["members"]
        members[number] |= changes
        edit(members=members)(folder)

    return apply


def edit_architecture(**changes: Any) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        found = json.loads((folder / MODEL_FILE).read_text())["members"][0]["architecture"]
        edit_member(0, architecture={**found, **changes})(folder)

    return apply


def edit_inside(section: str, /, **changes: Any) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        value = json.loads((folder / MODEL_FILE).read_text())[section]
        edit(**{section: {**value, **changes}})(folder)

    return apply


OTHER = Architecture(network="unet").to_dict()
DAMAGED: list[tuple[Callable[[Path], object], type[RoutenasError], str]] = [
    (lambda f: flip(f / WEIGHTS_FILE, 0), InputError, "the weights are damaged"),
    (lambda f: flip(f / WEIGHTS_FILE, 30), InputError, "the weights are damaged"),
    (lambda f: flip(f / WEIGHTS_FILE, -1), InputError, "the weights are damaged"),
    (lambda f: (f / WEIGHTS_FILE).write_bytes((f / WEIGHTS_FILE).read_bytes()[:-9]), InputError, "are damaged"),
    (lambda f: (f / WEIGHTS_FILE).write_bytes(b""), InputError, "the weights are damaged"),
    (lambda f: (f / WEIGHTS_FILE).unlink(), InputError, "the weights cannot be read"),
    (lambda f: (f / MODEL_FILE).unlink(), InputError, "not a model bundle"),
    (lambda f: (f / MODEL_FILE).write_bytes(b""), InputError, "not JSON"),
    (lambda f: (f / MODEL_FILE).write_bytes(b"\xff\xfe\0"), InputError, "not JSON"),
    (lambda f: (f / MODEL_FILE).write_text("[" * 200_000), InputError, "not JSON"),
    (lambda f: (f / MODEL_FILE).write_text((f / MODEL_FILE).read_text()[:500]), InputError, "not JSON"),
    (lambda f: (f / MODEL_FILE).write_text("[1]"), InputError, "not a model description"),
    (one_digit, InputError, "the model description is damaged: its SHA-256 is another"),
    (edit(schema="routenas-model/7"), ModelMismatchError, "schema 'routenas-model/7', this version reads"),
    (edit(schema=None), ModelMismatchError, "schema None"),
    (edit_inside("task", channels=["a"] * 17), ModelMismatchError, "are not those of this version"),
    (edit_inside("task", channel_version="routenas17/9"), ModelMismatchError, "channels routenas17/9 are not those"),
    (edit_inside("task", channels=["a"]), InputError, "incomplete or damaged"),
    (edit_inside("task", channels=7), InputError, "incomplete or damaged"),
    (edit_inside("task", name="timing"), InputError, "incomplete or damaged"),
    (edit_inside("task", tile_um="wide"), InputError, "incomplete or damaged"),
    (edit_inside("task", tile_um=float("nan")), InputError, "not finite"),
    (edit_inside("task", split={"train": ["a"], "search": ["a"], "test": []}), InputError, "is in two splits"),
    (edit_inside("task", normalisation={"mean": [0.0]}), InputError, "incomplete or damaged"),
    (edit_inside("task", output_scale={"offset": None}), InputError, "incomplete or damaged"),
    (edit_inside("task", output_scale={"bias": 1.0}), InputError, "incomplete or damaged"),
    (edit_inside("task", shape={"inputs": 17}), InputError, "incomplete or damaged"),
    (edit_inside("task", shape={"inputs": 5, "outputs": 1, "output": "map"}), InputError, "do not fit"),
    (edit_inside("task", task="nothing"), ModelMismatchError, "a model of the task nothing, expected routability"),
    (edit(task=["hotspots"]), InputError, "incomplete or damaged"),
    (edit(task="hotspots"), InputError, "incomplete or damaged"),
    (edit(members=[]), InputError, "0 members, weights of 2"),
    (edit(members=2), InputError, "incomplete or damaged"),
    (edit(members=[{}, {}]), InputError, "incomplete or damaged"),
    (edit_member(1, draws=0), InputError, r"members that count \[1, 0\] times"),
    (edit_member(1, draws="two"), InputError, r"members that count \[1, 'two'\] times"),
    (edit_member(1, architecture=OTHER), InputError, "weights and architecture do not fit"),
    (
        edit_member(0, architecture={"kind": "hand-crafted", "name": "rudy"}),
        InputError,
        "weights and architecture do not fit",
    ),
    (edit_member(0, architecture={"kind": "hand-crafted", "name": "none"}), InputError, "no such hand-made predictor"),
    (edit_member(0, architecture={"kind": "pickled"}), InputError, "incomplete or damaged"),
    (edit_member(0, architecture={}), InputError, "incomplete or damaged"),
    (edit_member(0, architecture=3), InputError, "incomplete or damaged"),
    (edit_architecture(genotype={"space": "x", "values": [1]}), InputError, "do not fit"),
    (edit_architecture(genotype=None), InputError, "incomplete or damaged"),
    (edit_architecture(space={}), InputError, "do not fit"),
    (edit_architecture(space={"space": "nowhere"}), InputError, "do not fit"),
    *((drop(name), InputError, "incomplete or damaged") for name in ("members", "metrics", "provenance", "task")),
    (drop("weights_sha256"), InputError, "incomplete or damaged"),
]


@pytest.mark.parametrize(("damage", "error", "what"), DAMAGED)
def test_damage_is_found(
    plain: Bundle, tmp_path: Path, damage: Callable[[Path], object], error: type[RoutenasError], what: str
) -> None:
    folder = tmp_path / "model"
    plain.save(folder)
    damage(folder)
    with pytest.raises(RoutenasError, match=what) as caught:
        Predictor.of(folder)
    assert type(caught.value) is error
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(str(folder))
    assert caught.value.exit_code == (3 if error is InputError else 4)


def test_no_bundle_at_all(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "gone", tmp_path, tmp_path / "file"):
        with pytest.raises(InputError, match=r"not a model bundle, .*expected a folder with model.json$"):
            Bundle.load(path)
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / MODEL_FILE).touch()
    for path in (tmp_path, tmp_path / "model" / MODEL_FILE):
        with pytest.raises(InputError, match=f"expected a folder with model.json, as {tmp_path / 'model'}$"):
            Bundle.load(path)
