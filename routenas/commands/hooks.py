"""``routenas hooks``."""

from __future__ import annotations

from pathlib import Path

import click

import routenas
from routenas.commands import example
from routenas.commands.verb import verb


@verb(epilog=example("export PRE_DETAIL_PLACE_TCL := $(shell routenas hooks orfs)/pad.tcl"))
@click.argument("flow", type=click.Choice(["orfs"]))
def hooks(flow: str) -> None:
    """Print the folder of the files that a flow sources, for its configuration.

    orfs: OpenROAD-flow-scripts, whose variables PRE_DETAIL_PLACE_TCL and the like take gate.tcl, pad.tcl and
    adjust.tcl. The head of each file says what it does, that of common.tcl what they are told by.
    """
    click.echo(Path(routenas.__file__).parent / "flow" / flow)
