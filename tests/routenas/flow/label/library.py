"""A library and a placement by hand: three cells in a row with a pin each, two nets of two pins and one of three."""

from __future__ import annotations

from pathlib import Path

LEF = """VERSION 5.8 ;
UNITS DATABASE MICRONS 1000 ; END UNITS
LAYER metal1 TYPE ROUTING ; DIRECTION HORIZONTAL ; PITCH 1 ; WIDTH 0.2 ; SPACING 0.2 ; END metal1
LAYER cut1 TYPE CUT ; END cut1
LAYER metal2 TYPE ROUTING ; DIRECTION VERTICAL ; PITCH 1 ; WIDTH 0.2 ; SPACING 0.2 ; END metal2
VIA up DEFAULT
  LAYER metal1 ; RECT -0.1 -0.1 0.1 0.1 ;
  LAYER cut1 ; RECT -0.05 -0.05 0.05 0.05 ;
  LAYER metal2 ; RECT -0.1 -0.1 0.1 0.1 ;
END up
SITE core CLASS CORE ; SIZE 1 BY 10 ; END core
MACRO CELL
  CLASS CORE ; SIZE 4 BY 10 ; SITE core ;
  PIN A DIRECTION INPUT ; PORT LAYER metal1 ; RECT 0.8 2.8 1.2 3.2 ; END END A
  PIN Y DIRECTION OUTPUT ; PORT LAYER metal1 ; RECT 2.8 6.8 3.2 7.2 ; END END Y
END CELL
END LIBRARY
"""

HEAD = """VERSION 5.8 ;
DESIGN three ;
UNITS DISTANCE MICRONS 1000 ;
DIEAREA ( 0 0 ) ( 30000 20000 ) ;
ROW r core 0 0 N DO 30 BY 1 STEP 1000 0 ;
TRACKS Y 500 DO 20 STEP 1000 LAYER metal1 ;
TRACKS X 500 DO 30 STEP 1000 LAYER metal2 ;
COMPONENTS 3 ;
- u1 CELL + PLACED ( 0 0 ) N ;
- u2 CELL + PLACED ( 10000 0 ) N ;
- u3 CELL + PLACED ( 20000 0 ) N ;
END COMPONENTS
PINS 1 ;
- p + NET n + DIRECTION INPUT + LAYER metal2 ( -100 -100 ) ( 100 100 ) + PLACED ( 1000 20000 ) N ;
END PINS
"""

PINS = {"n": "( PIN p ) ( u1 A ) ( u2 A )", "m": "( u1 Y ) ( u3 A )"}


def def_text(wires: dict[str, str] | None = None) -> str:
    """The placement, with wires of nets."""
    nets = [f"- {net} {pins}\n  {(wires or {}).get(net, '')} ;" for net, pins in PINS.items()]
    return "\n".join([HEAD + f"NETS {len(nets)} ;", *nets, "END NETS", "END DESIGN", ""])


def write_manifest(folder: Path, samples: list[str]) -> Path:
    """LEF, a DEF a sample (named after it), and their manifest."""
    (folder / "cells.lef").write_text(LEF)
    lines = ["sample,design,family,lef,def,note"]
    for sample in samples:
        (folder / f"{sample}.def").write_text(def_text().replace("DESIGN three", f"DESIGN {sample}"))
        lines.append(f"{sample},{sample},{sample},cells.lef,{sample}.def,kept")
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n")
    return folder / "manifest.csv"
