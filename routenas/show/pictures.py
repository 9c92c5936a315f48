"""Pictures of a scored layout and of a search. Needs the extra ``plot`` (matplotlib)."""

from __future__ import annotations

import io
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from placement_data.errors import InputError
from placement_data.features.layout import cell_outlines
from placement_data.files import write_bytes
from placement_data.netlist import macro_masters
from routenas.results import Result
from routenas.scoring import Score
from routenas.show.text import SHOWN_REGIONS
from routenas.tabular.benchmark import Curve

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMATS = ("png", "pdf", "svg", "jpg", "jpeg", "tif", "tiff", "webp", "eps")
"""Of pictures, as suffixes."""
Corners = NDArray[np.float64]


def available() -> bool:
    """Whether matplotlib is installed."""
    return find_spec("matplotlib") is not None


def _figure(width: float, height: float) -> Figure:
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise InputError("pictures need matplotlib", expected="pip install 'routenas[plot]'") from None
    return Figure(figsize=(width, height))


def picture_format(path: Path) -> str:
    """The format that the suffix of a picture's name says, PNG without one. Raises ``InputError`` for any other."""
    found = path.suffix[1:].lower() or "png"
    if found not in FORMATS:
        expected = ", ".join(f".{name}" for name in FORMATS)
        raise InputError("a picture of this format cannot be written", file=path, found=path.suffix, expected=expected)
    return found


def _save(figure: Figure, path: Path) -> None:
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=110, format=picture_format(path))
    write_bytes(path, drawn.getvalue())


def heat_map_png(score: Score, path: Path) -> None:
    """The hotspot probability over the die, in microns, with macro outlines and the worst regions numbered."""
    design, grid, scale = score.design, score.grid, score.design.dbu_per_micron
    if score.probability is None:
        raise InputError("a heat map needs a hotspot model", expected="--model of the task 'hotspots'")
    width, height = (design.die[2:] - design.die[:2]) / scale
    wide = 6.4
    tall = float(np.clip(wide * height / width, 2.5, 12))
    page = np.array([8.4, tall + 1.1])
    figure = _figure(*page)
    from matplotlib.patches import Rectangle  # behind the check that matplotlib is there

    # Placed by hand, in inches: an automatic layout draws everything twice.
    axes = figure.add_axes((0.75 / page[0], 0.6 / page[1], wide / page[0], tall / page[1]))
    bar = figure.add_axes(((wide + 0.95) / page[0], 0.6 / page[1], 0.18 / page[0], tall / page[1]))
    mesh = axes.pcolorfast(
        grid.x_edges / scale, grid.y_edges / scale, score.probability, cmap="inferno", vmin=0.0, vmax=1.0
    )
    figure.colorbar(mesh, cax=bar, label="predicted probability of a DRC hotspot (0 to 1)")
    macros, _ = cell_outlines(design, np.flatnonzero(macro_masters(design.masters)[design.cells.master]))
    for x0, y0, x1, y1 in macros / scale:
        axes.add_patch(
            Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, edgecolor="white", linewidth=1.2, hatch="//", alpha=0.7)
        )
    boxes = np.array([region.box_um for region in score.regions[:SHOWN_REGIONS]]).reshape(-1, 4)
    corner, points = np.tile(design.die[:2] / scale, 2), 72 * min(wide / width, tall / height)
    places = label_places((boxes - corner) * points, (width * points, height * points))
    for number, (box, place) in enumerate(zip(boxes, places, strict=True), 1):
        x0, y0, x1, y1 = box
        axes.add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, edgecolor="deepskyblue", linewidth=1.2))
        axes.annotate(
            str(number), xy=((x0 + x1) / 2, (y0 + y1) / 2), xytext=tuple(place / points + corner[:2]), zorder=4,
            color="black", fontsize=8, ha="center", va="center",
            bbox={"boxstyle": "round,pad=0.1", "facecolor": "deepskyblue", "edgecolor": "none"},
        )  # fmt: skip
    axes.set(xlabel="x (um)", ylabel="y (um)", aspect="equal", title=_title(score))
    axes.margins(0)
    _save(figure, path)


LABEL = np.array([14.0, 12.0])
"""Width and height of the room for a label, in points."""


def label_places(boxes: Corners, size: tuple[float, float]) -> Corners:
    """Centres (n, 2) of labels of boxes (n, 4) in a picture of ``size``, all in points.

    A label stands as near to its box as it can without lying on any box or on an earlier label, in the picture.
    """
    steps = np.array([(dx, dy) for dy in range(-4, 5) for dx in range(-4, 5)]) * LABEL / 2
    taken, places = list(boxes), []
    for box in boxes:
        middle, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2
        # Beside the box all round: as far from its middle as both are wide, and a step more where there is no room.
        free = middle + np.sign(steps) * (half + LABEL / 2 + 1) + steps - np.sign(steps) * LABEL / 2
        rooms = np.concatenate([free - LABEL / 2, free + LABEL / 2], axis=1)
        others = np.array(taken)[None]
        overlap = np.minimum(rooms[:, None, 2:], others[..., 2:]) - np.maximum(rooms[:, None, :2], others[..., :2])
        covered = np.clip(overlap, 0, None).prod(axis=2).sum(axis=1)
        inside = np.clip(np.minimum(rooms[:, 2:], size) - np.maximum(rooms[:, :2], 0), 0, None).prod(axis=1)
        bad = covered + 10 * (LABEL.prod() - inside)
        best = int(np.lexsort((np.hypot(*(free - middle).T), np.round(bad, 6)))[0])
        places.append(free[best])
        taken.append(rooms[best])
    return np.array(places).reshape(-1, 2)


