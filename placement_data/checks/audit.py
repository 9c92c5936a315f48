"""Does a split keep apart what it should? Leaks between its parts, and what else makes a measurement doubtful.

A finding is a ``leak`` where knowledge of the test (or search) placements can reach the model: the same placement, the
same design, the same logic under another name, near-duplicate maps, normalisation from more than the training part, a
model that was trained or chosen on what it is judged by. Anything else that deserves a look is a ``warning``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from placement_data.checks.audit_normalisation import TOLERANCE, Model, Statistics, model_findings
from placement_data.checks.audit_view import Finding, Parts, Severity, View, across, listed, named
from placement_data.checks.duplicates import SIDE, THRESHOLD, descriptor, near_duplicates
from placement_data.checks.families import Families, base_name, normal_name
from placement_data.dataset import SPLITS, Normalisation
from placement_data.errors import InputError
from placement_data.features import LIBERTY_CHANNELS, UNITS
from placement_data.store import Store

__all__ = ["SCHEMA", "Audit", "Finding", "Model", "audit", "layout_digests", "read_parts"]

SCHEMA = "routenas.audit/1"
LAYOUT_SUFFIXES = (".def", ".odb", ".db", ".aux", ".pl", ".npy", ".npz")
"""Files that count as the placement itself in data sets that do not say which of their sources it is."""
ROUTER_WORDS = ("overflow", "congestion", "egr_", "drc", "drv", "violation")
"""What names of channels that a router made contain, unless they are made here or say that they are estimated."""


@dataclass(frozen=True)
class Audit:
    """The findings on a split of a data set, leaks first, with the contents of its parts."""

    data: str
    data_sha256: str
    split: str
    contents: Mapping[str, Mapping[str, Any]]
    findings: tuple[Finding, ...]
    unassigned: tuple[str, ...] = ()
    models: tuple[str, ...] = ()

    @property
    def leaks(self) -> tuple[Finding, ...]:
        """The findings that are leaks."""
        return tuple(finding for finding in self.findings if finding.severity == "leak")

    def to_dict(self) -> dict[str, Any]:
        """JSON form, schema ``routenas.audit/1``."""
        return {
            "schema": SCHEMA,
            "data": self.data,
            "data_sha256": self.data_sha256,
            "split": self.split,
            "models": list(self.models),
            "parts": {name: dict(value) for name, value in self.contents.items()},
            "unassigned_families": list(self.unassigned),
            "thresholds": {"near_duplicate": THRESHOLD, "common_size": SIDE, "normalisation_rtol": TOLERANCE},
            "leaks": len(self.leaks),
            "warnings": len(self.findings) - len(self.leaks),
            "findings": [finding.to_dict() for finding in self.findings],
        }

    def __str__(self) -> str:
        lines = [
            f"{name}: {value['placements']} placements ({value['labelled']} labelled) of {value['designs']} designs, "
            f"{len(value['families'])} families"
            for name, value in self.contents.items()
        ]
        lines += [f"{finding.severity.upper()} {finding.code}: {finding.text}" for finding in self.findings]
        lines.append(f"{len(self.leaks)} leaks, {len(self.findings) - len(self.leaks)} warnings")
        return "\n".join(lines)


def read_parts(path: str | PathLike[str]) -> tuple[Parts, Normalisation | None]:
    """Families of each part of a split file, and its ``normalisation`` where it has one.

    Unlike :meth:`placement_data.dataset.Split.load` it takes a family that is in two parts: that is a finding.
    """
    try:
        value = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError("the split cannot be read", file=path, found=str(error)) from None
    lists = [value.get(name) for name in SPLITS] if isinstance(value, dict) else [None]
    if not all(isinstance(names, list) and all(isinstance(name, str) for name in names) for names in lists):
        raise InputError("not a split", file=path, expected='{"train": [families], "search": [...], "test": [...]}')
    statistics = value.get("normalisation")
    try:
        normalisation = None if statistics is None else Normalisation.from_dict(statistics)
    except (LookupError, TypeError, ValueError) as error:
        raise InputError("the split's normalisation cannot be used", file=path, found=str(error)) from None
    return {name: tuple(value[name]) for name in SPLITS}, normalisation


def audit(
    store: Store,
    parts: Parts,
    *,
    families: Families | None = None,
    normalisation: Normalisation | None = None,
    models: Sequence[Model] = (),
    split_name: str = "",
    progress: Callable[[], object] = lambda: None,
) -> Audit:
    """Check a split of a data set. ``normalisation`` is what the split's own file gives, if it does.

    Every placement of the parts is read once (``progress`` is called after each) and its descriptor kept.
    """
    view = View.of(store, parts)
    contents = _read_contents(view, progress)
    found = [
        *_same_samples(view),
        *_same_designs(view, families or Families()),
        *_split_defects(view),
        *_labels(view),
        *_tiles_and_channels(view),
        *_duplicates(view, contents),
        *_same_netlists(view, contents),
    ]
    known = Statistics(view)
    if normalisation is not None:
        found += known.check("the split's file", normalisation)
    for model in models:
        found += model_findings(view, known, model)
    order = {"leak": 0, "warning": 1}
    with open(store.path, "rb") as file:
        digest = file.read(512).split()[2].decode("ascii", "replace").strip("\0")
    assigned = {family for names in parts.values() for family in names}
    return Audit(
        data=str(store.path),
        data_sha256=digest,
        split=split_name,
        contents=_summary(view),
        findings=tuple(sorted(found, key=lambda finding: order[finding.severity])),
        unassigned=tuple(sorted(set(store.families) - assigned)),
        models=tuple(model.name for model in models),
    )


def _same_samples(view: View) -> Iterator[Finding]:
    names = view.store.names
    twice = [family for family, count in _counted(view.parts).items() if count > 1]
    for family in twice:
        where = tuple(part for part, families in view.parts.items() if family in families)
        text = f"family {family} is in {' and '.join(where)}"
        yield Finding("family-in-two-parts", "leak", text, where, (family,), 1)
    # Where a whole family is on two sides, that is the finding; its placements and designs would only repeat it.
    alone = [index for index in range(len(view.store)) if view.store.families[index] not in twice]
    keep = set(alone)

    def digests(index: int) -> Iterable[str]:
        return layout_digests(view.store.heads[index]) if index in keep else ()

    groups = {
        digest: {part: [names[index] for index in indices] for part, indices in by_part.items()}
        for digest, by_part in view.parts_of(digests).items()
    }
    yield from across("same-source", "leak", "the same layout file (SHA-256 {:.12}...)", groups)
    same = view.parts_of(lambda index: [names[index].lower()] if index in keep else ())
    groups = {
        name: {part: [names[index] for index in indices] for part, indices in by_part.items()}
        for name, by_part in same.items()
    }
    yield from across("same-sample", "leak", "sample {}", groups)


def _counted(parts: Parts) -> dict[str, int]:
    counts: dict[str, int] = {}
    for families in parts.values():
        for family in set(families):
            counts[family] = counts.get(family, 0) + 1
    return counts


def layout_digests(head: Mapping[str, Any]) -> tuple[str, ...]:
    """SHA-256 of the files that are the placement itself; libraries and reports may rightly be shared."""
    sources: Mapping[str, str] = head["sources"]
    layout = head.get("provenance", {}).get("layout")
    if layout is None:
        layout = [name for name in sources if name.lower().removesuffix(".gz").endswith(LAYOUT_SUFFIXES)]
    # A Bookshelf netlist is shared by the placements of a design; its .pl is what differs.
    places = [name for name in layout if name.lower().removesuffix(".gz").endswith(".pl")]
    return tuple(sources[name] for name in places or layout if name in sources)


def _same_designs(view: View, families: Families) -> Iterator[Finding]:
    designs = view.store.designs
    by_part = {part: {designs[index] for index in indices} for part, indices in view.samples.items()}
    twice = {family for family, count in _counted(view.parts).items() if count > 1}
    everything = sorted({design for names in by_part.values() for design in names})
    seen: set[frozenset[str]] = set()

    def group(code: str, severity: Severity, what: str, groups: Mapping[str, Iterable[str]]) -> Iterator[Finding]:
        for value, members in groups.items():
            sides = {part: sorted(set(members) & names) for part, names in by_part.items()}
            sides = {part: names for part, names in sides.items() if names}
            key = frozenset(members)
            if len(sides) > 1 and key not in seen:
                seen.add(key)
                yield from across(code, severity, what, {value: sides})

    ambiguous = {design for design, family in zip(designs, view.store.families, strict=True) if family in twice}
    yield from group("same-design", "leak", "design {}", {name: [name] for name in everything if name not in ambiguous})
    for family, (basis, members) in families.groups(everything).items():
        yield from group("same-family", "leak", f"family {{}} ({basis})", {family: members})
    for family, (basis, members) in families.related(everything).items():
        yield from group("related-designs", "warning", f"designs of {{}} ({basis})", {family: members})
    unknown = [design for design in everything if families.of(design) is None]  # of the others the table tells more
    rules: tuple[tuple[str, Severity, str, Callable[[str], str]], ...] = (
        ("design-name-variant", "leak", "designs named {}", normal_name),
        ("similar-names", "warning", "designs named alike ({})", base_name),
    )
    for code, severity, what, name in rules:
        alike: dict[str, list[str]] = {}
        for design in unknown:
            alike.setdefault(name(design), []).append(design)
        several = {value: members for value, members in alike.items() if len(members) > 1}
        yield from group(code, severity, what, several)


def _split_defects(view: View) -> Iterator[Finding]:
    left = sorted(set(view.store.families) - {family for families in view.parts.values() for family in families})
    if left:
        text = f"families of the data set are in no part: {named(left)}"
        yield Finding("unused-family", "warning", text, (), listed(left), len(left))
    for part, families in view.parts.items():
        unknown = sorted(set(families) - set(view.store.families))
        if unknown:
            text = f"{part} names families that the data set lacks: {named(unknown)}"
            yield Finding("unknown-family", "warning", text, (part,), listed(unknown), len(unknown))
        if not view.samples[part]:
            yield Finding("empty-part", "warning", f"{part} has no placement", (part,))
        elif not view.labelled(part):
            yield Finding("unlabelled-part", "warning", f"{part} has no labelled placement", (part,))
        elif not any(view.store.hotspot_tiles(index) for index in view.labelled(part)):
            text = f"{part} has no hotspot: nothing can be learned from it, or judged on it"
            yield Finding("no-hotspot", "warning", text, (part,))


def _labels(view: View) -> Iterator[Finding]:
    kinds = view.store.label_kinds
    by_part = {part: sorted({kinds[index] for index in view.labelled(part)}) for part in view.parts}
    trained = sorted({*by_part["train"], *by_part["search"]})
    if len(trained) > 1:
        text = f"label kinds are mixed in training: {named([kind or '(none)' for kind in trained])}"
        yield Finding("mixed-label-kinds", "warning", text, ("train", "search"), listed(trained), len(trained))
    other = sorted(set(by_part["test"]) - set(trained))
    if trained and other:
        text = f"test has labels of a kind that training has not: {named(other)}"
        yield Finding("other-label-kind", "warning", text, ("test",), listed(other), len(other))
    if "" in {kind for names in by_part.values() for kind in names}:
        yield Finding("no-label-kind", "warning", "labels without a kind: nobody can tell which router made them")


def _tiles_and_channels(view: View) -> Iterator[Finding]:
    grids = [view.store.heads[index]["grid"] for index in view.used]
    tiles = sorted({float(grid["tile"]) / float(grid["dbu_per_micron"]) for grid in grids})
    if len(tiles) > 1:
        sizes = [f"{tile:g} um" for tile in tiles]
        yield Finding(
            "mixed-tiles", "warning", f"tiles of several sizes: {named(sizes)}", (), listed(sizes), len(tiles)
        )
    read = {view.store.with_liberty(index) for index in view.used}
    if len(read) > 1 and LIBERTY_CHANNELS.intersection(view.store.channels):
        text = "registers were told by Liberty in some placements and not, or not known to be, in others"
        yield Finding("mixed-liberty", "warning", text)
    layers = sorted({view.store.routing_layers[index] or "all routing layers" for index in view.used})
    if len(layers) > 1:
        text = f"signals may use other layers in some placements than in others: {named(layers)}"
        yield Finding("mixed-routing-layers", "warning", text, (), listed(layers), len(layers))
    foreign = [name for name in view.store.channels if name not in UNITS and not name.startswith("estimated")]
    routed = [name for name in foreign if any(word in name.lower() for word in ROUTER_WORDS)]
    if routed:
        text = f"channels that only a router can tell, no input of a predictor before routing: {named(routed)}"
        yield Finding("router-channels", "warning", text, (), listed(routed), len(routed))


@dataclass(frozen=True)
class _Contents:
    descriptor: NDArray[np.float32]
    pins: int


def _read_contents(view: View, progress: Callable[[], object]) -> dict[int, _Contents]:
    channels = view.store.channels
    pin = channels.index("pin_density") if "pin_density" in channels else None
    contents = {}
    for index in view.used:
        maps = view.store.features(index)
        pins = 0 if pin is None else round(float(maps[pin].sum(dtype=np.float64)))
        contents[index] = _Contents(descriptor(maps), pins)
        progress()
    return contents


def _duplicates(view: View, contents: Mapping[int, _Contents]) -> Iterator[Finding]:
    names, families = view.store.names, view.store.families
    for left, right in combinations(view.parts, 2):
        ours, theirs = view.samples[left], view.samples[right]
        both = ([contents[i].descriptor for i in ours], [contents[j].descriptor for j in theirs])
        pairs = near_duplicates(*both, channels=view.store.channels)
        pairs = [pair for pair in pairs if families[ours[pair[0]]] != families[theirs[pair[1]]]]
        if pairs:
            items = [f"{left}: {names[ours[i]]} = {right}: {names[theirs[j]]} ({value:.3f})" for i, j, value in pairs]
            text = f"{len(pairs)} pairs of nearly the same maps in {left} and {right}: {named(items)}"
            yield Finding("near-duplicate", "leak", text, (left, right), listed(items), len(pairs))


def _same_netlists(view: View, contents: Mapping[int, _Contents]) -> Iterator[Finding]:
    """Nets and pins that agree to the last one in designs of two parts: most likely one netlist of two names."""
    store = view.store

    def size(index: int) -> Iterable[str]:
        nets, pins = store.heads[index]["net_count"], contents[index].pins
        return [f"{nets} nets and {pins} pins"] if nets >= 100 and pins else ()

    for value, by_part in view.parts_of(size).items():
        designs = {part: sorted({store.designs[index] for index in indices}) for part, indices in by_part.items()}
        if len({store.families[index] for indices in by_part.values() for index in indices}) > 1:
            yield from across("same-netlist-size", "warning", "designs of {}", {value: designs})


def _summary(view: View) -> dict[str, dict[str, Any]]:
    store = view.store
    return {
        part: {
            "families": sorted(set(view.parts[part])),
            "designs": len({store.designs[index] for index in indices}),
            "placements": len(indices),
            "labelled": len(view.labelled(part)),
            "label_kinds": sorted({store.label_kinds[index] for index in view.labelled(part)}),
        }
        for part, indices in view.samples.items()
    }
