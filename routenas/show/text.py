"""What the terminal shows, in plain text: a data set, a score, a comparison."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from placement_data.findings import Finding
from placement_data.store import Store
from routenas.scoring import Score
from routenas.show.tables import text_table

SHOWN_REGIONS = 10
"""The worst regions of a layout that the terminal and the picture show, by the same numbers."""


def number(value: float | None, digits: int = 4) -> str:
    """A number, or a dash where it is not defined."""
    return "-" if value is None else f"{value:.{digits}f}"


def findings_lines(findings: Sequence[tuple[str, Finding]]) -> list[str]:
    """What the files of samples held that was not read: a line a code, with its number, placements and first place."""
    lines = []
    for code in dict.fromkeys(one.code for _, one in findings):
        own = [(sample, one) for sample, one in findings if one.code == code]
        samples = len({sample for sample, _ in own})
        first = own[0][1]
        times = sum(one.count for _, one in own)
        among = f"{times} in {samples} placements, first " if times > 1 else ""
        lines.append(f"{code}: {first.message} ({among}{first.place})")
    return lines


def data_table(store: Store) -> str:
    """Per design: family, placements, grid sizes, hotspot tiles and violated nets. Reads no feature map."""
    rows = []
    for design in sorted(set(store.designs)):
        own = [index for index, name in enumerate(store.designs) if name == design]
        heads = [store.heads[index] for index in own]
        sides = [side for head in heads for side in head["grid"]["shape"]]
        counted = [(store.hotspot_tiles(index), store.tiles(index)) for index in own]
        hot = [count / tiles for count, tiles in counted if count is not None]
        nets = [head["violated_nets"] for head in heads if head["violated_nets"] >= 0]
        counts = [head["net_count"] for head in heads]
        rows.append([
            design, heads[0]["family"], str(len(own)), str(len(hot)), f"{min(sides)}-{max(sides)}",
            f"{min(counts)}-{max(counts)}", f"{100 * sum(hot) / len(hot):.1f}" if hot else "-",
            f"{min(nets)}-{max(nets)}" if nets else "-",
            str(sum(len(head["repeat_violated_nets"]) for head in heads)),
        ])  # fmt: skip
    header = [
        "design",
        "family",
        "placements",
        "labelled",
        "tiles a side",
        "nets",
        "hotspot tiles %",
        "violated nets",
        "repeats",
    ]
    kinds = sorted({kind for kind in store.label_kinds if kind})
    tail = (
        f"{len(store)} placements, {len(rows)} designs, {len(set(store.families))} families; "
        f"channels {store.channel_version}; label: {', '.join(kinds) or 'none'}; Liberty: {_liberty(store)}; "
        f"routing layers: {_routing_layers(store)}"
    )
    return f"{text_table(header, rows)}\n{tail}"


def _liberty(store: Store) -> str:
    """Whether the placements were read with Liberty."""
    told = Counter(store.with_liberty(index) for index in range(len(store)))
    words = {True: "with", False: "without", None: "not recorded"}
    if len(told) == 1:
        return words[next(iter(told))]
    return ", ".join(f"{told[each]} {word}" for each, word in words.items() if told[each])


def _routing_layers(store: Store) -> str:
    """The layers that signals may use, and in how many placements, where they differ."""
    told = Counter(layers or "all" for layers in store.routing_layers)
    return next(iter(told)) if len(told) == 1 else ", ".join(f"{told[each]} {each}" for each in sorted(told))


def score_table(score: Score) -> str:
    """What ``routenas score`` prints: a head, the worst regions and the warnings."""
    value = score.to_dict()
    lines = [
        f"{score.design.name}: {len(score.design.cells.name)} cells, {score.net_count} nets, "
        f"{score.grid.shape[1]} x {score.grid.shape[0]} tiles of {score.grid.tile_um:g} um"
    ]
    if value["violated_nets"] is not None:
        lines.append(
            f"violated nets: {score.violated_nets:.1f} predicted "
            f"({100 * (score.violated_net_ratio or 0):.1f} % of nets)"
        )
    hotspots = value["hotspots"]
    if hotspots is not None:
        lines.append(
            f"hotspots: {hotspots['tiles']} tiles ({100 * hotspots['area_frac']:.1f} % of the die) "
            f"at probability >= {hotspots['threshold']:.3f}; worst tile {hotspots['max']:.3f}"
        )
    if score.regions:
        rows = [
            [
                str(index), "{:.1f} {:.1f} {:.1f} {:.1f}".format(*region.box_um), f"{region.score:.3f}",
                str(region.tiles), str(region.cells), str(region.pins), str(region.nets_crossing),
                next((cause.family for cause in region.causes if cause.effect > 0), "-"),  # the others are in the JSON
            ]
            for index, region in enumerate(score.regions[:SHOWN_REGIONS], 1)
        ]  # fmt: skip
        lines.append(text_table(["region", "box (um)", "score", "tiles", "cells", "pins", "nets", "cause"], rows))
        if len(score.regions) > len(rows):
            lines.append(f"(+{len(score.regions) - len(rows)} more regions; see --json)")
        lines.append("worst first, by score x tiles; where much is hot at once, a region is the worst part of it")
    lines += [f"warning: {text}" for _, text in score.warnings]
    return "\n".join(lines)


def timing_table(stages: Mapping[str, float]) -> str:
    """Seconds and share of each stage; the rest of the process' life is start-up (interpreter and imports)."""
    whole = process_seconds()
    named = {"start-up and imports": max(0.0, whole - sum(stages.values())), **stages}
    rows = [[name, f"{seconds:.3f}", f"{100 * seconds / whole:.0f}"] for name, seconds in named.items()]
    return text_table(["stage", "seconds", "%"], [*rows, ["all", f"{whole:.3f}", "100"]])


