"""The words of LEF and DEF: in any case of letters, unknown ones noted; sections repeated, files joined."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from placement_data.checks.lint import lint
from placement_data.design import Design
from placement_data.errors import InputError
from placement_data.readers import read_design, read_lef
from placement_data.readers.words import DEF, LEF
from tests.placement_data.small_design import SMALL_DEF, SMALL_LEF, write
from tests.placement_data.synthetic import synthetic_def, synthetic_lef
from tests.placement_data.tables import listing

# BLOCK and CORE of CLASS are left alone: BLOCK is a macro's name too, and names have a case.
_VALUES = """LIBRARY BY DO STEP DISTANCE MICRONS DATABASE HORIZONTAL VERTICAL ROUTING CUT INPUT OUTPUT INOUT SIGNAL
POWER GROUND CLOCK NEW PIN TIMING NETLIST SHAPE STRIPE VIRTUAL FS FN"""
_TABLES = [words for table in (LEF, DEF) for words in table.values()]
WORDS = set(_VALUES.split()).union(*(words.read | words.stepped_over for words in _TABLES))
HEAD = "VERSION 5.8 ;\nDESIGN d ;\nUNITS DISTANCE MICRONS 1000 ;\nDIEAREA ( 0 0 ) ( 20000 10000 ) ;\n"
ALL_SHAPES = """SPECIALNETS 2 ;
- VDD ( * VDD ) + USE POWER
  + ROUTED m1 200 + SHAPE STRIPE + STYLE 1 ( 0 0 ) ( 100 * ) NEW m2 100 ( 0 0 ) MASK 2 ( * 500 50 ) v
    NEW m1 100 ( 0 0 ) VIRTUAL ( 7 7 ) RECT ( 0 0 9 9 ) v N DO 2 BY 2 STEP 50 50
  + SHAPE RING + MASK 1 + RECT m1 ( 0 0 ) ( 5 5 ) + POLYGON m2 ( 0 0 ) ( 0 9 ) ( 9 9 ) ( 9 0 ) + VIA v N ( 4 4 ) ;
