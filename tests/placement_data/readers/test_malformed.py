"""Broken files: whatever is wrong, the answer is a value or an ``InputError`` that names file and line."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from placement_data.errors import InputError
from placement_data.readers import Library, read_def, read_lef
from placement_data.readers.def_.reader import parse_def
from placement_data.reports import read_report
from tests.placement_data.reports.test_openroad import CURRENT, OF_2020, OF_2022
from tests.placement_data.small_design import SMALL_DEF, SMALL_LEF, write
from tests.placement_data.synthetic import synthetic_def

NUMBER = "a number from -2147483647 to 2147483647"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    return read_lef([write(tmp_path_factory.mktemp("lef"), "small.lef", SMALL_LEF)])


def changed(old: str, new: str) -> str:
    """The small layout with one passage changed."""
    assert SMALL_DEF.count(old) >= 1
    return SMALL_DEF.replace(old, new, 1)


# Lines of the small layout: DESIGN 4, UNITS 5, DIEAREA 6, ROW 7, TRACKS 8, COMPONENTS 10 to 15, PINS 16 to 21,
# BLOCKAGES 22 to 25, SPECIALNETS 26 to 28, NETS 29 to 34, END DESIGN 35.
BROKEN = [
    ("", ": file is empty"),
    ("  \n\n", ": file is empty"),
    ("hello\n", ":1: not a DEF file, found 'hello', expected a DEF statement such as VERSION or DESIGN"),
    (SMALL_LEF, ":3: LEF statement in a DEF file, found 'UNITS', expected DEF"),
    ("MACRO M\nEND M\n", ":1: LEF statement in a DEF file, found 'MACRO', expected DEF"),
    (changed("DESIGN small ;\n", ""), ":34: DESIGN is missing"),
    (changed("UNITS DISTANCE MICRONS 1000 ;\n", ""), ":34: UNITS is missing"),
    (changed("DIEAREA ( 0 0 ) ( 20000 10000 ) ;\n", ""), ":34: DIEAREA is missing"),
    (changed("DESIGN small ;", "DESIGN small"), ":5: statement is not ended, found 'UNITS', expected ';'"),
    (changed("DESIGN small ;", "DESIGN ;"), ":4: name is missing, found ';', expected the name of the design"),
    (changed("MICRONS 1000", "MICRONS 0"), ":5: UNITS are out of range, found '0', expected a number of at least 1"),
    (changed("MICRONS 1000", "MICRONS x"), f":5: UNITS is not a number, found 'x', expected {NUMBER}"),
    (changed("MICRONS 1000", "METERS 1000"), ":5: UNITS are not those of distance, found 'METERS', expected 'MICRONS'"),
    (
        changed("( 20000 10000 )", "( 20000 0 )"),
        ":6: DIEAREA has no area, found 'DIEAREA', expected a polygon",
    ),
    (changed("( 20000 10000 )", "( 1 0 ) ( 2 5 )"), ":6: DIEAREA has a slanting side"),
    (changed("( 20000 10000 )", "( 20000 )"), f":6: coordinate is not a number, found ')', expected {NUMBER}"),
    (changed("( 20000 10000 )", "( 1e9999 1 )"), f":6: coordinate is not a number, found '1e9999', expected {NUMBER}"),
    (
        changed("20000 10000", "20000 9223372036854775808"),
        ":6: coordinate is not a number, found '9223372036854775808'",
    ),
    (changed("0 0 N DO", "0 0 X DO"), ":7: orientation is unknown, found 'X', expected N, W, S, E, FN, FW, FS or FE"),
    (changed("DO 40 BY", "DO -1 BY"), ":7: count is negative, found '-1', expected a number of at least 0"),
    (changed("TRACKS X", "TRACKS Z"), ":8: axis is unknown, found 'Z', expected X or Y"),
    (
        changed("COMPONENTS 4", "COMPONENTS 5"),
        ":10: number of COMPONENTS is not what the header says, found '4', expected 5",
    ),
    (
        changed("COMPONENTS 4", "COMPONENTS x"),
        f":10: number of COMPONENTS is not a number, found 'x', expected {NUMBER}",
    ),
    (
        changed("END COMPONENTS\n", ""),
        ":15: COMPONENTS holds no such statement, found 'PINS', expected '-' or END COMPONENTS",
    ),
    (changed("2000 ) N ;", "2000 ) N"), ":12: statement is not ended, found '-', expected ';'"),
    (
        changed("- u1 CELL", "- u1 NONE"),
        ":11: master of component u1 is in no LEF, found 'NONE', expected the name of a MACRO",
    ),
    (changed("- u1 CELL", "- u1"), ":11: name is missing, found '+', expected the name of a master"),
    (changed("- u2 CELL", "-\nu1\nCELL"), ":13: component is there twice, found 'u1'"),
    (changed("( 1000 2000 )", "( 1000 2x )"), f":11: coordinate is not a number, found '2x', expected {NUMBER}"),
    (changed("( 1000 2000 )", "( 1000 2000"), ":11: point is not closed, found 'N', expected ')'"),
    (changed("2000 ) N", "2000 ) R0"), ":11: orientation is unknown, found 'R0'"),
    (changed("SOURCE TIMING", "SOURCE X"), ":12: SOURCE is unknown, found 'X', expected NETLIST, DIST, TIMING or USER"),
    (changed("PINS 2", "PINS 3"), ":16: number of PINS is not what the header says, found '2', expected 3"),
    (
        changed("DIRECTION INPUT", "DIRECTION IN"),
        ":17: DIRECTION is unknown, found 'IN', expected INPUT, OUTPUT, INOUT or",
    ),
    (changed("( 4000 0 ) N", "( 4000 0 )"), ":19: orientation is unknown, found ';'"),
    (changed("- out", "- in"), ":20: pin is there twice, found 'in'"),
    (
        changed("SPACING 10 RECT", "SPACING RECT"),
        ":23: blockage is broken, found '(', expected '+', RECT, POLYGON or ';'",
    ),
    (
        changed("- PLACEMENT", "- NOTHING"),
        ":24: kind of blockage is unknown, found 'NOTHING', expected LAYER or PLACEMENT",
    ),
    (changed("+ USE POWER", "+ USE POWR"), ":27: USE is unknown, found 'POWR', expected SIGNAL, POWER, GROUND, CLOCK"),
    (changed("NETS 3", "NETS 2"), ":29: number of NETS is not what the header says, found '3', expected 2"),
    (
        changed("( u2 A )", "( u9 A )"),
        ":31: net n1 names an unknown component, found 'u9', expected one of COMPONENTS",
    ),
    (
        changed("( u2 A )", "( u2 B )"),
        ":31: net n1 names an unknown pin of component u2, found 'B', expected a pin of master CELL",
    ),
    (changed("PIN out", "PIN o"), ":32: net n2 names an unknown pin, found 'o', expected one of PINS"),
    (changed("( u2 A )", "( u2 A"), ":31: option of a pin is unknown, found 'USE', expected 'SYNTHESIZED'"),
    (changed("( u4 A )", "( u4 A"), ":32: pin is not closed, found '(', expected ')'"),
    (changed("- n3", "- n1"), ":33: net is there twice, found 'n1'"),
    (changed("- n3 ;", "- n3"), ":34: statement is not ended, found 'END', expected ';'"),
    (changed("+ UNPLACED ;", "+ UNPLACED"), ":15: statement is not ended, found 'END', expected ';'"),
    (SMALL_DEF[: SMALL_DEF.index("+ UNPLACED")], ":14: file ends inside a statement, expected ';'"),
    (SMALL_DEF[: SMALL_DEF.index("- u4")], ":13: file ends inside COMPONENTS, expected END COMPONENTS"),
    (changed("USE SIGNAL ;\n- n2", "USE SIGNAL\n- n2"), ":32: statement is not ended, found '-', expected ';'"),
    (
        changed("END NETS\n", "NETS 0 ;\nEND NETS\n"),
        ":34: NETS holds no such statement, found 'NETS', expected '-' or END NETS",
    ),
    (changed("END DESIGN", "NETS 0 ;\nEND NETS\nEND DESIGN"), ":35: NETS is there twice"),
    (changed("END DESIGN", "END"), ":35: END closes nothing here, found 'END', expected END DESIGN"),
    (changed("END DESIGN", ""), ":34: file ends before END DESIGN, expected END DESIGN"),
    (changed("END DESIGN", "- a ;\nEND DESIGN"), ":35: statement is in no section, found '-'"),
    (
        changed("PINS 2", "VIAS 1 ;\n- v ;\nPINS 2"),
        ":18: VIAS holds no such statement, found 'PINS', expected '-' or END VIAS",
    ),
    (changed("PINS 2", 'BEGINEXT "x"\nPINS 2'), ":36: file ends inside BEGINEXT, expected ENDEXT"),
    (changed('"[]"', '"[]'), ":3: string is not closed, expected '\"'"),
]


@pytest.mark.parametrize(("text", "message"), BROKEN, ids=[message[:60] for _, message in BROKEN])
def test_a_broken_def(tmp_path: Path, library: Library, text: str, message: str) -> None:
    path = write(tmp_path, "bad.def", text)
    with pytest.raises(InputError) as caught:
        read_def(path, library)
    assert str(caught.value).startswith(f"{path}{message}")


def test_a_layout_without_any_end_of_a_statement(tmp_path: Path, library: Library) -> None:
    head, nets = synthetic_def(3000, 1).split("END SPECIALNETS")
    path = write(tmp_path, "bad.def", head + "END SPECIALNETS" + nets.replace(" ;", "").replace("\n-", " ;\n-", 1))
    with pytest.raises(InputError, match="statement is not ended, found '-', expected ';'"):
        parse_def(path)


def test_an_error_says_no_more_than_that(tmp_path: Path, library: Library) -> None:
    path = write(tmp_path, "bad.def", changed("( u2 A )", "( u2 B )"))
    with pytest.raises(InputError) as caught:
        read_def(path, library)
    assert str(caught.value) == (
        f"{path}:31: net n1 names an unknown pin of component u2, found 'B', expected a pin of master CELL"
    )
    assert (caught.value.file, caught.value.line, caught.value.exit_code) == (path, 31, 3)


def test_a_line_is_counted_past_comments_and_strings(tmp_path: Path, library: Library) -> None:
    text = changed("VERSION 5.8 ;", '# ;\n#\nVERSION 5.8 ; # "\nHISTORY "a\nb" ;').replace("( u2 A )", "( u2 B )")
    with pytest.raises(InputError, match=r"small\.def:35: net n1 names an unknown pin"):
        read_def(write(tmp_path, "small.def", text), library)


def test_a_master_that_is_too_large_for_the_units(tmp_path: Path, library: Library) -> None:
    with pytest.raises(InputError, match=r"a master is too large for the units of the DEF, found '2000000000'"):
        read_def(write(tmp_path, "small.def", changed("MICRONS 1000", "MICRONS 2000000000")), library)


@pytest.mark.parametrize("read", [parse_def, read_report, lambda path: read_lef([path])], ids=["def", "report", "lef"])
def test_junk_and_damaged_gzip(tmp_path: Path, read: Callable[[Path], object]) -> None:
    rng = np.random.default_rng(0)
    packed = gzip.compress(SMALL_DEF.encode())
    for data, what in (
        (rng.integers(0, 256, 4000, dtype=np.uint8).tobytes(), "not a text file: it holds a NUL byte"),
        (rng.integers(128, 256, 4000, dtype=np.uint8).tobytes(), "not a "),
        (packed[:60], "gzip file is damaged or cut off"),
        (packed[:40] + b"\xff\xff" + packed[42:], "gzip file is damaged or cut off"),
        (gzip.compress(b"neither\n"), "not a "),
    ):
        with pytest.raises(InputError) as caught:
            read(write(tmp_path, "junk", data))
        assert caught.value.what.startswith(what)
    with pytest.raises(InputError, match="cannot be read"):
        read(tmp_path / "absent")


def survives(read: Callable[[Path], object], path: Path) -> bool:
    """Whether a file is read; it may be refused, but only by an ``InputError`` that names the file."""
    try:
        read(path)
    except InputError as error:
        if error.file != path or (error.line is None and error.what not in ("file is empty", "gzip file is damaged")):
            raise AssertionError(f"{error} has no place") from error
        return False
    return True


READERS: list[tuple[str, str]] = [("def", SMALL_DEF), ("lef", SMALL_LEF), ("drc", CURRENT + OF_2022 + OF_2020)]


def reader(kind: str, library: Library) -> Callable[[Path], object]:
    return {
        "def": lambda path: read_def(path, library),
        "lef": lambda path: read_lef([path]),
        "drc": read_report,
    }[kind]


@pytest.mark.parametrize(("kind", "text"), READERS, ids=["def", "lef", "drc"])
def test_truncation(tmp_path: Path, library: Library, kind: str, text: str) -> None:
    read = reader(kind, library)
    read_whole = [survives(read, write(tmp_path, "cut", text[:length])) for length in range(0, len(text), 17)]
    if kind == "def":
        assert not any(read_whole)  # END DESIGN is missing in each of them
    assert survives(read, write(tmp_path, "whole", text))


@pytest.mark.parametrize(("kind", "text"), READERS, ids=["def", "lef", "drc"])
def test_flipped_bytes_and_lost_tokens(tmp_path: Path, library: Library, kind: str, text: str) -> None:
    rng = np.random.default_rng(7)
    read = reader(kind, library)
    refused = 0
    for _ in range(100):
        data = bytearray(text.encode())
        for at in rng.integers(0, len(data), size=rng.integers(1, 4)).tolist():
            data[at] = int(rng.integers(1, 256))
        refused += not survives(read, write(tmp_path, "flipped", bytes(data)))
        words = text.split(" ")
        del words[int(rng.integers(0, len(words)))]
        refused += not survives(read, write(tmp_path, "lost", " ".join(words)))
        words.insert(int(rng.integers(0, len(words))), str(rng.choice(["-", "+", ";", "(", ")", "END", "9" * 30, "*"])))
        refused += not survives(read, write(tmp_path, "added", " ".join(words)))
    assert 50 < refused < 300  # some changes only rename something
