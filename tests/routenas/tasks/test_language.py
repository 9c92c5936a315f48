"""The language task: its parts, vocabulary, windows, state and score, by hand on texts of a few words."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from placement_data.errors import InputError
from routenas.baselines.recurrent import GRU, LSTM
from routenas.comparison import hand_made, parameters_of
from routenas.interfaces import Task
from routenas.networks.ensemble import Ensemble
from routenas.tasks.language import LanguageTask
from routenas.testing.tasks import TaskContract
from searchspaces.recurrent import RecurrentSpace
from searchspaces.space import TaskShape
from tests.test_cli import Run, assert_one_line
from tests.test_cli import run as run

SPACE = {"space": "darts-recurrent", "nodes": 2, "hidden": 8}


def story(seed: int, lines: int) -> str:
    """Lines of one to eight of ten words, of which the next follows from the one before more often than not."""
    rng = np.random.default_rng(seed)
    words, told, last = [f"w{number}" for number in range(10)], [], 0
    for _ in range(lines):
        line = []
        for _ in range(int(rng.integers(1, 9))):
            last = (3 * last + 1) % 10 if rng.random() < 0.8 else int(rng.integers(10))
            line.append(words[last])
        told.append(" ".join(line))
    return "\n".join(told) + "\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    texts = tmp_path / "texts"
    texts.mkdir()
    for seed, (name, lines) in enumerate(
        (("wiki.train.tokens", 200), ("wiki.valid.tokens", 60), ("wiki.test.tokens", 60))
    ):
        (texts / name).write_text(story(seed, lines), encoding="utf-8")
    return texts


class TestLanguage(TaskContract):
    @pytest.fixture
    def task(self, folder: Path) -> Task:
        return LanguageTask(folder, steps=7)

    def network(self, task: Task) -> nn.Module:
        space = RecurrentSpace(nodes=2, hidden=8)
        return space.build(space.sample(np.random.default_rng(0)), task.shape, seed=0)


class TestBytes(TestLanguage):
    @pytest.fixture
    def task(self, folder: Path) -> Task:
        return LanguageTask(folder / "wiki.train.tokens", unit="bytes", vocabulary_size=9, steps=7)

    def network(self, task: Task) -> nn.Module:
        with torch.random.fork_rng(devices=[]):
            return LSTM(task.shape, hidden=4)


def told(task: LanguageTask, part: str) -> str:
    return " ".join(task.vocabulary[place] for place in task.texts[part].tolist())


def test_the_vocabulary_is_that_of_the_training_part_alone(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text("the cat\nthe dog\n")
    (tmp_path / "valid.txt").write_text("the bird <unk>\n")
    (tmp_path / "test.txt").write_text("the cat the dog\n")
    task = LanguageTask(tmp_path)
    assert task.vocabulary == ("<unk>", "<eos>", "the", "cat", "dog")
    assert told(task, "train") == "the cat <eos> the dog <eos>"
    assert told(task, "search") == "the <unk> <unk> <eos>"
    assert told(LanguageTask(tmp_path, vocabulary_size=4), "test") == "the cat the <unk> <eos>"
    letters = LanguageTask(tmp_path, unit="characters")
    assert [letters.vocabulary[place] for place in letters.texts["search"].tolist()][:8] == [
        *"the ",
        *["<unk>"] * 3,
        "d",
    ]


def test_parts_share_a_file_one_after_the_other(tmp_path: Path) -> None:
    text = " ".join(f"w{number}" for number in range(99))
    (tmp_path / "ptb.train.txt").write_text(text)
    task = LanguageTask(tmp_path, search_share=0.2, test_share=0.1)
    assert [len(task.texts[part]) for part in ("train", "search", "test")] == [70, 20, 10]
    assert told(task, "train").split()[-1] == "w69"
    assert LanguageTask(tmp_path / "ptb.train.txt").texts["test"].tolist() == [0] * 10
    (tmp_path / "ptb.test.txt").write_text(text)
    halves = LanguageTask(tmp_path)
    assert [told(halves, part).split()[-1] for part in ("train", "search", "test")] == ["<eos>", "w49", "<eos>"]
    (tmp_path / "other").write_text("w1 w2 w3\n")
    named = LanguageTask(tmp_path, train="ptb.test.txt", search="other")
    assert (len(named.texts["train"]), told(named, "search")) == (100, "w1 w2")
    assert LanguageTask(tmp_path, train="other", test_share=0.0, search_share=0.0).texts["search"].tolist() == []


class Counting(nn.Module):
    """Says that the next token is the one after; its state is the number of tokens that it was given."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.outputs, self.seen = outputs, []  # type: ignore[var-annotated]
        self.weight = nn.Parameter(torch.ones(()))

    def forward(self, tokens: Tensor, state: Any) -> Any:
        seen = torch.zeros(tokens.shape[1]) if state is None else state
        assert not seen.requires_grad
        self.seen.append(int(seen[0]))
        logits = self.weight * nn.functional.one_hot((tokens + 1) % self.outputs, self.outputs)
        return logits, seen + len(tokens) * self.weight


