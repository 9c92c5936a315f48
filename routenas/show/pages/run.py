"""The page of a run: what the search tried, what it cost, and what it chose."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from bokeh.models import ColumnDataSource, CustomJSTickFormatter, HoverTool, TapTool
from numpy.typing import NDArray

from routenas.architecture import Architecture
from routenas.journal import Journal
from routenas.results import FIDELITY
from routenas.run import JOURNAL, read_configuration
from routenas.show.pages.charts import calibration, plain_figure
from routenas.show.pages.frame import BLUE, GREY, ORANGE, Markup, number, page, paragraph, place, section, table, tiles
from routenas.show.runs import RunSummary, network_text

MOST_ROWS = 200
"""Trials in the table: the best."""
Record = Mapping[str, Any]
_COMPACT = "return new Intl.NumberFormat('en', {notation: 'compact'}).format(tick)"


def run_page(folder: Path) -> str:
    """HTML of a run. Raises :class:`InputError` where there is none in ``folder``."""
    summary = RunSummary.of_folder(folder)
    metric = str(read_configuration(folder)["metric"] or "value")
    records = Journal(folder / JOURNAL).records if (folder / JOURNAL).exists() else []
    ordered = sorted(records, key=_rank)
    shared = _source(ordered, sorted({name for record in records for name in record["costs"]}))
    figures = _figures(ordered, shared, metric)
    charts = Markup('<div class="panes">' + "".join(f"<div>{place(name).html}</div>" for name in figures) + "</div>")
    parts = [
        _numbers(summary, metric),
        section("Search", charts) if records else section("Search", paragraph("No trial has ended yet.")),
        _trials(ordered),
        _finalists(summary),
        _metrics(summary.metrics),
        calibration(summary.task, summary.metrics, figures),
    ]
    if summary.architecture is not None:
        text = network_text(Architecture.from_dict(summary.architecture), 100)
        parts.append(section("Network", Markup(f"<pre>{escape(text)}</pre>")))
    parts.append(_settings(summary.settings))
    subtitle = f"{summary.state}, task {summary.task}" + (f" on {summary.data}" if summary.data else "")
    return page(f"Search {summary.folder}", subtitle, parts, figures, layers={})


def _rank(record: Record) -> tuple[float, float, int]:
    """The best first: of the highest fidelity, by value; failed ones last."""
    value = record["value"]
    return (-record["metrics"].get(FIDELITY, 0) if value is not None else 1, -(value or 0.0), record["trial"])


def _whole(records: Sequence[Record]) -> list[bool]:
    """Which trials came to the highest fidelity that one came to."""
    reached = [-1 if record["value"] is None else record["metrics"].get(FIDELITY, 0) for record in records]
    return [level >= 0 and level == max(reached) for level in reached]


def _source(ordered: Sequence[Record], costs: Sequence[str]) -> ColumnDataSource:
    """A row a trial, in the order of the table; ``spent`` are the CPU-hours of all trials up to it."""
    by_trial = sorted(ordered, key=lambda record: int(record["trial"]))
    spent = dict(zip((one["trial"] for one in by_trial), np.cumsum([_cpu(one) for one in by_trial]), strict=True))
    columns: dict[str, Any] = {
        "trial": [one["trial"] + 1 for one in ordered],
        "hash": [one["hash"] for one in ordered],
        "value": [np.nan if one["value"] is None else float(one["value"]) for one in ordered],
        "spent": [float(spent[one["trial"]]) for one in ordered],
        "colour": [BLUE if whole else GREY for whole in _whole(ordered)],
    }
    for name in costs:
        columns[f"cost {name}"] = [float(one["costs"].get(name, np.nan)) for one in ordered]
    return ColumnDataSource(columns, name="trials")


def _cpu(record: Record) -> float:
    """CPU-seconds that a trial was charged for."""
    return float(record.get("cpu_seconds") or record.get("seconds") or 0.0)


def _figures(ordered: Sequence[Record], source: ColumnDataSource, metric: str) -> dict[str, Any]:
    """Value by trial and by what was spent, with the best so far, and by each cost, with the Pareto front."""
    figures: dict[str, Any] = {}
    if not ordered:
        return figures
    whole = np.array(_whole(ordered))
    value = np.where(whole, np.array(source.data["value"]), np.nan)
    for name, column, label in (("by trial", "trial", "trial"), ("by cost", "spent", "CPU-seconds spent")):
        x = np.array(source.data[column], dtype=np.float64)
        order = np.argsort(x, kind="stable")
        figures[name] = _scatter(name, column, source, metric, label)
        best = np.fmax.accumulate(value[order])
        _line(figures[name], x[order], best, "best so far")
    for column in source.column_names:
        if column.startswith("cost "):
            cost = column.removeprefix("cost ")
            figures[column] = _scatter(column, column, source, metric, cost)
            x = np.array(source.data[column])
            found = front(x, value)
            _line(figures[column], x[found], value[found], "Pareto front")
    return figures


def front(cost: NDArray[np.float64], value: NDArray[np.float64]) -> NDArray[np.int64]:
    """The rows, cheapest first, of which none other is at most as dear and better; NaN are left out."""
    known = np.flatnonzero(np.isfinite(cost) & np.isfinite(value))
    order = known[np.lexsort((-value[known], cost[known]))]
    before = np.concatenate([[-np.inf], np.maximum.accumulate(value[order])[:-1]])
    return order[value[order] > before]


def _scatter(name: str, x: str, source: ColumnDataSource, metric: str, label: str) -> Any:
    made = plain_figure(name, height=360, x_axis_label=label, y_axis_label=metric, title=f"{metric} by {label}")
    early = GREY in source.data["colour"]
    points = made.scatter(
        x=x, y="value", source=source, size=8, fill_color="colour", line_color="colour", fill_alpha=0.75,
        selection_fill_color=ORANGE, selection_line_color=ORANGE, selection_fill_alpha=1.0,
        nonselection_fill_alpha=0.4, legend_label="trial, grey where it ended early" if early else "trial",
    )  # fmt: skip
    made.add_tools(TapTool(renderers=[points]))
    tips = [
        ("trial", "@trial"),
        ("architecture", "@hash"),
        (metric, "@value{0.0000}"),
        (label, f"@{{{x}}}{{0,0.[00]}}"),
    ]
    made.add_tools(HoverTool(renderers=[points], tooltips=tips))
    made.xaxis.formatter = CustomJSTickFormatter(code=_COMPACT)
    made.xaxis.ticker.min_interval = 1
    return made


def _line(made: Any, x: NDArray[np.float64], y: NDArray[np.float64], label: str) -> None:
    made.step(x=x, y=y, mode="after", line_width=2, color=ORANGE, legend_label=label)
    made.legend.orientation = "horizontal"
    made.legend.border_line_color = None
    made.legend.padding = 0
    made.legend.margin = 2
    made.add_layout(made.legend[0], "above")


def _numbers(summary: RunSummary, metric: str) -> Markup:
    best = summary.best
    told: list[tuple[str, object]] = [
        ("trials", f"{summary.trials:,} of {summary.of:,}"),
        ("failed", number(summary.failed)),
        ("best " + metric.replace("_", " "), number(None if best is None else best["value"], 4)),
        ("in trial", "-" if best is None else number(best["trial"] + 1)),
        ("CPU-seconds", number(summary.cpu_seconds, 0)),
        ("epochs", f"{summary.epochs:,g}"),
    ]
    return tiles(told)


def _trials(ordered: Sequence[Record]) -> Markup:
    """The table of trials, the best first: a click marks one in the charts."""
    if not ordered:
        return Markup("")
    costs = sorted({name for one in ordered for name in one["costs"]})
    rows = [
        [
            one["trial"] + 1, one["hash"], number(one["value"], 4),
            *(number(one["costs"].get(name), 0) for name in costs), number(_cpu(one), 1),
            "ended early" if one["value"] is not None and not whole else one["message"],
        ]
        for one, whole in zip(ordered[:MOST_ROWS], _whole(ordered), strict=False)
    ]  # fmt: skip
    more = len(ordered) - len(rows)
    notes = [paragraph(f"{more:,} more trials are not listed.", "note")] if more else []
    lead = paragraph("Click a row to see the trial in the charts.")
    header = ["trial", "architecture", "value", *costs, "CPU-seconds", ""]
    return section("Trials, best first", lead, table(header, rows, marks="trial"), *notes)


def _finalists(summary: RunSummary) -> Markup:
    if not summary.finalists:
        return Markup("")
    count = sum(summary.chosen.values())
    rows = [
        [
            one["name"], ", ".join(number(value, 4) for value in one["search_values"]),
            f"{summary.chosen[one['name']]} of {count}" if one["name"] in summary.chosen else "-",
        ]
        for one in summary.finalists
    ]  # fmt: skip
    return section("Finalists, trained again", table(["architecture", "value of each training", "in the mean"], rows))


def _metrics(metrics: Mapping[str, Mapping[str, Any]]) -> Markup:
    """The plain numbers of each part, a column a part."""
    parts = list(metrics)
    names = list(dict.fromkeys(
        name for part in parts for name, value in metrics[part].items() if isinstance(value, int | float)
    ))  # fmt: skip
    if not names:
        return Markup("")
    rows = [[name.replace("_", " "), *(number(metrics[part].get(name), 4) for part in parts)] for name in names]
    return section("The model", table(["", *(part.replace("_", " ") for part in parts)], rows))


def _settings(settings: Mapping[str, Any]) -> Markup:
    rows = [[name.replace("_", " "), json.dumps(value)] for name, value in settings.items()]
    return section("Settings", table(["setting", ""], rows))
