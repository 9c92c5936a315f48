"""KLayout's report databases (``.lyrdb``, XML), as klayout.de's "RDB Format" describes them. Microns.

An item is one violation: its kind is the path of its category (``'M1'.'a'`` becomes ``M1.a``), its box that of all its
shapes. An item of a cell below the top cell is in that cell's coordinates; the database gives it an example of a
placement (``references``), and the item is put there, once, as KLayout's marker browser does. A cell without a path to
the top cell is refused, unless the database names no top cell. Items without a shape have no place and are refused.

Layers and nets are no part of the format. Texts that name them are taken: ``On layer M1`` and ``Between a and b`` as
OpenLane's converter from OpenROAD's reports writes them, ``net:a to net:b`` as LibreLane's does, ``Net a``.
"""

from __future__ import annotations

import re
from collections import Counter
from xml.parsers import expat

from placement_data.errors import InputError
from placement_data.reports.klayout_shapes import IDENTITY, Affine, placement, shape_points, unquoted, words
from placement_data.reports.openroad import source_nets
from placement_data.reports.rows import DEFAULT_LIMIT, Reads, Rows, hull
from placement_data.text import PathLike
from placement_data.violations import Violations

READS = Reads(
    "KLayout",
    "'<report-database>' (KLayout)",
    "`.lyrdb` and the XML of OpenLane and LibreLane; shapes in sub-cells are put at their example placement",
    "texts `net:a to net:b`, `Between a and b`, `Net a`; layers `On layer M1`",
    counted="unknown nets and layers, items with the tag `waived`, another top cell, 1000 items of a category",
    refused="items without a shape, cells without a placement, document types",
)

_START = re.compile(r"\s*+<(?:[?!]|report-database\b)")
_ROOT = "/report-database"
_CELL = f"{_ROOT}/cells/cell"
_REFERENCE = f"{_CELL}/references/ref"
_ITEM = f"{_ROOT}/items/item"
_TOP_CELL = f"{_ROOT}/top-cell"
_TEXTS = {_TOP_CELL, f"{_CELL}/name", f"{_CELL}/variant", f"{_REFERENCE}/parent", f"{_REFERENCE}/trans"}
_LONGEST_PATH = 4000
_TAG = re.compile(r"\[[^\]]*+\][ \t]*+")
_ON_LAYER = re.compile(r"(?:On layer|Layer:?) (\S+)", re.IGNORECASE)
_BETWEEN = re.compile(r"(?:[^:]*?\b)?between\s+(?:nets?\s+)?(\S.*)", re.IGNORECASE)
_NETS = re.compile(r"nets?\s*:?\s+(\S.*)", re.IGNORECASE)
_PREFIXED = re.compile(r"(?<![^\s,])net:\s*([^\s,]+)", re.IGNORECASE)
_JOINTS = re.compile(r"\s(?:to|and|vs\.?|&)\s(?:\s*nets?\s)?|,", re.IGNORECASE)
_WAIVED = re.compile(r"(?:^|,)\s*['\"#]*waived['\"]*\s*(?:,|$)", re.IGNORECASE)


def recognises(text: str) -> bool:
    """True for XML that holds a report database."""
    return _START.match(text) is not None and "<report-database" in text


def parse(text: str, path: PathLike) -> Violations:
    """The database's violations. Raises ``InputError`` with the line of broken XML, of a broken value and the like.

    Document types and entities are refused: the format has none, and they can make a small file grow without bound.
    """
    reader = _Reader(path)
    try:
        reader.parser.Parse(text, True)
    except expat.ExpatError as error:
        what = f"XML is broken ({expat.errors.messages[error.code]})"
        raise InputError(what, file=path, line=error.lineno) from error
    return reader.violations()


