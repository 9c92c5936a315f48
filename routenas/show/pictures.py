"""Pictures of a scored layout and of a search. Needs the extra ``plot`` (matplotlib)."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from placement_data.errors import InputError
from placement_data.features.layout import cell_outlines
from placement_data.files import write_bytes
from placement_data.netlist import macro_masters
from routenas.results import FIDELITY, Result
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

    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))


def trained_for(result: Result) -> str:
    """How far a schedule let a candidate come: its epochs, or its fidelity where no curve tells them."""
    epochs = len(_curve(result)["loss"])
    return f"{epochs} epoch{'' if epochs == 1 else 's'}" if epochs else f"fidelity {result.metrics[FIDELITY]}"


def _curve(result: Result) -> Mapping[str, Sequence[Any]]:
    """Loss and value of each epoch; none of what failed, was fitted at once, or is kept from an earlier run."""
    return result.metrics.get("curve") or {"loss": (), "value": ()}


def _values(results: Sequence[Result]) -> NDArray[np.float64]:
    return np.array([np.nan if result.value is None else result.value for result in results])


def search_png(trials: Sequence[Result], metric: str, path: Path, finalists: Sequence[tuple[str, Result]] = ()) -> None:
    """Value of each trial of a search and the best so far; beside them, for each name of a finalist, its trainings.

    ``metric`` says what the value is. A trial that a schedule ended at a lower fidelity is hollow, and never the best.
    Failed ones are crosses at the foot.
    """
    names = list(dict.fromkeys(name for name, _ in finalists))
    # Placed by hand, in inches: names of finalists need room at the foot.
    columns, foot = max(1.2, 0.5 * len(names)), 1.2 if names else 0.55
    page = np.array([7.5 + (columns + 0.2 if names else 0), foot + 3.6])
    figure = _figure(*page)
    axes = figure.add_axes((0.85 / page[0], foot / page[1], 6.45 / page[0], 3.25 / page[1]))
    again = [result for _, result in finalists]
    lowest = min((result.value for result in (*trials, *again) if result.value is not None), default=0.0)
    _draw_trials(axes, trials, lowest)
    axes.set(xlabel="trial", ylabel=metric, title=f"Search: {len(trials)} trials")
    if names:
        beside = figure.add_axes((7.5 / page[0], foot / page[1], columns / page[0], 3.25 / page[1]), sharey=axes)
        places = np.array([names.index(name) for name, _ in finalists])
        beside.plot(places, _values(again), "o", color="tab:orange", alpha=0.6)
        _draw_failed(beside, places, again, lowest)
        if any(result.value is None for result in again):
            beside.legend(fontsize=8)
        beside.set(xlim=(-0.5, len(names) - 0.5), title="Finalists")
        short = [name if len(name) <= 20 else f"...{name[-17:]}" for name in names]
        beside.set_xticks(range(len(names)), short, rotation=45, ha="right", rotation_mode="anchor", fontsize=8)
        beside.tick_params(axis="y", labelleft=False)
        beside.grid(alpha=0.3)
    _save(figure, path)


def _draw_trials(axes: Axes, trials: Sequence[Result], lowest: float) -> None:
    numbers, values = np.arange(1, len(trials) + 1), _values(trials)
    fidelity = np.array([result.metrics.get(FIDELITY, 0) for result in trials])
    levels = sorted(set(fidelity[~np.isnan(values)]), reverse=True)
    for level, marker in zip(levels, cycle("osv^D"), strict=False):
        shown = (fidelity == level) & ~np.isnan(values)
        label = "trial" if len(levels) == 1 else f"trial, {trained_for(trials[int(np.flatnonzero(shown)[0])])}"
        if level == levels[0]:
            axes.plot(numbers[shown], values[shown], marker, color="tab:blue", alpha=0.6, label=label)
            best = np.fmax.accumulate(np.where(shown, values, np.nan))
            axes.step(numbers, best, where="post", color="tab:blue", label="best so far")
        else:
            axes.plot(
                numbers[shown], values[shown], marker, color="tab:gray", fillstyle="none", zorder=1.5, label=label
            )
    _draw_failed(axes, numbers, trials, lowest)
    _whole_numbers(axes)
    if axes.lines:
        axes.legend(loc="best", fontsize=8)
    axes.grid(alpha=0.3)


def _draw_failed(axes: Axes, places: NDArray[np.int64], results: Sequence[Result], foot: float) -> None:
    failed = np.isnan(_values(results))
    if failed.any():
        axes.plot(places[failed], np.full(int(failed.sum()), foot), "x", color="tab:red", label="failed")


def curves_png(trainings: Sequence[tuple[Result, bool]], metric: str, path: Path) -> None:
    """Loss over the epochs of every training: candidates thin, retrainings (True) thick. What has none is left out.

    The metric by epoch is beside it where a training was judged more than once, which none is out of fold.
    """
    curves = [(_curve(result), final) for result, final in trainings if _curve(result)["loss"]]
    judged = [np.array([np.nan if point is None else point for point in curve["value"]]) for curve, _ in curves]
    often = any(np.isfinite(values).sum() > 1 for values in judged)
    page = np.array([11.0 if often else 7.5, 4.2])
    figure = _figure(*page)
    loss = figure.add_axes((0.75 / page[0], 0.13, (4.5 if often else 6.6) / page[0], 0.78))
    loss.set(xlabel="epoch", ylabel="training loss", title="Training")
    panels = [(loss, [np.array(curve["loss"]) for curve, _ in curves])]
    if often:
        value = figure.add_axes((6.3 / page[0], 0.13, 4.5 / page[0], 0.78))
        value.set(xlabel="epoch", ylabel=metric, title="Averaged weights, judged")
        panels.append((value, judged))
    styles: tuple[tuple[bool, str, dict[str, Any]], ...] = (
        (False, "candidates", {"color": "tab:blue", "alpha": 0.35, "linewidth": 0.8}),
        (True, "retrainings of the best", {"color": "tab:orange", "alpha": 0.9, "linewidth": 1.6}),
    )
    for axes, lines in panels:
        for kind, label, style in styles:
            own = [points for points, (_, final) in zip(lines, curves, strict=True) if final is kind]
            for number, points in enumerate(own):
                known = np.flatnonzero(np.isfinite(points))
                name = label if number == 0 else None
                marker = "." if len(known) <= 10 else ""
                axes.plot(known + 1, points[known], marker=marker, label=name, **style)
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
