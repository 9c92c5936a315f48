"""Names that a LEF and the sections of a DEF spell differently, and what nothing defines after all."""

from __future__ import annotations

from pathlib import Path

import pytest

from placement_data.design import Design
from placement_data.errors import InputError
from placement_data.names import Spelling
from placement_data.readers import read_def, read_lef
from tests.placement_data.small_design import write

LEF = """VERSION 5.5 ;
NAMESCASESENSITIVE {case} ;
BUSBITCHARS "{lef}" ;
SITE unit
 SIZE 1 BY 2 ;
END unit
LAYER M1
 TYPE ROUTING ;
END M1
MACRO RAM
 CLASS BLOCK ;
 SIZE 4 BY 4 ;
 PIN D{lef[0]}0{lef[1]}
  DIRECTION INPUT ;
  PORT
   LAYER M1 ;
    RECT 0 0 1 1 ;
  END
 END D{lef[0]}0{lef[1]}
 PIN D{lef[0]}1{lef[1]}
  DIRECTION INPUT ;
  PORT
   LAYER M1 ;
    RECT 3 3 4 4 ;
  END
 END D{lef[0]}1{lef[1]}
END RAM
END LIBRARY
"""
DEF = """VERSION 5.5 ;
DIVIDERCHAR "{divider}" ;
BUSBITCHARS "{bits}" ;
DESIGN top ;
UNITS DISTANCE MICRONS 1000 ;
DIEAREA ( 0 0 ) ( 20000 20000 ) ;
REGIONS 1 ;
- r\\[0\\] ( 0 0 ) ( 9000 9000 ) + TYPE FENCE ;
END REGIONS
COMPONENTS 2 ;
- {component} {master} + PLACED ( 1000 1000 ) N ;
- {second} {master} + PLACED ( 9000 9000 ) N ;
END COMPONENTS
PINS 1 ;
- {port} + NET n + DIRECTION INPUT + LAYER M1 ( 0 0 ) ( 100 100 ) + PLACED ( 0 5000 ) N ;
END PINS
BLOCKAGES 1 ;
- PLACEMENT + COMPONENT {user} RECT ( 0 0 ) ( 100 100 ) ;
END BLOCKAGES
NETS 2 ;
- n ( PIN {used_port} ) ( {user} {pin} ) ( {second} {pin} ) ;
- m ( {user} {other_pin} ) ;
END NETS
GROUPS 1 ;
- g {member} + REGION r[0] ;
END GROUPS
END DESIGN
"""
PLAIN = {
    "lef": "[]", "case": "ON", "divider": "/", "bits": "[]", "master": "RAM", "port": "in[0]", "used_port": "in[0]",
    "component": "u/x[1]", "second": "other", "user": "u/x[1]", "member": "u/x[1]", "pin": "D[1]", "other_pin": "D[0]",
}  # fmt: skip


def read(folder: Path, **words: str) -> Design:
    words = PLAIN | words
    lef = write(folder, "a.lef", LEF.format(**words))
    return read_def(write(folder, "a.def", DEF.format(**words)), read_lef([lef]))


@pytest.mark.parametrize(
    "words",
    [
        {},
        {"component": r"u/x\[1\]"},
        {"user": r"u/x\[1\]", "member": r"u\/x\[1\]"},
        {"bits": "<>", "component": "u/x<1>", "user": "u/x[1]", "pin": "D<1>", "other_pin": r"D\<0\>"},
        {"lef": "<>"},
        {"lef": "%$", "bits": "()", "pin": "D(1)", "other_pin": "D[0]"},
        {"divider": "|", "component": "u|x[1]", "user": "u/x[1]", "member": "u|x[1]"},
        {"divider": ":", "component": "u:x[1]", "member": "u:x[1]"},
        {"port": r"in\[0\]"},
        {"used_port": "in<0>"},
        {"pin": r"D\[1\]", "other_pin": r"D\[0\]"},
        {"member": r"u/x\[*"},
        {"member": "u.x<*"},
        {"case": "OFF", "master": "ram", "user": "U/X[1]", "pin": "d[1]", "used_port": "IN[0]", "member": "U/x*"},
    ],
)
def test_spellings_of_one_design(tmp_path: Path, words: dict[str, str]) -> None:
    """Whatever the spelling, the wiring is the same: values worked out by hand from the plain one."""
    design = read(tmp_path, **words)
    assert design.nets.pin_offset.tolist() == [0, 3, 4]
    assert design.pins.port.tolist() == [0, -1, -1, -1]
    assert design.pins.cell.tolist() == [-1, 0, 1, 0]
    assert design.pins.master_pin.tolist() == [-1, 1, 1, 0]
    # Rectangles of D[1] at (3, 3) to (4, 4) microns and of D[0] at (0, 0) to (1, 1), in cells at (1, 1) and (9, 9).
    assert design.pins.box[1:].tolist() == [
        [4000, 4000, 5000, 5000],
        [12000, 12000, 13000, 13000],
        [1000, 1000, 2000, 2000],
    ]
    assert design.regions.cell.tolist() == [0]
    assert design.blockages.cell.tolist() == [0]


def test_the_pin_of_all_components_that_have_it(tmp_path: Path) -> None:
    design = read(tmp_path, bits="<>", user="*", other_pin="D<0>")
    assert design.pins.cell.tolist() == [-1, 1, 0, 1, 0, 1]
    assert design.spelling == Spelling("<>", "/")


def test_a_name_that_two_components_may_have_is_nobodys(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.def:21: net n names an unknown component, found 'c<1>'"):
        read(tmp_path, component="c[1]", second="c(1)", user="c<1>", member="x")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"user": "u/x[2]"}, r"net n names an unknown component, found 'u/x\[2\]', expected one of COMPONENTS"),
        ({"pin": "D[2]"}, r"net n names an unknown pin of component u/x\[1\], found 'D\[2\]'"),
        ({"used_port": "in[1]"}, r"net n names an unknown pin, found 'in\[1\]', expected one of PINS"),
        ({"master": "ram"}, r"master of component u/x\[1\] is in no LEF, found 'ram'"),
        ({"bits": "<"}, "BUSBITCHARS is broken, found '\"<\"', expected two characters, such as '\\[\\]'"),
        ({"divider": "//"}, "DIVIDERCHAR is broken, found '\"//\"', expected one character, such as '/'"),
        ({"case": "MAYBE"}, "NAMESCASESENSITIVE is broken, found 'MAYBE', expected ON or OFF"),
    ],
)
def test_what_nothing_defines(tmp_path: Path, words: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(tmp_path, **words)
