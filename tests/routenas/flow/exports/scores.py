"""Made-up scores of a made-up layout with a macro, and a Tcl interpreter that records what a file asks of a tool."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from placement_data.design import Design
from placement_data.making import LayoutFiles, read_layout
from tests.placement_data.synthetic import synthetic_def, synthetic_lef

Box = tuple[int, int, int, int]
Call = tuple[str, ...]
NASTY = (
    "a\\[5\\]",
    "b{c",
    "d}e",
    "$f",
    "[exit]",
    'g"h',
    "i;j",
    "k#l",
    "m\\",
    "\u00fc\u4e2d\U0001f600",
    "-n",
    "~o",
    "{*}p",
)


@cache
def design_with_macro(seed: int = 5, origin: tuple[int, int] = (0, 0)) -> Design:
    """120 gates and a memory, 2000 database units per micron."""
    with TemporaryDirectory() as folder:
        lef, def_ = Path(folder) / "a.lef", Path(folder) / "a.def"
        lef.write_text(synthetic_lef())
        def_.write_text(synthetic_def(120, seed, origin=origin))
        return read_layout(LayoutFiles("def", def_, (lef,)))


def memory_box(design: Design) -> Box:
    row = design.cells.name.tolist().index("mem0")
    x0, y0, x1, y1 = design.cells.box[row].tolist()
    return x0, y0, x1, y1


def score_of(design: Design, boxes: Sequence[Box], **changes: Any) -> dict[str, Any]:
    """A score whose regions are boxes in database units, the first the worst."""
    scale = design.dbu_per_micron
    regions = [
        {
            "box_um": [edge / scale for edge in box],
            "score": 0.9 - 0.01 * number,
            "max": 0.95 - 0.01 * number,
            "tiles": 4 + number,
        }
        for number, box in enumerate(boxes)
    ]
    return {
        "schema": "routenas.score/1",
        "routenas": "0.1.0",
        "design": design.name,
        "inputs": {"a b\\": "0123abcd"},
        "models": [{"task": "hotspots", "architecture": {"hash": "feed"}, "test_metrics": {"x": 1.0}}],
        "tile_um": 1.4,
        "routing_layers": None,
        "hotspots": {"threshold": 0.3, "max": 0.95},
        "regions": regions,
        "timing": {"parse_s": 1.0},
        **changes,
    }


# Words are printed as hexadecimal UTF-8; of an argument that is a list, each element.
_RECORDER = r"""
proc hex {text} { binary encode hex [encoding convertto utf-8 $text] }
proc record {name args} {
  set line [hex $name]
  set before ""
  foreach arg $args {
    if {$before in {-region -instances -box}} {
      foreach element $arg { append line " " [hex $element] }
    } else {
      append line " " [hex $arg]
    }
    set before $arg
  }
  puts $line
}
proc set_placement_padding args { record set_placement_padding {*}$args }
proc set_global_routing_region_adjustment {box args} {
  record set_global_routing_region_adjustment {*}$box {*}$args
}
proc createPlaceBlockage args { record createPlaceBlockage {*}$args }
proc deletePlaceBlockage args { record deletePlaceBlockage {*}$args }
proc specifyInstPad args { record specifyInstPad {*}$args }

# A database with blockages and obstructions.
set dbu %d
set made 0
set objects [dict create]
proc make {kind box value} {
  set name ${kind}[incr ::made]
  set corners [lmap edge $box { expr {int(round($edge * $::dbu))} }]
  dict set ::objects $name [list $kind $corners $value]
  interp alias {} $name {} method $name
  return $name
}
proc method {name what} {
  lassign [dict get $::objects $name] kind corners value
  switch $what {
    getBBox { interp alias {} box:$name {} corner $name; return box:$name }
    getMaxDensity { return [expr {double($value)}] }
  }
}
proc corner {name what} {
  lassign [dict get $::objects $name] kind corners value
  switch $what {
    getTechLayer { interp alias {} layer:$name {} layer $value; return layer:$name }
    default { return [lindex $corners [lsearch {xMin yMin xMax yMax} $what]] }
  }
}
proc layer {value what} { return $value }
namespace eval ord {}
namespace eval odb {}
proc ord::get_db_block {} { return block }
proc of_kind {kind} { dict keys [dict filter $::objects script {name object} { expr {[lindex $object 0] eq $kind} }] }
proc block {what} { of_kind [expr {$what eq "getBlockages" ? "blockage" : "obstruction"}] }
proc create_blockage args {
  record create_blockage {*}$args
  make blockage [dict get $args -region] [dict get $args -max_density]
}
proc create_obstruction args {
  record create_obstruction {*}$args
  make obstruction [dict get $args -region] [dict get $args -layer]
}
proc odb::dbBlockage_destroy {name} { dict unset ::objects $name }
proc odb::dbObstruction_destroy {name} { dict unset ::objects $name }
"""


def run_tcl(tmp_path: Path, *files: str, dbu: int = 2000, locale: str = "C", quiet: bool = True) -> list[Call]:
    """What files of Tcl, one after the other, ask of the tools, as words; real Tcl runs them.

    A file may use ``record WORD ...`` of its own. Lines of the programs that files run are left out unless ``quiet``,
    where there must be none.
    """
    tclsh = shutil.which("tclsh")
    if tclsh is None:
        pytest.skip("no tclsh (Debian: tcl)")
    script = _RECORDER.replace("set dbu %d", f"set dbu {dbu}")
    for number, text in enumerate(files):
        path = tmp_path / f"file{number}.tcl"
        path.write_text(text)
        script += f"source {path}\n"
    main = tmp_path / "main.tcl"
    main.write_text(script)
    done = subprocess.run([tclsh, str(main)], capture_output=True, text=True, env={"LC_ALL": locale})
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    recorded = lines if quiet else [line for line in lines if re.fullmatch("[0-9a-f ]+", line)]
    return [tuple(map(_word, line.split(" "))) for line in recorded]


def _word(text: str) -> str:
    """A word; Tcl 8 writes a letter beyond 16 bits as two surrogates."""
    halves = bytes.fromhex(text).decode("utf-8", "surrogatepass")
    return halves.encode("utf-16", "surrogatepass").decode("utf-16")


LEFT = "foreach object [dict values $objects] { record {*}$object }\n"
"""Records kind, corners and value of what is in the database."""