def test_windows_go_on_where_the_last_ended(folder: Path) -> None:
    task = LanguageTask(folder, steps=7)
    module = Counting(task.shape.outputs)
    for epoch in range(2):
        windows = list(task.batches("train", 4, np.random.default_rng(epoch)))
        text = task.texts["train"]
        whole = torch.cat([tokens for tokens, _, _ in windows])
        after = torch.cat([targets for _, targets, _ in windows])
        assert torch.equal(whole[1:], after[:-1])
        column = "".join(map(chr, whole.T.flatten().tolist()))
        assert column in "".join(map(chr, text.tolist()))
        assert len(text) - 5 < whole.numel() < len(text)
        module.seen.clear()
        for batch in windows:
            task.loss(module, batch)
        assert module.seen == list(range(0, len(whole), 7))


def test_the_loss_and_the_score_are_those_of_a_loop(folder: Path) -> None:
    task = LanguageTask(folder, steps=7)
    size = task.shape.outputs
    text = task.texts["search"].tolist()
    hit, miss = -math.log(math.e / (math.e + size - 1)), -math.log(1 / (math.e + size - 1))
    losses = [hit if after == (before + 1) % size else miss for before, after in pairwise(text)]
    found = task.score(Counting(size).eval(), "search")
    assert found["negative_loss"] == pytest.approx(-np.mean(losses), rel=1e-6)
    assert found["perplexity"] == pytest.approx(math.exp(np.mean(losses)), rel=1e-6)
    constant = LSTM(task.shape, hidden=2)
    for parameter in constant.parameters():
        nn.init.zeros_(parameter)
    assert task.score(constant.eval(), "test")["perplexity"] == pytest.approx(size, rel=1e-6)


def test_answers_for_new_lines_and_files(folder: Path, tmp_path: Path) -> None:
    task = LanguageTask(folder, steps=3)
    space = RecurrentSpace(nodes=2, hidden=8)
    ensemble = Ensemble(
        [space.build(space.sample(np.random.default_rng(s)), task.shape, seed=s) for s in (0, 1)]
    ).eval()
    (tmp_path / "new.txt").write_text("w1 w2 w3 w4\n\nw1 never w2\n")
    with torch.inference_mode():
        rows = list(task.predictions(task.config(), ensemble, tmp_path / "new.txt"))
        index = {token: place for place, token in enumerate(task.vocabulary)}
        tokens = torch.tensor([index[token] for token in ("<eos>", "w1", "w2", "w3", "w4", "<eos>")])
        logits = torch.stack([member(tokens[:-1, None], None)[0][:, 0] for member in ensemble.members]).mean(0)
        loss = float(nn.functional.cross_entropy(logits, tokens[1:]))
    assert [(row["line"], row["tokens"], row["unknown"]) for row in rows] == [(1, 5, 0), (3, 4, 1)]
    assert rows[0]["perplexity"] == pytest.approx(math.exp(loss), rel=1e-5)
    (by_file,) = [row for row in task.predictions(task.config(), ensemble, folder) if row["file"] == "wiki.test.tokens"]
    assert by_file["tokens"] == len(task.texts["test"])


