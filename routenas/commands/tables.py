"""``routenas tasks`` and ``routenas spaces``: what there is, and what fits what."""

from __future__ import annotations

import json
from typing import Any

import click

from routenas.commands import example
from routenas.commands.verb import verb

_ON_PLACEMENTS = {"hotspots": "map", "violated_nets": "scalar"}
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")


@verb(epilog=example("routenas tasks"))
@_JSON
def tasks(as_json: bool) -> None:
    """List the tasks: what each learns, by what it is judged, its hand-made predictors and the spaces that fit."""
    _tell(_known_tasks(), as_json)


@verb(epilog=example("routenas spaces", "routenas spaces --task vision"))
@click.option("--task", help="Only those that fit a task of 'routenas tasks'.")
@_JSON
def spaces(task: str | None, as_json: bool) -> None:
    """List the search spaces: their size, the answers their networks give, and the tasks that they fit."""
    from routenas.look_up import entry
    from searchspaces.table import SPACES, space_class

    known = _known_tasks()
    wanted = None if task is None else entry("task", known, task)["answer"]
    found: dict[str, dict[str, Any]] = {}
    for name in SPACES:
        kind = space_class(name)
        if wanted is not None and wanted not in kind.outputs:
            continue
        fits = [other for other, told in known.items() if told["answer"] in kind.outputs]
        found[name] = {"what": _first_sentence(kind), "answers": list(kind.outputs), "tasks": fits}
    _tell(found, as_json)


def _known_tasks() -> dict[str, dict[str, Any]]:
    from routenas.baselines import baselines
    from routenas.model_card import ANSWERS
    from routenas.tasks import ROUTABILITY, TASKS, adapter
    from routenas.tasks.routability import METRIC
    from searchspaces.table import SPACES, space_class

    told: dict[str, dict[str, Any]] = {
        name: {"what": what.removesuffix("."), "metric": METRIC[name], "answer": _ON_PLACEMENTS[name]}
        for name, what in ANSWERS.items()
    }
    for name in TASKS:
        if name != ROUTABILITY:
            kind = adapter(name)
            told[name] = {"what": _first_sentence(kind), "metric": kind.metric, "answer": kind.output}
    for name, each in told.items():
        each["predictors"] = list(baselines(name))
        each["spaces"] = [space for space in SPACES if each["answer"] in space_class(space).outputs]
    return told


def _first_sentence(kind: type[object]) -> str:
    words = " ".join((kind.__doc__ or "").partition("\n\n")[0].split())
    return words.partition(". ")[0].removesuffix(".")


def _tell(told: dict[str, dict[str, Any]], as_json: bool) -> None:
    """JSON, or a paragraph an entry."""
    from routenas.show.tables import fold, text_width

    if as_json:
        click.echo(json.dumps(told, indent=1))
        return
    for name, each in told.items():
        click.echo(name)
        for key, value in each.items():
            text = value if isinstance(value, str) else ", ".join(value) or "none"
            lines = fold(text if key == "what" else f"{key}: {text}", text_width() - 2)
            click.echo("".join(f"  {line}\n" for line in lines), nl=False)
