"""A small design, synthesised by yosys, placed by coloquinte, routed by the real qrouter, and read back as labels."""

from __future__ import annotations

import gzip
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from placement_data.ingest import ingest
from placement_data.manifest import read_manifest
from placement_data.readers import read_def, read_lef
from placement_data.store import Store
from routenas.flow.label.labelling import Labelled, label
from routenas.flow.label.routing import Plan

pytest.importorskip("coloquinte", reason="coloquinte, the placer, is not installed")
small_designs = pytest.importorskip("benchmarks.small_designs")
if small_designs.missing() or not shutil.which("qrouter"):
    pytest.skip(f"{small_designs.missing() or 'qrouter'} is not installed", allow_module_level=True)

SAMPLE = "crossbar4-u90-s0"


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Labelled, Path]:
    folder = tmp_path_factory.mktemp("qrouter")
    manifest = small_designs.write(folder / "placed", ["crossbar4"], [0.9], [0])
    return label(read_manifest(manifest), folder / "out", Plan.of("qrouter", iteration=1, orders=2)), folder


def test_what_qrouter_fails_is_the_label(labelled: tuple[Labelled, Path]) -> None:
    done, folder = labelled
    one = done.samples[0].routed[0]
    assert (one.cells, one.nets) == (127, 159)
    assert one.routing_layers == "metal1-metal3"
    log = (folder / f"out/routed/{SAMPLE}/order-0/log.txt").read_text()
    assert one.violated_nets[0] == int(re.search(r"Stage 1 total.*\nFailed net routes: (\d+)", log)[1])  # type: ignore[index]
    first, last = one.violated_nets
    assert first is not None
    assert last is not None
    assert 10 < first < 100
    assert last < first / 2  # it rips up and routes anew
    assert [routed.order for routed in done.samples[0].routed] == [0, 1]


def test_open_pins_are_those_that_the_wires_do_not_reach(labelled: tuple[Labelled, Path]) -> None:
    """Independent of what qrouter says: a net of which some pins touch no wire has failed, in a report of such pins."""
    _, folder = labelled
    routed = folder / f"out/routed/{SAMPLE}/order-0"
    text = gzip.decompress((routed / "routed.def.gz").read_bytes()).decode()
    nets = text[text.index("\nNETS") : text.index("END NETS")]
    bare = set(re.findall(r"^- (\S+)\n[^;+]*;", nets, re.MULTILINE))  # no wire at all
    reported = set(re.findall(r"net:(\S+)", (routed / "iteration-1.drc").read_text()))
    assert bare <= reported
    manhattan = 0
    for path in re.split("NEW|ROUTED", nets):
        at: list[int] = []
        for texts in re.findall(r"\( (\d+|\*) (\d+|\*) \)", path):
            to = [int(text) if text != "*" else at[axis] for axis, text in enumerate(texts)]
            manhattan += sum(abs(a - b) for a, b in zip(at, to, strict=False))
            at = to
    facts = json.loads((routed / "result.json").read_text())
    assert facts["wirelength_um"] == manhattan / 1000
    assert facts["vias"] == len(re.findall(r"M\d_M\d", nets))


def test_wires_connect_what_is_not_reported(labelled: tuple[Labelled, Path]) -> None:
    """qrouter's list of failed nets against the geometry of its wires, which tell the same but for a few nets."""
    from placement_data.readers.def_.routes import read_routes
    from routenas.flow.label.opens import open_report

    _, folder = labelled
    routed = folder / f"out/routed/{SAMPLE}/order-0"
    library = read_lef([small_designs.LEF])
    design, routes = read_def(folder / f"placed/{SAMPLE}.def", library), read_routes(routed / "routed.def.gz")
    reported = set(re.findall(r"net:(\S+)", (routed / "iteration-1.drc").read_text()))
    pins = np.diff(design.nets.pin_offset)
    whole = 0
    for name, count in zip(design.nets.name, pins, strict=True):
        if name not in reported:  # taken as failed, a connected net has all of its pins reported
            whole += open_report(design, library, routes, [name]).count("Open") == count
    assert whole >= 0.98 * (len(pins) - len(reported))


def test_its_manifest_is_ingested(labelled: tuple[Labelled, Path]) -> None:
    done, folder = labelled
    rows = read_manifest(folder / "out/manifest.csv")
    ingest(rows, folder / "data.h5")
    sample = Store(folder / "data.h5")[0]
    one = done.samples[0]
    assert sample.label_kind == f"qrouter-{one.routed[0].version}/metal1-metal3/iteration-1"
    assert sample.violated_nets == one.violated_nets[0]
    assert sample.repeat_violated_nets == tuple(one.violated_nets[1:])
    assert sample.hotspots is not None
    assert int(sample.hotspots.sum()) == one.routed[0].hot_tiles
    assert one.agreement_of_use is not None
    assert one.agreement_of_use > 0.5
    use = np.genfromtxt(one.folders[0] / "congestion.csv", delimiter=",", skip_header=1, usecols=1)
    assert len(use) == 127
    assert 0 < use.mean() < 1
