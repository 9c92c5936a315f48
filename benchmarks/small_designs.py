"""Small placed designs, from nothing: Verilog of our own, mapped by yosys, placed by coloquinte, as LEF and DEF.

``python -m benchmarks.small_designs OUT`` writes a DEF for each design, utilisation and seed, and ``manifest.csv``, for
``routenas score``, ``ingest`` and ``label``. Cells and technology are those of Debian's ``qflow-tech-osu018``; the
clock is one net (no tree is made), and there are no supply nets and no fillers.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import islice, product
from pathlib import Path

from benchmarks.needs import run
from placement_data.errors import InputError
from placement_data.files import write_text
from placement_data.readers import read_lef
from placement_data.readers.lef import Library

TECHNOLOGY = Path("/usr/share/qflow/tech/osu018")
LEF = TECHNOLOGY / "osu018_stdcells.lef"
LIBERTY = TECHNOLOGY / "osu018_stdcells.lib"
VERILOG = Path(__file__).with_suffix(".v")
DBU = 1000
SITE, ROW = 800, 10_000
MARGIN = (8 * SITE, ROW)
"""Between die and core, left and right, below and above."""
TRACKS = {"metal1": ("Y", 1000), "metal2": ("X", 800), "metal3": ("Y", 1000), "metal4": ("X", 800)}
LAYERS = "metal1-metal3"
"""Layers for signals, by which the router has enough to do: with a fourth one hardly a net fails."""

DESIGNS: dict[str, tuple[str, dict[str, int]]] = {
    "alu8": ("alu", {"W": 8}),
    "alu16": ("alu", {"W": 16}),
    "checksum16": ("checksum", {"D": 16}),
    "checksum32": ("checksum", {"D": 32}),
    "counter31": ("counter", {"W": 31}),
    "counter63": ("counter", {"W": 63, "B": 6}),
    "crossbar4": ("crossbar", {"W": 6, "A": 2}),
    "crossbar8": ("crossbar", {"W": 4, "A": 3}),
    "divider6": ("divider", {"W": 6}),
    "divider8": ("divider", {"W": 8}),
    "fifo4": ("fifo", {"W": 8, "A": 2}),
    "fifo8": ("fifo", {"W": 8, "A": 3}),
    "filter3": ("filter", {"W": 6, "N": 3}),
    "filter4": ("filter", {"W": 6, "N": 4}),
    "lfsrs4": ("lfsrs", {"N": 4}),
    "lfsrs8": ("lfsrs", {"N": 8}),
    "multiplier6": ("multiplier", {"W": 6}),
    "multiplier8": ("multiplier", {"W": 8}),
    "permuter2": ("permuter", {"R": 2}),
    "permuter3": ("permuter", {"R": 3}),
    "registers4": ("registers", {"A": 2}),
    "registers8": ("registers", {"A": 3}),
    "rotator16": ("rotator", {"W": 16, "A": 4}),
    "rotator32": ("rotator", {"W": 32, "A": 5}),
    "sorter4": ("sorter", {"N": 4}),
    "sorter6": ("sorter", {"N": 6}),
    "uart8": ("uart", {"D": 8}),
    "uart12": ("uart", {"D": 12}),
}
"""Name -> module of ``small_designs.v`` (its family) and parameters: 130 to 660 cells each."""


@dataclass(frozen=True)
class Netlist:
    """A mapped design. ``nets`` has the pins of each: (cell or -1 for a port, name of the pin or port)."""

    name: str
    cells: tuple[tuple[str, str], ...]  # instance, master
    ports: tuple[tuple[str, str], ...]  # name, INPUT or OUTPUT
    nets: tuple[tuple[str, tuple[tuple[int, str], ...]], ...]


def missing() -> str:
    """What is not installed of what this needs, "" where all is there."""
    if not shutil.which("yosys"):
        return "yosys"
    return "" if LEF.exists() else "qflow-tech-osu018"


def synthesise(name: str) -> Netlist:
    """Have yosys map one of ``DESIGNS`` to the cells of osu018. Raises :class:`InputError` for what it refuses."""
    module, parameters = DESIGNS[name]
    changed = " ".join(f"-chparam {key} {value}" for key, value in parameters.items())
    with tempfile.TemporaryDirectory() as folder:
        found = Path(folder) / "netlist.json"
        script = (
            f"read_verilog {VERILOG}; hierarchy -top {module} {changed}; rename -top {name};"
            f" synth -flatten -top {name}; dfflibmap -liberty {LIBERTY}; abc -liberty {LIBERTY};"
            f" splitnets -ports; opt_clean -purge; write_json {found}"
        )
        done = subprocess.run(["yosys", "-q", "-p", script], capture_output=True, text=True)
        if done.returncode:
            raise InputError(f"yosys refuses {name}", file=VERILOG, found=done.stderr.strip().splitlines()[-1:])
        return _netlist(name, json.loads(found.read_text(encoding="utf-8"))["modules"][name])


def _netlist(name: str, module: dict[str, dict[str, dict[str, object]]]) -> Netlist:
    """Of yosys's JSON; instances and nets are numbered, constants and nets of one pin left out."""
    cells = tuple((f"u{i}", str(cell["type"])) for i, cell in enumerate(module["cells"].values()))
    pins: dict[int, list[tuple[int, str]]] = {}
    port_of: dict[int, str] = {}
    ports: list[tuple[str, str]] = []
    for port, facts in module["ports"].items():
        (bit,) = facts["bits"]  # type: ignore[misc]
        if isinstance(bit, int):
            pins.setdefault(bit, []).append((-1, port))
            port_of.setdefault(bit, port)
            ports.append((port, str(facts["direction"]).upper()))
    for i, cell in enumerate(module["cells"].values()):
        for pin, bits in cell["connections"].items():  # type: ignore[attr-defined]
            for bit in bits:
                if isinstance(bit, int):
                    pins.setdefault(bit, []).append((i, pin))
    nets = [(port_of.get(bit, f"n{bit}"), tuple(of)) for bit, of in pins.items() if len(of) > 1]
    wired = {pin for _, of in nets for cell, pin in of if cell < 0}
    return Netlist(name, cells, tuple(port for port in ports if port[0] in wired), tuple(nets))


