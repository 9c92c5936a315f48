"""Routings of many placements, by a stand-in for a router."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from placement_data.errors import InputError
from placement_data.ingest import ingest
from placement_data.manifest import read_manifest
from placement_data.store import Store
from routenas.flow.label.labelling import Labelled, label
from routenas.flow.label.routing import Plan
from tests.routenas.flow.label.library import write_manifest
from tests.routenas.flow.label.routers import stand_in

REPOSITORY = Path(__file__).resolve().parents[4]


def run(folder: Path, samples: list[str], workers: int = 1, **options: object) -> tuple[Labelled, Path, Path]:
    program, calls = stand_in(folder)
    plan = Plan.of("qrouter", executable=program, **options)  # type: ignore[arg-type]
    out = folder / "out"
    return label(read_manifest(write_manifest(folder, samples)), out, plan, workers=workers), out, calls


def test_a_manifest_that_ingest_takes(tmp_path: Path) -> None:
    done, out, _ = run(tmp_path, ["a", "b"], iteration=2, orders=3)
    assert str(done) == "2 placements: 6 routed, 0 unchanged, 0 failed"
    (row, _) = read_manifest(out / "manifest.csv")
    assert row.label_kind == "qrouter-1.4.99/iteration-2"
    assert len(row.report_repeats) == 2
    assert row.attributes["note"] == "kept"
    assert row.attributes["violated_nets_by_iteration"] == "1 1 0"
    ingest(read_manifest(out / "manifest.csv"), tmp_path / "data.h5")
    store = Store(tmp_path / "data.h5")
    assert store[0].label_kind == "qrouter-1.4.99/iteration-2"
    assert store[0].violated_nets == 0
    assert store[0].repeat_violated_nets == (0, 0)


def test_orders_are_orders_of_the_nets(tmp_path: Path) -> None:
    """The stand-in fails the first net of the file: by three orders it is not always the same one."""
    done, out, _ = run(tmp_path, ["a"], orders=8)
    reports = [(out / f"routed/a/order-{i}/iteration-0.drc").read_text() for i in range(8)]
    assert "net:n" in reports[0]
    assert len(set(reports)) == 2
    facts = json.loads((out / "summary.json").read_text())["samples"][0]
    assert facts["violated_nets"] == [1] * 8
    assert facts["violated_nets_deviation"] == 0
    assert -1 <= facts["agreement"] < 1
    assert done.samples[0].agreement_of_use is None  # no wires: all maps are flat


def test_what_is_done_is_not_done_again(tmp_path: Path) -> None:
    _, out, calls = run(tmp_path, ["a", "b"])
    before = (out / "manifest.csv").read_bytes()
    done, _, _ = run(tmp_path, ["a", "b"])
    assert str(done) == "2 placements: 0 routed, 2 unchanged, 0 failed"
    assert len(calls.read_text().splitlines()) == 2
    assert (out / "manifest.csv").read_bytes() == before
    done, _, _ = run(tmp_path, ["a", "b"], iteration=1)
    assert str(done) == "2 placements: 2 routed, 0 unchanged, 0 failed"
    (tmp_path / "cells.lef").write_text((tmp_path / "cells.lef").read_text() + "# another\n")
    program, _ = stand_in(tmp_path)
    plan = Plan.of("qrouter", executable=program, iteration=1)
    done = label(read_manifest(tmp_path / "manifest.csv"), out, plan)
    assert str(done) == "2 placements: 2 routed, 0 unchanged, 0 failed"


@pytest.mark.parametrize("workers", [1, 3])
def test_one_that_fails_does_not_end_the_others(tmp_path: Path, workers: int) -> None:
    done, out, _ = run(tmp_path, ["slow", "crash", "a", "broken", "empty"], workers, seconds=1.0)
    assert [one.row.sample for one in done.samples] == ["a"]
    told = {sample: str(error).partition("failed.log: ")[2] for (sample, _), error in done.failed.items()}
    assert told == {
        "slow": "qrouter took longer than 1 s, found 'its last line: routing slow'",
        "crash": "qrouter was killed by SIGSEGV, found 'its last line: routing crash'",
        "broken": "qrouter ended with exit code 1, found 'its last line: no track left'",
        "empty": "qrouter ended without failed-0.txt, found 'its last line: routing empty'",
    }
    for sample in told:
        assert "routing" in (out / f"routed/{sample}/order-0.failed.log").read_text()
        assert not (out / f"routed/{sample}/order-0").exists()
    assert [row.sample for row in read_manifest(out / "manifest.csv")] == ["a"]
    assert {one["sample"] for one in json.loads((out / "summary.json").read_text())["failed"]} == set(told)


def test_where_nothing_is_routed_the_error_is_raised(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="killed by SIGSEGV"):
        run(tmp_path, ["crash"])
    assert not (tmp_path / "out" / "manifest.csv").exists()


def test_the_manifest_is_not_overwritten(tmp_path: Path) -> None:
    program, _ = stand_in(tmp_path)
    manifest = write_manifest(tmp_path, ["a"])
    before = manifest.read_bytes()
    with pytest.raises(InputError, match=r"manifest\.csv"):
        label(read_manifest(manifest), tmp_path, Plan.of("qrouter", executable=program))
    assert manifest.read_bytes() == before


def test_a_router_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the router openroad is not there, expected nowhere"):
        Plan.of("openroad", executable="nowhere")
    with pytest.raises(InputError, match="qrouter tells no version"):
        Plan.of("qrouter", executable=sys.executable)


def test_qrouter_cannot_be_kept_off_the_lowest_layer(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="lowest routing layer, found 'routing layers metal2-metal2'"):
        run(tmp_path, ["a"], routing_layers="metal2")


def command(folder: Path, program: str, *more: str) -> list[str]:
    words = [sys.executable, "-m", "routenas", "label", str(folder / "manifest.csv"), "-o", str(folder / "out")]
    return [*words, "--executable", program, *more]


def test_the_command_and_its_exit_codes(tmp_path: Path) -> None:
    program, _ = stand_in(tmp_path)
    write_manifest(tmp_path, ["a", "crash"])
    done = subprocess.run(command(tmp_path, program, "--orders", "2"), cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 3
    assert "skipped crash: " in done.stderr
    assert done.stdout.splitlines()[-1].endswith("manifest.csv: 1 placements: 2 routed, 0 unchanged, 2 failed")
    write_manifest(tmp_path, ["a"])
    done = subprocess.run(command(tmp_path, program, "--orders", "2"), cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0
    done = subprocess.run(command(tmp_path, "nowhere"), cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 3
    assert done.stderr.count("\n") == 1


@pytest.mark.skipif(sys.platform != "linux", reason="a router outlives its caller where there is no prctl")
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_kill_leaves_no_router_behind_and_loses_nothing(tmp_path: Path, workers: str) -> None:
    program, calls = stand_in(tmp_path)
    write_manifest(tmp_path, ["a", "b", "slow"])
    process = subprocess.Popen(
        command(tmp_path, program, "--workers", workers), cwd=REPOSITORY, stderr=subprocess.DEVNULL
    )
    wait_for(lambda: "slow" in calls.read_text())
    wait_for(lambda: (tmp_path / "out/routed/b/order-0/result.json").exists())
    router = int(calls.read_text().partition("slow ")[2].split()[0])
    process.kill()
    process.wait()
    wait_for(lambda: not alive(router))
    if workers == "1":  # a worker of several sees the end of its parent, and tidies up
        assert list((tmp_path / "out/routed/slow").glob(".order-0*"))
    write_manifest(tmp_path, ["a", "b", "c"])
    done, out, calls = run(tmp_path, ["a", "b", "c"])
    assert str(done) == "3 placements: 1 routed, 2 unchanged, 0 failed"
    assert not list((out / "routed").glob("*/.order-*"))


def wait_for(condition: object) -> None:
    end = time.monotonic() + 30
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.02)


def alive(number: int) -> bool:
    try:
        os.kill(number, 0)
        return "Z" not in Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
    except (ProcessLookupError, FileNotFoundError):
        return False


def test_an_interrupt_ends_the_router(tmp_path: Path) -> None:
    program, calls = stand_in(tmp_path)
    write_manifest(tmp_path, ["slow"])
    process = subprocess.Popen(command(tmp_path, program), cwd=REPOSITORY, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: "slow" in calls.read_text())
    router = int(calls.read_text().split()[1])
    process.send_signal(signal.SIGINT)
    assert "interrupted" in process.communicate()[1]
    assert process.returncode == 130
    wait_for(lambda: not alive(router))
    assert not list((tmp_path / "out/routed").glob("*/.order-*"))
