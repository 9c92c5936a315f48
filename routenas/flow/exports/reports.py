"""Reports that OpenROAD's DRC viewer shows: the regions as if a router had found a violation in each. Microns.

They only show: regions beyond the area that a :class:`Plan` may take, and parts on macros, are in them, too.
"""

from __future__ import annotations

import json

from routenas.flow.exports.plan import Emitted, HotRegion, Plan
from routenas.look_up import entry

SPELLINGS = {
    "current": "\tsrcs: \n\tcomment: {comment}\n\tbbox = ({x0}, {y0}) - ({x1}, {y1}) on Layer -\n",
    "2022": "  srcs: \n  bbox = ( {x0}, {y0} ) - ( {x1}, {y1} ) on Layer -\n",
}
"""How OpenROAD writes a record: now, and until 2023, when comments were not known."""


def drc(plan: Plan, *, spelling: str = "current") -> Emitted:
    """The report of ``detailed_route -output_drc``, in one of `SPELLINGS`.

    It has no place for a header: the kind of violation names the score, and comments the value of a region.
    """
    record = f"violation type: {plan.prefix}\n{entry('spelling', SPELLINGS, spelling)}"
    texts = []
    for number, region in enumerate(plan.regions, start=1):
        x0, y0, x1, y1 = plan.um(region.box)
        texts.append(record.format(comment=_comment(number, region), x0=x0, y0=y0, x1=x1, y1=y1))
    return Emitted("".join(texts))


def markers(plan: Plan) -> Emitted:
    """A category of markers of OpenROAD's database, as ``write_markers`` writes them; values stand in comments."""
    scale = plan.design.dbu_per_micron
    violations = [
        {
            "visited": False,
            "visible": True,
            "waived": False,
            "comment": _comment(number, region),
            "shape": [
                {
                    "type": "box",
                    "points": [{"x": x / scale, "y": y / scale} for x, y in (region.box[:2], region.box[2:])],
                }
            ],
        }
        for number, region in enumerate(plan.regions, start=1)
    ]
    hotspots = {"description": "predicted DRC hotspots, the worst first", "violations": violations}
    category = {"description": "; ".join(plan.provenance), "source": "routenas", "category": {"hotspots": hotspots}}
    return Emitted(json.dumps({plan.prefix: category}, indent=1) + "\n")


def _comment(number: int, region: HotRegion) -> str:
    cause = f", cause {region.cause}" if region.cause else ""
    return f"region {number}: score {region.score:.4f}, worst {region.worst:.4f}, {region.tiles} tiles{cause}"
