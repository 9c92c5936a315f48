"""Tcl for OpenROAD: one file a measure, because each belongs at another place of a flow. Lengths are microns.

Of OpenROAD's documentation: `create_blockage` and `create_obstruction` (odb), `set_placement_padding` (dpl),
`set_global_routing_region_adjustment` (grt). Densities there are per cent that may be used, 0 to 100.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from placement_data.errors import SettingError
from placement_data.layer_range import signal_layers
from routenas.flow.exports.plan import Emitted, Plan
from routenas.flow.exports.tcl import comment, word, words
from routenas.look_up import entry

LEGALISERS = {
    "diamond-only": (
        "The build is from before 2026, where the diamond search is the one legaliser:",
        "padded sites stay empty of other cells; detailed_placement fails where it finds no room for them.",
    ),
    "diamond": (
        "The build is from 2026 or later, whose legaliser by default is another; the diamond search is asked for here.",
        "OpenROAD-flow-scripts hand DETAIL_PLACEMENT_ARGS on; in a script of your own write",
        "'detailed_placement -use_diamond_legalizer' (-use_old_diamond for some weeks of April 2026).",
        "Padded sites stay empty of other cells; detailed_placement fails where it finds no room for them.",
    ),
    "negotiation": (
        "The build is from 2026 or later, with its default legaliser, which negotiates for sites:",
        "padding is one of the checks whose violations it makes dearer, not room that is taken beforehand; it may end",
        "with some of the padding not kept (warning DPL-0701), and cells next to endcaps need not keep any.",
    ),
}
"""What padding means to each legaliser that a build of OpenROAD may have."""

_ARGS = "::env(DETAIL_PLACEMENT_ARGS)"


def blockages(plan: Plan, *, density: float | None = None) -> Emitted:
    """Placement blockages that leave cells ``density`` per cent of a region: before global placement."""
    made = [(region.density(density), part) for region in plan.areas for part in region.parts]
    lines = [f"create_blockage -region {_box(plan, box)} -max_density {percent}" for percent, box in made]
    boxes = [" ".join(map(str, (*box, percent))) for percent, box in made]
    undo = (
        f"set boxes {words(boxes)}",
        "foreach blockage [[ord::get_db_block] getBlockages] {",
        "  set box [$blockage getBBox]",
        "  set found [list [$box xMin] [$box yMin] [$box xMax] [$box yMax] [expr {int([$blockage getMaxDensity])}]]",
        "  if {$found in $boxes} { odb::dbBlockage_destroy $blockage }",
        "}",
    )
    what = "Placement blockages: source before global_placement."
    return _emitted(plan, "blockages", (what, *_density_note(density)), lines, undo)


def obstructions(plan: Plan, *, layers: str) -> Emitted:
    """Routing obstructions of whole regions on ``layers`` (as metal5-metal6): before global routing."""
    names = _layer_names(plan, layers)
    made = [(name, part) for region in plan.areas for part in region.parts for name in names]
    lines = [f"create_obstruction -layer {word(name)} -region {_box(plan, box)}" for name, box in made]
    boxes = [" ".join(map(str, (*box, name))) for name, box in made]
    undo = (
        f"set boxes {words(boxes)}",
        "foreach obstruction [[ord::get_db_block] getObstructions] {",
        "  set box [$obstruction getBBox]",
        "  set found [list [$box xMin] [$box yMin] [$box xMax] [$box yMax] [[$box getTechLayer] getName]]",
        "  if {[join $found] in $boxes} { odb::dbObstruction_destroy $obstruction }",
        "}",
    )
    what = (
        "Routing obstructions: source before global_route. Nothing is routed in these regions on these layers at all,",
        "supplies neither: leave out layers on which pins of cells or the power grid lie.",
    )
    return _emitted(plan, "obstructions", what, lines, undo)


def adjustments(plan: Plan, *, adjustment: float = 0.3, layers: str = "") -> Emitted:
    """Share of the global router's capacity that is taken from a region: before global routing."""
    if not 0 < adjustment <= 1:
        raise SettingError("the adjustment cannot be used", found=str(adjustment), expected="more than 0, at most 1")
    names = _layer_names(plan, layers or plan.routing_layers)
    command = "set_global_routing_region_adjustment"
    lines = [
        f"{command} {_box(plan, part)} -layer {word(name)} -adjustment {adjustment:g}"
        for region in plan.areas
        for part in region.parts
        for name in names
    ]
    what = (
        "Adjustments of the global router's capacity: source before global_route. They keep wires out.",
        "OpenROAD has no command that takes them back: start again from a database of before.",
    )
    return _emitted(plan, "adjustments", what, lines, ())


def padding(plan: Plan, *, legaliser: str, sites: int = 1, added_area: float = 0.1) -> Emitted:
    """Sites that stay free to the left and to the right of cells in regions: before legalisation.

    ``legaliser`` is one of `LEGALISERS`; ``added_area`` is the cap of :meth:`Plan.padded`.
    """
    meaning = entry("legaliser", LEGALISERS, legaliser)
    cells = [names for _, names in plan.padded(sites, added_area)]
    lines = [f"set_placement_padding -left {sites} -right {sites} -instances {words(names)}" for names in cells]
    undo = [f"set_placement_padding -left 0 -right 0 -instances {words(names)}" for names in cells]
    if legaliser == "diamond":
        lines.append(f"append {_ARGS} {{ -use_diamond_legalizer}}")
        without = f"[string map [list {{ -use_diamond_legalizer}} {{}}] ${_ARGS}]"
        undo.append(f"if {{[info exists {_ARGS}]}} {{ set {_ARGS} {without} }}")
    what = (
        f"Placement padding of {sum(map(len, cells))} cells: source before detailed_placement.",
        *meaning,
        "set_placement_padding is for detailed placement: global_placement has -pad_left and -pad_right of its own,",
        "for all cells alike. Padding of instances replaces that of -global and -masters for them.",
    )
    after = ("Padding is 0 then, and not what -global or -masters say: OpenROAD cannot forget an instance's own.",)
    return _emitted(plan, "padding", what, lines, undo, after)


def _density_note(density: float | None) -> tuple[str, ...]:
    if density is not None:
        return ("-max_density is the per cent of the region that cells may take, as stated.",)
    return ("-max_density is the per cent of the region that cells may take: a tenth less than they take now.",)


def _box(plan: Plan, box: tuple[int, int, int, int]) -> str:
    return f"{{{' '.join(plan.um(box))}}}"


def _layer_names(plan: Plan, layers: str) -> list[str]:
    """Names of routing layers. Raises ``InputError`` for layers that there are not."""
    return [str(plan.design.layers.name[row]) for row in signal_layers(plan.design, layers)]


def _emitted(
    plan: Plan, kind: str, what: Iterable[str], lines: Sequence[str], undo: Sequence[str], undone: Sequence[str] = ()
) -> Emitted:
    """A file that is refused a second time, and the one that takes it back, where ``undo`` says how."""
    applied = f"::{plan.prefix}_{kind}"
    guard = f'if {{[info exists {applied}]}} {{ error "{plan.prefix}_{kind} was applied before" }}\nset {applied} 1\n'
    text = comment((*plan.provenance, *what)) + guard + "".join(f"{line}\n" for line in lines)
    if not undo:
        return Emitted(text)
    head = comment((*plan.provenance, f"Takes back what {plan.prefix}_{kind} did, in a later session too.", *undone))
    return Emitted(text, head + "".join(f"{line}\n" for line in undo) + f"unset -nocomplain {applied}\n")
