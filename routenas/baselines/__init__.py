"""The hand-crafted routability predictors that a searched network must beat, by name.

Three kinds. A ``network`` is an ``nn.Module`` made from a `TaskShape`, with ``forward((b, c, h, w))`` and the attribute
``output`` ("map": logits (b, outputs, h, w), or "scalar": (b,)); every map network's last layer is ``head``. For
violated nets the softplus of a map network's output is summed. A ``tiles`` predictor has ``fit(features, labels,
search_features, search_labels)`` and ``predict(features) -> (h, w)``, log-odds; a ``placement`` predictor the same with
one target and one number a placement.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from placement_data.errors import SettingError
from routenas.look_up import entry, is_own, look_up

Kind = Literal["network", "tiles", "placement"]


@dataclass(frozen=True)
class Baseline:
    """One entry of the table: its ``kind`` and where its class is, ``module:Class``.

    ``by_name``: it looks up channels by name, so its class takes the data set's ``channels``. ``training``: where the
    loss and schedule of its paper are (a `routenas.published.Published`); else a network has the shared ones.
    """

    kind: Kind
    target: str
    by_name: bool = False
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
        "gradient-boosting": Baseline("tiles", "routenas.baselines.boosting:GradientBoosting"),
        "rudy": Baseline("tiles", "routenas.baselines.rudy:RudyLogistic", by_name=True),
    },
    "violated_nets": {
        **_network("resnet18", "resnet:RouteNetCount", "RESNET18"),
        **_SHARED,
        "gradient-boosting": Baseline("placement", "routenas.baselines.boosting:CountBoosting"),
        "utilization": Baseline("placement", "routenas.baselines.rudy:UtilizationMean", by_name=True),
        "rudy-mean": Baseline("placement", "routenas.baselines.rudy:RudyMean", by_name=True),
    },
}


def baselines(task: str) -> tuple[str, ...]:
    """The names of the baselines of ``task`` ("hotspots" or "violated_nets"); InputError for another task."""
    return tuple(entry("task", BASELINES, task))


def baseline(task: str, name: str) -> Baseline:
    """The entry ``name`` of ``task``; InputError with the near names if there is none.

    ``module:Class`` of the user's own is a network if its class is an ``nn.Module``, else what fits the task.
    """
    table = entry("task", BASELINES, task)
    if not is_own(name):
        return entry("baseline", table, name)
    from torch import nn

    found = look_up("baseline", {}, name)
    if not isinstance(found, type):
        raise SettingError("not a class of predictors", found=name, expected="module:Class")
    if issubclass(found, nn.Module):
        return Baseline("network", name)
    return Baseline("placement" if task == "violated_nets" else "tiles", name)


def load(task: str, name: str) -> type[Any]:
    """The class of a baseline, imported now."""
    loaded: type[Any] = look_up("baseline", {}, baseline(task, name).target)
    return loaded


NETWORKS = {
    name: known.target for table in BASELINES.values() for name, known in table.items() if known.kind == "network"
}
"""The hand-made networks of all tasks: ``module:Class``, each called with the shape of a task."""


PUBLISHED = {name: known.training for table in BASELINES.values() for name, known in table.items() if known.training}
"""The networks that are trained as their paper did, by name: where their loss and schedule are."""


def network_class(name: str) -> Any:
    """The class behind a name of `NETWORKS`, or ``module:Class`` of one's own. Raises InputError for another name."""
    return look_up("hand-made network", NETWORKS, name)
