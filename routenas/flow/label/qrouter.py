"""qrouter, a maze router: Debian's package of version 1.4, in its Tcl mode without graphics.

Iteration 0 is its first stage, which routes each net once past those before; every further one is its second stage,
which rips up and routes anew what is in the way of failed nets, and then tries those that it gave up once more, so that
their wires show how far they came. A failed net is labelled where it is open, after the last iteration: wires that
``write_def`` has written once it leaves out of any later file, so of earlier iterations only the failed nets are known.
qrouter's own ``congested`` is no label: it is an estimate from the boxes of the nets, the same before routing as after.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from placement_data.design import LayerKind
from placement_data.errors import InputError
from placement_data.files import write_text
from placement_data.readers.def_.routes import read_routes
from routenas.flow.label.opens import open_report
from routenas.flow.label.router import Router, Task, reorder

_SCRIPT = """\
verbose 1
{lefs}
read_def placed.def
layers {layers}
proc save {{iteration}} {{
  set out [open failed-$iteration.txt w]
  foreach net [lsort -unique [failing]] {{puts $out $net}}
  close $out
}}
stage1
save 0
for {{set iteration 1}} {{$iteration <= {last}}} {{incr iteration}} {{
  if {{[llength [failing]]}} {{
    stage2 mask none
    foreach net [lsort -unique [failing]] {{stage1 route $net}}
  }}
  save $iteration
}}
write_def routed.def
quit
"""


def _prepare(folder: Path, task: Task) -> None:
    names = task.design.layers.name
    lowest = np.flatnonzero(task.design.layers.kind == LayerKind.ROUTING)[0]
    if task.layers[0] != lowest:
        low, high = names[task.layers[0]], names[task.layers[-1]]
        what = "qrouter cannot be kept off the lowest routing layer"
        raise InputError(what, found=f"routing layers {low}-{high}", expected=f"{names[lowest]}-{high}")
    reorder(folder, task.order, plain=True)
    lefs = "\n".join(f"read_lef lef-{i}.lef" for i in range(task.lefs))
    write_text(folder / "route.tcl", _SCRIPT.format(lefs=lefs, layers=len(task.layers), last=task.iteration))


def _collect(folder: Path, task: Task) -> dict[int, int]:
    failed: dict[int, list[str]] = {}
    for iteration in range(task.iteration + 1):
        path = folder / f"failed-{iteration}.txt"
        failed[iteration] = path.read_text(encoding="utf-8", errors="surrogateescape").split()
        path.unlink()
    routes = read_routes(folder / "routed.def")
    report = open_report(task.design, task.library, routes, failed[task.iteration])
    write_text(folder / f"iteration-{task.iteration}.drc", report)
    return {iteration: len(nets) for iteration, nets in failed.items()}


QROUTER = Router(
    name="qrouter",
    package="Debian's package qrouter",
    iteration=0,
    asks=("-nog", "-h"),
    version=re.compile(r"router version (\d[\d.]*\d)"),
    call=("-nog", "-s", "route.tcl"),
    prepare=_prepare,
    leaves=lambda last: [*(f"failed-{i}.txt" for i in range(last + 1)), "routed.def"],
    collect=_collect,
)
