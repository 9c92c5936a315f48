"""Liberty: which cells are registers, latches and clock gates, and what a broken file says."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from placement_data.errors import InputError
from placement_data.features import feature_maps
from placement_data.grid import Grid
from placement_data.liberty import LibertyCells
from placement_data.netlist import clock_cells, register_masters
from placement_data.readers.liberty import read_liberty
from tests.placement_data.builders import CLKBUF, DFF, NAND2, names, random_design

TEXT = r"""/* cell (NOT_ME) { ff (IQ,IQN) { } */
library ("typical 1.1") { // cell (NOR_ME) {
  technology (cmos);
  comment : "a \" quoted { brace and cell (NOT) { ff (a) {";
  define ("x_ff", "cell", "string");
  lu_table_template (t) { variable_1 : total_output_net_capacitance; index_1 ("0.1, 0.2"); }
  cell (INV_X1) { area : 0.5; pin (A) { direction : input; capacitance : 1.0 ; }
    pin(ZN){ function : "!A"; timing() { cell_rise(t) { values ("1, 2", \
      "3, 4"); } } } }
  cell ( "DFF_X1" )
  {
    ff ("IQ" , "IQN") { next_state : "D"; clocked_on : "CK"; }
    test_cell () { ff (IQ,IQN) { clocked_on : "CK"; } }
  }
  cell(BANK4){bundle(Q){}ff_bank(IQ,IQN,4){clocked_on:"CK";}}
  cell (DLH_X1) { latch (IQ,IQN) { enable : "G"; } }
  cell (LB) { latch_bank (IQ,IQN,2) { enable : "G"; } }
  cell (CLKGATE_X1) { clock_gating_integrated_cell : latch_posedge; latch (IQ,IQN) { } statetable ("CK E", "IQ") { } }
  cell (TABLE) { statetable (" CK D " , "IQ") { table : "R H : - : H"; } }
  scaled_cell (INV_X1, slow) { ff (IQ, IQN) { } }
}
"""


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "cells.lib"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_kinds_of_cells(tmp_path: Path) -> None:
    expected = LibertyCells(
        cells=frozenset({"INV_X1", "DFF_X1", "BANK4", "DLH_X1", "LB", "CLKGATE_X1", "TABLE"}),
        registers=frozenset({"DFF_X1", "BANK4", "TABLE"}),
        latches=frozenset({"DLH_X1", "LB"}),
        clock_gates=frozenset({"CLKGATE_X1"}),
    )
    assert read_liberty(write(tmp_path, TEXT)) == expected
    assert read_liberty(write(tmp_path, gzip.compress(TEXT.encode()))) == expected
    assert read_liberty(write(tmp_path, TEXT.replace("\n", "\r\n"))) == expected
    other = LibertyCells(frozenset({"a"}), registers=frozenset({"a"}))
    assert (expected | other).registers == {"DFF_X1", "BANK4", "TABLE", "a"}
    assert (expected | other).clock_gates == {"CLKGATE_X1"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"cells.lib:1: no cell is in the file, expected a Liberty library"),
        ("VERSION 5.8 ;\nMACRO x\nEND x\n", r"cells.lib:3: no cell is in the file"),
        ("\n{ a }", r"cells.lib:2: not a Liberty file, found '{', expected a group library"),
        ("cell (A) { }", r"cells.lib:1: not a Liberty file, found 'cell \(A\) {'"),
        ("library (a) {\n cell (b) {\n", r"cells.lib:2: file ends inside a group, expected '}'"),
        ("library (a) {\n cell (b) { } }\n }", r"cells.lib:3: brace closes nothing, found '}'"),
        ("library (a) {\n cell () { } }", r"cells.lib:2: cell has no name, found 'cell \(\) {'"),
        ('library (a) {\n cell (b) { x : "c ; } }', r"cells.lib:2: string is not closed"),
        ("library (a) {\n /* cell (b) { } }", r"cells.lib:2: comment is not closed, expected '\*/'"),
        (b"library\0(a) { }", r"cells.lib:1: not a text file: it holds a NUL byte"),
        (gzip.compress(TEXT.encode())[:-20], r"cells.lib: gzip file is damaged or cut off"),
    ],
)
def test_broken_files(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_liberty(write(tmp_path, text))


def test_every_cut_of_a_file_is_an_error(tmp_path: Path) -> None:
    for end in range(0, TEXT.rindex("}"), 7):
        with pytest.raises(InputError):
            read_liberty(write(tmp_path, TEXT[:end]))


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none.lib: cannot be read"):
        read_liberty(tmp_path / "none.lib")


def test_liberty_decides_where_it_knows_the_cell() -> None:
    masters = random_design(np.random.default_rng(0)).masters
    np.testing.assert_array_equal(np.flatnonzero(register_masters(masters)), [DFF])
    knows = LibertyCells(frozenset({"NAND2_X1", "INV_X1"}), registers=frozenset({"NAND2_X1"}))
    np.testing.assert_array_equal(np.flatnonzero(register_masters(masters, liberty=knows)), [NAND2, DFF])
    knows = LibertyCells(frozenset({"NAND2_X1", "DFF_X1"}), latches=frozenset({"NAND2_X1"}))
    np.testing.assert_array_equal(np.flatnonzero(register_masters(masters, liberty=knows)), [NAND2])
    gates = LibertyCells(frozenset({"DFF_X1"}), clock_gates=frozenset({"DFF_X1"}))
    assert not register_masters(masters, liberty=gates).any()


def test_liberty_reaches_the_maps_and_the_clock_tree() -> None:
    design = random_design(np.random.default_rng(1), cells=60, nets=150)
    grid = Grid.of(design)
    other = replace(design, masters=replace(design.masters, pin_name=names(["x"] * len(design.masters.pin_name))))
    hidden = replace(other, masters=replace(other.masters, name=names([f"m{i}" for i in range(7)])))
    assert not feature_maps(hidden, grid)[2].any()
    knows = LibertyCells(frozenset({f"m{DFF}"}), registers=frozenset({f"m{DFF}"}))
    np.testing.assert_array_equal(feature_maps(hidden, grid, liberty=knows)[2], feature_maps(design, grid)[2])
    none = LibertyCells(frozenset(design.masters.name))
    buffers = clock_cells(design, liberty=none)
    assert clock_cells(design).sum() > buffers.sum()
    assert set(design.cells.master[clock_cells(design)]) >= {CLKBUF}
