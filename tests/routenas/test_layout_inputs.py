"""What a layout is scored from: the inputs of ingest, pipes, and Liberty as the model was trained with."""

from __future__ import annotations

import dataclasses
import gzip
import json
import os
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from placement_data.checks.audit import audit
from placement_data.checks.families import Families
from placement_data.dataset import Split
from placement_data.errors import InputError
from placement_data.files import sha256
from placement_data.ingest import Recipe, ingest, make_sample, read_manifest
from placement_data.making import LayoutFiles, read_layout
from placement_data.store import Store, write
from placement_data.text import digests, load_text
from routenas.bundle import ModelMismatchError
from routenas.predictor import Predictor
from routenas.scoring import Score
from routenas.show.text import data_table
from routenas.tasks.card import Card
from routenas.tasks.routability import RoutabilityTask
from tests.layouts import Layout, manifest_row, score_layout, write_manifest
from tests.placement_data.readers.test_bookshelf import PL
from tests.placement_data.readers.test_bookshelf import write as write_bookshelf
from tests.samples import CHANNEL_VERSION, CHANNELS, SPLIT, made_up_samples
from tests.test_cli import Run, assert_one_line
from tests.test_cli import folder as folder
from tests.test_cli import run as run

REPOSITORY = Path(__file__).resolve().parents[2]


# --- each file is read once ---------------------------------------------------------------------------------------


def pipe(path: Path, content: bytes) -> Path:
    """A named pipe that gives its content to the first who reads it, and never again."""

    def feed() -> None:
        with suppress(BrokenPipeError):  # a reader that refuses the file closes it
            path.write_bytes(content)

    os.mkfifo(path)
    threading.Thread(target=feed, daemon=True).start()
    return path


@pytest.mark.parametrize(
    "content",
    [b"", b"x", b"two", gzip.compress(b"packed", mtime=0), gzip.compress(b"", mtime=0) * 3],
    ids=("empty", "one", "three", "packed", "members"),
)
def test_a_pipe_is_read_once_and_digested(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    path = pipe(tmp_path / "pipe", content)
    with digests() as found:
        text = load_text(path)
    assert text == load_text(tmp_path / "file")
    assert found == {str(path): sha256(tmp_path / "file")}


def test_what_stands_behind_the_last_word_that_is_read_counts(tmp_path: Path, layout: Layout) -> None:
    text = gzip.decompress(layout.def_.read_bytes()) + b"# a comment behind END DESIGN\n" * 400_000
    (tmp_path / "long.def").write_bytes(text)
    files = LayoutFiles("def", pipe(tmp_path / "pipe", text), (layout.lef,))
    with digests() as found:
        read_layout(files)
    assert found[str(tmp_path / "pipe")] == sha256(tmp_path / "long.def")


def test_a_packed_pipe_is_no_bomb_unless_it_is_one(tmp_path: Path) -> None:
    """The size of a pipe is not known before: what has come through counts."""
    random = np.random.default_rng(0).integers(97, 123, 12 << 20, dtype=np.uint8).tobytes()
    assert len(load_text(pipe(tmp_path / "good", gzip.compress(random, 1)))) == len(random)
    with pytest.raises(InputError, match="unpacks to more than 60 times its size"):
        load_text(pipe(tmp_path / "bomb", gzip.compress(b"a" * (40 << 20))))


def test_process_substitution_and_shell_patterns(tmp_path: Path, layout: Layout, bundles: dict[str, Path]) -> None:
    text = layout.lef.read_text()
    at = text.index("MACRO")
    for name, part in (("a", text[:at] + "END LIBRARY\n"), ("b", text[at:])):
        (tmp_path / f"{name}.lef.gz").write_bytes(gzip.compress(part.encode()))
    command = f'"{sys.executable}" -m cli'
    words = f'--def <(zcat "{layout.def_}") --model "{bundles["hotspots"]}" --json "{tmp_path}/NAME.json"'
    lines = [
        f'{command} score --lef <(zcat "{tmp_path}/a.lef.gz") <(cat "{tmp_path}/b.lef.gz") {words}',
        f'{command} score --lef "{tmp_path}"/*.lef.gz {words}'.replace("NAME", "glob"),
        f'{command} data lint --lef "{tmp_path}"/*.lef.gz --def <(zcat "{layout.def_}")',
    ]
    for line in lines:
        done = subprocess.run(
            ["bash", "-c", line.replace("NAME", "pipes")], cwd=REPOSITORY, capture_output=True, text=True, timeout=120
        )
        assert (done.returncode, done.stderr) in ((0, ""), (10, "")), done.stderr
    pipes, glob = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("pipes", "glob"))
    assert pipes["hotspots"] == glob["hotspots"]
    assert len(pipes["inputs"]) == 3
    assert all(name.startswith("/dev/fd/") for name in pipes["inputs"])
    assert sha256(tmp_path / "b.lef.gz") in pipes["inputs"].values()


