"""Reading LEF: values worked out by hand, the dialects of real files, and what errors say."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import numpy as np
import pytest

from placement_data.design import Direction, LayerDirection, LayerKind, MasterClass, Use
from placement_data.errors import InputError
from placement_data.names import Spelling
from placement_data.readers import Library, read_lef
from tests.placement_data.small_design import SMALL_LEF, write

MACRO = "MACRO M\n  CLASS CORE ;\n  SIZE 10 BY 10 ;\n{}\nEND M\n"
PIN = MACRO.format("  PIN P\n    PORT\n      LAYER m1 ;\n{}\n    END\n  END P")


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return read_lef([write(tmp_path, "small.lef", SMALL_LEF)])


def shapes(tmp_path: Path, text: str) -> list[list[float]]:
    """Boxes of the only pin of a macro whose port holds ``text``."""
    # Behind the macro: what it uses may be defined later.
    layer = "LAYER m1\n  TYPE ROUTING ;\n  WIDTH 0.5 ;\nEND m1\n"
    via = "VIA v DEFAULT\n LAYER m1 ;\n RECT -0.5 -0.5 0.5 0.5 ;\n LAYER v1 ;\n RECT -0.25 -0.25 0.25 0.25 ;\nEND v\n"
    box = read_lef([write(tmp_path, "pin.lef", PIN.format(text) + layer + via)]).masters.port_box
    return [[float(value) for value in row] for row in box.round(9)]


def test_layers(library: Library) -> None:
    layers = library.layers
    assert layers.name.tolist() == ["m1", "v1", "m2"]
    assert layers.kind.tolist() == [LayerKind.ROUTING, LayerKind.CUT, LayerKind.ROUTING]
    assert layers.direction.tolist() == [LayerDirection.HORIZONTAL, LayerDirection.NONE, LayerDirection.VERTICAL]
    np.testing.assert_array_equal(layers.pitch_x, [0.2, np.nan, 0.2])
    np.testing.assert_array_equal(layers.pitch_y, [0.2, np.nan, 0.4])
    np.testing.assert_array_equal(layers.width, [0.1, np.nan, 0.1])


def test_sites(library: Library) -> None:
    assert library.sites.name.tolist() == ["unit"]
    assert (library.sites.width.tolist(), library.sites.height.tolist()) == ([0.5], [1.0])


def test_masters(library: Library) -> None:
    masters = library.masters
    assert masters.name.tolist() == ["CELL", "BLOCK"]
    assert masters.kind.tolist() == [MasterClass.CORE, MasterClass.BLOCK]
    assert masters.width.tolist() == [2.0, 4.0]
    assert masters.height.tolist() == [1.0, 3.0]
    assert masters.symmetry.tolist() == [0b011, 0]
    assert masters.site.tolist() == ["unit", ""]
    assert masters.pin_offset.tolist() == [0, 2, 3]
    assert masters.pin_name.tolist() == ["A", "Y", "D"]
    assert masters.pin_direction.tolist() == [Direction.INPUT, Direction.OUTPUT, Direction.INOUT]
    assert masters.pin_use.tolist() == [Use.SIGNAL, Use.SIGNAL, Use.CLOCK]


def test_shapes_have_the_origin_applied(library: Library) -> None:
    masters = library.masters
    assert masters.port_offset.tolist() == [0, 2, 3, 6]
    assert masters.port_layer.tolist() == [0, 0, 2, 2, 2, -1]  # m3 is in no LEF
    expected = [(0.1, 0.1, 0.5, 0.25), (0.4, 0.15, 0.6, 0.3), (1.7, 0.7, 1.9, 0.9)]
    expected += [(1, 1, 2, 1.5), (1, 1.5, 1.5, 2.5), (3, 0.5, 3.5, 1)]  # an L becomes two rectangles
    np.testing.assert_allclose(masters.port_box, expected, atol=1e-12)
    assert masters.obstruction_offset.tolist() == [0, 1, 1]
    np.testing.assert_allclose(masters.obstruction_box, [(1.0, 0.25, 1.25, 0.75)], atol=1e-12)


@pytest.mark.parametrize(
    ("text", "boxes"),
    [
        ("RECT 3 4 1 2 ;", [[1, 2, 3, 4]]),
        ("RECT MASK 2 1 2 3 4 ;", [[1, 2, 3, 4]]),
        ("RECT ( 1 2 ) ( 3 4 ) ;", [[1, 2, 3, 4]]),
        ("RECT 1 2 3 4;", [[1, 2, 3, 4]]),
        ("RECT 1 2 # a comment ;\n 3\n 4 ;", [[1, 2, 3, 4]]),
        ("RECT 1e0 +2. .5e1 4 ;", [[1, 2, 5, 4]]),
        ("RECT ITERATE 0 0 1 1 DO 2 BY 2 STEP 3 4 ;", [[0, 0, 1, 1], [3, 0, 4, 1], [0, 4, 1, 5], [3, 4, 4, 5]]),
        ("POLYGON 0 0 4 0 4 1 1 1 1 3 0 3 ;", [[0, 0, 4, 1], [0, 1, 1, 3]]),
        ("POLYGON MASK 2 0 0 0 3 4 3 4 0 ;", [[0, 0, 4, 3]]),
        ("POLYGON ITERATE 0 0 4 0 4 3 0 3 DO 1 BY 2 STEP 0 5 ;", [[0, 0, 4, 3], [0, 5, 4, 8]]),
        ("PATH 1 1 5 1 ;", [[0.75, 0.75, 5.25, 1.25]]),
        ("PATH 1 1 ;", [[0.75, 0.75, 1.25, 1.25]]),
        ("PATH ( 1 1 ) ( 5 1 ) ( 5 3 ) ;", [[0.75, 0.75, 5.25, 1.25], [4.75, 0.75, 5.25, 3.25]]),
        ("PATH ITERATE 1 1 5 1 DO 2 BY 1 STEP 10 0 ;", [[0.75, 0.75, 5.25, 1.25], [10.75, 0.75, 15.25, 1.25]]),
        ("WIDTH 2 ; PATH 1 1 5 1 ;", [[0, 0, 6, 2]]),
        ("VIA 1 1 unknown ; RECT 1 2 3 4 ;", [[1, 2, 3, 4]]),
        ("VIA 1 2 v ;", [[0.5, 1.5, 1.5, 2.5], [0.75, 1.75, 1.25, 2.25]]),
        ("VIA MASK 012 ( 1 2 ) v ;", [[0.5, 1.5, 1.5, 2.5], [0.75, 1.75, 1.25, 2.25]]),
        (
            "VIA ITERATE 1 2 v DO 1 BY 2 STEP 0 5 ;",
            [[0.5, 1.5, 1.5, 2.5], [0.5, 6.5, 1.5, 7.5], [0.75, 1.75, 1.25, 2.25], [0.75, 6.75, 1.25, 7.25]],
        ),
        ("RECT 1 2 3 4 ; LAYER m7 EXCEPTPGNET SPACING 0.1 ; ; RECT 0 0 1 1 ;", [[1, 2, 3, 4], [0, 0, 1, 1]]),
        ("", []),
    ],
)
def test_shapes(tmp_path: Path, text: str, boxes: list[list[float]]) -> None:
    assert shapes(tmp_path, text) == boxes


def test_class_with_a_second_word_and_a_class_that_is_not_known(tmp_path: Path) -> None:
    text = "MACRO A\nCLASS core spacer ;\nSIZE 1 BY 1 ;\nEND A\nMACRO B\nCLASS NOVEL ;\nSIZE 1 BY 1 ;\nEND B\n"
    masters = read_lef([write(tmp_path, "class.lef", text)]).masters
    assert masters.kind.tolist() == [MasterClass.CORE, MasterClass.UNKNOWN]
    assert masters.subclass.tolist() == ["SPACER", ""]


def test_a_pin_without_a_direction_is_an_input(tmp_path: Path) -> None:
    masters = read_lef([write(tmp_path, "pin.lef", PIN.format("RECT 0 0 1 1 ;"))]).masters
    assert masters.pin_direction.tolist() == [Direction.INPUT]


def test_what_has_no_bearing_is_stepped_over(tmp_path: Path) -> None:
    noise = """NAMESCASESENSITIVE ON ;