- VSS + SHIELD VDD m1 20 ( 0 0 ) ( 0 50 ) + COVER m1 20 ( 0 90 ) ( 9 90 ) + VOLTAGE 700 + WEIGHT 3 ;
END SPECIALNETS
"""
MORE = (
    "VIAS 1 ;\n- v + RECT m1 ( 0 0 ) ( 5 5 ) + RECT v1 ( 1 1 ) ( 2 2 ) + RECT m2 + MASK 1 ( 0 0 ) ( 4 4 ) ;\nEND VIAS\n"
    "REGIONS 1 ;\n- r ( 0 0 ) ( 500 500 ) + TYPE GUIDE ;\nEND REGIONS\n"
    "COMPONENTS 1 ;\n- u CELL + PLACED ( 0 0 ) N + HALO SOFT 1 2 3 4 + ROUTEHALO 9 m1 m2 + REGION r + WEIGHT 1 ;\n"
    "END COMPONENTS\nGROUPS 1 ;\n- g u + SOFT MAXX 4 + REGION r ;\nEND GROUPS\n"
    "BLOCKAGES 1 ;\n- LAYER m1 + PUSHDOWN + COMPONENT u + SPACING 3 RECT ( 0 0 ) ( 5 5 ) ;\nEND BLOCKAGES\n"
    "PINS 1 ;\n- p + NET n + PORT + LAYER m1 SPACING 3 ( 0 0 ) ( 5 5 ) + VIA v MASK 12 ( 1 1 ) + FIXED ( 5 5 ) FN ;\n"
    "END PINS\nNETS 1 ;\n- n ( PIN p ) ( u A + SYNTHESIZED ) + ROUTED m1 ( 0 0 ) ( 9 * ) NEW m1 ( 0 0 ) v ;\nEND NETS\n"
)


def read(folder: Path, lef: str, def_: str) -> Design:
    return read_design([write(folder, "a.lef", lef)], write(folder, "a.def", def_))


def recased(text: str, how: str, rng: random.Random) -> str:
    """The text with its keywords, and nothing else, in another case."""

    def other(found: re.Match[str]) -> str:
        word = found[0]
        if word not in WORDS:
            return word
        if how == "mixed":
            return "".join(rng.choice((letter, letter.lower())) for letter in word)
        return word.lower() if how == "lower" else word.title()

    return re.sub(r"(?<![^\s])[A-Z0-9]+(?![^\s])", other, text)


@pytest.mark.parametrize("how", ["lower", "title", *["mixed"] * 4])
@pytest.mark.parametrize(
    ("lef", "def_"),
    [
        (SMALL_LEF, SMALL_DEF),
        (synthetic_lef(), synthetic_def(300, 3)),
        (SMALL_LEF, HEAD + MORE + ALL_SHAPES + "END DESIGN\n"),
    ],
    ids=["small", "made up", "all options"],
)
def test_keywords_have_no_case(tmp_path: Path, lef: str, def_: str, how: str) -> None:
    rng = random.Random(how + lef[:80] + def_[-80:])
    expected = read(tmp_path, lef, def_)
    found = read(tmp_path, recased(lef, how, rng), recased(def_, how, rng))
    assert listing(found) == listing(expected)
    assert [one.code for one in found.findings] == [one.code for one in expected.findings]


def test_names_have_a_case(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r":11: master of component u1 is in no LEF, found 'cell'"):
        read(tmp_path, SMALL_LEF, SMALL_DEF.replace("u1 CELL", "u1 cell"))
    with pytest.raises(InputError, match="MACRO is not closed by its own name, found 'cell', expected 'CELL'"):
        read_lef([write(tmp_path, "a.lef", SMALL_LEF.replace("END CELL", "END cell"))])


def test_names_that_are_spelled_like_keywords_are_names(tmp_path: Path) -> None:
    """An instance called end of a master called components, a net called pin, a via's net called new."""
    lef = SMALL_LEF.replace("MACRO CELL", "MACRO components").replace("END CELL", "END components")
    text = f"{HEAD}COMPONENTS 2 ;\n- end components + PLACED ( 0 0 ) N ;\n- pin components + PLACED ( 9 9 ) N ;\n"
    text += "END COMPONENTS\nNETS 1 ;\n- nets ( end A ) ( pin Y ) ;\nEND NETS\nEND DESIGN\n"
    design = read(tmp_path, lef, text)
    assert design.cells.name.tolist() == ["end", "pin"]
    assert design.pins.cell.tolist() == [0, 1]
    assert design.nets.name.tolist() == ["nets"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("  PITCH 0.2 ;", "  PICH 0.2 ;"),
        ("  CLASS CORE ;\n  ORIGIN", "  CLAS CORE ;\n  ORIGIN"),
        ("    USE SIGNAL ;", "    USED SIGNAL ;"),
        ("        RECT 1.2", "        RECTT 1.2"),
        ("SITE unit\n  CLASS", "SITE unit\n  KLASS"),
        ("LAYER v1\n", "WHATEVER 1 2 ;\nLAYER v1\n"),
        ("LAYER v1\n", "&ALIAS a = b ;\nLAYER v1\n"),
    ],
)
def test_unknown_words_of_lef(tmp_path: Path, old: str, new: str) -> None:
    assert SMALL_LEF.count(old) == 1
    path = write(tmp_path, "a.lef", SMALL_LEF.replace(old, new))
    word = next(word for word in new.split() if word not in {*old.split(), "+"})
    line = 1 + path.read_text().split(f"{word} ")[0].count("\n")
    (counted,) = (one for one in read_lef([path]).findings if one.code == "unknown-word")
    assert (counted.line, counted.count) == (line, 1)
    assert f"found '{word}'" in counted.message
    assert counted in lint([path], []).findings


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("+ SOURCE TIMING", "+ SORCE TIMING"),
        ("+ DIRECTION OUTPUT ;", "+ DIRECTON OUTPUT ;"),
        ("+ USE SIGNAL ;", "+ USAGE SIGNAL ;"),
        ("+ SOFT + PARTIAL", "+ SOFTLY + PARTIAL"),
        ("+ SHAPE STRIPE ( 0 0 ) ( 100 * ) ;", "+ SHAPE STRIPE ( 0 0 ) ( 100 * ) + COLOUR 3 ;"),
        ("GCELLGRID Y 0", "GCELLGRD Y 0"),
        ("STEP 500 0 ;", "STEP 500 0 + TINT 3 ;"),
    ],
)
def test_unknown_words_of_def(tmp_path: Path, old: str, new: str) -> None:
    assert SMALL_DEF.count(old) == 1
    lef, def_ = write(tmp_path, "a.lef", SMALL_LEF), write(tmp_path, "a.def", SMALL_DEF.replace(old, new))
    word = next(word for word in new.split() if word not in {*old.split(), "+"})
    line = 1 + def_.read_text().split(f"{word} ")[0].count("\n")
    (counted,) = (one for one in read_design([lef], def_).findings if one.code == "unknown-word")
    assert (counted.file, counted.line, counted.count) == (str(def_), line, 1)
    assert f"found '{word}'" in counted.message
    assert counted in lint([lef], [def_]).findings


