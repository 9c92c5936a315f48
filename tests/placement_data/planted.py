"""Made-up placements with one thing wrong in one place: a blocked track, a pin cluster, a bundle of long nets.

The rest is as ``synthetic`` makes it. What is wrong is legal DEF that any tool reads.
"""

from __future__ import annotations

import re
from typing import Literal

from tests.placement_data.synthetic import GATES, SITE_WIDTH, synthetic_def, synthetic_lef

Fault = Literal["blocked tracks", "pin cluster", "long nets"]
Box = tuple[int, int, int, int]
_EXTRA = 6
_COMPONENT = re.compile(r"^- (\S+) (\S+) \+ PLACED \( (\d+) (\d+) \)", re.MULTILINE)


def planted_lef() -> str:
    """The library of ``synthetic``, with a twin ``X_P`` of each gate X that has more pins on the same area."""
    text = synthetic_lef()
    twins = []
    for gate in GATES:
        start = text.index(f"MACRO {gate.name}\n")
        end = text.index(f"END {gate.name}\n", start) + len(f"END {gate.name}\n")
        pins = "".join(
            f"  PIN E{number}\n    DIRECTION INOUT ;\n    USE SIGNAL ;\n    PORT\n      LAYER metal1 ;\n"
            f"        RECT {x:.4g} 0.98 {x + 0.04:.4g} 1.1 ;\n    END\n  END E{number}\n"
            for number, x in enumerate((0.02 + number * gate.sites * 0.19 / _EXTRA) for number in range(_EXTRA))
        )
        twin = text[start:end].replace(f"END {gate.name}", f"{pins}END {gate.name}")
        twins.append(twin.replace(f" {gate.name}\n", f" {gate.name}_P\n") + "\n")
    return text.replace("END LIBRARY\n", "".join(twins) + "END LIBRARY\n")


def planted_def(cells: int, seed: int, faults: dict[Fault, Box], name: str = "planted") -> str:
    """A placement of so many cells with faults in boxes of database units; long nets run from side to side."""
    text = synthetic_def(cells, seed, utilization=0.6, memory=False, name=name)
    for fault, box in faults.items():
        text = {"blocked tracks": blocked, "pin cluster": cluster, "long nets": long_nets}[fault](text, box)
    return text


def blocked(text: str, box: Box) -> str:
    """The tracks of three layers are blocked in the box."""
    x0, y0, x1, y1 = box
    lines = "".join(f"- LAYER metal{level} RECT ( {x0} {y0} ) ( {x1} {y1} ) ;\n" for level in (2, 3, 4))
    return text.replace("END DESIGN", f"BLOCKAGES 3 ;\n{lines}END BLOCKAGES\nEND DESIGN")


def cluster(text: str, box: Box) -> str:
    """The gates in the box become their twins, and each one's extra pins are wired to those of the next."""
    x0, y0, x1, y1 = box
    chosen = [
        name for name, master, x, y in _COMPONENT.findall(text)
        if x0 <= int(x) < x1 - 4 * SITE_WIDTH and y0 <= int(y) < y1 and master in {gate.name for gate in GATES}
    ]  # fmt: skip
    for name in chosen:
        text = re.sub(rf"^- {name} (\S+) ", rf"- {name} \1_P ", text, count=1, flags=re.MULTILINE)
    nets = [
        f"- extra{index}_{pin} ( {name} E{pin} ) ( {other} E{pin} ) ;"
        for index, (name, other) in enumerate(zip(chosen[::2], chosen[1::2], strict=False))
        for pin in range(_EXTRA)
    ]
    return more(text, "NETS", nets)


def long_nets(text: str, box: Box, step: int = 280) -> str:
    """Nets from the left to the right side of the die, one a track, at the heights of the box."""
    _, y0, _, y1 = box
    found = re.search(r"DIEAREA \( (\S+) \S+ \) \( (\S+) \S+ \)", text)
    assert found is not None
    sides = (("l", found[1], "E"), ("r", found[2], "W"))
    heights = range(y0 + step // 2, y1, step)
    pins = [
        f"- long_{side}{y} + NET long{y} + DIRECTION INOUT + USE SIGNAL\n  + PORT\n"
        f"    + LAYER metal3 ( -70 0 ) ( 70 140 )\n    + PLACED ( {x} {y} ) {turn} ;"
        for y in heights
        for side, x, turn in sides
    ]
    nets = [f"- long{y} ( PIN long_l{y} ) ( PIN long_r{y} ) ;" for y in heights]
    return more(more(text, "PINS", pins), "NETS", nets)


def more(text: str, section: str, lines: list[str]) -> str:
    """The statements at the end of a section."""
    head = re.search(rf"^{section} (\d+) ;$", text, re.MULTILINE)
    assert head is not None
    text = text.replace(head[0], f"{section} {int(head[1]) + len(lines)} ;", 1)
    return text.replace(f"END {section}\n", "\n".join([*lines, f"END {section}\n"]), 1)