PROPERTYDEFINITIONS
  LAYER LEF58_TYPE STRING ;
END PROPERTYDEFINITIONS
VIA a DEFAULT
  LAYER m1 ;
    RECT 0 0 1 1 ;
END a
VIARULE b GENERATE
  LAYER m1 ;
    ENCLOSURE 0 1 ;
END b
NONDEFAULTRULE wide
  LAYER m1
    WIDTH 1 ;
  END m1
  VIA wide_via
    LAYER m1 ;
  END wide_via
END wide
SPACING
  SAMENET m1 m1 0.1 ;
END SPACING
BEGINEXT "tag"
  MACRO NONE ;
ENDEXT
UNHEARD OF 1 2 3 ;
LAYER m1
  TYPE ROUTING ;
  SPACINGTABLE PARALLELRUNLENGTH 0 1 WIDTH 0 9 9 WIDTH 1 9 9 ;
  PROPERTY LEF58_TYPE "TYPE X ; WIDTH 7 ; END m1 # none" ;
  WIDTH 0.5 ;
END m1
"""
    inside = "DENSITY\n LAYER m1 ;\n RECT 0 0 1 1 50 ;\nEND\nTIMING\n FROMPIN a ;\nEND TIMING\nFOREIGN M 0 0 ;"
    library = read_lef([write(tmp_path, "noise.lef", noise + MACRO.format(inside))])
    assert library.layers.name.tolist() == ["m1"]
    assert library.layers.width.tolist() == [0.5]
    assert library.masters.name.tolist() == ["M"]


def test_vias_fixed_and_generated(tmp_path: Path) -> None:
    text = """LAYER m1
  TYPE ROUTING ;