def test_a_byte_within_a_letter_ends_no_line(tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(20 * "a à …\n".encode())  # in UTF-8, the last letter ends in 0xa6 and holds 0x80
    (tmp_path / "new").write_bytes("Å a\nb\n".encode())  # 0xc3 0x85: the latter ends a line of Latin-1
    task = LanguageTask(tmp_path / "text", unit="bytes")
    rows = list(task.predictions(task.config(), LSTM(task.shape, hidden=2).eval(), tmp_path / "new"))
    assert [(row["line"], row["tokens"], row["unknown"]) for row in rows] == [(1, 5, 1), (2, 2, 1)]


@pytest.mark.parametrize("kind", [LSTM, GRU])
@pytest.mark.parametrize("tied", [True, False])
def test_a_recurrent_network_has_as_many_parameters_as_are_asked_for(kind: type[LSTM], tied: bool) -> None:
    shape = TaskShape(100, 100, "tokens")
    options = kind.sized(shape, 20_000, dropout=0.3, tied=tied)
    assert (options["dropout"], options["tied"]) == (0.3, tied)
    assert parameters_of(kind(shape, **options)) <= 20_000
    assert parameters_of(kind(shape, **{**options, "hidden": options["hidden"] + 1})) > 20_000


def test_a_baseline_is_made_like_the_model(folder: Path) -> None:
    task = LanguageTask(folder)
    space = {"dropout": 0.2, "tied": False, "hidden": 8, "nodes": 2}
    assert hand_made(task, "lstm", 900, space).options == LSTM.sized(task.shape, 900, dropout=0.2, tied=False)


@pytest.mark.parametrize(
    ("name", "text", "what"),
    [
        ("train.txt", b"", "too short a text for the train part, found '0 words', expected 2 tokens or more"),
        ("valid.txt", b"", "too short a text for the search part"),
        ("test.txt", b"one\ntwo \xff\n", "test.txt:2: not UTF-8 text, found 'the byte 0xff'"),
        ("train.txt", None, "no text to train on, found 'test.txt, valid.txt', expected a file such as train.txt"),
        ("my-train.txt", b"a b", "more than one file for the train part"),
        ("train.txt", b"too short for a batch\n", "train part is too short for a batch, found '6 words', expected 65"),
    ],
)  # fmt: skip
def test_what_cannot_be_learnt_from_is_one_line(
    run: Run, tmp_path: Path, name: str, text: bytes | None, what: str
) -> None:
    texts = tmp_path / "texts"
    texts.mkdir()
    for each in ("train.txt", "valid.txt", "test.txt"):
        (texts / each).write_text(story(0, 30))
    (texts / name).unlink() if text is None else (texts / name).write_bytes(text)
    words = ("train", "--task", "language", "--data", texts, "--predictor", "lstm", "--budget", "smoke")
    assert_one_line(run(*words, "--out", tmp_path / "model"), 3, what)
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize(
    ("option", "what"),
    [
        ("unit=letters", "no such unit of text, found 'letters', expected words, characters, bytes"),
        ("steps=0", "steps must be a whole number, found '0', expected 1 or more"),
        ("vocabulary_size=1", "vocabulary_size must be a whole number, found '1', expected 2 or more"),
        ("search_share=1", "search_share must be a share"),
        ("epochs=3", "LanguageTask takes data, train, search, test"),
    ],
)
def test_a_wrong_option_is_one_line(run: Run, folder: Path, tmp_path: Path, option: str, what: str) -> None:
    words = ("search", "--task", "language", "--data", folder, "--task-option", option)
    assert_one_line(run(*words, "--out", tmp_path / "run"), 2, what)


SEARCH = (
    "--task", "language", "--task-option", "steps=7", "--space", "darts-recurrent", "--space-option", "nodes=2",
    "--space-option", "hidden=8", "--strategy", "random", "--trials", 3, "--budget", "smoke", "--final-budget", "smoke",
    "--finalists", 1, "--final-seeds", 2, "--batch", 8,
)  # fmt: skip


def test_search_to_answers_on_the_command_line(run: Run, folder: Path, tmp_path: Path) -> None:
    done = run("search", *SEARCH, "--data", folder, "--out", tmp_path / "run")
    assert done.code == 0, done.err
    assert "vocabulary =" not in (tmp_path / "run" / "run.toml").read_text()
    model = tmp_path / "run" / "model"
    assert len(json.loads((model / "model.json").read_text())["members"]) == 2
    table = run(
        "evaluate", "--task", "language", "--task-option", "steps=7", "--data", folder, "--model", f"found={model}",
        "--budget", "smoke", "--batch", 8, "--seeds", 1, "--json", tmp_path / "table.json",
    )  # fmt: skip
    assert table.code == 0, table.err
    rows = json.loads((tmp_path / "table.json").read_text())["rows"]
    assert [row["name"].partition("-")[0] for row in rows] == ["found", "lstm", "gru"]
    assert all(0.7 < row["parameters"] / rows[0]["parameters"] <= 1 for row in rows)
    (tmp_path / "new.txt").write_text("w1 w4 w3\n")
    in_a_fresh_process = subprocess.run(
        [sys.executable, "-m", "routenas", "predict", str(model), str(tmp_path / "new.txt")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert in_a_fresh_process.returncode == 0, in_a_fresh_process.stderr
    header, row = in_a_fresh_process.stdout.splitlines()
    assert header == "line,tokens,unknown,negative_loss,perplexity"
    assert row.startswith("1,4,0,")
    assert_one_line(run("predict", model, tmp_path / "none.txt"), 3, "the text cannot be read")
    (tmp_path / "new.txt").write_text("\n")
    assert_one_line(run("predict", model, tmp_path / "new.txt"), 3, "there is no text")


def test_a_run_that_is_killed_ends_as_one_that_is_not(folder: Path, tmp_path: Path) -> None:
    def start(out: str, *more: str) -> subprocess.Popen[bytes]:
        words = [str(word) for word in ("search", *SEARCH, "--data", folder, "--out", tmp_path / out, *more)]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[3])}
        return subprocess.Popen(
            [sys.executable, "-m", "routenas", *words], env=environment,
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


def test_a_text_of_wikitext(shared_data: Path) -> None:
    task = LanguageTask(shared_data / "text", train="wikitext2_valid.txt")
    sizes = [len(task.texts[part]) for part in ("train", "search", "test")]
    assert sizes[0] == 217_646  # the number of tokens that is published for it, with an end for each line
    assert sum(sizes[1:]) == 245_569
    assert abs(sizes[1] - sizes[2]) <= 1


def test_a_missing_folder_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the text cannot be read"):
        LanguageTask(tmp_path / "none")