# --- what ingest takes --------------------------------------------------------------------------------------------


def test_score_takes_bookshelf(run: Run, tmp_path: Path, bundles: dict[str, Path]) -> None:
    aux = write_bookshelf(tmp_path, pl=f"{PL}u 40 12 : N\n")
    words = ("score", "--model", bundles["hotspots"], "--tile", 12, "--json", tmp_path / "s.json")
    done = run(*words, "--aux", aux, "--name", "mine")
    assert done.code == 0, done.err
    value = json.loads((tmp_path / "s.json").read_text())
    assert value["design"] == "mine"
    assert "\nmine: 7 cells" in done.out
    assert "no-units" in [warning["code"] for warning in value["warnings"]]
    assert len(value["inputs"]) > 3  # the files that the .aux names, too
    assert_one_line(run(*words, "--aux", aux, "--lef", "x.lef"), 2, "--aux has no use for --lef")
    assert_one_line(run(*words), 2, "give one layout: --lef with --def, --aux or --odb; found none")
    assert_one_line(run(*words, "--aux", aux, "--odb", aux), 2, "found --aux and --odb")
    assert_one_line(run(*words, "--def", aux), 2, "Missing option '--lef'")


def test_score_takes_opendb(
    run: Run, tmp_path: Path, layout: Layout, bundles: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "one.odb").write_bytes(b"a database")
    program = tmp_path / "bin" / "openroad"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ncp '{layout.lef}' design.lef\nzcat '{layout.def_}' > design.def\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    for name, words in (("odb", ("--odb", tmp_path / "one.odb")), ("def", ("--lef", layout.lef, "--def", layout.def_))):
        done = run("score", *words, "--model", bundles["hotspots"], "--json", tmp_path / f"{name}.json")
        assert done.code == 0, done.err
    odb, def_ = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("odb", "def"))
    assert odb["hotspots"] == def_["hotspots"]
    assert odb["inputs"] == {str(tmp_path / "one.odb"): sha256(tmp_path / "one.odb")}


# --- Liberty ------------------------------------------------------------------------------------------------------

LIBERTY = """library (made_up) {
  cell (NAND2_1) { ff (IQ, IQN) { clocked_on : "A"; } }
}
"""


def trained(predictor: Predictor, liberty: bool | None) -> Predictor:
    return dataclasses.replace(predictor, card=dataclasses.replace(predictor.card, liberty=liberty))


def scored(layout: Layout, *models: Predictor, liberty: tuple[Path, ...] = ()) -> Score:
    return score_layout(LayoutFiles("def", layout.def_, (layout.lef,), liberty), models)