END m1
LAYER v1
  TYPE CUT ;
END v1
LAYER m2
  TYPE ROUTING ;
END m2
VIA fixed DEFAULT TOPOFSTACKONLY
  RESISTANCE 2.5 ;
  LAYER m1 ;
    RECT MASK 1 -1 -0.5 1 0.5 ;
  LAYER v1 ;
    POLYGON -1 -1 1 -1 1 0 0 0 0 1 -1 1 ;
  LAYER m9 ;
    RECT ( -1 -1 ) ( 1 1 ) ;
END fixed
VIA generated GENERATED
  VIARULE some ;
    CUTSIZE 1 2 ;
    LAYERS m1 v1 m2 ;
    CUTSPACING 0.5 1 ;
    ENCLOSURE 0.25 0.5 0.75 1 ;
    ROWCOL 1 2 ;
    ORIGIN 10 20 ;
    OFFSET 0.125 0 0 0.125 ;
END generated
VIA fixed
  LAYER m1 ;
    RECT 0 0 9 9 ;
END fixed
NONDEFAULTRULE wide
  HARDSPACING ;
  LAYER m2
    WIDTH 0.5 ;
    SPACING 0.25 ;
    WIREEXTENSION 1 ;
  END m2
  LAYER m1 ;
    WIDTH 0.75 ;
  END m1
  VIA inner
    LAYER m1 ;
      RECT 0 0 1 1 ;
  END inner
  SPACING
    SAMENET m1 m1 0.1 ;
  END SPACING
  USEVIA fixed ;
  MINCUTS v1 2 ;
