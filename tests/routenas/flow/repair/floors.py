"""Made-up placed layouts with all that forbids a place, as LEF and DEF; and who is legal where, worked out slowly."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from placement_data.design import Design, MasterClass, RegionKind, Status

SITE, ROW = 200, 1000  # database units; 1000 a micron
Box = tuple[int, int, int, int]
MIRRORED, UPSIDE_DOWN = ("S", "FN"), ("S", "FS")


def lef() -> str:
    """Cells of one to four sites, one of two rows, one that must not be mirrored, one that no row may turn, a block."""
    cells = [(f"W{n}", n, 1, "X Y") for n in (1, 2, 3, 4)] + [
        ("TALL", 2, 2, "X Y"),
        ("STIFF", 2, 1, "X"),
        ("N", 2, 1, ""),
    ]
    text = [
        "VERSION 5.8 ;\nUNITS\n DATABASE MICRONS 1000 ;\nEND UNITS",
        "LAYER m1\n TYPE ROUTING ;\n DIRECTION HORIZONTAL ;\n PITCH 0.2 ;\n WIDTH 0.1 ;\nEND m1",
        "LAYER m2\n TYPE ROUTING ;\n DIRECTION VERTICAL ;\n PITCH 0.2 ;\n WIDTH 0.1 ;\nEND m2",
        f"SITE core\n CLASS CORE ;\n SIZE {SITE / 1000} BY {ROW / 1000} ;\nEND core",
        f"SITE odd\n CLASS CORE ;\n SIZE {SITE / 1000} BY {ROW / 500} ;\nEND odd",
    ]
    for name, width, height, symmetry in cells:
        text.append(
            f"MACRO {name}\n CLASS CORE ;\n SIZE {width * SITE / 1000} BY {height * ROW / 1000} ;\n"
            + (f" SYMMETRY {symmetry} ;\n" if symmetry else "")
            + " SITE core ;\n"
            + _pin("A", "INPUT", "0.05 0.2 0.1 0.3")
            + _pin("Y", "OUTPUT", f"{width * 0.2 - 0.1} 0.6 {width * 0.2 - 0.05} 0.7")
            + f"END {name}"
        )
    text.append("MACRO FILL\n CLASS CORE SPACER ;\n SIZE 0.2 BY 1 ;\n SITE core ;\nEND FILL")
    text.append(
        "MACRO BLOCK\n CLASS BLOCK ;\n SIZE 1.5 BY 2.3 ;\n" + _pin("A", "INPUT", "0.5 0.5 0.6 0.6") + "END BLOCK"
    )
    return "\n".join([*text, "END LIBRARY\n"])


def _pin(name: str, direction: str, box: str) -> str:
    return f" PIN {name}\n  DIRECTION {direction} ;\n  PORT\n   LAYER m1 ;\n    RECT {box} ;\n  END\n END {name}\n"


@dataclass
class Drawing:
    """A layout that is being drawn."""

    rows: int
    sites: int
    x: int
    y: int
    rng: random.Random
    full: set[tuple[int, int]] = field(default_factory=set)
    components: list[tuple[str, str, int, int, str, str]] = field(default_factory=list)

    def turn(self, row: int) -> str:
        return "FS" if row % 2 else "N"

    def put(self, master: str, width: int, height: int, row: int, site: int, status: str = "PLACED") -> bool:
        """Place a cell where there is room."""
        wanted = {(row + level, site + step) for level in range(height) for step in range(width)}
        if wanted & self.full or row + height > self.rows or site + width > self.sites:
            return False
        self.full |= wanted
        over = self.turn(row) == "FS"
        mirrored = self.rng.random() < 0.5 and master not in ("STIFF", "N")
        turn = ("S" if mirrored else "FS") if over else ("FN" if mirrored else "N")
        self.add(master, self.x + site * SITE, self.y + row * ROW, turn, status)
        return True

    def add(self, master: str, x: int, y: int, turn: str, status: str = "PLACED") -> None:
        self.components.append((f"u{len(self.components)}", master, x, y, turn, status))


def def_text(seed: int, rows: int = 8, sites: int = 40) -> str:
    """A legal placement but for a cell off its site, two that overlap and one in the wrong orientation.

    There are a fence with its group, a guide, hard, soft and partial blockages, fixed cells, fillers, a block with a
    halo and a row that is cut.
    """
    rng = random.Random(seed)
    # Rows begin on no multiple of the sites.
    d = Drawing(rows, sites, 130, 70, rng)
    fence = (d.x + 2 * SITE, d.y, d.x + 14 * SITE + 60, d.y + 3 * ROW)  # ends within a site
    block = (d.x + 20 * SITE + 30, d.y + 3 * ROW + 100)
    boxes = [(d.x + 30 * SITE + 50, d.y, d.x + 33 * SITE, d.y + 2 * ROW - 10)]
    boxes += [(d.x, d.y + 6 * ROW, d.x + 3 * SITE, d.y + 7 * ROW), (d.x, d.y + 4 * ROW, d.x + 2 * SITE, d.y + 5 * ROW)]
    cut = {(5, site) for site in range(8, 12)} | {(row, 14) for row in range(3)}
    shut = [*boxes, (block[0] - 100, block[1] - 50, block[0] + 1600, block[1] + 2300)]
    d.full = cut | {place for box in shut for place in _sites_of(d, box)}
    closed = set(d.full)
    in_fence = set(_sites_of(d, fence)) - cut
    odd = {(rows - 1, site) for site in range(sites - 9, sites)}
    d.full |= odd
    members: list[str] = []
    masters = [("W1", 1, 1), ("W2", 2, 1), ("W3", 3, 1), ("W4", 4, 1), ("TALL", 2, 2), ("STIFF", 2, 1), ("N", 2, 1)]
    for _ in range(rows * sites // 4):
        name, width, height = rng.choice(masters)
        row, site = rng.randrange(rows), rng.randrange(sites)
        if name == "N" and row % 2:
            continue
        wanted = {(row + level, site + step) for level in range(height) for step in range(width)}
        inside = len(wanted & in_fence)
        status = "FIXED" if rng.random() < 0.1 else "PLACED"
        if inside in (0, len(wanted)) and d.put(name, width, height, row, site, status) and inside:
            members.append(d.components[-1][0])
    for _ in range(4):
        d.put("FILL", 1, 1, rng.randrange(rows), rng.randrange(sites))
    last = d.y + (rows - 1) * ROW
    right = d.x + sites * SITE
    d.add("W2", right - 8 * SITE + 7, last, d.turn(rows - 1))  # off its site
    d.add("W2", right - 5 * SITE, last, d.turn(rows - 1))
    d.add("W2", right - 4 * SITE, last, d.turn(rows - 1))  # on the one before
    d.add("W1", right - SITE, last, "N" if rows % 2 == 0 else "FS")  # upside down
    d.add("BLOCK", *block, "N", "FIXED")
    assert not closed & in_fence
    return _written(d, fence, boxes, members, rng)


def _sites_of(d: Drawing, box: Box) -> list[tuple[int, int]]:
    """Sites that a box touches."""
    return [
        (row, site)
        for row in range(d.rows)
        for site in range(d.sites)
        if d.x + site * SITE < box[2]
        and d.x + (site + 1) * SITE > box[0]
        and d.y + row * ROW < box[3]
        and d.y + (row + 1) * ROW > box[1]
    ]


def _written(d: Drawing, fence: Box, boxes: Sequence[Box], members: Sequence[str], rng: random.Random) -> str:
    def rect(box: Box) -> str:
        return f"( {box[0]} {box[1]} ) ( {box[2]} {box[3]} )"

    rows = []
    for row in range(d.rows):
        spans = [(0, d.sites)]
        if row == 5:
            spans = [(0, 8), (12, d.sites)]
        rows += [
            f"ROW r{row}_{first} core {d.x + first * SITE} {d.y + row * ROW} {d.turn(row)} "
            f"DO {last - first} BY 1 STEP {SITE} 0 ;"
            for first, last in spans
        ]
    rows.append(f"ROW other odd {d.x + 3 * SITE} {d.y + 50} N DO 4 BY 1 STEP {SITE} 0 ;")
    guide = (d.x + 25 * SITE + 60, d.y + 5 * ROW, d.x + 38 * SITE, d.y + 7 * ROW)
    guided = [c[0] for c in d.components if c[1] == "W1" and c[0] not in members][:3]
    lines = [
        f"- {name} {master}{' + SOURCE DIST' if rng.random() < 0.2 else ''} + {status} ( {x} {y} ) {turn}"
        + (" + HALO 100 50 100 0" if master == "BLOCK" else "")
        + ("\n  + WEIGHT 3" if rng.random() < 0.2 else "")
        + (";" if rng.random() < 0.1 else " ;")
        for name, master, x, y, turn, status in d.components
    ]
    wired = [c[0] for c in d.components if c[1] != "FILL"]
    pins = [(name, "A") for name in wired] + [(name, "Y") for name in wired[:-1]]
    rng.shuffle(pins)
    nets = [pins[at : at + 4] for at in range(0, len(pins), 4)]
    text = [
        f"- n{number} {' '.join(f'( {cell} {pin} )' for cell, pin in net)}"
        + (" + ROUTED m1 ( 0 0 ) ( 100 * )" if number == 1 else "")
        + " ;"
        for number, net in enumerate(nets)
    ]
    kinds = ("", " + SOFT", " + PARTIAL 40")
    blockages = [f"- PLACEMENT{kind} RECT {rect(box)} ;" for kind, box in zip(kinds, boxes, strict=True)]
    return "\n".join([
        "VERSION 5.8 ;", "DESIGN one ;", "UNITS DISTANCE MICRONS 1000 ;",
        f"DIEAREA ( 0 0 ) ( {d.x + d.sites * SITE + 100} {d.y + d.rows * ROW + 100} ) ;",
        "# - u0 W1 + PLACED ( 1 1 ) N ;", *rows,
        f"REGIONS 2 ;\n- f {rect(fence)} + TYPE FENCE ;\n- g {rect(guide)} + TYPE GUIDE ;\nEND REGIONS",
        f"COMPONENTS {len(lines)} ;", *lines, "END COMPONENTS",
        f"BLOCKAGES {len(blockages)} ;", *blockages, "END BLOCKAGES",
        f"NETS {len(text)} ;", *text, "END NETS",
        "GROUPS 2 ;", f"- gf {' '.join(members)} + REGION f ;", f"- gg {' '.join(guided)} + REGION g ;", "END GROUPS",
        "END DESIGN\n",
    ])  # fmt: skip


# --- the slow check -----------------------------------------------------------------------------------------------


def _met(a: Sequence[int], b: Sequence[int]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _in(a: Sequence[int], b: Sequence[int]) -> bool:
    return a[0] >= b[0] and a[1] >= b[1] and a[2] <= b[2] and a[3] <= b[3]


def illegal(design: Design, cell: int) -> list[str]:
    """What is wrong with where a cell lies, of all that a design says, by comparing it with everything else.

    A region's boxes are taken one by one, so a cell across two boxes of one region counts as outside.
    """
    names = ("N", "W", "S", "E", "FN", "FW", "FS", "FE")
    cells, masters, rows = design.cells, design.masters, design.rows
    box = cells.box[cell].tolist()
    turn = names[cells.orientation[cell]]
    wrong = [] if _in(box, design.die.tolist()) else ["off the die"]
    sizes = {
        str(name): (round(width * design.dbu_per_micron), round(height * design.dbu_per_micron))
        for name, width, height in zip(design.sites.name, design.sites.width, design.sites.height, strict=True)
    }
    own = str(masters.site[cells.master[cell]])
    height = sizes[own][1]
    for level in range((box[3] - box[1]) // height):
        found = False
        for row in range(len(rows.name)):
            x, y = rows.origin[row].tolist()
            last = x + (int(rows.count[row, 0]) - 1) * int(rows.step[row, 0]) + sizes[str(rows.site[row])][0]
            if str(rows.site[row]) == own and y == box[1] + level * height and x <= box[0] and box[2] <= last:
                on_site = (box[0] - x) % int(rows.step[row, 0]) == 0
                over = names[rows.orientation[row]] in UPSIDE_DOWN
                found |= on_site and (level > 0 or over == (turn in UPSIDE_DOWN))
        if not found:
            wrong.append(f"on no row at level {level}")
    symmetry = int(masters.symmetry[cells.master[cell]])
    if (turn in MIRRORED and not symmetry & 2) or (turn in UPSIDE_DOWN and not symmetry & 1):
        wrong.append("turned as it must not be")
    halos = {int(one): width for one, width in zip(cells.halo_cell, cells.halo.tolist(), strict=True)}
    for other in range(len(cells.name)):
        if other != cell and cells.status[other] != Status.UNPLACED:
            left, bottom, right, top = halos.get(other, (0, 0, 0, 0))
            x0, y0, x1, y1 = cells.box[other].tolist()
            if _met(box, (x0 - left, y0 - bottom, x1 + right, y1 + top)):
                wrong.append(f"on {cells.name[other]}")
    wrong += ["in a blockage" for layer, b in zip(design.blockages.layer, design.blockages.box, strict=True)
              if layer == "" and _met(box, b.tolist())]  # fmt: skip
    regions = design.regions
    for region in range(len(regions.name)):
        parts = regions.box[regions.box_offset[region] : regions.box_offset[region + 1]].tolist()
        member = cell in regions.cell[regions.cell_offset[region] : regions.cell_offset[region + 1]]
        if regions.kind[region] == RegionKind.FENCE:
            if member and not any(_in(box, part) for part in parts):
                wrong.append("out of its fence")
            if not member and any(_met(box, part) for part in parts):
                wrong.append("in a fence of others")
    return wrong


def may_move(design: Design, cell: int) -> bool:
    """Whether a cell is one that nothing forbids to move, but for what its place says."""
    kind = design.masters.kind[design.cells.master[cell]]
    filler = design.masters.subclass[design.cells.master[cell]] == "SPACER"
    return bool(design.cells.status[cell] == Status.PLACED and kind == MasterClass.CORE and not filler)
