"""What holds for all placements of a routability task, or is refused: labels, tiles, Liberty, technologies."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from placement_data.dataset import Split, spread_over_designs
from placement_data.errors import InputError, MismatchError, SettingError
from placement_data.features import LIBERTY_CHANNELS
from placement_data.store import Store
from placement_data.technology import recorded
from routenas.tasks.card import Card, TaskName
from routenas.tasks.extra import iterations_of


@dataclass(frozen=True)
class Start:
    """What a training begins with: the ``card`` of a model whose weights it starts from (None: from nothing), and so

    many ``placements`` of the training part (None: all), as evenly over its designs as can be, drawn from ``seed``.
    With ``extra_targets`` hotspots after the router's earlier iterations are learnt beside the label, see ``extra``.
    """

    card: Card | None = None
    placements: int | None = None
    seed: int = 0
    extra_targets: bool = False

    @property
    def seen(self) -> tuple[str, ...]:
        """The families that the model was trained or chosen on."""
        return () if self.card is None else tuple(sorted(self.card.known))

    def check(self, name: TaskName, split: Split) -> None:
        """Raise MismatchError for a model of another task, InputError for a split that tests on what it has seen."""
        if self.card is not None and self.card.name != name:
            raise MismatchError("the model is for another task", found=self.card.name, expected=name)
        if met := sorted({*split.test} & {*self.seen}):
            raise InputError(
                "the test part has a family that the model was trained or chosen on", found=met[0],
                expected="a split that has it in train or search",
            )  # fmt: skip

    def iterations(self, store: Store, name: TaskName, train: Sequence[int]) -> tuple[int, ...]:
        """The earlier iterations that are learnt from the training placements (indices of the store).

        A model that is trained on keeps its own. Raises InputError where there are none to be had.
        """
        if self.card is None:
            return iterations_of(store, name, train) if self.extra_targets else ()
        if self.extra_targets and not self.card.extra_targets:
            what = "the model to start from has no outputs for extra targets"
            raise InputError(what, expected="a model that was trained with them, or none")
        return self.card.extra_targets

    def chosen(self, store: Store, train: Sequence[int]) -> frozenset[str]:
        """Names of those of the training part's placements (indices of the store) to train on; empty for all."""
        if self.placements is None:
            return frozenset()
        if not 0 < self.placements <= len(train):
            raise SettingError(
                "so many placements cannot be taken from the training part", found=self.placements,
                expected=f"1 to {len(train)}",
            )  # fmt: skip
        places = spread_over_designs([store.designs[index] for index in train], self.placements, self.seed)
        return frozenset(store.names[train[place]] for place in places)


def checked(
    store: Store, name: TaskName, indices: Mapping[str, Sequence[int]], learnt: Collection[str]
) -> dict[str, Any]:
    """Label kind, tile, Liberty, routing layers and technologies of a `Card`; ``indices`` are placements of each part.

    All but Liberty are those of the parts that are ``learnt`` from. Raises :class:`InputError` where they differ, and
    for a part in which there is nothing to learn, or to judge.
    """
    both = [index for part, members in indices.items() if part in learnt for index in members]
    kinds = sorted({store.label_kinds[index] for index in both})
    if len(kinds) != 1:
        raise InputError(
            "label kinds are mixed", file=store.path, found=", ".join(kinds), expected="one router and iteration"
        )
    tiles = sorted({_tile_um(store.heads[index]["grid"]) for index in both})
    if len(tiles) != 1:
        found = ", ".join(f"{tile:g} um" for tile in tiles)
        raise InputError("tiles are of several sizes", file=store.path, found=found, expected="one; see ingest --tile")
    _check_labels(store, name, indices)
    return {
        "label_kind": kinds[0],
        "tile_um": tiles[0],
        "liberty": _with_liberty(store, [index for members in indices.values() for index in members]),
        "routing_layers": tuple(sorted({store.routing_layers[index] for index in both})),
        "technologies": tuple(sorted({recorded(store.heads[index]) for index in both} - {""})),
    }


def _check_labels(store: Store, name: TaskName, indices: Mapping[str, Sequence[int]]) -> None:
    """Raise InputError where a part that is not empty has labels of one class: nothing to be learned, or judged."""
    for part, members in indices.items():
        if not members:
            continue
        heads = [store.heads[index] for index in members]
        missing = None
        if name == "violated_nets":
            if not any(head["violated_nets"] for head in heads):
                missing = "placement with a violated net"
        else:
            hot = [store.hotspot_tiles(index) or 0 for index in members]
            tiles = [store.tiles(index) for index in members]
            if not any(hot):
                missing = "hotspot"
            elif hot == tiles:
                missing = "tile without a hotspot"
        if missing is not None:
            raise InputError(
                f"the {part} split has no {missing}",
                file=store.path,
                found=f"{len(members)} placements of {len({head['family'] for head in heads})} families",
                expected="another split (--split, --seed), or more designs",
            )


def _with_liberty(store: Store, indices: Sequence[int]) -> bool | None:
    """Whether these placements were read with Liberty, see `Card`. Raises InputError where some were and some not."""
    if not LIBERTY_CHANNELS.intersection(store.channels):
        return None
    told = {store.with_liberty(index): store.names[index] for index in indices}
    if True in told and False in told:
        raise InputError(
            "some placements were read with Liberty and some without: their registers do not compare", file=store.path,
            found=f"{told[True]} with, {told[False]} without", expected="all alike; see ingest --liberty",
        )  # fmt: skip
    return None if None in told else next(iter(told))


def _tile_um(grid: Mapping[str, Any]) -> float:
    return float(grid["tile"]) / float(grid["dbu_per_micron"])
