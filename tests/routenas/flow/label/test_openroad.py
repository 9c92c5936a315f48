"""OpenROAD's script, run by a real interpreter against commands that check what they are given.

OpenROAD itself is in no test: its commands here know the options that releases of 2022, 2024 and 2026 list, and write
reports in their spelling.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from placement_data.manifest import read_manifest
from placement_data.reports import read_report
from routenas.flow.label.labelling import Labelled, label
from routenas.flow.label.routing import Plan
from tests.routenas.flow.label.library import write_manifest

pytestmark = pytest.mark.skipif(not shutil.which("tclsh"), reason="tclsh is not installed")

STUBS = Path(__file__).with_name("openroad.tcl")
VERSIONS = {2022: "v2.0-4000-g0123abcd", 2024: "v2.0-16000-g89abcdef0", 2026: "26Q1-1200-gfedcba987"}


def routed(folder: Path, release: int, **options: object) -> tuple[Labelled, Path]:
    program = folder / "openroad"
    program.write_text(
        f'#!/bin/sh\n[ "$*" = -version ] && exec echo {VERSIONS[release]}\n'
        '[ "$1 $2 $3" = "-no_init -no_splash -exit" ] || exit 9\n'
        f'exec tclsh {STUBS} {release} "$4"\n'
    )
    program.chmod(0o755)
    plan = Plan.of("openroad", executable=str(program), routing_layers="metal1-metal2", **options)  # type: ignore[arg-type]
    return label(read_manifest(write_manifest(folder, ["a"])), folder / "out", plan), folder / "out/routed/a"


@pytest.mark.parametrize("release", VERSIONS)
def test_each_release_takes_the_script(tmp_path: Path, release: int) -> None:
    done, folder = routed(tmp_path, release)
    one = done.samples[0].routed[0]
    assert one.version == VERSIONS[release]
    assert one.violations == ((None, None, 1) if release == 2022 else (None, 2, 1))
    assert one.violated_nets[-1] == 1
    assert (one.wirelength_um, one.vias) == (3.5, 1)
    row = read_manifest(tmp_path / "out/manifest.csv")[0]
    assert row.label_kind == f"openroad-{VERSIONS[release]}/metal1-metal2/iteration-2"
    assert [number for number, _ in row.report_iterations] == ([] if release == 2022 else [1])
    assert row.report is not None
    assert read_report(row.report).box.tolist() == [[1.5, 2.5, 1.7, 2.75]]
    calls = (folder / "order-0/calls.txt").read_text()
    assert ("-guide route.guide" in calls) == (release == 2022)
    assert ("-drc_report_iter_step 1" in calls) == (release != 2022)
    assert ("-bottom_routing_layer metal1 -top_routing_layer metal2" in calls) == (release != 2026)
    assert "-allow_congestion" in calls
    assert "-or_seed" not in calls


def test_another_order_is_another_seed(tmp_path: Path) -> None:
    done, folder = routed(tmp_path, 2026, orders=4, iteration=1)
    assert [one.violations for one in done.samples[0].routed] == [(None, 2)] * 4
    calls = [(folder / f"order-{i}/calls.txt").read_text() for i in range(4)]
    assert [f"-or_seed {i} -or_k 1" in call for i, call in enumerate(calls)] == [False, True, True, True]
    assert all("-droute_end_iter 1 " in call for call in calls)


def test_an_error_of_the_script_is_told(tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    program = tmp_path / "openroad"
    program.write_text(
        '#!/bin/sh\n[ "$*" = -version ] && exec echo v2.0-1\necho "[ERROR ORD-0001] no tracks"\nexit 1\n'
    )
    program.chmod(0o755)
    plan = Plan.of("openroad", executable=str(program))
    with pytest.raises(
        Exception, match=r"openroad ended with exit code 1, found 'its last line: \[ERROR ORD-0001\] no"
    ):
        label(read_manifest(write_manifest(tmp_path, ["a"])), tmp_path / "out", plan)
