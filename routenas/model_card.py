"""A bundle's model card: what it answers, what it was trained on, how good it is and where it ends, as a page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any

ANSWERS = {
    "hotspots": "For each tile of a placed layout, the probability of a design-rule violation after detailed routing.",
    "violated_nets": "For a placed layout, the share of its nets with a design-rule violation after detailed routing.",
}


def model_card(value: Mapping[str, Any]) -> str:
    """The page (Markdown) of a bundle's description, `Bundle.to_dict`; of a task of one's own what it tells of it."""
    task = value["task"]
    name = str(task.get("name") or task["task"])
    blocks = [[f"# Model card: {name}", "", ANSWERS.get(name, f"Answers of the task {name}.")], _members(value)]
    if "channels" in task:
        blocks += [_data(task, value["provenance"]), _inputs(task)]
    blocks += [_metrics(value["metrics"], "design families" if "channels" in task else "examples")]
    if "channels" in task:
        blocks += [["## Limits", "", *(f"- {limit}" for limit in _limits(task))]]
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(str(cell) for cell in line) + " |" for line in lines]


def _members(value: Mapping[str, Any]) -> list[str]:
    rows = []
    for member in value["members"]:
        told = member["architecture"]
        rows.append((told.get("name") or told.get("hash", ""), told["kind"], member["draws"]))
    made = f"Made with routenas {value['routenas']}; the answer is the mean over its members."
    return [made, "", *_table(("architecture", "kind", "counts"), rows)]


def _data(task: Mapping[str, Any], provenance: Mapping[str, Any]) -> list[str]:
    rows: list[tuple[str, object]] = [("data set", PurePath(str(task.get("data", ""))).name)]
    if task.get("data_sha256"):
        rows.append(("SHA-256 of the data set", task["data_sha256"]))
    known = {part: families for part, families in task["split"].items() if families}
    rows += [(f"design families to {part}", f"{len(each)}: {', '.join(each)}") for part, each in known.items()]
    if task.get("placements"):
        rows.append(("training placements", f"{len(task['placements'])}, not all of these families"))
    if task.get("seen"):
        rows.append(("families seen before", f"{len(task['seen'])}, by the model that the training started from"))
    rows.append(("technologies", "; ".join(task.get("technologies", ())) or "not known"))
    layers = [each or "all routing layers" for each in task.get("routing_layers", ("",))]
    rows.append(("layers that signals may use", ", ".join(layers)))
    rows.append(("labels", task["label_kind"]))
    rows.append(("tile", f"{task['tile_um']:g} um"))
    liberty = {True: "yes", False: "no", None: "not known, or of no channel's concern"}[task.get("liberty")]
    rows.append(("registers told by Liberty", liberty))
    rows += [("training", f"budget {provenance['budget']}")] if "budget" in provenance else []
    return ["## Data and labels", "", *_table(("", ""), rows)]


def _inputs(task: Mapping[str, Any]) -> list[str]:
    names = ", ".join(f"`{name}`" for name in task["channels"])
    return ["## Inputs", "", f"{len(task['channels'])} channels of `{task['channel_version']}`: {names}."]


def _metrics(metrics: Mapping[str, Mapping[str, Any]], unit: str) -> list[str]:
    """A column a part, a row a number."""
    plain = {
        part: {name: found for name, found in values.items() if isinstance(found, int | float)}
        for part, values in metrics.items()
    }
    names = list(dict.fromkeys(name for values in plain.values() for name in values))
    rows = [(name, *(_number(values.get(name)) for values in plain.values())) for name in names]
    note = f"`test`: {unit} that neither trained nor chose anything; the other parts chose, so they flatter."
    return ["## Metrics", "", note, "", *_table(("metric", *plain), rows)]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}" if isinstance(value, float) else str(value)


def _limits(task: Mapping[str, Any]) -> Iterator[str]:
    yield "It predicts what one router leaves; it takes the place of no router and of no sign-off."
    yield f"Labels are of one kind, {task['label_kind']}: another router or another iteration leaves other violations."
    if task.get("technologies"):
        yield f"Trained in {'; '.join(task['technologies'])}. In another technology `score` warns (`other-technology`)."
    else:
        yield "The technology of its training is not recorded, so `score` cannot warn of another."
    yield (
        f"Trained on tiles of {task['tile_um']:g} um and values in the range of its training placements; `score` warns "
        "of others (`other-tile`, `out-of-range`)."
    )
    yield "Designs of a kind that the training families do not have are judged by no metric here."
