"""JSON of OpenROAD's markers, the marker categories of its database (``write_markers``). Microns.

Categories by their names, each with its violations and with categories of its own; numbers and flags may be strings::

    {"DRC": {"max_markers": "10000", "category": {"Short": {"violations": [
        {"layer": "metal2", "waived": "false", "comment": "...",
         "shape": [{"type": "box", "points": [{"x": "39.58", "y": "44.1"}, {"x": "39.65", "y": "44.135"}]}],
         "sources": [{"type": "net", "name": "n1"}, {"type": "iterm", "name": "u1/A"}]}
    ]}}}}

Categories may be a list of objects with a ``name``, shapes may be bare points, and ``bbox`` may stand for a shape.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from placement_data.errors import InputError
from placement_data.reports.rows import NUMBER, Reads, Rows, hull
from placement_data.text import PathLike
from placement_data.violations import Violations

READS = Reads(
    "OpenROAD markers",
    "'{\"CATEGORY\":' (OpenROAD)",
    "JSON of marker categories, nested to any depth; a violation's kind is its category's name",
    "`sources` of type `net`",
    counted="unknown nets and layers, waived violations, categories as full as `max_markers`",
    refused="violations without a shape, broken JSON",
)

_START = re.compile(r"\s*+[{\[]")
_KEYS = re.compile(r'"(?:violations|category|categories|max_markers|description)"[ \t]*+:')
_CHILDREN = ("category", "categories")
_SHAPES = ("shape", "shapes", "bbox", "box")
_NUMBER = re.compile(NUMBER)
_PLACES = (
    ("x", "y"),
    ("llx", "lly", "urx", "ury"),
    ("xlo", "ylo", "xhi", "yhi"),
    ("x0", "y0", "x1", "y1"),
    ("xMin", "yMin", "xMax", "yMax"),
    ("x_min", "y_min", "x_max", "y_max"),
)


def recognises(text: str) -> bool:
    """True for JSON with the words of a marker category."""
    return _START.match(text) is not None and _KEYS.search(text) is not None


def parse(text: str, path: PathLike) -> Violations:
    """The report's violations, microns. Raises ``InputError`` that names the place in the JSON."""
    report = _Report(path)
    try:
        for name, category in report.named(load_json(text, path), ""):
            report.category(name, category, name)
    except RecursionError:
        raise InputError("JSON is nested too deep", file=path, line=1) from None
    return report.rows.violations()


def load_json(text: str, path: PathLike) -> Any:
    """The value of a JSON file. Raises ``InputError`` with the line where it is broken."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"JSON is broken ({error.msg})", file=path, line=error.lineno) from error
    except (RecursionError, ValueError) as error:  # ValueError: an integer of thousands of digits
        raise InputError("JSON is broken (nested too deep, or a number is too long)", file=path, line=1) from error


class _Report:
    """Checked steps through the JSON: what is not as it must be is an error that names its place."""

    def __init__(self, path: PathLike) -> None:
        self.rows = Rows(path)
        self._path = path

    def named(self, value: Any, at: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Categories with their names: those of an object, of a list, or one that stands alone."""
        if isinstance(value, dict) and ("violations" in value or value.keys() & set(_CHILDREN)):
            value = [value]
        elif isinstance(value, dict):
            value = [{"name": name, **self._object(one, f"{at}.{name}")} for name, one in value.items()]
        for number, one in enumerate(self._list(value, at)):
            category = self._object(one, f"{at}[{number}]")
            yield str(category.get("name", "")), category

    def category(self, name: str, category: dict[str, Any], at: str) -> None:
        """Take the violations of a category and of those in it."""
        children = [(key, category[key]) for key in _CHILDREN if category.get(key)]
        others = category.keys() - {*_CHILDREN, "violations"}
        children += [("", {key: one}) for key, one in category.items() if key in others and isinstance(one, dict)]
        for key, child in children:
            for inner, one in self.named(child, f"{at}.{key}".rstrip(".")):
                self.category(inner or name, one, f"{at}.{key}.{inner}".replace("..", "."))
        violations = self._list(category.get("violations") or [], f"{at}.violations")
        for number, one in enumerate(violations):
            self._violation(name, self._object(one, f"{at}.violations[{number}]"), f"{at}.violations[{number}]")
        limit = str(category.get("max_markers", ""))
        if limit.isdecimal() and 0 < int(limit) <= len(violations):
            self.rows.capped(int(limit), None, f"category {name}")

    def _violation(self, name: str, one: dict[str, Any], at: str) -> None:
        kind = str(one.get("rule") or one.get("kind") or name)
        if str(one.get("waived", False)).lower() in ("true", "1"):
            self.rows.waived(None, kind)
            return
        key = next((key for key in _SHAPES if one.get(key)), "shape")
        points = list(self._points(one.get(key), f"{at}.{key}"))
        if not points:
            raise self._fail(f"{at} has no shape", one.get(key), "points with x and y")
        nets = [str(source["name"]) for source in self._sources(one, at) if source.get("type") == "net"]
        self.rows.add(kind, str(one.get("layer") or ""), hull(points), None, filter(None, nets))

    def _sources(self, one: dict[str, Any], at: str) -> Iterator[dict[str, Any]]:
        for number, source in enumerate(self._list(one.get("sources") or [], f"{at}.sources")):
            yield {"name": "", **self._object(source, f"{at}.sources[{number}]")}

    def _points(self, value: Any, at: str) -> Iterator[float]:
        """x, y, ... of a shape, a point, or a list of them."""
        if isinstance(value, dict):
            for corners in _PLACES:
                if value.keys() >= set(corners):
                    yield from (self._number(value[corner], f"{at}.{corner}") for corner in corners)
                    return
            yield from self._points(value.get("points"), f"{at}.points")
        elif isinstance(value, list) and value and not isinstance(value[0], dict | list):
            if len(value) % 2:
                raise self._fail(f"{at} is no list of points", value, "x and y of each")
            yield from (self._number(one, at) for one in value)
        else:
            for number, one in enumerate(self._list(value or [], at)):
                yield from self._points(one, f"{at}[{number}]")

    def _number(self, value: object, at: str) -> float:
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float | str)
            or not _NUMBER.fullmatch(str(value).strip())
        ):
            raise self._fail(f"{at} is no coordinate", value, "a number of microns")
        return float(value)

    def _object(self, value: object, at: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self._fail(f"{at.lstrip('.')} is no object", value, "{...}")
        return value

    def _list(self, value: object, at: str) -> list[Any]:
        if not isinstance(value, list):
            raise self._fail(f"{at} is no list".strip(), value, "[...]")
        return value

    def _fail(self, what: str, found: object, expected: str) -> InputError:
        return InputError(what, file=self._path, found=found, expected=expected)
