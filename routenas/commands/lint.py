"""``routenas data lint``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from routenas.commands import FILE, OUTPUT, UNUSED_SEED, check_outputs, example, say
from routenas.commands.verb import verb

FINDINGS = 10
"""Exit code where there is a finding."""


@verb(
    epilog=example(
        "routenas data lint --lef tech.lef --lef cells.lef --def placed.def.gz",
        "routenas data lint --def placed.def --json -",
    )
)
@click.option("--lef", type=FILE, multiple=True, help="Technology or cell LEF; may be repeated.")
@click.option("--def", "def_", type=FILE, multiple=True, help="DEF, plain or gzip; may be repeated.")
@click.option("--json", "json_path", type=OUTPUT, help="Write counts and findings as JSON.")
@UNUSED_SEED
def lint(lef: tuple[Path, ...], def_: tuple[Path, ...], json_path: Path | None, seed: int) -> int:
    """List everything in LEF and DEF files that contradicts itself, with file and line.

    Wrong counts, names that come twice, masters, pins, layers and sites that nothing defines, components off the die,
    statements that cannot be read. Without a LEF a DEF is only checked by itself. Exit code 0: nothing found; 10:
    findings; 3: a file is absent, damaged, cut off, or no LEF or DEF.
    """
    from placement_data.checks.lint import lint as check
    from placement_data.files import write_text

    if not lef and not def_:
        raise click.UsageError("give --lef, --def or both")
    check_outputs()
    result = check(lef, def_)
    if json_path is not None:
        write_text(json_path, json.dumps(result.to_dict(), indent=1) + "\n")
    for finding in result.findings:
        say(f"{finding.file}:{finding.line}: {finding.code}: {finding.message}")
    sizes = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in result.counts.items() if count)
    say(f"{len(result.findings)} findings; {sizes or 'nothing in the files'}")
    return FINDINGS if result.findings else 0
