"""The class of pictures: every form of data gives the same task, and every damage to them one line."""

from __future__ import annotations

import gzip
import io
import json
import os
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn

from placement_data.errors import InputError, MismatchError, SettingError
from routenas.interfaces import Task
from routenas.tasks import made_task, pictures, task_config, task_from_config
from routenas.tasks.vision import VisionTask
from routenas.testing.tasks import TaskContract, fingerprint
from searchspaces.nasbench201 import NasBench201Space
from searchspaces.table import SPACES, space_class
from tests.test_cli import Run, assert_one_line
from tests.test_cli import run as run

FASHION = Path("/usr/share/datasets/fashion-mnist")
NUMBER = 120


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def digits() -> tuple[Any, Any]:
    """Some pictures, uint8 of the range 0 to 255, and their labels; every class is among them."""
    found = load_digits()
    return (found.images[:NUMBER] * 15).astype(np.uint8), found.target[:NUMBER]


def write_npz(path: Path) -> Path:
    x, y = digits()
    np.savez_compressed(path / "digits.npz", x_train=x[:90], y_train=y[:90], x_test=x[90:], y_test=y[90:])
    return path / "digits.npz"


def idx_bytes(array: Any) -> bytes:
    """As the page of the MNIST data base describes the format."""
    head = struct.pack(">HBB", 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.astype(np.uint8).tobytes()


def write_idx(path: Path) -> Path:
    x, y = digits()
    folder = path / "idx"
    folder.mkdir()
    for name, part in (("train", slice(0, 90)), ("t10k", slice(90, None))):
        (folder / f"{name}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx_bytes(x[part])))
        (folder / f"{name}-labels-idx1-ubyte").write_bytes(idx_bytes(y[part]))
    return folder


def write_folder(path: Path) -> Path:
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    x, y = digits()
    for number, (picture, label) in enumerate(zip(x, y, strict=True)):
        place = path / "folder" / ("train" if number < 90 else "test") / str(label)
        place.mkdir(parents=True, exist_ok=True)
        image.fromarray(picture).save(place / f"{number:04}.png")
    return path / "folder"


def write_parquet(path: Path) -> Path:
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    from pyarrow import parquet

    x, y = digits()
    rows = []
    for picture in x:
        file = io.BytesIO()
        image.fromarray(picture).save(file, "PNG")
        rows.append({"bytes": file.getvalue(), "path": None})
    told = {"info": {"features": {"label": {"names": [str(c) for c in range(10)], "_type": "ClassLabel"}}}}
    (path / "table" / "data").mkdir(parents=True)
    for name, part in (("train", slice(0, 90)), ("test", slice(90, None))):
        table = pyarrow.table({"image": rows[part], "label": y[part]})
        table = table.replace_schema_metadata({"huggingface": json.dumps(told)})
        parquet.write_table(table, path / "table" / "data" / f"{name}-00000-of-00001.parquet")
    return path / "table"


WRITERS: dict[str, Callable[[Path], Path]] = {
    "npz": write_npz, "idx": write_idx, "folder": write_folder, "parquet": write_parquet,
}  # fmt: skip


class TestBuiltIn(TaskContract):
    @pytest.fixture
    def task(self) -> Task:
        return VisionTask("digits", examples=300, crop=1, flip=True, cutout=3, label_smoothing=0.1)

    def network(self, task: Task) -> nn.Module:
        space = NasBench201Space(channels=4, cells=1)
        return space.build(space.from_key("333132"), task.shape, seed=0)


class TestIdx(TestBuiltIn):
    @pytest.fixture
    def task(self, tmp_path: Path) -> Task:
        return VisionTask(write_idx(tmp_path))


@pytest.mark.parametrize("form", WRITERS)
def test_every_form_of_the_data_is_the_same_task(form: str, tmp_path: Path) -> None:
    x, y = digits()
    task = VisionTask(WRITERS[form](tmp_path), seed=3)
    test = task.indices["test"]
    assert len(test) == NUMBER - 90
    pixels, labels = task.pictures.pixels[test, ..., 0], task.pictures.labels[test]
    if form != "folder":  # which sorts by class
        assert (pixels == x[90:]).all()
        assert (labels == y[90:]).all()
    assert sorted(p.tobytes() for p in pixels) == sorted(p.tobytes() for p in x[90:])
    assert {p.tobytes(): label for p, label in zip(pixels, labels, strict=True)} == {
        p.tobytes(): label for p, label in zip(x[90:], y[90:], strict=True)
    }
    train = np.concatenate([task.indices["train"], task.indices["search"]])
    assert sorted(train) == list(range(90))
    for label in range(10):  # a fifth of each class, rounded
        number = int((y[:90] == label).sum())
        assert int((task.pictures.labels[task.indices["search"]] == label).sum()) == max(1, round(number / 5))
    assert task.shape.inputs == 1
    assert task.config()["classes"] == [str(label) for label in range(10)]
    mean = task.pictures.pixels[task.indices["train"]].astype(float).mean()
    assert task.config()["normalisation"]["mean"] == [pytest.approx(mean, rel=1e-5)]
    values, _ = task.examples_of("train")
    assert float(values.mean()) == pytest.approx(0, abs=1e-4)
    assert float(values.std(correction=0)) == pytest.approx(1, abs=1e-4)


def test_the_seed_decides_the_parts_and_a_given_test_part_stays(tmp_path: Path) -> None:
    path = write_npz(tmp_path)
    one, again, other = (VisionTask(path, seed=seed) for seed in (1, 1, 2))
    assert (one.indices["search"] == again.indices["search"]).all()
    assert set(one.indices["search"]) != set(other.indices["search"])
    assert list(one.indices["test"]) == list(other.indices["test"]) == list(range(90, NUMBER))
    drawn = VisionTask("digits", test_share=0.1, examples=500)
    assert len(drawn.indices["train"]) + len(drawn.indices["search"]) + len(drawn.indices["test"]) == pytest.approx(
        500, abs=5
    )
    assert len(VisionTask("digits", test_share=0).indices["test"]) == 0


def test_a_class_of_one_picture_is_trained_on(tmp_path: Path) -> None:
    x, y = digits()
    y = np.where(np.arange(NUMBER) == 17, 10, y)
    np.savez(tmp_path / "x.npz", x=x, y=y)
    for examples in (None, 60):
        task = VisionTask(tmp_path / "x.npz", examples=examples)
        assert 17 in task.indices["train"]
        parts = np.concatenate(list(task.indices.values()))
        assert len(set(parts)) == len(parts) == pytest.approx(examples or NUMBER, abs=5)


def test_data_are_decoded_once_and_mapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_idx(tmp_path)
    config = task_config(VisionTask(path))
    pictures._OPEN.clear()
    monkeypatch.setattr(pictures, "read", lambda *_: pytest.fail("read once more"))
    again = task_from_config(config)
    assert isinstance(again, VisionTask)
    assert isinstance(again.pictures.pixels, np.memmap)
    assert task_config(again) == config
    monkeypatch.undo()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for entry in pictures.cache().glob("*/pixels.npy"):
        entry.write_bytes(entry.read_bytes()[:100])
    pictures._OPEN.clear()
    assert task_config(task_from_config(config)) == config
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null")  # where nothing can be kept
    pictures._OPEN.clear()
    assert task_config(task_from_config(config)) == config


def test_other_data_at_the_same_place_are_another_task(tmp_path: Path) -> None:
    path = write_npz(tmp_path)
    before = VisionTask(path).config()["data_sha256"]
    x, y = digits()
    np.savez(path, x=255 - x, y=y)
    assert VisionTask(path).config()["data_sha256"] != before


def test_pictures_are_moved_mirrored_and_cut_as_a_loop_would_do_it(tmp_path: Path) -> None:
    task = VisionTask("digits", crop=2, flip=True, cutout=3)
    x = np.random.default_rng(0).integers(0, 255, (40, 5, 7, 2), np.uint8)
    moved = task._moved(x, np.random.default_rng(1))
    seen = set()
    for picture, original in zip(moved, x, strict=True):
        padded = np.pad(original, ((2, 2), (2, 2), (0, 0)))
        places = [
            (down, right, step)
            for down in range(5)
            for right in range(5)
            for step in (1, -1)
            if (padded[down : down + 5, right : right + 7][:, ::step] == picture).all()
        ]
        assert len(places) == 1
        seen.add(places[0])
    assert len(seen) > 15
    assert {step for _, _, step in seen} == {1, -1}
    values = torch.ones(30, 2, 9, 9)
    task._cut(values, np.random.default_rng(1))
    holes = (values == 0).sum((2, 3))
    assert (holes[:, 0] == holes[:, 1]).all()
    assert int(holes.max()) == 9
    assert 4 <= int(holes.min()) < 9
    assert (fingerprint(task, "search") == fingerprint(VisionTask("digits"), "search")) is True


def test_smoothed_labels_are_a_share_of_all_classes() -> None:
    task = VisionTask("digits", label_smoothing=0.2)
    batch = next(task.batches("train", 8, np.random.default_rng(0)))
    logits = torch.from_numpy(np.random.default_rng(0).normal(size=(8, 10)))
    wanted = nn.functional.one_hot(batch[1], 10) * 0.8 + 0.02
    assert float(task.loss(lambda x: logits, batch)) == pytest.approx(
        float(-(wanted * logits.log_softmax(1)).sum(1).mean())
    )


def test_the_metrics_are_those_of_a_count() -> None:
    task = VisionTask("digits")
    x, y = task.examples_of("search")
    answers = {tuple(each.flatten().tolist()): label for each, label in zip(x, y.tolist(), strict=True)}

    def forward(x: torch.Tensor) -> torch.Tensor:  # right but for the class 3, which it takes for 5
        labels = [answers[tuple(each.flatten().tolist())] for each in x]
        return 20.0 * nn.functional.one_hot(torch.tensor([5 if label == 3 else label for label in labels]), 10)

    found = task.score(forward, "search")
    threes = int((y == 3).sum())
    assert found["accuracy"] == pytest.approx(1 - threes / len(y))
    assert found["balanced_accuracy"] == pytest.approx(0.9)
    assert found["cross_entropy"] == pytest.approx(20 * threes / len(y), rel=1e-3)
    with pytest.raises(FloatingPointError, match="not finite"):
        task.score(lambda x: torch.full((len(x), 10), torch.nan), "search")


# --------------------------------------------------------------------- damaged data


def cut(path: Path, share: float = 0.5) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])