class _Reader:
    """Takes the elements of the file as they come. Texts are collected only where they are wanted."""

    def __init__(self, path: PathLike) -> None:
        self.rows = Rows(path)
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.StartDoctypeDeclHandler = self._refuse_doctype
        self._file = path
        self._path = ""
        self._text: list[str] = []
        self._field: dict[str, str] = {}  # texts of the cell or item that is open
        self._top = ""
        self._references_of_cell: list[tuple[str, Affine]] = []
        self._references: dict[str, list[tuple[str, Affine]]] = {}
        self._placed: dict[str, Affine] = {}  # worked out for the first item
        self._kinds: dict[str, str] = {}
        self._counts: Counter[str] = Counter()
        self._begin_item()

    def violations(self) -> Violations:
        """All violations, when the file has been walked over."""
        for category, count in self._counts.items():
            if count == DEFAULT_LIMIT:
                self.rows.capped(count, None, f"category {self._kinds[category]}")
        roots = [name for name, references in self._references.items() if not references]
        self.rows.design = self._top or (roots[0].partition(":")[0] if len(roots) == 1 else "")
        return self.rows.violations()

    def _fail(self, what: str, found: str | None = None, expected: str | None = None) -> InputError:
        return InputError(what, file=self._file, line=self.parser.CurrentLineNumber, found=found, expected=expected)

    def _refuse_doctype(self, name: str, *_: object) -> None:
        raise self._fail("document type is refused", name, "no <!DOCTYPE>")

    def _collect(self) -> None:
        self._text = []
        self.parser.CharacterDataHandler = self._text.append

    def _start(self, name: str, _: dict[str, str]) -> None:
        path = self._path = f"{self._path}/{name}"
        if self._placed and path in (_CELL, _TOP_CELL):
            raise self._fail("cells stand behind the items", name, "<cells> before <items>")
        if path in _TEXTS:
            self._collect()
        elif path == _ITEM:
            self._begin_item()
            # Most of a file is items. In one, no element is looked at before its end, which takes half the time: its
            # text is then what came since the end before it, less the blanks.
            self.parser.StartElementHandler = None
            self.parser.EndElementHandler = self._end_in_item
            self._collect()
        elif path == _CELL:
            self._field = {}
            self._references_of_cell = []
        elif len(path) > _LONGEST_PATH:
            raise self._fail("elements are nested too deep", name)
        elif path == f"/{name}" != _ROOT:
            raise self._fail("not a report database", name, _ROOT[1:])

    def _end(self, name: str) -> None:
        path = self._path
        if not path.endswith(f"/{name}"):
            raise self._fail("an item holds an item", name)
        self._path = path[: -len(name) - 1]
        if path in _TEXTS:
            self.parser.CharacterDataHandler = None
            self._field[name] = "".join(self._text).strip()
            if path == _TOP_CELL:
                self._top = self._field[name]
        elif path == _REFERENCE:
            parent, at = self._field.pop("parent", ""), self._transformation(self._field.pop("trans", ""))
            self._references_of_cell.append((parent, at))
        elif path == _CELL:
            name, variant = self._field.get("name", ""), self._field.get("variant", "")
            self._references[f"{name}:{variant}" if variant else name] = self._references_of_cell

    def _end_in_item(self, name: str) -> None:
        if name == "value":
            self._add_value("".join(self._text).strip())
        elif name in ("category", "cell", "tags"):
            self._field[name] = "".join(self._text).strip()
        self._text.clear()
        if name == "item":
            self._end_item()
            self._path = _ITEM[: -len("/item")]
            self.parser.StartElementHandler = self._start
            self.parser.EndElementHandler = self._end
            self.parser.CharacterDataHandler = None

    def _transformation(self, text: str) -> Affine:
        found = placement(text)
        if found is None:
            raise self._fail("placement is broken", text, "such as 'r90 *1 X,Y' or 'm0 *1 X,Y'")
        return found

    def _begin_item(self) -> None:
        self._field = {}
        self._points: list[float] = []
        self._layer = ""
        self._nets: list[str] = []
        self._line = self.parser.CurrentLineNumber

    def _add_value(self, text: str) -> None:
        if tag := _TAG.match(text):
            text = text[tag.end() :]
        if text.startswith("text:"):
            self._add_note(unquoted(text[5:].strip()))
            return
        points = shape_points(text)
        if points is None:
            raise self._fail("value is broken", text, "a shape such as 'box: (X,Y;X,Y)', a text or a number")
        self._points += points

    def _add_note(self, note: str) -> None:
        if found := _ON_LAYER.fullmatch(note):
            self._layer = found[1]
            return
        found = _BETWEEN.fullmatch(note) or _NETS.fullmatch(note)
        if prefixed := _PREFIXED.findall(note):  # what has not the prefix is no net
            self._nets += prefixed
        elif found:
            parts = [part.strip() for part in _JOINTS.split(found[1])]
            parts = parts[0].split() if len(parts) == 1 and note[:7].lower() == "between" else parts
            if not any(part.split()[1:] for part in parts):  # else it is a sentence
                names, _ = source_nets(parts)
                self._nets += names
                self.rows.may_be_pins(names)

    def _end_item(self) -> None:
        category = self._field.get("category", "")
        if category not in self._kinds:
            self._kinds[category] = ".".join(words(category))
        points = self._points
        if _WAIVED.search(self._field.get("tags", "")):
            self.rows.waived(self._line, self._kinds[category])
            return
        if not points:
            raise self._fail("item has no shape", category, "a polygon, box, edge, edge-pair, path or label")
        at = self._placement_of(self._field.get("cell", ""))
        if at is not IDENTITY:
            points = at.apply(points)
        self.rows.add(self._kinds[category], self._layer, hull(points), self._line, self._nets)
        self._counts[category] += 1

    def _place_cells(self) -> dict[str, Affine]:
        """Every cell's placement in the top cell: of those that take the fewest steps, the first in the file."""
        parents = {parent for references in self._references.values() for parent, _ in references}
        roots = {name for name in parents | self._references.keys() if not self._references.get(name)}
        reached = [self._top] if self._top else sorted(roots)
        children: dict[str, list[tuple[str, Affine]]] = {}
        for name, references in self._references.items():
            for parent, step in references:
                children.setdefault(parent, []).append((name, step))
        placed = dict.fromkeys(["", *reached], IDENTITY)
        for parent in reached:
            for name, step in children.get(parent, []):
                if name not in placed:
                    placed[name] = placed[parent].after(step)
                    reached.append(name)
        return placed

    def _placement_of(self, cell: str) -> Affine:
        if not self._placed:
            self._placed = self._place_cells()
        if cell in self._placed:
            return self._placed[cell]
        if not self._top and cell not in self._references:
            return IDENTITY
        expected = f"a reference that leads to {self._top or 'the top cell'}"
        raise self._fail("item's cell has no placement in the top cell", cell, expected)
