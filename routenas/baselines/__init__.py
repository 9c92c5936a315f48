"""The hand-crafted routability predictors that a searched network must beat, by name.

Three kinds. A ``network`` is an ``nn.Module`` made from a `TaskShape`, with ``forward((b, c, h, w))`` and the attribute
``output`` ("map": logits (b, 1, h, w), or "scalar": (b,)); every map network's last layer is ``head``. For violated
nets the softplus of a map network's output is summed.
A ``tiles`` predictor has ``fit(features, labels, search_features, search_labels)`` and ``predict(features) -> (h, w)``,
log-odds; a ``placement`` predictor the same with one target and one number a placement.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from placement_data.errors import SettingError
from routenas.look_up import entry, is_own, look_up

Kind = Literal["network", "tiles", "placement"]


@dataclass(frozen=True)
class Baseline:
    """One entry of the table: its ``kind`` and where its class is, ``module:Class``.

    ``by_name``: it looks up channels by name, so its class takes the data set's ``channels``.
    """

    kind: Kind
    target: str
    by_name: bool = False


_SHARED = {
    "unet": Baseline("network", "routenas.baselines.unet:UNet"),
    "tile-mlp": Baseline("network", "routenas.baselines.tile:TileMLP"),
    "residual-dilated": Baseline("network", "routenas.baselines.residual_dilated:ResidualDilated"),
}

BASELINES: dict[str, dict[str, Baseline]] = {
    "hotspots": {
        "fcn": Baseline("network", "routenas.baselines.fcn:RouteNetFCN"),
        **_SHARED,
        "gradient-boosting": Baseline("tiles", "routenas.baselines.boosting:GradientBoosting"),
        "rudy": Baseline("tiles", "routenas.baselines.rudy:RudyLogistic", by_name=True),
    },
    "violated_nets": {
        "resnet18": Baseline("network", "routenas.baselines.resnet:RouteNetCount"),
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


def network_class(name: str) -> Any:
    """The class behind a name of `NETWORKS`, or ``module:Class`` of one's own. Raises InputError for another name."""
    return look_up("hand-made network", NETWORKS, name)