END wide
NONDEFAULTRULE none
END none
"""
    library = read_lef([write(tmp_path, "via.lef", text)])
    vias = library.vias
    assert vias.name.tolist() == ["fixed", "generated", "inner"]
    assert vias.offset.tolist() == [0, 4, 8, 9]
    assert vias.layer.tolist() == [0, 1, 1, -1, 0, 2, 1, 1, 0]
    fixed = [[-1, -0.5, 1, 0.5], [-1, -1, 1, 0], [-1, 0, 0, 1], [-1, -1, 1, 1]]
    # Two cuts of 1 by 2 with 0.5 between: 2.5 by 2 about (10, 20); the metal is larger by its enclosure.
    bottom, top = [8.625, 18.5, 11.625, 21.5], [8, 18.125, 12, 22.125]
    generated = [bottom, top, [8.75, 19, 9.75, 21], [10.25, 19, 11.25, 21]]
    assert vias.box.tolist() == [*fixed, *generated, [0, 0, 1, 1]]


@pytest.mark.parametrize(
    ("text", "offset", "spacing"),
    [
        ("OFFSET 0.1 ;", (0.1, 0.1), np.nan),
        ("OFFSET 0.1 0.2 ; PITCH 1 ;", (0.1, 0.2), np.nan),
        ("SPACING 0.3 ; SPACING 0.2 ; SPACING 0.1 RANGE 0 1 ;", (np.nan, np.nan), 0.2),
        ("SPACING 0.1 SAMENET ; SPACING 0.2 LAYER v2 ;", (np.nan, np.nan), np.nan),
        ("SPACINGTABLE PARALLELRUNLENGTH 0 5 WIDTH 0 0.4 0.5 WIDTH 1 0.6 0.7 ;", (np.nan, np.nan), 0.4),
        ("SPACING 0.5 ; SPACINGTABLE TWOWIDTHS WIDTH 0 PRL 1 0.4 0.5 WIDTH 1 0.5 0.6 ;", (np.nan, np.nan), 0.4),
        ("SPACINGTABLE TWOWIDTHS WIDTH 0 0.3 0.5 WIDTH 1 0.5 0.6 ; SPACING 0.5 ;", (np.nan, np.nan), 0.3),
        ("SPACINGTABLE INFLUENCE WIDTH 1 WITHIN 2 SPACING 0.4 ;", (np.nan, np.nan), 0.4),
        ("SPACINGTABLE ORTHOGONAL WITHIN 1 SPACING 0.2 ;", (np.nan, np.nan), np.nan),
        ('PROPERTY LEF58_SPACING "SPACING 0.1 ; OFFSET 5 ;" ;', (np.nan, np.nan), np.nan),
        ("ARRAYSPACING CUTSPACING 0.2 ARRAYCUTS 3 SPACING 0.3 ;", (np.nan, np.nan), np.nan),
    ],
)
def test_offset_and_spacing_of_a_layer(tmp_path: Path, text: str, offset: tuple[float, float], spacing: float) -> None:
    layers = read_lef([write(tmp_path, "layer.lef", f"LAYER m1\n TYPE ROUTING ;\n MASK 2 ;\n {text}\nEND m1\n")]).layers
    np.testing.assert_array_equal([layers.offset_x[0], layers.offset_y[0]], offset)
    np.testing.assert_array_equal(layers.spacing, [spacing])


def test_a_table_of_currents_is_not_the_layers_width(tmp_path: Path) -> None:
    table = "ACCURRENTDENSITY PEAK FREQUENCY 1 2 ;\n WIDTH 0.4 0.8 10 ;\n TABLEENTRIES 1 2 3 4 5 6 ;\n"
    text = (
        f"LAYER m1\n{table} WIDTH 0.1 ;\n ACCURRENTDENSITY AVERAGE 5 ;\n DCCURRENTDENSITY AVERAGE WIDTH 1 2 ;\nEND m1\n"
    )
    assert read_lef([write(tmp_path, "layer.lef", text)]).layers.width.tolist() == [0.1]


def test_characters_of_names(tmp_path: Path) -> None:
    text = 'VERSION 5.8 ;\nBUSBITCHARS "<>" ;\nDIVIDERCHAR "|" ;\nNAMESCASESENSITIVE OFF ;\n'
    library = read_lef([write(tmp_path, "one.lef", text)])
    assert library.spelling == Spelling("<>", "|", any_case=True)
    library = read_lef([write(tmp_path, "none.lef", "VERSION 5.8 ;\n")])
    assert library.spelling == Spelling("[]", "/")


def test_all_statements_of_a_macro(tmp_path: Path) -> None:
    text = """NAMESCASESENSITIVE ON ;