@dataclass(frozen=True)
class Floor:
    """Rows and ports of a design at a utilisation: about square, ports evenly around the die's edge, on tracks."""

    netlist: Netlist
    library: Library
    utilisation: float

    @cached_property
    def masters(self) -> dict[str, int]:
        """Row of each master in the library's table."""
        return {name: row for row, name in enumerate(self.library.masters.name)}

    @cached_property
    def widths(self) -> list[int]:
        """Of the cells."""
        return [round(self.library.masters.width[self.masters[master]] * DBU) for _, master in self.netlist.cells]

    @cached_property
    def core(self) -> tuple[int, int, int, int]:
        """x0, y0, x1, y1."""
        area = sum(self.widths) * ROW / self.utilisation
        rows = max(1, round(math.sqrt(area) / ROW))
        sites = max(math.ceil(area / rows / ROW / SITE), math.ceil(max(self.widths) / SITE))
        return MARGIN[0], MARGIN[1], MARGIN[0] + sites * SITE, MARGIN[1] + rows * ROW

    @property
    def die(self) -> tuple[int, int]:
        """Width and height; the lower left corner is (0, 0)."""
        return self.core[2] + MARGIN[0], self.core[3] + MARGIN[1]

    @property
    def rows(self) -> range:
        """Their lower edges."""
        return range(self.core[1], self.core[3], ROW)

    @cached_property
    def ports(self) -> list[tuple[int, int, str]]:
        """x, y and layer of each port."""
        width, height = self.die
        count, found = len(self.netlist.ports), []
        for i in range(count):
            at = (i + 0.5) / count * 2 * (width + height)
            side = next(k for k, end in enumerate((width, width + height, 2 * width + height, math.inf)) if at < end)
            along = at - (0, width, width + height, 2 * width + height)[side]
            if side % 2 == 0:
                x = int(along) // SITE * SITE + SITE // 2
                found.append((min(x, width - SITE // 2), (0, 0, height)[side], "metal2"))
            else:
                y = int(along) // DBU * DBU + DBU // 2
                found.append(((0, width, 0, 0)[side], min(y, height - DBU // 2), "metal3"))
        return found

    def offset(self, cell: int, pin: str) -> tuple[int, int]:
        """Middle of a pin's shapes in the cell as the LEF has it."""
        masters, master = self.library.masters, self.masters[self.netlist.cells[cell][1]]
        rows = range(masters.pin_offset[master], masters.pin_offset[master + 1])
        row = next(row for row in rows if masters.pin_name[row] == pin)
        box = masters.port_box[masters.port_offset[row] : masters.port_offset[row + 1]] * DBU
        x, y = box[:, 0::2], box[:, 1::2]
        return round((x.min() + x.max()) / 2), round((y.min() + y.max()) / 2)


def place(floor: Floor, seed: int, effort: int = 3) -> list[tuple[int, int, str]]:
    """x, y and orientation of each cell, by coloquinte: legal, on sites."""
    import coloquinte as placer

    cells, ports = len(floor.widths), len(floor.ports)
    circuit = placer.Circuit(cells + ports)
    circuit.cell_width = [*floor.widths, *[0] * ports]
    circuit.cell_height = [ROW] * cells + [0] * ports
    circuit.cell_x = [floor.core[0]] * cells + [x for x, _, _ in floor.ports]
    circuit.cell_y = [floor.core[1]] * cells + [y for _, y, _ in floor.ports]
    circuit.cell_is_fixed = [False] * cells + [True] * ports
    circuit.cell_is_obstruction = [True] * cells + [False] * ports
    circuit.cell_row_polarity = [placer.CellRowPolarity.SAME] * (cells + ports)
    number = {name: cells + i for i, (name, _) in enumerate(floor.netlist.ports)}
    for _, pins in floor.netlist.nets:
        at = [(cell, *floor.offset(cell, pin)) if cell >= 0 else (number[pin], 0, 0) for cell, pin in pins]
        circuit.add_net(*(list(column) for column in zip(*at, strict=True)))
    x0, y0, x1, y1 = floor.core
    circuit.setup_rows(placer.Rectangle(x0, x1, y0, y1), ROW, True, True)
    circuit.expand_cells_to_density(max(0.9, floor.utilisation))  # else all cells gather in the middle
    parameters = placer.ColoquinteParameters(effort, seed)
    getattr(parameters, "global").noise = 0.05  # by the default some designs are placed alike by all seeds
    with _silent():
        circuit.place_global(parameters)
        circuit.place_detailed(parameters)
    # Widths are whole sites and room was reserved for more: rounding down to sites keeps cells apart.
    placed = zip(circuit.cell_x, circuit.cell_y, circuit.cell_orientation, strict=True)
    return [(x0 + (x - x0) // SITE * SITE, y, turn.name) for x, y, turn in islice(placed, cells)]


@contextmanager
def _silent() -> Iterator[None]:
    """What a library prints inside on the process's standard output goes nowhere."""
    sys.stdout.flush()
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


def def_text(floor: Floor, places: Sequence[tuple[int, int, str]]) -> str:
    """The placed design as DEF 5.8."""
    return "\n".join([*_head(floor), *_components(floor, places), *_pins(floor), *_nets(floor), "END DESIGN", ""])


def _head(floor: Floor) -> Iterator[str]:
    width, height = floor.die
    yield from ("VERSION 5.8 ;", 'DIVIDERCHAR "/" ;', 'BUSBITCHARS "[]" ;', f"DESIGN {floor.netlist.name} ;")
    yield from (f"UNITS DISTANCE MICRONS {DBU} ;", f"DIEAREA ( 0 0 ) ( {width} {height} ) ;")
    sites = (floor.core[2] - floor.core[0]) // SITE
    for i, y in enumerate(floor.rows):
        yield f"ROW row_{i} core {floor.core[0]} {y} {('N', 'FS')[i % 2]} DO {sites} BY 1 STEP {SITE} 0 ;"
    for layer, (axis, step) in TRACKS.items():
        yield f"TRACKS {axis} {step // 2} DO {(width if axis == 'X' else height) // step} STEP {step} LAYER {layer} ;"


def _section(name: str, rows: Iterable[str]) -> Iterator[str]:
    lines = [f"- {row} ;" for row in rows]
    yield from (f"{name} {len(lines)} ;", *lines, f"END {name}")


def _components(floor: Floor, places: Sequence[tuple[int, int, str]]) -> Iterator[str]:
    placed = zip(floor.netlist.cells, places, strict=True)
    return _section("COMPONENTS", (f"{name} {master} + PLACED ( {x} {y} ) {o}" for (name, master), (x, y, o) in placed))


def _pins(floor: Floor) -> Iterator[str]:
    net_of = {pin: net for net, pins in floor.netlist.nets for cell, pin in pins if cell < 0}
    rows = zip(floor.netlist.ports, floor.ports, strict=True)
    return _section(
        "PINS",
        (
            f"{name} + NET {net_of[name]} + DIRECTION {direction} + USE SIGNAL"
            f" + LAYER {layer} ( -150 -150 ) ( 150 150 ) + PLACED ( {x} {y} ) N"
            for (name, direction), (x, y, layer) in rows
        ),
    )


def _nets(floor: Floor) -> Iterator[str]:
    names = [name for name, _ in floor.netlist.cells]

    def pins(of: Sequence[tuple[int, str]]) -> str:
        return " ".join(f"( {names[cell] if cell >= 0 else 'PIN'} {pin} )" for cell, pin in of)

    return _section("NETS", (f"{net} {pins(of)}" for net, of in floor.netlist.nets))


def write(folder: Path, designs: Sequence[str], utilisations: Sequence[float], seeds: Sequence[int]) -> Path:
    """Write a placed DEF for each design, utilisation and seed, and the manifest of them, which is returned."""
    folder.mkdir(parents=True, exist_ok=True)
    library = read_lef([LEF])
    rows = []
    for name in designs:
        netlist = synthesise(name)
        for utilisation, seed in product(utilisations, seeds):
            floor = Floor(netlist, library, utilisation)
            sample = f"{name}-u{round(100 * utilisation)}-s{seed}"
            write_text(folder / f"{sample}.def", def_text(floor, place(floor, seed)))
            rows.append([sample, name, DESIGNS[name][0], LEF, f"{sample}.def", LAYERS, utilisation, seed])
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["sample", "design", "family", "lef", "def", "routing_layers", "utilisation", "seed"])
    table.writerows(rows)
    write_text(folder / "manifest.csv", text.getvalue())
    return folder / "manifest.csv"


def main() -> None:
    """Write and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, metavar="OUT")
    parser.add_argument("--designs", nargs="+", choices=DESIGNS, default=list(DESIGNS), metavar="NAME")
    parser.add_argument("--utilisation", nargs="+", type=float, default=[0.9], metavar="SHARE")
    parser.add_argument("--seed", nargs="+", type=int, default=[0], metavar="SEED")
    options = parser.parse_args()
    if absent := missing():
        parser.error(f"needs {absent}: apt install {absent}")
    print(write(options.out, options.designs, options.utilisation, options.seed))


if __name__ == "__main__":
    run(main, "coloquinte")
