"""``routenas compare``: two scores of one design."""

from __future__ import annotations

import json
from pathlib import Path

import click

from routenas.commands import FILE, OUTPUT, UNUSED_SEED, check_outputs, example, say
from routenas.commands.verb import verb


@verb(epilog=example("routenas compare before.json after.json --json changes.json"))
@click.argument("before", type=FILE)
@click.argument("after", type=FILE)
@click.option("--json", "json_path", type=OUTPUT, help="Write the whole comparison as JSON.")
@click.option("--html", "html_path", type=OUTPUT, help="Write a page for a browser: the regions of both on the die.")
@UNUSED_SEED
def compare(before: Path, after: Path, json_path: Path | None, html_path: Path | None, seed: int) -> None:
    """Say what got better and what worse from the score BEFORE to the score AFTER of one design.

    Both are JSON files of 'routenas score' by the same models. Told are the totals, and the regions of hotspots that
    appeared, grew, shrank or vanished: two regions are one where their boxes overlap.
    """
    check_outputs()
    from placement_data.files import write_text
    from routenas.flow.comparing import compare as compared
    from routenas.flow.values import read_score
    from routenas.show.flow import changes_table
    from routenas.show.pages import require_bokeh

    if html_path is not None:
        require_bokeh()
    scores = read_score(before), read_score(after)
    changes = compared(*scores, (str(before), str(after)))
    if json_path is not None:
        write_text(json_path, json.dumps(changes, indent=1, allow_nan=False) + "\n")
    if html_path is not None:
        from routenas.show.pages.comparison import comparison_page

        write_text(html_path, comparison_page(changes, scores))
    say(changes_table(changes))
