"""The hand-made predictors that a searched network must beat, by task and name.

Each is an ``nn.Module`` made from a `TaskShape`, with ``forward((b, c, h, w))`` of normalised maps and the attribute
``output`` ("map": logits (b, outputs, h, w), or "scalar": (b,)). Three kinds: a ``network`` is trained by descent, and
a map network's last layer is ``head`` (for violated nets the softplus of its output is summed); a ``fitted`` one keeps
`routenas.interfaces.SelfFitting`; a ``ranking`` one does, too, and needs no fit to rank: it is ready once
``read(card)`` has looked up its channels by name. What was fitted is in buffers, so that all are saved alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from placement_data.errors import InputError, SettingError
from routenas.interfaces import SelfFitting
from routenas.look_up import entry, is_own, look_up
from searchspaces.space import TaskShape

Kind = Literal["network", "fitted", "ranking"]


@dataclass(frozen=True)
class Baseline:
    """One entry of the table: its ``kind`` and what makes it, ``module:Class``.

    ``training``: where the loss and schedule of its paper are (a `routenas.published.Published`); else a network has
    the shared ones.
    """

    kind: Kind
    target: str
    training: str = ""


def _network(name: str, target: str, training: str = "") -> dict[str, Baseline]:
    """A network under the shared trainer, and where its paper trained it in another way, that as ``name-paper``."""
    rows = {name: Baseline("network", f"routenas.baselines.{target}")}
    if training:
        of_paper = replace(rows[name], training=f"routenas.published:{training}")
        rows[f"{name}-paper"] = of_paper
    return rows


_SHARED = {
    **_network("unet", "unet:UNet"),
    **_network("tile-mlp", "tile:TileMLP"),
    **_network("residual-dilated", "residual_dilated:ResidualDilated"),
}

BASELINES: dict[str, dict[str, Baseline]] = {
    "hotspots": {
        **_network("fcn", "fcn:RouteNetFCN", "FCN"),
        **_network("pros", "pros:PROS", "CROSS_ENTROPY"),
        **_network("pix2pix", "pix2pix:Pix2Pix", "PIX2PIX"),
        **_network("jnet", "jnet:JNet"),
        **_network("flnet", "flnet:FLNet", "CROSS_ENTROPY"),
        **_network("gpdl", "gpdl:GPDL", "GPDL"),
        **_SHARED,
        "gradient-boosting": Baseline("fitted", "routenas.baselines.boosting:gradient_boosting"),
        "rudy": Baseline("ranking", "routenas.baselines.rudy:RudyLogistic"),
    },
    "violated_nets": {
        **_network("resnet18", "resnet:RouteNetCount", "RESNET18"),
        **_SHARED,
        "gradient-boosting": Baseline("fitted", "routenas.baselines.boosting:gradient_boosting"),
        "utilization": Baseline("ranking", "routenas.baselines.rudy:UtilizationMean"),
        "rudy-mean": Baseline("ranking", "routenas.baselines.rudy:RudyMean"),
    },
    "nodes": {
        **_network("gcn", "graphs:GCN", "GCN"),
        **_network("gat", "graphs:GAT", "GAT"),
        **_network("sage", "graphs:SAGE"),
        **_network("gin", "graphs:GIN"),
    },
    "graphs": {
        name: Baseline("network", f"routenas.baselines.graphs:{name.upper()}") for name in ("gcn", "gat", "sage", "gin")
    },
    "vision": {
        **_network("resnet8", "vision:ResNet8"),
        **_network("resnet20", "vision:ResNet20"),
        **_network("cnn", "vision:PlainCNN"),
        "logistic": Baseline("fitted", "routenas.baselines.vision:LogisticRegression"),
    },
    "language": {
        **_network("lstm", "recurrent:LSTM"),
        **_network("gru", "recurrent:GRU"),
    },
}


def baselines(task: str) -> tuple[str, ...]:
    """The names of the hand-made predictors of the task of that name: none for one of your own."""
    return tuple(BASELINES.get(task, ()))


def baseline(task: str, name: str) -> Baseline:
    """The entry ``name`` of the task of that name; SettingError with the near names if there is none.

    ``module:Class`` of the user's own is a network, or fitted where it keeps `SelfFitting`.
    """
    table = BASELINES.get(task, {})
    if not is_own(name):
        if not table:
            raise SettingError(f"the task {task} has no hand-made predictors", found=name, expected="module:Class")
        return entry("baseline", table, name)
    from torch import nn

    found = look_up("baseline", {}, name)
    if not isinstance(found, type) or not issubclass(found, nn.Module):
        raise SettingError("not a class of predictors", found=name, expected="module:Class of an nn.Module")
    return Baseline("fitted" if issubclass(found, SelfFitting) else "network", name)


PREDICTORS = {name: known.target for table in BASELINES.values() for name, known in table.items()}
"""The hand-made predictors of all tasks: ``module:Class``, each called with the shape of a task."""


PUBLISHED = {name: known.training for table in BASELINES.values() for name, known in table.items() if known.training}
"""The networks that are trained as their paper did, by name: where their loss and schedule are."""


MEMBERS = ("gradient-boosting", "tile-mlp", "residual-dilated")
"""What a search trains beside its finalists: what errs otherwise than networks, and what few epochs judge wrongly."""


def possible_members(task: str, names: Sequence[str] | None, shape: TaskShape, card: Any) -> Sequence[str]:
    """The ``names`` themselves, or `MEMBERS`.

    Raises SettingError for one that ``task`` has not, or that has a trainer of its own, and InputError for one that
    needs a channel which the ``card`` of the task has not.
    """
    names = MEMBERS if names is None else names
    for name in names:
        known = baseline(task, name)
        if known.training:
            what = "a predictor that is trained as its paper says cannot be a member"
            raise SettingError(what, found=name, expected=name.removesuffix("-paper"))
        if known.kind == "ranking":
            try:
                predictor_class(name)(shape).read(card)
            except InputError as error:
                raise InputError(f"the hand-made predictor {name} cannot be a member: it {error}") from None
    return names


def predictor_class(name: str) -> Any:
    """What is behind a name of `PREDICTORS`, or ``module:Class`` of one's own. Raises InputError for another name."""
    return look_up("hand-made predictor", PREDICTORS, name)