def damaged_npz(path: Path, **arrays: Any) -> Path:
    x, y = digits()
    kept = {name: array for name, array in {"x": x, "y": y, **arrays}.items() if array is not None}
    np.savez(path / "x.npz", **kept)
    return path / "x.npz"


X, Y = digits()
ARRAYS = {
    "two axes": ({"x": X[:, 0]}, "the train pictures have a wrong shape, found 'uint8 (120, 8)'"),
    "text": ({"x": X.astype(str)}, "the train pictures have a wrong shape"),
    "objects": ({"y": np.array([{}] * NUMBER, object)}, "the arrays cannot be read"),
    "not finite": ({"x": np.where(X > 200, np.nan, X)}, "no finite number"),
    "too few labels": ({"y": Y[:50]}, "the labels of the train part have a wrong shape, found '(50,)'"),
    "below 0": ({"y": Y - 1}, "a label of the train part is out of range, found '-1'"),
    "no whole number": ({"y": Y + 0.5}, "the labels of the train part are no classes"),
    "an empty class": ({"y": Y + (Y > 4)}, "a class has no picture in the training part, found '5'"),
    "too few names": ({"classes": np.array(list("abc"))}, "out of range, found '9', expected 0 to 2"),
    "one class": ({"y": Y * 0}, "the labels hold one class"),
    "no labels": ({"y": None}, "the train pictures have no labels"),
    "no pictures": ({"x": None}, "no array of pictures, found 'y'"),
    "a class of the test part": (
        {"x": None, "y": None, "x_train": X, "y_train": Y, "x_test": X, "y_test": Y + 1},
        "a label of the test part is out of range, found '10', expected 0 to 9",
    ),
    "another size": (
        {"x": None, "y": None, "x_train": X, "y_train": Y, "x_test": X[:, :7], "y_test": Y},
        "the test pictures are of another form, found 'uint8 7x8x1', expected uint8 8x8x1",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", ARRAYS)
def test_wrong_arrays_are_one_line(case: str, tmp_path: Path) -> None:
    arrays, what = ARRAYS[case]
    with pytest.raises(InputError) as error:
        VisionTask(damaged_npz(tmp_path, **arrays))
    assert what in str(error.value)
    assert str(error.value).startswith(str(tmp_path / "x.npz:"))
    assert error.value.exit_code == 3


def no_class(folder: Path) -> None:
    (folder / "train" / "empty").mkdir()


def another_size(folder: Path) -> None:
    from PIL import Image

    Image.fromarray(X[0, :4]).save(folder / "train" / "0" / "0000.png")


DAMAGES: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "npz cut": ("npz", cut, "the arrays cannot be read"),
    "npz empty": ("npz", lambda path: path.write_bytes(b""), "the arrays cannot be read"),
    "npz text": ("npz", lambda path: path.write_bytes(b"no zip at all"), "the arrays cannot be read"),
    "idx gz cut": ("idx", lambda path: cut(path / "train-images-idx3-ubyte.gz"), "the idx file cannot be read"),
    "idx cut": ("idx", lambda path: cut(path / "train-labels-idx1-ubyte"), "not as long as it says, found '41 bytes'"),
    "idx head": ("idx", lambda path: cut(path / "t10k-labels-idx1-ubyte", 0.15), "the idx file ends in its head"),
    "idx magic": ("idx", lambda p: (p / "t10k-labels-idx1-ubyte").write_bytes(b"\1\2\3\4"), "not an idx file, found"),
    "idx long": ("idx", lambda p: (p / "t10k-labels-idx1-ubyte").write_bytes(idx_bytes(Y) + b"1"), "found 'more'"),
    "idx no labels": ("idx", lambda path: (path / "train-labels-idx1-ubyte").unlink(), "train pictures have no labels"),
    "idx no pictures": ("idx", lambda p: (p / "t10k-images-idx3-ubyte.gz").unlink(), "labels without pictures"),
    "png cut": ("folder", lambda path: cut(path / "train" / "0" / "0000.png"), "the picture cannot be decoded"),
    "png text": ("folder", lambda p: (p / "test" / "0").glob("*").__next__().write_text("x"), "picture cannot be read"),
    "folder empty class": ("folder", no_class, "a class without any picture"),
    "folder sizes": ("folder", another_size, "pictures of several sizes, found '"),
    "folder loose": ("folder", lambda p: (p / "train/0/0000.png").rename(p / "train/0.png"), "a picture of no class"),
    "folder class of test": ("folder", lambda p: (p / "test/3").rename(p / "test/x"), "that the training part has not"),
    "parquet cut": (
        "parquet", lambda p: cut(p / "data/train-00000-of-00001.parquet"), "the parquet file cannot be read"
    ),
    "parquet text": (
        "parquet", lambda p: (p / "data/test-00000-of-00001.parquet").write_text("x"), "the parquet file cannot be read"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", DAMAGES)
def test_damaged_files_are_one_line(case: str, tmp_path: Path, run: Run) -> None:
    form, damage, what = DAMAGES[case]
    path = WRITERS[form](tmp_path)
    damage(path)
    assert_one_line(run("search", "--task", "vision", "--data", path, "--out", tmp_path / "run"), 3, what, str(path))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"crop": -1}, "crop must be a whole number, found '-1'"),
        ({"cutout": 1.5}, "cutout must be a whole number"),
        ({"examples": 0}, "examples must be a whole number"),
        ({"search_share": 0.5, "test_share": 0.5}, "nothing is left to train on"),
        ({"label_smoothing": 1}, "label_smoothing must be a share"),
        ({"flip": "yes"}, "flip must be true or false"),
        ({"size": [8]}, "size must be a number of pixels"),
        ({"colour": 3}, "VisionTask takes"),
    ],
)
def test_wrong_options_are_one_line(options: dict[str, Any], what: str) -> None:
    with pytest.raises(SettingError) as error:
        made_task("vision", "digits", options, 0)
    assert what in str(error.value)


