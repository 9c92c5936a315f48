"""Tcl for Innovus. Lengths are microns."""

from __future__ import annotations

from routenas.flow.exports.plan import Emitted, Plan
from routenas.flow.exports.tcl import comment, word
from routenas.look_up import entry

MEANINGS = {
    "max": "-density is the per cent of the box that cells may take, as the user of routenas stated.",
    "blocked": "-density is the per cent of the box that is kept from cells, as the user of routenas stated.",
}
"""Scripts of users take ``createPlaceBlockage -density`` for the one and for the other: the user has to say."""


def blockages(plan: Plan, *, density_means: str, density: float | None = None) -> Emitted:
    """Partial placement blockages that leave cells ``density`` per cent of a region, in steps of 5.

    ``density_means`` is one of `MEANINGS`.
    """
    meaning = entry("meaning of -density", MEANINGS, density_means)
    lines, undo = [], []
    for region in plan.areas:
        allowed = region.density(density, step=5)
        said = allowed if density_means == "max" else 100 - allowed
        for number, part in enumerate(region.parts, start=1):
            name = word(f"{region.name}_{number}")
            box = " ".join(plan.um(part))
            lines.append(f"createPlaceBlockage -type partial -density {said} -box {{{box}}} -name {name}")
            undo.append(f"deletePlaceBlockage {name}")
    what = "Partial placement blockages: source before place_opt_design. The box is less what is on macros."
    return _emitted(plan, (what, meaning), lines, undo)


def padding(plan: Plan, *, sites: int = 1, added_area: float = 0.1) -> Emitted:
    """Sites that stay free to the left and to the right of cells in regions; ``added_area`` caps as `Plan.padded`."""
    names = [name for _, names in plan.padded(sites, added_area) for name in names]
    lines = [f"specifyInstPad {word(name)} -left {sites} -right {sites}" for name in names]
    undo = [f"specifyInstPad {word(name)} -left 0 -right 0" for name in names]
    what = f"Padding of {len(names)} instances, in sites: source before place_opt_design or refinePlace."
    return _emitted(plan, (what,), lines, undo)


def _emitted(plan: Plan, what: tuple[str, ...], lines: list[str], undo: list[str]) -> Emitted:
    back = comment((*plan.provenance, f"Takes back what {plan.prefix} did."))
    return Emitted(
        comment((*plan.provenance, *what)) + "".join(f"{line}\n" for line in lines),
        back + "".join(f"{line}\n" for line in undo),
    )