MINFEATURE 0.1 0.1 ;
IRDROP
  TABLE t 1 2 ;
END IRDROP
SITE s
  CLASS PAD ;
  SYMMETRY Y R90 ;
  ROWPATTERN a N b FS ;
  SIZE 1 BY 2 ;
END s
MACRO M
  CLASS ENDCAP TOPLEFT ;
  FIXEDMASK ;
  SOURCE USER ;
  FOREIGN f ( 0 0 ) N ;
  FOREIGN g ;
  EEQ other ;
  LEQ other ;
  POWER 1 ;
  LEAKAGE 1 ;
  ORIGIN ( 1 2 ) ;
  SIZE 4 BY 6 ;
  SYMMETRY X R90 ;
  SITE s 0 0 N DO 2 BY 3 STEP 1 2 ;
  SITE t ;
  PROPERTY a "b ; END M" c -5 ;
  PIN A[0]
    TAPERRULE r ;
    FOREIGN p STRUCTURE ( 0 0 ) ;
    DIRECTION OUTPUT TRISTATE ;
    USE DATA ;
    SHAPE ABUTMENT ;
    MUSTJOIN B ;
    NETEXPR "power VDD" ;
    SUPPLYSENSITIVITY VDD ;
    GROUNDSENSITIVITY VSS ;
    ANTENNAMODEL OXIDE2 ;
    ANTENNAGATEAREA 0.1 LAYER m1 ;
    PROPERTY x 1 ;
    PORT
      CLASS CORE ;
      LAYER m1 EXCEPTPGNET SPACING 0.1 ;
        RECT 0 0 1 1 ;
    END
    PORT
      LAYER m1 DESIGNRULEWIDTH 0.5 ;
        RECT 1 1 2 2 ;
    END
    PORT
    END
  END A[0]
  PIN B
    USE GROUND ;
  END B
  OBS
    LAYER m1 ;
      RECT 0 0 2 2 ;
    LAYER OVERLAP ;
      RECT 0 0 4 6 ;
  END
  TIMING
    FROMPIN A ;
    END TIMING
