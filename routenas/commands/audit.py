"""``routenas data audit``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from routenas.commands import FILE, OUTPUT, UNUSED_SEED, check_outputs, example, say
from routenas.commands.verb import verb

LEAK = 10
"""Exit code of an audit that found a leak."""


@verb(
    epilog=example(
        "routenas data audit data.h5 --split split.json",
        "routenas data audit data.h5 --split split.json --model runs/hotspots/model --json audit.json",
    )
)
@click.argument("path", type=FILE)
@click.option("--split", "split_path", type=FILE, required=True, help="Split that 'routenas data split' wrote.")
@click.option("--families", type=FILE, help="CSV with the columns design (or a glob pattern) and family, of your own.")
@click.option("--model", "models", type=FILE, multiple=True, help="Bundle to check against the split; may be repeated.")
@click.option("--json", "json_path", type=OUTPUT, help="Write the findings as JSON.")
@UNUSED_SEED
def audit(
    path: Path, split_path: Path, families: Path | None, models: tuple[Path, ...], json_path: Path | None, seed: int
) -> int:
    """Look for leaks between the parts of a split: exit code 10 where there is one.

    A leak is the same placement, design or known family of designs (a bundled table, and --families) on two sides,
    nearly the same maps (mirrored, turned or cut into other tiles, too), a normalisation that was not computed from the
    training placements alone, or a model that was trained or chosen on what it is judged by. What else makes a result
    doubtful, such as mixed label kinds, is a warning.
    """
    from placement_data.checks.audit import Model, read_parts
    from placement_data.checks.audit import audit as run_audit
    from placement_data.checks.families import Families, read_families
    from placement_data.files import write_text
    from placement_data.store import Store
    from routenas.predictor import Predictor
    from routenas.show.progress import progress_bar

    check_outputs()
    known = Families(None if families is None else read_families(families))
    parts, normalisation = read_parts(split_path)
    facts = []
    for folder in models:
        card = Predictor.of(folder).card
        seen = {name: tuple(value) for name, value in card.split.to_dict().items()}
        facts.append(Model(str(folder), seen, card.normalisation, card.channel_version, card.label_kind))
    store = Store(path)
    named = {family for names in parts.values() for family in names}
    with progress_bar("audit", sum(family in named for family in store.families)) as bar:
        found = run_audit(
            store, parts, families=known, normalisation=normalisation, models=facts, split_name=str(split_path),
            progress=bar.advance,
        )  # fmt: skip
    if json_path is not None:
        write_text(json_path, json.dumps(found.to_dict(), indent=1, allow_nan=False) + "\n")
    say(str(found))
    return LEAK if found.leaks else 0
