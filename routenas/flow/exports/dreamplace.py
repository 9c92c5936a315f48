"""A hook for DREAMPlace and placers like it: positions of cells in, a map of utilisation out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from placement_data.design import Design, LibertyCells
from placement_data.errors import InputError
from placement_data.features import feature_maps
from placement_data.features.layout import Layout
from placement_data.grid import Grid
from placement_data.moving import moved
from placement_data.netlist import signal_nets
from routenas.bundle import ModelMismatchError
from routenas.flow.exports.ground import white_space
from routenas.flow.exports.inflation import Inflation, Rounds, cell_utilisation
from routenas.predictor import Predictor


class RoutabilityMap:
    """``hook(pos)`` in the place of DREAMPlace's ``route_utilization_map_op``.

    ``names`` are those of the placer's nodes, as text or bytes; nodes that are no cells of the ``design`` (fillers,
    ports) count for nothing, and cells that are no nodes stay where they are. A position is
    ``(database units - shift) * scale``, of the lower-left corner, all x and then all y, nodes first. ``bins`` are the
    map's columns and rows.

    What comes back is the map's square root of the ratio in ``rounds``, since the placer squares it: 1 where nothing
    is to be inflated. When ``rounds.done``, it is the map of the best round, and ``best_position`` what to go back to.
    """

    def __init__(
        self,
        design: Design,
        predictor: Predictor,
        names: Sequence[str | bytes],
        bins: tuple[int, int],
        *,
        shift: tuple[float, float] = (0.0, 0.0),
        scale: float = 1.0,
        settings: Inflation | None = None,
        liberty: LibertyCells | None = None,
        routing_layers: str = "",
    ) -> None:
        if predictor.card.name != "hotspots" or predictor.threshold is None:
            raise ModelMismatchError(f"a model of the task '{predictor.card.name}', expected one of hotspots")
        row = {str(name): number for number, name in enumerate(design.cells.name)}
        texts = [name.decode() if isinstance(name, bytes) else str(name) for name in names]
        known = [(node, row[name]) for node, name in enumerate(texts) if name in row]
        if not known:
            raise InputError("no node is a cell of the design", found=", ".join(texts[:3]), expected="the same names")
        self.design, self.predictor, self.bins = design, predictor, bins
        self.shift, self.scale = np.asarray(shift), scale
        self.liberty, self.routing_layers = liberty, routing_layers
        self.rounds = Rounds(settings or Inflation())
        self.best_position: Tensor | None = None
        self._nodes, self._cells = (torch.tensor(column) for column in zip(*known, strict=True))
        self._grid = Grid.of(design, predictor.card.tile_um)
        self._free = white_space(design) / design.dbu_per_micron**2
        x_bins, y_bins = (
            np.linspace(self._grid.die[axis], self._grid.die[axis + 2], bins[axis] + 1) for axis in (0, 1)
        )
        self._columns, self._rows = _shares(self._grid.x_edges, x_bins), _shares(self._grid.y_edges, y_bins)

    def __call__(self, pos: Tensor) -> Tensor:
        """Utilisation (columns, rows), on the device and of the type of ``pos`` (2 n,); nothing is differentiated."""
        design = self._placed(pos)
        probability = self._probability(design)
        utilisation = cell_utilisation(Layout(design, self._grid))
        threshold = self.predictor.threshold
        assert threshold is not None  # asked for when this was made
        before = self.rounds.best_round
        self.rounds = self.rounds.after(probability, utilisation, self._grid.area, self._free, threshold)
        if self.rounds.best_round != before:
            self.best_position = pos.detach().clone()
        ratio = self.rounds.ratio
        assert ratio is not None
        bins = self._columns @ ratio.T @ self._rows.T
        return torch.from_numpy(np.sqrt(bins)).to(pos)

    def _placed(self, pos: Tensor) -> Design:
        """The design with cells where the placer has them."""
        x, y = pos.detach().to("cpu", torch.float64).reshape(2, -1).numpy()
        corner = self.design.cells.box[:, :2].copy()
        nodes, cells = self._nodes.numpy(), self._cells.numpy()
        corner[cells] = np.rint(np.stack([x[nodes], y[nodes]], axis=1) / self.scale + self.shift).astype(np.int64)
        return moved(self.design, corner)

    def _probability(self, design: Design) -> NDArray[np.float64]:
        predictor, grid = self.predictor, self._grid
        maps = feature_maps(
            design, grid, predictor.channel_set, liberty=self.liberty, routing_layers=self.routing_layers,
            used=predictor.read.channels,
        )  # fmt: skip
        return predictor.predict(maps, int(signal_nets(design).sum()), None if grid.outline is None else grid.inside)


def _shares(tiles: NDArray[np.int64], bins: NDArray[np.float64]) -> NDArray[np.float64]:
    """(bins, tiles) share of each bin of a line that each tile covers, from the edges of both."""
    overlap = np.minimum(bins[1:, None], tiles[1:]) - np.maximum(bins[:-1, None], tiles[:-1])
    return np.asarray(np.clip(overlap, 0.0, None) / np.diff(bins)[:, None])
