"""What an audit looks at and what it says: a data set seen through a split, and findings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from placement_data.store import Store

LISTED = 20
"""A finding names at most so many items."""

Severity = Literal["leak", "warning"]
Parts = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Finding:
    """One thing found: ``items`` names what is concerned (by part where it lies in several), ``count`` how many."""

    code: str
    severity: Severity
    text: str
    parts: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    count: int = 1

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {
            "code": self.code,
            "severity": self.severity,
            "text": self.text,
            "parts": list(self.parts),
            "items": list(self.items),
            "count": self.count,
        }


@dataclass(frozen=True)
class View:
    """A store seen through a split: the samples of each part. A family of two parts is in both."""

    store: Store
    parts: Parts
    samples: Mapping[str, tuple[int, ...]]

    @classmethod
    def of(cls, store: Store, parts: Parts) -> View:
        wanted = {name: set(families) for name, families in parts.items()}
        samples = {
            name: tuple(index for index, family in enumerate(store.families) if family in own)
            for name, own in wanted.items()
        }
        return cls(store, parts, samples)

    @property
    def used(self) -> tuple[int, ...]:
        """Samples of any part, in file order."""
        return tuple(sorted({index for indices in self.samples.values() for index in indices}))

    def parts_of(self, values: Callable[[int], Iterable[str]]) -> dict[str, dict[str, list[int]]]:
        """For each value: the parts whose samples have it, and those samples."""
        found: dict[str, dict[str, list[int]]] = {}
        for part, indices in self.samples.items():
            for index in indices:
                for value in values(index):
                    found.setdefault(value, {}).setdefault(part, []).append(index)
        return found

    def labelled(self, *parts: str) -> tuple[int, ...]:
        """Labelled samples of some parts."""
        return tuple(index for part in parts for index in self.samples[part] if self.store.labelled[index])


def listed(items: Iterable[str]) -> tuple[str, ...]:
    return tuple(items)[:LISTED]


def named(items: Sequence[str]) -> str:
    """The first few of many."""
    return ", ".join(items[:4]) + (f" and {len(items) - 4} more" if len(items) > 4 else "")


def across(
    code: str, severity: Severity, what: str, groups: Mapping[str, Mapping[str, Sequence[str]]]
) -> list[Finding]:
    """A finding for each value whose members lie in more than one part."""
    found = []
    for value, by_part in groups.items():
        if len(by_part) > 1:
            items = [f"{part}: {name}" for part, names in by_part.items() for name in sorted(set(names))]
            text = f"{what.format(value)} in {' and '.join(by_part)}: " + named(items)
            found.append(Finding(code, severity, text, tuple(by_part), listed(items), len(items)))
    return found
