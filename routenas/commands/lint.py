"""``routenas data lint``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from routenas.commands import FILE, UNUSED_SEED, example
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
@click.option("--json", "json_path", help="Write counts and findings as JSON to this file, or to standard output (-).")
@UNUSED_SEED
def lint(lef: tuple[Path, ...], def_: tuple[Path, ...], json_path: str | None, seed: int) -> int:
    """List everything in LEF and DEF files that contradicts itself, with file and line.

    Wrong counts, names that come twice, masters, pins, layers and sites that nothing defines, components off the die,
    statements that cannot be read. Without a LEF a DEF is only checked by itself. Exit code 0: nothing found; 10:
    findings; 3: a file is absent, damaged, cut off, or no LEF or DEF.
    """
    from placement_data.checks.lint import lint as check
    from placement_data.store import check_writable, write_text

    if not lef and not def_:
        raise click.UsageError("give --lef, --def or both")
    if json_path not in (None, "-"):
        check_writable(str(json_path))
    result = check(lef, def_)
    if json_path is not None:
        text = json.dumps(result.to_dict(), indent=1)
        if json_path == "-":
            click.echo(text)
        else:
            write_text(json_path, text + "\n")
    if json_path != "-":
        for finding in result.findings:
            click.echo(f"{finding.file}:{finding.line}: {finding.code}: {finding.message}")
        sizes = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in result.counts.items() if count)
        click.echo(f"{len(result.findings)} findings; {sizes or 'nothing in the files'}")
    return FINDINGS if result.findings else 0
