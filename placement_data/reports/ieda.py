"""JSON of iEDA's design-rule check: ``drc.distribution.<type>.layers.<layer>.list``, in database units.

An entry is a box with the nets of its shapes; the numbers of violations beside the lists are checked where given::

    {"drc": {"number": 1, "distribution": {"Metal Short": {"number": 1, "layers": {"MET2": {"number": 1, "list": [
        {"llx": 10, "lly": 20, "urx": 30, "ury": 40, "net": ["n1", "n2"], "inst": [], "required_size": 0}
    ]}}}}}}

``net`` holds names, in a list or in one string; numbers in it are the tool's own identifiers and are passed over.
"""

from __future__ import annotations

import re
from typing import Any

from placement_data.errors import InputError
from placement_data.reports.markers import load_json
from placement_data.reports.rows import LARGEST, Reads, Rows
from placement_data.text import PathLike
from placement_data.violations import Violations

READS = Reads(
    "iEDA",
    "'{\"drc\":' (iEDA)",
    "JSON of iDRC, in the DEF's database units; `number` is checked",
    "names in `net`",
    refused="broken JSON, a wrong `number`",
)

_START = re.compile(r"\s*+\{")
_KEY = re.compile(r'"drc"\s*+:\s*+\{')
_CORNERS = ("llx", "lly", "urx", "ury")
_DBU_LIMIT = 2**53


def recognises(text: str) -> bool:
    """True for a JSON object that holds ``"drc": {``."""
    return _START.match(text) is not None and _KEY.search(text) is not None


def parse(text: str, path: PathLike, dbu_per_micron: int | None = None) -> Violations:
    """The report's violations. Raises ``InputError`` that names the place in the JSON, also where units are missing."""
    if dbu_per_micron is None:
        expected = "dbu_per_micron, as UNITS of the DEF gives it"
        raise InputError("the report is in database units, and their size is not known", file=path, expected=expected)
    report = _Report(path, dbu_per_micron)
    drc = report.table(load_json(text, path), "drc", "")
    for kind, of_kind in report.tables(drc, "distribution", "drc"):
        at_kind = f"drc.distribution.{kind}"
        before = len(report.rows)
        for layer, of_layer in report.tables(of_kind, "layers", at_kind):
            report.violations(of_layer, kind, layer, f"{at_kind}.layers.{layer}")
        report.require_count(of_kind, len(report.rows) - before, at_kind)
    report.require_count(drc, len(report.rows), "drc")
    return report.rows.violations()


class _Report:
    """Checked steps through the JSON: what is not as it must be is an error that names its place."""

    def __init__(self, path: PathLike, dbu_per_micron: int) -> None:
        self.rows = Rows(path)
        self._path = path
        self._dbu = dbu_per_micron

    def fail(self, what: str, found: object, expected: str) -> InputError:
        return InputError(what, file=self._path, found=found, expected=expected)

    def table(self, owner: dict[str, Any], key: str, at: str) -> dict[str, Any]:
        """``owner[key]``, which must be an object; none is an empty one (the writer prints null for it)."""
        value = owner.get(key)
        if value is None and key != "drc":
            return {}
        if not isinstance(value, dict):
            raise self.fail(f"{at}.{key}".lstrip(".") + " is no object", value, "{...}")
        return value

    def tables(self, owner: dict[str, Any], key: str, at: str) -> list[tuple[str, dict[str, Any]]]:
        """The objects in ``owner[key]``, each with its name."""
        table = self.table(owner, key, at)
        return [(name, self.table(table, name, f"{at}.{key}")) for name in table]

    def require_count(self, owner: dict[str, Any], read: int, at: str) -> None:
        """``owner["number"]``, where there is one, must be the number of violations read."""
        said = owner.get("number", read)
        if isinstance(said, bool) or said != read:
            raise self.fail(f"{at}.number is not the number of its violations", said, str(read))

    def violations(self, of_layer: dict[str, Any], kind: str, layer: str, at: str) -> None:
        """Take the violations of one kind on one layer."""
        entries = of_layer.get("list") or []
        if not isinstance(entries, list):
            raise self.fail(f"{at}.list is no list", entries, "[...]")
        for i, entry in enumerate(entries):
            if not isinstance(entry, dict):
                raise self.fail(f"{at}.list[{i}] is no object", entry, "{...}")
            box = [self._coordinate(entry.get(corner), f"{at}.list[{i}].{corner}") for corner in _CORNERS]
            self.rows.add(kind.strip(), layer.strip(), box, None, self._nets(entry.get("net"), f"{at}.list[{i}].net"))
        self.require_count(of_layer, len(entries), at)

    def _coordinate(self, value: object, at: str) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= _DBU_LIMIT:
            raise self.fail(f"{at} is no coordinate", value, "a number of database units")
        microns = value / self._dbu
        if abs(microns) > LARGEST:
            raise self.fail(f"{at} is too large", value, f"at most {LARGEST:g} microns")
        return microns

    def _nets(self, value: object, at: str) -> list[str]:
        if isinstance(value, str):
            return value.split()
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return []
        if not isinstance(value, list) or not all(isinstance(net, str | int) for net in value):
            raise self.fail(f"{at} is no list of nets", value, 'names, such as ["n1", "n2"]')
        return [net.strip() for net in value if isinstance(net, str) and net.strip()]