def process_seconds() -> float:
    """Wall-clock seconds since this process started (from /proc where there is one, else CPU seconds)."""
    try:
        with open("/proc/self/stat", encoding="ascii") as file:
            ticks = int(file.read().rpartition(")")[2].split()[19])
        with open("/proc/uptime", encoding="ascii") as file:
            uptime = float(file.read().split()[0])
    except OSError:
        return time.process_time()
    import os

    return uptime - ticks / os.sysconf("SC_CLK_TCK")


def comparison_table(table: Mapping[str, Any]) -> str:
    """What ``routenas evaluate`` prints: mean +- deviation over seeds, the ensemble with its interval, the ceiling.

    The ceiling is known on placements that were routed again; the last two columns are about those alone.
    """
    names = list(table["rows"][0]["metrics"]) if table["rows"] else []
    main, ceiling = (names[0] if names else ""), table["ceiling"]
    header = ["predictor", "seeds", *names, f"ensemble {main}", "95 % interval"]
    if ceiling is not None:
        header += [f"{ceiling['metric']}, routed again", "share of way"]
    rows = [_comparison_row(row, names, main, ceiling is not None) for row in table["rows"]]
    part = "unseen families" if table["part"] == "unseen" else f"the {table['part']} split"
    lines = [
        f"{table['task']} on {part}: {table['placements']} placements "
        f"of {table['designs']} designs, base rate {table['base_rate']:.4f}"
    ]
    notes = [f"{row['name']}: {note['text']}" for row in table["rows"] for note in row["notes"]]
    if ceiling is None:
        last = "ceiling: no placement of these was routed again"
        return "\n".join([*lines, text_table(header, rows), last, *notes])
    rows.append([ceiling["name"], *["-"] * (len(header) - 3), number(ceiling["value"]), number(1.0, 2)])
    note = (
        f"{ceiling['placements']} placements were routed again; share of way: from the best control "
        f"({number(ceiling['control'])}) to the ceiling"
    )
    return "\n".join([*lines, text_table(header, rows), note, *notes])


def models_table(table: Mapping[str, Any]) -> str:
    """What ``routenas evaluate`` prints of a task on other data than placements: `routenas.comparison`'s table."""
    names = list(dict.fromkeys(name for row in table["rows"] for name in row["metrics"]))
    rows = [
        [
            row["name"], str(row["seeds"]), f"{row['parameters']:,}",
            *(_spread(row["metrics"][name]) if name in row["metrics"] else "-" for name in names),
            number(row["ensemble"].get(table["metric"])),
        ]
        for row in table["rows"]
    ]  # fmt: skip
    header = ["predictor", "seeds", "parameters", *names, f"ensemble {table['metric']}"]
    return "\n".join([f"{table['task']} on the {table['part']} part", text_table(header, rows)])


