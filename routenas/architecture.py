"""An architecture as a value: a genotype of a space, or the name of a hand-made predictor. Modules are made from it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from routenas.baselines import predictor_class
from searchspaces.space import Genotype, Space, TaskShape
from searchspaces.table import space_from_config

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Architecture:
    """Either ``space`` (a `Space.config`) with a ``genotype``, or ``network``, the name of a hand-made one.

    ``network`` may be of the table `routenas.baselines.PREDICTORS` or ``module:Class`` of one's own; the class is
    called with the shape of the task, and with ``options``, as a width.
    """

    space: Mapping[str, Any] = field(default_factory=dict)
    genotype: Genotype | None = None
    network: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if (self.genotype is None) == (not self.network):
            raise ValueError("an architecture is either a genotype of a space or a hand-made network")
        if self.options and not self.network:
            raise ValueError("options are those of a hand-made network")

    @classmethod
    def of(cls, space: Space, genotype: Genotype) -> Architecture:
        """The architecture of a space's genotype."""
        return cls(space.config(), genotype)

    @property
    def name(self) -> str:
        """The genotype's hash, or the network's name with its options."""
        if self.genotype is not None:
            return self.genotype.hash
        return "".join([self.network, *(f"-{name}-{value}" for name, value in sorted(self.options.items()))])

    @cached_property
    def searched_space(self) -> Space | None:
        """The space that the genotype is from; None for a hand-made network."""
        return space_from_config(self.space) if self.genotype is not None else None

    def build(self, shape: TaskShape, seed: int) -> nn.Module:
        """A new module, its weights drawn from ``seed`` alone.

        Raises ValueError or InputError for what this version cannot build.
        """
        space = self.searched_space
        if space is not None and self.genotype is not None:
            return space.build(self.genotype, shape, seed=seed)
        from searchspaces.operators import seeded

        network = predictor_class(self.network)
        module: nn.Module = seeded(lambda: network(shape, **self.options), seed)
        return module

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        if self.genotype is None:
            told = {"options": dict(self.options)} if self.options else {}
            return {"kind": "hand-crafted", "name": self.network, **told}
        return {
            "kind": "searched",
            "space": dict(self.space),
            "genotype": json.loads(self.genotype.to_json()),
            "hash": self.genotype.hash,
        }

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Architecture:
        """Inverse of :meth:`to_dict`. Raises ValueError or LookupError for anything else."""
        if value["kind"] == "hand-crafted":
            return cls(network=str(value["name"]), options=dict(value.get("options", {})))
        if value["kind"] != "searched":
            raise ValueError(f"architecture kind {value['kind']!r}")
        return cls(dict(value["space"]), Genotype.from_json(json.dumps(value["genotype"])))
