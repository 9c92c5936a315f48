"""Reading LEF: values worked out by hand, the dialects of real files, and what errors say."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import numpy as np
import pytest

from placement_data.design import Direction, LayerDirection, LayerKind, MasterClass, Use
from placement_data.errors import InputError
from placement_data.readers import Library, read_lef
from tests.placement_data.small_design import SMALL_LEF, write

MACRO = "MACRO M\n  CLASS CORE ;\n  SIZE 10 BY 10 ;\n{}\nEND M\n"
PIN = MACRO.format("  PIN P\n    PORT\n      LAYER m1 ;\n{}\n    END\n  END P")


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return read_lef([write(tmp_path, "small.lef", SMALL_LEF)])


def shapes(tmp_path: Path, text: str) -> list[list[float]]:
    """Boxes of the only pin of a macro whose port holds ``text``."""
    layer = "LAYER m1\n  TYPE ROUTING ;\n  WIDTH 0.5 ;\nEND m1\n"
    box = read_lef([write(tmp_path, "pin.lef", layer + PIN.format(text))]).masters.port_box
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
    assert masters.port_offset.tolist() == [0, 2, 3, 5]
    assert masters.port_layer.tolist() == [0, 0, 2, 2, -1]  # m3 is in no LEF
    expected = [(0.1, 0.1, 0.5, 0.25), (0.4, 0.15, 0.6, 0.3), (1.7, 0.7, 1.9, 0.9), (1, 1, 2, 2.5), (3, 0.5, 3.5, 1)]
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
        ("POLYGON 0 0 4 0 2 3 ;", [[0, 0, 4, 3]]),
        ("POLYGON ITERATE 0 0 4 0 2 3 DO 1 BY 2 STEP 0 5 ;", [[0, 0, 4, 3], [0, 5, 4, 8]]),
        ("PATH 1 1 5 1 ;", [[0.75, 0.75, 5.25, 1.25]]),
        ("WIDTH 2 ; PATH 1 1 5 1 ;", [[0, 0, 6, 2]]),
        ("VIA 1 1 via1_4 ; RECT 1 2 3 4 ;", [[1, 2, 3, 4]]),
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
        ("VIA v\n LAYER m1 ;\n", ":2: file ends inside VIA v, expected 'END'"),
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