def verdict(table: Mapping[str, Any]) -> str:
    """A sentence on the first row of a comparison, its reference: where it stands in the first metric, and why.

    Ensembles are compared, and the gap to the best of the others is set beside its interval over designs.
    """
    first, *others = table["rows"]
    main = next(iter(first["ensemble"]))
    known = [row for row in others if row["ensemble"][main] is not None]
    if first["ensemble"][main] is None or not known:
        return f"{first['name']}: nothing to compare in {main}"
    best = max(known, key=lambda row: float(row["ensemble"][main]))
    ahead = first["ensemble"][main] >= best["ensemble"][main]
    interval = best["reference_minus_this"][main]
    if interval is None or interval[0] <= 0 <= interval[1]:
        why = f"{table['designs']} designs do not tell the two apart"
    else:
        why = "the designs agree on it"
    span = "" if interval is None else f" (difference {interval[0]:+.3f} to {interval[1]:+.3f}, 95 % over designs)"
    return (
        f"{first['name']} is {'' if ahead else 'not '}at the top: {main} {number(first['ensemble'][main])}, "
        f"{best['name']} {number(best['ensemble'][main])}{span}; {why}"
    )


def _comparison_row(row: Mapping[str, Any], names: Sequence[str], main: str, ceiling: bool) -> list[str]:
    interval = row["interval"].get(main)
    span = "-" if interval is None else f"{interval[0]:.3f} to {interval[1]:.3f}"
    metrics = [_spread(row["metrics"][name]) for name in names]
    cells = [row["name"], str(row["seeds"]), *metrics, number(row["ensemble"][main]), span]
    return [*cells, number(row["on_repeated"]), number(row["share_of_way"], 2)] if ceiling else cells


def _spread(value: Mapping[str, float | None]) -> str:
    text = number(value["mean"])
    return text if value["deviation"] is None else f"{text} +- {value['deviation']:.4f}"


def benchmark_table(found: Mapping[str, Any]) -> str:
    """What ``routenas benchmark`` prints: a row a strategy and checkpoint, then the surrogates."""
    head = (
        f"{found['table']}, {found['data']}: selected on {found['select']}, judged on {found['judged']}, "
        f"{found['seeds']} seeds, optimum {found['optimum']:.4g}"
    )
    digits = 2 if found["optimum"] > 2 else 4
    rows = [
        (
            name, str(point["queries"]), f"{point['mean']:.{digits}f} +- {point['std']:.{digits}f}",
            f"{point['seen_mean']:.{digits}f} +- {point['seen_std']:.{digits}f}",
            f"{point['regret']:.{digits + 1}f}", f"{100 * point['at_optimum']:.0f} %",
        )
        for name, entry in found["strategies"].items()
        for point in entry["curve"]
    ]  # fmt: skip
    first = found["strategy"]
    lines = [
        head,
        text_table(
            ("strategy", "queries", f"best, {found['judged']}", f"best, {found['select']}", "regret", "at the optimum"),
            rows,
        ),
        *(
            f"P({name} better than {first}) = {share['probability']:.2f}"
            for name, entry in found["strategies"].items()
            for share in entry.get("better_than_first", ())
        ),
    ]
    if found["surrogates"]:
        rows = [
            (
                entry["surrogate"],
                str(entry["samples"]),
                *(_mean_and_std(entry[key], digits) for key in _SURROGATE_COLUMNS),
            )
            for entry in found["surrogates"]
        ]
        lines.append(text_table(("surrogate", "samples", "tau", "top-decile tau", "best of top ten"), rows))
    return "\n".join(lines)


_SURROGATE_COLUMNS = ("tau", "top_decile_tau", "best_of_top_ten")


def _mean_and_std(value: Mapping[str, float | None], digits: int) -> str:
    return "-" if value["mean"] is None else f"{value['mean']:.{digits}f} +- {value['std']:.{digits}f}"
