"""OpenROAD: its global and detailed routers, by a script that releases from 2022 to 2026 take.

Options that only some releases know are given to those that know them. The seed of the detailed router's net order
(``-or_seed``) goes with the order of the nets in the DEF.
"""

from __future__ import annotations

import re
from pathlib import Path

from placement_data.files import write_text
from routenas.flow.label.router import Router, Task, reorder

_SCRIPT = """\
# Whether this release knows an option of a command.
proc knows {{command option}} {{
  if {{![info exists ::sta::cmd_args($command)]}} {{return 0}}
  foreach text [list "\\[$option " "\\[$option\\]"] {{
    if {{[string first $text $::sta::cmd_args($command)] >= 0}} {{return 1}}
  }}
  return 0
}}
{lefs}
read_def placed.def
set_thread_count 1
set_routing_layers -signal {{{low}-{high}}}
set options {{-guide_file route.guide -congestion_report_file congestion.rpt}}
if {{[knows global_route -allow_congestion]}} {{lappend options -allow_congestion}}
global_route {{*}}$options
set options {{-output_drc violations.drc -droute_end_iter {last} -verbose 1}}
if {{[knows detailed_route -guide]}} {{lappend options -guide route.guide}}
if {{[knows detailed_route -drc_report_iter_step]}} {{lappend options -drc_report_iter_step 1}}
if {{[knows detailed_route -bottom_routing_layer]}} {{
  lappend options -bottom_routing_layer {{{low}}} -top_routing_layer {{{high}}}
}}
if {{{order} && [knows detailed_route -or_seed]}} {{lappend options -or_seed {order} -or_k 1}}
detailed_route {{*}}$options
write_def routed.def
exit
"""


def _prepare(folder: Path, task: Task) -> None:
    reorder(folder, task.order, plain=False)
    names = task.design.layers.name
    text = _SCRIPT.format(
        lefs="\n".join(f"read_lef lef-{i}.lef" for i in range(task.lefs)),
        low=names[task.layers[0]],
        high=names[task.layers[-1]],
        last=task.iteration,
        order=task.order,
    )
    write_text(folder / "route.tcl", text)


def _collect(folder: Path, task: Task) -> dict[int, int]:
    """The last report, and those of earlier iterations where the release writes them (``FILE-1.rpt``)."""
    last = folder / "violations.drc"
    for path in folder.glob("violations.drc-*.rpt"):
        path.rename(folder / f"iteration-{path.stem.rpartition('-')[2]}.drc")
    last.rename(folder / f"iteration-{task.iteration}.drc")
    return {}


OPENROAD = Router(
    name="openroad",
    package="https://github.com/The-OpenROAD-Project/OpenROAD",
    iteration=2,
    asks=("-version",),
    version=re.compile(r"^(?:OpenROAD )?(v?\d\S*|[0-9a-f]{7,40})", re.MULTILINE),
    call=("-no_init", "-no_splash", "-exit", "route.tcl"),
    prepare=_prepare,
    leaves=lambda _: ("violations.drc", "routed.def"),
    collect=_collect,
)
