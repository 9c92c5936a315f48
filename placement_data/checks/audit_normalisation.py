"""Is a normalisation that of the training placements alone, and has a model seen what it is judged by?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from placement_data.checks.audit_view import Finding, Parts, View, listed, named
from placement_data.dataset import FeatureMaps, Normalisation

TOLERANCE = 1e-4
"""Relative difference below which two statistics are the same."""


@dataclass(frozen=True)
class Model:
    """What the audit needs of a trained model: the parts it saw, its normalisation, channels and label kind."""

    name: str
    parts: Parts
    normalisation: Normalisation
    channel_version: str
    label_kind: str


class Statistics:
    """Normalisation statistics of the parts, computed when they are asked for."""

    def __init__(self, view: View) -> None:
        self.view = view
        self._fitted: dict[tuple[int, ...], Normalisation] = {}

    def fit(self, indices: Sequence[int]) -> Normalisation | None:
        key = tuple(indices)
        if not key:
            return None
        if key not in self._fitted:
            self._fitted[key] = Normalisation.fit(FeatureMaps(self.view.store, key))
        return self._fitted[key]

    def check(self, whose: str, given: Normalisation) -> Iterator[Finding]:
        """Is a normalisation that of the labelled training placements alone?"""
        view = self.view
        if len(given.mean) != len(view.store.channels):
            text = (
                f"the normalisation of {whose} has {len(given.mean)} channels, the data set {len(view.store.channels)}"
            )
            yield Finding("other-channels", "warning", text)
            return
        counted = [index for index in view.labelled("train") if view.store.heads[index]["violated_nets"] >= 0]
        for own in (view.labelled("train"), counted, view.samples["train"]):
            fitted = self.fit(own)
            if fitted is not None and _close(fitted, given):
                return
        more = (("train", "search"), ("train", "test"), ("train", "search", "test"), ("search",), ("test",))
        for parts in more:
            for indices in (view.labelled(*parts), tuple(i for part in parts for i in view.samples[part])):
                fitted = self.fit(sorted(set(indices)))
                if fitted is not None and _close(fitted, given):
                    text = f"the normalisation of {whose} was computed from {' + '.join(parts)}, not from train alone"
                    yield Finding("normalisation-not-train", "leak", text, parts)
                    return
        fitted = self.fit(tuple(range(len(view.store))))
        if fitted is not None and _close(fitted, given):
            text = f"the normalisation of {whose} was computed from the whole data set, not from train alone"
            yield Finding("normalisation-not-train", "leak", text, tuple(view.parts))
            return
        text = f"the normalisation of {whose} is neither that of train nor of other parts of this data set"
        yield Finding("unknown-normalisation", "warning", text)


def _close(left: Normalisation, right: Normalisation) -> bool:
    pairs = zip(left.to_dict().values(), right.to_dict().values(), strict=True)
    return all(np.allclose(a, b, rtol=TOLERANCE, atol=1e-9) for a, b in pairs)


def model_findings(view: View, known: Statistics, model: Model) -> Iterator[Finding]:
    """What a model saw that it is judged by: families of later parts, and a normalisation of more than the training."""
    for part, saw in (("test", ("train", "search")), ("search", ("train",))):
        seen = sorted(set(view.parts[part]) & {family for name in saw for family in model.parts[name]})
        if seen:
            # What is judged out of fold is trained on train and search in the end: it has no search part, test judges.
            folded = part == "search" and not model.parts["search"]
            text = f"model {model.name} was trained or chosen on families of {part}: {named(seen)}"
            text += "; judge it on test alone" if folded else ""
            yield Finding("model-saw-part", "warning" if folded else "leak", text, (part,), listed(seen), len(seen))
    if model.channel_version != view.store.channel_version:
        text = f"model {model.name} has channels {model.channel_version}, the data set {view.store.channel_version}"
        yield Finding("other-channels", "warning", text)
    elif sorted(model.parts["train"]) == sorted(view.parts["train"]):
        yield from known.check(f"model {model.name}", model.normalisation)
    else:
        text = f"model {model.name} was trained on another training part: its normalisation is compared with that one's"
        yield Finding("other-split", "warning", text)
        own = View.of(view.store, model.parts)
        yield from Statistics(own).check(f"model {model.name}", model.normalisation)
    kinds = {view.store.label_kinds[index] for index in view.labelled(*view.parts)}
    if kinds and model.label_kind not in kinds:
        text = f"model {model.name} predicts labels of kind {model.label_kind}, which the parts have not"
        yield Finding("label-kind-absent", "warning", text, (), listed(sorted(kinds)), len(kinds))
