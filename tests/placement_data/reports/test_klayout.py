"""KLayout's report databases against ``klayout.rdb`` itself, by hand, and what errors say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from placement_data.errors import InputError
from placement_data.reports import read_report
from tests.placement_data.reports.test_formats import CALIBRE, nets_of
from tests.placement_data.small_design import write

SMALL = """<?xml version="1.0" encoding="utf-8"?>
<report-database>
 <top-cell>TOP</top-cell>
 <cells>
  <cell><name>TOP</name><variant/></cell>
  <cell><name>A</name><variant>1</variant><references>
   <ref><parent>TOP</parent><trans>r90 *1 10,20</trans></ref>
   <ref><parent>TOP</parent><trans>r0 *1 500,500</trans></ref>
  </references></cell>
  <cell><name>B</name><references><ref><parent>A:1</parent><trans>m0 *2 1,0</trans></ref></references></cell>
  <cell><name>LOOP</name><references><ref><parent>LOOP</parent><trans>r0 *1 0,0</trans></ref></references></cell>
 </cells>
 <items>
  <item>
   <tags>red</tags><category>'M1.x'.'a \\'b\\' \\303\\251'</category><cell>TOP</cell><visited>true</visited>
   <multiplicity>3</multiplicity><image/>
   <values><value>text: 'item: polygon'</value><value>box: (0,0;1,1)</value><value>[#t] float: 1e99</value>
    <value>edge: (5,-1;-2,.5)</value></values>
  </item>
  <item><category>plain.sub</category><cell>A:1</cell><values><value>box: (0,0;2,1)</value></values></item>
  <item><category>c</category><cell>B</cell><values>
   <value>edge-pair: (0,0;2,0)|(0,1;2,1)</value>
   <value>text: 'On layer M1'</value><value>text: 'Between net:n1 inst:u1 net:n2'</value>
  </values></item>
 </items>
</report-database>
"""


def oracle_boxes(database: Any) -> list[list[float]]:
    """Box of each item in the top cell, by KLayout's own geometry: at the first reference, cell by cell."""
    import klayout.db as db

    cells = {cell.rdb_id(): cell for cell in database.each_cell()}
    boxes = []
    for item in database.each_item():
        box, cell = db.DBox(), cells[item.cell_id()]
        at = db.DCplxTrans()
        while references := list(cell.each_reference()):
            at = references[0].trans * at
            cell = cells[references[0].parent_cell_id]
        for value in item.each_value():
            for kind in ("polygon", "edge", "edge_pair", "box", "path", "text"):
                if getattr(value, f"is_{kind}")():
                    box += getattr(value, kind)().transformed(at).bbox() if kind != "box" else polygon(value.box(), at)
        boxes.append([box.left, box.bottom, box.right, box.top])
    return boxes


def polygon(box: Any, at: Any) -> Any:
    """What a box becomes: the bounding box of the polygon where it is turned by any angle."""
    import klayout.db as db

    return db.DBox() if box.empty() else db.DPolygon(box).transformed(at).bbox()


def test_by_hand(tmp_path: Path) -> None:
    """A lies at (10, 20), turned by 90 degrees; B in A is mirrored at the x axis, doubled and put at (1, 0)."""
    violations = read_report(write(tmp_path, "x", SMALL))
    assert violations.kind.tolist() == ["M1.x.a 'b' é", "plain.sub", "c"]
    assert violations.layer.tolist() == ["", "", "M1"]
    assert nets_of(violations) == [[], [], ["n1", "n2"]]
    # B: (0..2, 0..1) -> (1..5, -2..0) in A -> (10 + 0..2, 20 + 1..5).
    assert violations.box.tolist() == [[-2.0, -1.0, 5.0, 1.0], [9.0, 20.0, 10.0, 22.0], [10.0, 21.0, 12.0, 25.0]]


def test_without_a_top_cell(tmp_path: Path) -> None:
    """As OpenLane's converter writes it: no top cell, one cell without references."""
    text = SMALL.replace(" <top-cell>TOP</top-cell>\n", "")
    assert read_report(write(tmp_path, "x", text)).box.tolist() == read_report(write(tmp_path, "y", SMALL)).box.tolist()
    empty = "<report-database>\n <items/>\n</report-database>"
    assert len(read_report(write(tmp_path, "empty", empty))) == 0


def shapes(db: Any) -> list[Any]:
    holed = db.DPolygon([db.DPoint(0, 0), db.DPoint(-1, 10.5), db.DPoint(10, 10), db.DPoint(10, 0)])
    holed.insert_hole(db.DBox(2, 2, 3, 3))
    points = [db.DPoint(*p) for p in ((0, 0), (10, 0), (20, 10), (20, 30), (15, 30))]
    return [
        holed,
        db.DPolygon(db.DBox(-3.123456789, 1e-5, 1000000.25, 4)),
        db.DBox(1, 2, 3, 4),
        db.DEdge(0, 1, 2, 3.123456789),
        db.DEdgePair(db.DEdge(0, 0, 1, 1), db.DEdge(0, 2, 1, 3)),
        db.DEdgePair(db.DEdge(0, 0, 1, 1), db.DEdge(0, 2, 1, 3), True),
        db.DPath(points, 1.5, 0.2, 0.3),
        db.DPath(points[:2], 1.5, 0.0, -0.3),
        db.DText('it\'s (5,6); "x" \\', 5, 6.5),
    ]


@pytest.mark.parametrize("turn", [(1, 0, False), (1, 90, True), (1, 270, False), (2.5, 30, False), (0.5, 100, True)])
def test_agrees_with_klayout(tmp_path: Path, turn: tuple[float, float, bool]) -> None:
    rdb, db = pytest.importorskip("klayout.rdb"), pytest.importorskip("klayout.db")
    database = rdb.ReportDatabase("x")
    database.top_cell_name = "TOP"
    top, sub, deep = database.create_cell("TOP"), database.create_cell("SUB"), database.create_cell("SUB", "7")
    sub.add_reference(rdb.RdbReference(db.DCplxTrans(*turn, 12.5, -7), top.rdb_id()))
    sub.add_reference(rdb.RdbReference(db.DCplxTrans(1, 0, False, 1000, 1000), top.rdb_id()))
    deep.add_reference(rdb.RdbReference(db.DCplxTrans(1, 90, True, 3, 4), sub.rdb_id()))
    outer = database.create_category("M1.spacing")
    categories = [outer, database.create_category(outer, 'it\'s "é" <&>'), database.create_category("plain")]
    names = ["M1.spacing", 'M1.spacing.it\'s "é" <&>', "plain"]
    kinds = []
    for cell in (top, sub, deep):
        for i, shape in enumerate([*shapes(db), None]):
            item = database.create_item(cell.rdb_id(), categories[i % 3].rdb_id())
            kinds.append(names[i % 3])
            for value in [shape] if shape else [*shapes(db), "a text: (1,2)", 1.5, 7, db.DPolygon(), db.DBox()]:
                item.add_value(value)
    path = tmp_path / "x"
    database.save(str(path))
    again = rdb.ReportDatabase("y")
    again.load(str(path))
    violations = read_report(path)
    assert violations.kind.tolist() == kinds
    assert np.allclose(violations.box, oracle_boxes(again), rtol=0, atol=1e-9)
    assert set(violations.layer) == {""}


@pytest.mark.parametrize("matrix", ["1 0 0 1", "0 1 -1 0", "-1 0 0 -1", "0 -1 1 0", "1 0 0 -1", "0 1 1 0", "-1 0 0 1"])
def test_calibre_agrees_with_klayout(tmp_path: Path, matrix: str) -> None:
    """KLayout reads Calibre's databases too: results in a cell's coordinates, for each of the orientations."""
    rdb = pytest.importorskip("klayout.rdb")
    text = CALIBRE.replace("0 1 -1 0 10000 20000", f"{matrix} 10000 -20000").replace("// a comment\n", "")
    path = write(tmp_path, "x", text)
    database = rdb.ReportDatabase("x")
    database.load(str(path))
    violations = read_report(path)
    assert len(violations) == 4
    assert np.allclose(violations.box, oracle_boxes(database), rtol=0, atol=1e-9)


BROKEN = [
    (SMALL[:400], ":10: XML is broken (unclosed token)"),
    (SMALL[: SMALL.index("2,1)")], ": XML is broken"),
    (SMALL.replace("</item>", "", 1), ": XML is broken (mismatched tag)"),
    (SMALL.replace("</item>\n  <item>", "<item>", 1).replace("</items>", "</item></items>"), ": an item holds an item"),
    (
        SMALL.replace("box: (0,0;2,1)", "box: (0,0;2,x)"),
        ":20: value is broken, found 'box: (0,0;2,x)', expected a shape",
    ),
    (SMALL.replace("box: (0,0;2,1)", "box: (0,0;2,nan)"), ":20: value is broken"),
    (SMALL.replace("box: (0,0;2,1)", "box: (0,0;2)"), ":20: value is broken"),
    (SMALL.replace("box: (0,0;2,1)", "box: (0,0)"), ":20: value is broken"),
    (SMALL.replace("box: (0,0;2,1)", "edge: (0,0;1,1;2,2)"), ":20: value is broken"),
    (SMALL.replace("box: (0,0;2,1)", "edge-pair: (0,0;1,1)"), ":20: value is broken"),
    (SMALL.replace("box: (0,0;2,1)", "path: (0,0;1,1) w=x bx=0 ex=0 r=false"), ":20: value is broken"),
    (SMALL.replace("box: (0,0;2,1)", "label: ('x',r0 1)"), ":20: value is broken"),
    (SMALL.replace("box: (0,0;2,1)", "rubbish"), ":20: value is broken"),
    (SMALL.replace("box: (0,0;2,1)", "box: (0,0;2,2000000000)"), ":20: coordinate is too large, found '"),
    (SMALL.replace("box: (0,0;2,1)", "text: 'no place'"), ":20: item has no shape, found 'plain.sub'"),
    (SMALL.replace("box: (0,0;2,1)", "box: ()"), ":20: item has no shape"),
    (SMALL.replace("<cell>B<", "<cell>C<"), ":24: item's cell has no placement in the top cell, found 'C', expected"),
    (SMALL.replace("<cell>B<", "<cell>LOOP<"), ":24: item's cell has no placement in the top cell, found 'LOOP'"),
    (SMALL.replace("r90 *1 10,20", "r90 *1 10"), ":7: placement is broken, found 'r90 *1 10', expected such as 'r90"),
    (SMALL.replace("</items>", "</items><cells><cell/></cells>"), ":25: cells stand behind the items"),
    ("<html><report-database/></html>", ""),
    (
        "<?xml version='1.0'?><x><report-database/></x>",
        ":1: not a report database, found 'x', expected report-database",
    ),
    ("<?xml version='1.0'?>" + "<a>" * 3000 + "<report-database>", ":1: not a report database, found 'a'"),
    ("<report-database>" + "<a>" * 3000, ":1: elements are nested too deep"),
    (
        '<?xml version="1.0"?><!DOCTYPE b [<!ENTITY a "a"><!ENTITY c "&a;&a;">]><report-database>&c;</report-database>',
        ":1: document type is refused, found 'b', expected no <!DOCTYPE>",
    ),
]


@pytest.mark.parametrize(("text", "message"), BROKEN, ids=[str(i) for i in range(len(BROKEN))])
def test_broken_databases(tmp_path: Path, text: str, message: str) -> None:
    path = write(tmp_path, "x", text)
    with pytest.raises(InputError) as caught:
        read_report(path)
    assert message in str(caught.value)
    assert caught.value.file == path
    assert caught.value.line is not None


def test_an_xml_that_is_no_database_is_unknown(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a design-rule report of a known format"):
        read_report(write(tmp_path, "x", "<?xml version='1.0'?><svg/>"))