END M
"""
    library = read_lef([write(tmp_path, "macro.lef", text)])
    masters = library.masters
    assert (masters.kind[0], masters.subclass[0], masters.site[0]) == (MasterClass.ENDCAP, "TOPLEFT", "s")
    assert (masters.width[0], masters.height[0], masters.symmetry[0]) == (4, 6, 0b101)
    assert masters.pin_name.tolist() == ["A[0]", "B"]
    assert masters.pin_direction.tolist() == [Direction.OUTPUT, Direction.INPUT]
    assert masters.pin_use.tolist() == [Use.SIGNAL, Use.GROUND]
    assert masters.port_box.tolist() == [[1, 2, 2, 3], [2, 3, 3, 4]]
    assert masters.obstruction_box.tolist() == [[1, 2, 3, 4], [1, 2, 5, 8]]
    assert library.sites.height.tolist() == [2]


def test_files_are_merged_and_the_first_definition_counts(tmp_path: Path) -> None:
    cells = write(tmp_path, "cells.lef", PIN.format("RECT 0 0 1 1 ;"))
    more = write(tmp_path, "more.lef", "MACRO M\nSIZE 5 BY 5 ;\nEND M\n" + SMALL_LEF)
    library = read_lef([cells, more])
    assert library.masters.name.tolist() == ["M", "CELL", "BLOCK"]
    assert library.masters.width.tolist() == [10.0, 2.0, 4.0]
    assert library.masters.port_layer[0] == 0  # m1 is known only from the second file
    assert library.sources == (str(cells), str(more))


def test_gzip_is_seen_in_the_content(tmp_path: Path) -> None:
    packed = read_lef([write(tmp_path, "packed.lef", gzip.compress(SMALL_LEF.encode()))])
    plain = read_lef([write(tmp_path, "plain.lef.gz", SMALL_LEF)])
    np.testing.assert_array_equal(packed.masters.port_box, plain.masters.port_box)


def test_line_ends_of_windows_a_byte_order_mark_and_latin_1(tmp_path: Path) -> None:
    text = "# \u00a9 somebody\n" + SMALL_LEF
    expected = read_lef([write(tmp_path, "plain.lef", SMALL_LEF)]).masters.port_box
    for data in (text.replace("\n", "\r\n").encode("utf-8-sig"), text.encode("latin-1")):
        np.testing.assert_array_equal(read_lef([write(tmp_path, "other.lef", data)]).masters.port_box, expected)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", ": file is empty"),
        ("# only a comment\n", ": file is empty"),
        (
            "hello world\n",
            ":1: not a LEF file, found 'hello', expected a LEF statement such as VERSION, LAYER or MACRO",
        ),
        ("VERSION 5.8 ;\nDESIGN top ;\n", ":2: DEF statement in a LEF file, found 'DESIGN', expected LEF"),
        ("LAYER m1\n TYPE ROUTING ;\n", ":2: file ends inside LAYER m1, expected END m1"),
        (
            "LAYER m1\n PITCH x ;\nEND m1\n",
            ":2: PITCH is not a number, found 'x', expected a number of at most 2147483647",
        ),
        ("LAYER m1\n WIDTH 1\nEND m1\n", ":3: statement is not ended, found 'END', expected ';'"),
        ("LAYER m1\nEND m2\n", ":2: LAYER is not closed by its own name, found 'm2', expected 'm1'"),
        ("SITE s\n CLASS CORE ;\nEND s\n", ":1: SITE has no SIZE, found 's'"),
        ("\nMACRO M\n CLASS CORE ;\nEND M\n", ":2: MACRO has no SIZE, found 'M'"),
        ("MACRO M\n SIZE 1 1 ;\nEND M\n", ":2: SIZE is not WIDTH BY HEIGHT, found '1', expected 'BY'"),
        ("MACRO M\n SIZE 1 BY -1 ;\nEND M\n", ":2: SIZE is negative, found '-1', expected a size of at least 0"),
        (
            "MACRO M\n SIZE 1 BY 1e99 ;\n",
            ":2: SIZE is not a number, found '1e99', expected a number of at most 2147483647",
        ),
        ("MACRO M\n CLASS CORE\n SIZE 1 BY 1 ;\n", ":3: statement is not ended, found '1', expected ';'"),
        ("MACRO M\n SYMMETRY Z ;\n", ":2: SYMMETRY is unknown, found 'Z', expected X, Y or R90"),
        ('VERSION 5.8 ;\nBUSBITCHARS "[] ;\n', ":2: string is not closed, expected '\"'"),
        ("END MACRO\n", ":1: END closes nothing here, found 'MACRO', expected 'LIBRARY'"),
        ("VIA v\n LAYER m1 ;\n", ":2: file ends inside VIA v, expected END v"),
        ("VIARULE v\n LAYER m1 ;\n", ":2: file ends inside VIARULE v, expected 'END'"),
        ("VIA v\n LAYER m1 ;\n RECT 0 0 1 ;\nEND v\n", ":3: coordinate is not a number, found ';'"),
        (
            "VIA v\n CUTSIZE 1 1 ;\n ROWCOL 0 5 ;\nEND v\n",
            ":3: ROWCOL is out of range, found '5', expected 1 to 100000 cuts",
        ),
        (
            "VIA v\n PATTERN 2_XY ;\nEND v\n",
            ":2: PATTERN is broken, found '2_XY', expected rows such as 2_FF70_3_R4F",
        ),
        ("NONDEFAULTRULE r\n LAYER m1\n END m2\nEND r\n", ":3: LAYER is not closed by its own name, found 'm2'"),
        (
            PIN.format("RECT 0 0 1 ;"),
            ":7: coordinate is not a number, found ';', expected a number of at most 2147483647",
        ),
        (PIN.format("RECT 0 0 1 1"), ":8: statement is not ended, found 'END', expected ';'"),
        (PIN.format("RECT 0 0 nan 1 ;"), ":7: coordinate is not a number, found 'nan', expected a number of at most "),
        (PIN.format("RECT 0 0 1_0 1 ;"), ":7: coordinate is not a number, found '1_0', expected a number of at most "),
        (PIN.format("POLYGON ;"), ":7: points are missing, found ';', expected a point"),
        (
            PIN.format("RECT ITERATE 0 0 1 1\n DO 99999 BY 99999 STEP 1 1 ;"),
            ":8: ITERATE count is out of range, found '99999', expected 1 to 1000000 copies",
        ),
        (
            MACRO.format("PIN P\n  DIRECTION UP ;\nEND P"),
            ":5: DIRECTION is unknown, found 'UP', expected INPUT, OUTPUT, INOUT or FEEDTHRU",
        ),
        (
            "MACRO M\n SIZE 1 BY 1 ;\n PIN P\n  USE SIGNAL ;\n",
            ":4: file ends inside MACRO M, PIN P, expected END P",
        ),
    ],
)
def test_errors_name_file_and_line(tmp_path: Path, text: str, message: str) -> None:
    path = write(tmp_path, "bad.lef", text)
    with pytest.raises(InputError) as caught:
        read_lef([path])
    assert str(caught.value).startswith(f"{path}{message}")


def test_no_file_and_an_absent_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no LEF file is given"):
        read_lef([])
    with pytest.raises(InputError, match=re.escape(f"{tmp_path / 'none.lef'}: cannot be read (No such file")):
        read_lef([tmp_path / "none.lef"])
    with pytest.raises(InputError, match="cannot be read"):
        read_lef([tmp_path])
    with pytest.raises(TypeError, match="a sequence of paths"):
        read_lef("some.lef")


def test_real_libraries(shared_data: Path) -> None:
    """Every LEF of the collection: the masters, pins and sizes that a text search finds, or a clear refusal."""
    refused = []
    for path in sorted((shared_data / "layouts" / "lef").iterdir()):
        text = gzip.decompress(path.read_bytes()).decode("latin-1")
        try:
            library = read_lef([path])
        except InputError as error:
            refused.append(error.what)
            continue
        masters = re.findall(r"^\s*MACRO\s+(\S+)\s*$", text, re.MULTILINE)
        assert library.masters.name.tolist() == list(dict.fromkeys(masters)), path.name
        assert len(library.masters.pin_name) == len(re.findall(r"^\s*PIN\s+\S+", text, re.MULTILINE)), path.name
        without_sites = re.sub(r"^SITE[\s\S]*?^END \S+", "", text, flags=re.MULTILINE)
        sizes = re.findall(r"\bSIZE\s+([\d.]+)\s+BY\s+([\d.]+)", without_sites)
        found = np.column_stack([library.masters.width, library.masters.height])
        np.testing.assert_array_equal(found, np.array(sizes, dtype=np.float64).reshape(-1, 2), path.name)
    assert refused == ["MACRO has no SIZE"]