def _title(score: Score) -> str:
    title = f"{score.design.name}: {score.grid.shape[1]} x {score.grid.shape[0]} tiles of {score.grid.tile_um:g} um"
    if score.violated_nets is not None:
        title += f", about {score.violated_nets:.0f} of {score.net_count} nets violated"
    return title


def _whole_numbers(axes: Axes) -> None:
    """Trials and epochs are counted."""
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def search_png(values: Sequence[float | None], metric: str, path: Path) -> None:
    """Value of each trial of a search, and the best so far; failed trials are crosses at the foot.

    ``metric`` says what the value is.
    """
    figure = _figure(7.5, 4.2)
    axes = figure.add_axes((0.11, 0.13, 0.86, 0.78))
    trials = np.arange(1, len(values) + 1)
    points = np.array([np.nan if value is None else value for value in values])
    failed = np.isnan(points)
    axes.plot(trials, points, "o", color="tab:blue", alpha=0.6, label="trial")
    axes.step(trials, np.fmax.accumulate(points), where="post", color="tab:blue", label="best so far")
    if failed.any() and not failed.all():
        foot = np.full(int(failed.sum()), np.nanmin(points))
        axes.plot(trials[failed], foot, "x", color="tab:red", label="failed")
    axes.set(xlabel="trial", ylabel=metric, title=f"Search: {len(values)} trials")
    _whole_numbers(axes)
    axes.legend(loc="lower right", fontsize=8)
    axes.grid(alpha=0.3)
    _save(figure, path)


def curves_png(trainings: Sequence[tuple[Result, bool]], metric: str, path: Path) -> None:
    """Loss and metric over the epochs of every training: candidates thin, retrainings (True) thick.

    What has no curve (failed, or kept from an earlier run) is left out.
    """
    figure = _figure(10.0, 4.2)
    loss = figure.add_axes((0.07, 0.13, 0.41, 0.78))
    value = figure.add_axes((0.57, 0.13, 0.41, 0.78))
    styles: tuple[tuple[bool, str, dict[str, Any]], ...] = (
        (False, "candidates", {"color": "tab:blue", "alpha": 0.35, "linewidth": 0.8}),
        (True, "retrainings of the best", {"color": "tab:orange", "alpha": 0.9, "linewidth": 1.6}),
    )
    for kind, label, style in styles:
        curves = [result.metrics["curve"] for result, final in trainings if final is kind and "curve" in result.metrics]
        for number, curve in enumerate(curves):
            epochs = np.arange(1, len(curve["loss"]) + 1)
            name = label if number == 0 else None
            loss.plot(epochs, curve["loss"], label=name, **style)
            judged = np.array([np.nan if point is None else point for point in curve["value"]])
            seen = ~np.isnan(judged)
            value.plot(epochs[seen], judged[seen], marker=".", label=name, **style)
    loss.set(xlabel="epoch", ylabel="training loss", title="Training")
    value.set(xlabel="epoch", ylabel=metric, title="Averaged weights, judged")
    for axes in (loss, value):
        _whole_numbers(axes)
        axes.grid(alpha=0.3)
        if axes.lines:
            axes.legend(fontsize=8)
    _save(figure, path)


def regret_png(curves: Sequence[Curve], optimum: float, title: str, path: Path) -> None:
    """Mean regret against queries with the band of one standard deviation over seeds, a line per strategy."""
    figure = _figure(7.0, 4.5)
    axes = figure.add_axes((0.12, 0.12, 0.85, 0.79))
    for curve in curves:
        regret = np.maximum(optimum - curve.values, 0.0)
        mean, spread = regret.mean(axis=0), regret.std(axis=0)
        queries = np.arange(1, len(mean) + 1)
        (line,) = axes.plot(queries, mean, label=curve.strategy)
        axes.fill_between(queries, np.maximum(mean - spread, 0), mean + spread, color=line.get_color(), alpha=0.15)
    start = min(10, curves[0].values.shape[1] - 1)
    largest = max(float((optimum - curve.values[:, start]).mean()) for curve in curves)
    axes.set(xlabel="queries", ylabel="regret of the best so far", title=title, ylim=(0, 1.5 * largest or 1.0))
    axes.legend()
    axes.grid(alpha=0.3)
    _save(figure, path)