def test_a_model_gets_the_registers_that_it_was_trained_with(
    tmp_path: Path, layout: Layout, bundles: dict[str, Path]
) -> None:
    lib = tmp_path / "cells.lib"
    lib.write_text(LIBERTY)
    hotspots, nets = (Predictor.of(bundles[task]) for task in ("hotspots", "violated_nets"))
    plain, with_lib = scored(layout, trained(hotspots, False)), scored(layout, trained(hotspots, True), liberty=(lib,))
    assert plain.probability is not None
    assert with_lib.probability is not None
    assert not np.array_equal(plain.probability, with_lib.probability)
    assert with_lib.inputs[str(lib)] == sha256(lib)
    assert with_lib.to_dict()["models"][0]["liberty"] is True
    with pytest.raises(ModelMismatchError, match="was trained with registers that Liberty told, expected --lib"):
        scored(layout, trained(hotspots, True))
    with pytest.raises(ModelMismatchError, match="no model was trained with Liberty, expected a layout without --lib"):
        scored(layout, trained(hotspots, False), liberty=(lib,))
    mixed = scored(layout, trained(hotspots, True), trained(nets, False), liberty=(lib,))
    assert mixed.probability is not None
    assert np.array_equal(mixed.probability, with_lib.probability)
    assert mixed.violated_net_ratio == scored(layout, trained(nets, False)).violated_net_ratio
    unsure = scored(layout, trained(hotspots, None), liberty=(lib,))
    assert "liberty-not-known" in [code for code, _ in unsure.warnings]
    assert "liberty-not-known" not in [code for code, _ in scored(layout, trained(hotspots, None)).warnings]


def test_ingest_and_the_card_say_whether_liberty_was_used(tmp_path: Path, layout: Layout, folder: Path) -> None:
    (folder / "cells.lib").write_text(LIBERTY)
    rows = [manifest_row(layout, f"one/{number}", f"f{number}") for number in range(2)]
    row = read_manifest(write_manifest(folder / "m.csv", rows))[0]
    plain, with_lib = make_sample(row), make_sample(row, recipe=Recipe(liberty=(folder / "cells.lib",)))
    assert plain.provenance["liberty"] == []
    assert with_lib.provenance["liberty"] == ["cells.lib"]
    ingest(read_manifest(folder / "m.csv"), folder / "d.h5", Recipe(liberty=(folder / "cells.lib",)))
    assert [Store(folder / "d.h5").with_liberty(index) for index in range(2)] == [True, True]
    assert "Liberty: with" in data_table(Store(folder / "d.h5"))


def store_of(path: Path, told: dict[str, bool | None]) -> Store:
    samples = made_up_samples()
    for number, sample in enumerate(samples):
        used = told.get(sample.family, told["others"])
        known = {} if used is None else {"liberty": ["cells.lib"] if used else []}
        samples[number] = dataclasses.replace(sample, provenance=known)
    write(path, samples, CHANNELS, CHANNEL_VERSION)
    return Store(path)


@pytest.mark.parametrize("used", [True, False, None])
def test_the_card_of_a_data_set_that_is_all_alike(tmp_path: Path, used: bool | None) -> None:
    task = RoutabilityTask("hotspots", store_of(tmp_path / "d.h5", {"others": used}), SPLIT)
    assert task.card.liberty is used
    assert Card.from_dict(json.loads(json.dumps(task.card.to_dict()))).liberty is used
    former = {name: value for name, value in task.card.to_dict().items() if name != "liberty"}
    assert Card.from_dict(former).liberty is None


def test_mixed_rows_are_refused_in_one_training_and_told_by_audit(tmp_path: Path) -> None:
    store = store_of(tmp_path / "d.h5", {"f1": True, "others": False})
    with pytest.raises(InputError, match=r"some placements were read with Liberty .*'f1/3 with, f5/3 without'"):
        RoutabilityTask("hotspots", store, SPLIT)
    assert RoutabilityTask("hotspots", store, Split(("f0", "f2"), ("f3",), ("f4",))).card.liberty is False
    parts = {name: tuple(value) for name, value in SPLIT.to_dict().items()}
    found = audit(store, parts, families=Families(None)).findings
    assert "mixed-liberty" in [finding.code for finding in found]
    assert "Liberty: 4 with, 20 without" in data_table(store)
    unsure = store_of(tmp_path / "u.h5", {"f1": None, "others": True})
    assert RoutabilityTask("hotspots", unsure, SPLIT).card.liberty is None