def test_what_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no pictures can be read"):
        VisionTask(tmp_path / "nothing")
    (tmp_path / "a").mkdir()
    with pytest.raises(InputError, match="the folder is empty"):
        VisionTask(tmp_path / "a")
    (tmp_path / "a" / "readme.txt").write_text("x")
    with pytest.raises(InputError, match=r"no pictures, found 'readme\.txt'"):
        VisionTask(tmp_path / "a")


@pytest.mark.parametrize("module", ["PIL", "pyarrow"])
def test_a_missing_extra_is_named(module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = WRITERS["folder" if module == "PIL" else "parquet"](tmp_path)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(InputError, match=r"pip install 'routenas\[vision\]'"):
        VisionTask(path)


def test_pictures_in_colour_and_of_several_sizes(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    rng = np.random.default_rng(0)
    for number in range(12):
        place = tmp_path / "data" / ("cat" if number % 2 else "dog")
        place.mkdir(parents=True, exist_ok=True)
        side = 8 + number
        shape = (side, side) if number == 5 else (side, side, 3)
        image.fromarray(rng.integers(0, 255, shape, np.uint8)).save(place / f"{number}.png")
    task = VisionTask(tmp_path / "data", size=6)
    assert task.pictures.pixels.shape == (12, 6, 6, 3)
    assert task.config()["classes"] == ["cat", "dog"]
    assert task.shape.inputs == 3
    batch, _ = next(task.batches("train", 4, np.random.default_rng(0)))
    assert batch.is_contiguous(memory_format=torch.channels_last)
    rows = list(VisionTask.predictions(task.config(), lambda x: x.mean((2, 3))[:, :2], tmp_path / "data" / "cat"))
    assert [row["example"] for row in rows] == ["1.png", "11.png", "3.png", "5.png", "7.png", "9.png"]


# ------------------------------------------------------------------- end to end

BRIEF = (
    "--task", "vision", "--space", "nas-bench-201", "--space-option", "channels=2", "--space-option", "cells=1",
    "--strategy", "random", "--budget", "smoke", "--final-budget", "smoke", "--finalists", 1, "--final-seeds", 2,
)  # fmt: skip


def test_search_train_evaluate_and_predict(run: Run, tmp_path: Path) -> None:
    path = write_npz(tmp_path)
    done = run("search", *BRIEF, "--data", path, "--trials", 2, "--out", tmp_path / "run")
    assert done.code == 0, done.err
    cnn = ("--predictor", "cnn", "--budget", "smoke", "--out", tmp_path / "cnn")
    trained = run("train", "--task", "vision", "--data", path, *cnn)
    assert trained.code == 0, trained.err
    model = tmp_path / "run" / "model"
    words = ("--task", "vision", "--data", path, "--model", f"found={model}", "--model", f"cnn1={tmp_path / 'cnn'}")
    table = run("evaluate", *words, "--budget", "smoke", "--seeds", 1, "--json", tmp_path / "table.json")
    assert table.code == 0, table.err
    rows = json.loads((tmp_path / "table.json").read_text())["rows"]
    names = [row["name"].partition("-")[0] for row in rows]
    assert names == ["found", "cnn1", "resnet8", "resnet20", "cnn", "logistic"]
    found, _, *controls = rows
    for row in controls[:3]:
        assert 0.5 < row["parameters"] / found["parameters"] < 1.5, row["name"]  # networks as small have coarse widths
    assert next(row for row in rows if row["name"] == "logistic")["ensemble"]["accuracy"] > 0.7

    np.savez(tmp_path / "new.npz", x=digits()[0][:7])
    command = [sys.executable, "-m", "cli", "predict", str(model), str(tmp_path / "new.npz")]
    answered = subprocess.run(command, capture_output=True, text=True, check=False)  # a process of its own
    assert answered.returncode == 0, answered.stderr
    head, *lines = answered.stdout.splitlines()
    assert head.split(",")[:3] == ["example", "class", "probability_0"]
    assert len(lines) == 7
    for line in lines:
        chances = [float(value) for value in line.split(",")[2:]]
        assert sum(chances) == pytest.approx(1, abs=1e-5)
        assert int(np.argmax(chances)) == int(line.split(",")[1])
    np.savez(tmp_path / "other.npz", x=digits()[0][:, :7])
    expected = "the pictures are of another form, found '7x8x1 uint8', expected 8x8x1 uint8"
    assert_one_line(run("predict", model, tmp_path / "other.npz"), 4, expected)


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines()


def test_a_killed_search_ends_as_one_that_was_not(tmp_path: Path) -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    words = ["search", *map(str, BRIEF), "--data", "digits", "--trials", "4"]

    def start(folder: Path, *more: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "cli", *words, *more, "--out", str(folder)]
        return subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    assert start(tmp_path / "whole").wait() == 0
    killed = start(tmp_path / "killed")
    journal = tmp_path / "killed" / "journal.jsonl"
    while killed.poll() is None and not (journal.exists() and journal.read_bytes().count(b"\n") >= 2):
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert start(tmp_path / "killed", "--resume").wait() == 0
    weights = [tmp_path / name / "model" / "weights.safetensors" for name in ("whole", "killed")]
    assert weights[0].read_bytes() == weights[1].read_bytes()
    trials = [
        [(trial["hash"], trial["value"]) for trial in map(json.loads, lines(tmp_path / name / "journal.jsonl"))]
        for name in ("whole", "killed")
    ]
    assert trials[0] == trials[1]


@pytest.mark.parametrize("name", [name for name in SPACES if "classes" in space_class(name).outputs])
def test_every_space_of_classes_fits(name: str) -> None:
    task = VisionTask("digits")
    space = space_class(name)().for_task(task.shape)
    module = space.build(space.sample(np.random.default_rng(0)), task.shape, seed=0).eval()
    with torch.no_grad():
        assert module(*task.example()).shape == (1, 10)


def test_fashion_mnist_as_it_is_installed() -> None:
    if not FASHION.exists():
        pytest.skip("dataset-fashion-mnist is not installed")
    task = VisionTask(FASHION, examples=1000)
    assert {part: len(indices) for part, indices in task.indices.items()} == {
        "train": 800,
        "search": 200,
        "test": 10000,
    }
    # The published counts: 6,000 and 1,000 pictures of each class.
    assert np.bincount(task.pictures.labels).tolist() == [7000] * 10
    # The published mean and deviation of the training pictures, 0.2860 and 0.3530 of 255.
    mean, deviation = VisionTask(FASHION, search_share=0).normalisation
    assert float(mean[0]) / 255 == pytest.approx(0.2860, abs=1e-4)
    assert float(deviation[0]) / 255 == pytest.approx(0.3530, abs=1e-4)


def test_a_task_on_new_data_of_another_kind(tmp_path: Path) -> None:
    config = VisionTask("digits").config()
    np.savez(tmp_path / "new.npz", x=digits()[0].astype(np.float64))
    with pytest.raises(MismatchError, match="found '8x8x1 float32', expected 8x8x1 uint8"):
        list(VisionTask.predictions(config, lambda x: x, tmp_path / "new.npz"))