def test_unknown_words_are_counted(tmp_path: Path) -> None:
    text = synthetic_def(300, 3).replace(" + PLACED", " + TINT 3 + PLACED")
    design = read(tmp_path, synthetic_lef(), text)
    (counted,) = design.findings
    assert (counted.code, counted.count) == ("unknown-word", text.count("TINT"))
    found = lint([tmp_path / "a.lef"], [tmp_path / "a.def"]).findings
    assert [one.line for one in found] == [row for row, line in enumerate(text.split("\n"), 1) if "TINT" in line]


def test_sections_may_be_repeated(tmp_path: Path) -> None:
    once = read(tmp_path, SMALL_LEF, SMALL_DEF)
    text = SMALL_DEF.replace("NETS 3 ;", "NETS 1 ;").replace("- n2", "END NETS\nNETS 2 ;\n- n2")
    text = text.replace("COMPONENTS 4 ;", "COMPONENTS 3 ;").replace("- u3", "END COMPONENTS\nComponents 1 ;\n- u3")
    text = text.replace("COMPONENTS 3", "COMPONENTS 2").replace("Components 1", "COMPONENTS 2")
    text = text.replace("PINS 2", "PINS 1").replace("- out", "END PINS\nPINS 1 ;\n- out")
    text = text.replace("SPECIALNETS 1", "SPECIALNETS 0 ;\nEND SPECIALNETS\nSPECIALNETS 1", 1)
    assert listing(read(tmp_path, SMALL_LEF, text)) == listing(once)
    # An error behind the first of several sections stands at its own line.
    bad = text.replace("( u4 A )", "( u9 A )")
    line = 1 + bad[: bad.index("( u9 A )")].count("\n")
    with pytest.raises(InputError, match=rf":{line}: net n2 names an unknown component, found 'u9'"):
        read(tmp_path, SMALL_LEF, bad)


def test_joined_lef_files_are_one_library(tmp_path: Path) -> None:
    at = SMALL_LEF.index("MACRO CELL")
    technology, cells = SMALL_LEF[:at] + "END LIBRARY\n", "VERSION 5.8 ;\n" + SMALL_LEF[at:]
    joined = read_lef([write(tmp_path, "joined.lef", technology + cells)])
    apart = read_lef([write(tmp_path, "technology.lef", technology), write(tmp_path, "cells.lef", cells)])
    assert listing(joined) == listing(apart)
    with pytest.raises(InputError, match=r"joined\.lef:26: DEF statement in a LEF file, found 'DESIGN'"):
        read_lef([write(tmp_path, "joined.lef", technology + "DESIGN d ;\n")])


def test_text_behind_the_end_of_a_def_is_noted(tmp_path: Path) -> None:
    design = read(tmp_path, SMALL_LEF, SMALL_DEF + SMALL_DEF)
    assert [(one.code, one.line) for one in design.findings if one.code == "ignored"] == [("ignored", 36)]
    assert listing(design) == listing(read(tmp_path, SMALL_LEF, SMALL_DEF))


def test_what_may_stand_once(tmp_path: Path) -> None:
    text = SMALL_DEF.replace("GCELLGRID", "DIEAREA ( 0 0 ) ( 30000 20000 ) ;\nUNITS DISTANCE MICRONS 1000 ;\nGCELLGRID")
    design = read(tmp_path, SMALL_LEF, text)
    (counted,) = (one for one in design.findings if one.code == "duplicate")
    assert (counted.line, counted.count) == (9, 2)
    assert design.die.tolist() == [0, 0, 30000, 20000]


def test_the_page_shows_the_words() -> None:
    """``docs/ingest.md`` has a row for each block and section, with the words of the readers' own tables."""
    page = (Path(__file__).parents[3] / "docs" / "ingest.md").read_text()
    rows = [line for line in page.split("\n") if line.startswith(("| LEF:", "| DEF:", "| LEF,", "| DEF,"))]
    shown = []
    for kind, table in (("LEF", LEF), ("DEF", DEF)):
        outside = "outside of " + ("blocks" if kind == "LEF" else "sections")
        for place, words in table.items():
            where = f"{kind}: {place}" if place else f"{kind}, {outside}"
            read, over = (" ".join(sorted(some)) or "-" for some in (words.read, words.stepped_over))
            shown.append(f"| {where} | {read} | {over} |")
    assert rows == shown
