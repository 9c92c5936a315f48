"""``routenas export``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from routenas.commands import FILE, OUTPUT, UNUSED_SEED, Emission, Output, check_outputs, example, given, say
from routenas.commands.verb import POSITIVE, Number, verb
from routenas.flow.exports import EMITTERS

if TYPE_CHECKING:
    from placement_data.design import Design
    from routenas.flow.exports.plan import Plan

_SHARE = Number(min=0, max=1)
_OWN = {"map_csv": "--map"}
_KINDS = click.Choice(list(EMITTERS))


@verb(
    epilog=example(
        "routenas export openroad-blockages score.json --lef tech.lef --lef cells.lef \\",
        "  --def placed.def.gz -o fix.tcl",
    )
)
@click.argument("kind", type=_KINDS)
@click.argument("score", type=FILE)
@click.option("--lef", "lef", type=FILE, multiple=True, help="Technology or cell LEF of the DEF; may be repeated.")
@click.option("--def", "def_", type=FILE, help="The placed DEF that was scored.")
@click.option("--odb", type=FILE, help="An OpenDB file instead (needs openroad).")
@click.option("-o", "--out", type=OUTPUT, required=True, help="File to write for the tool.")
@click.option("--undo", type=OUTPUT, help="File to write that takes it back [fix.undo.tcl beside fix.tcl].")
@click.option("--max-regions", type=click.IntRange(min=1), default=20, show_default=True, help="Most regions.")
@click.option(
    "--max-area", type=_SHARE, default=0.2, show_default=True, help="Largest share of the die that regions may take."
)
@click.option(
    "--density", type=Number(min=1, max=99), help="Per cent of a region that cells may take [a tenth less than now]."
)
@click.option(
    "--density-means", type=click.Choice(["max", "blocked"]),
    help="What -density is in your Innovus: the per cent that cells may take, or that is kept from them.",
)  # fmt: skip
@click.option("--layers", help="Routing layers to act on, as metal2-metal3.")
@click.option(
    "--adjustment", type=Number(min=0, max=1, min_open=True), help="Share of the capacity to take from regions [0.3]."
)
@click.option(
    "--legaliser", type=click.Choice(["diamond-only", "diamond", "negotiation"]),
    help="Of your OpenROAD: diamond-only before 2026; in later builds diamond (asked for) or negotiation (default).",
)  # fmt: skip
@click.option("--sites", type=click.IntRange(1, 100), help="Sites of padding on each side of a cell [1].")
@click.option("--added-area", type=_SHARE, help="Largest share of the white space that may be used up [0.1].")
@click.option(
    "--spelling", type=click.Choice(["current", "2022"]), help="Of the DRC report: for OpenROAD of 2022 or later."
)
@click.option("--map", "map_csv", type=FILE, help="The map that 'score --csv' wrote of this score.")
@click.option("--max-ratio", type=Number(min=1), help="Largest area of an inflated cell over its own [2].")
@click.option("--exponent", type=POSITIVE, help="Bends the ratio between threshold and certainty [1].")
@UNUSED_SEED
def export(
    kind: str, score: Path, lef: tuple[Path, ...], def_: Path | None, odb: Path | None,
    out: Path, undo: Path | None, max_regions: int, max_area: float, seed: int, **options: Any,
) -> None:  # fmt: skip
    """Write the regions of a score as a file for a placement or routing tool, and one that takes it back."""
    from placement_data.errors import InputError
    from placement_data.reports.markers import load_json
    from placement_data.text import load_text
    from routenas.flow.exports.plan import Plan

    context = click.get_current_context()
    own = _own_options(kind, given(context, **options))
    context.params["undo"] = undo = undo or undo_file(out)
    check_outputs()
    value = load_json(load_text(score), score)
    design = _scored_layout(lef, def_, odb, value)
    try:
        plan = Plan.of(value, design, max_regions, max_area)
    except InputError as error:
        raise error.inside(score) from error
    write_emission(Emission(kind, out, undo), plan, own)


def undo_file(out: Path) -> Path | None:
    """``fix.undo.tcl`` beside ``fix.tcl``; None where the output is no file or has no suffix."""
    return out.with_name(f"{out.stem}.undo{out.suffix}") if out.suffix and (out.is_file() or not out.exists()) else None


def write_emission(emission: Emission, plan: Plan, options: dict[str, Any]) -> None:
    """Write what an emitter makes of a plan, and what takes it back where that can be; say what was done."""
    from placement_data.files import write_text
    from routenas.flow.exports import emit

    emitted = emit(emission.kind, plan, **options)
    undo = emission.undo if emitted.undo else None
    if undo is not None:
        write_text(undo, emitted.undo)
    write_text(emission.out, emitted.text)
    back = "" if undo is None else f"; {undo} takes it back"
    say(f"{emission.kind}: {len(plan.areas)} of {len(plan.regions)} regions acted on{back}")


def _own_options(kind: str, stated: dict[str, Any]) -> dict[str, Any]:
    """The options that were stated. Raises UsageError for one that has no use for the kind, or that it lacks."""
    from routenas.flow.exports import options_of

    takes = options_of(kind)
    for name in stated:
        if name not in takes:
            allowed = ", ".join(map(_flag, takes)) or "no options of its own"
            raise click.UsageError(f"{_flag(name)} has no use for {kind}, which takes {allowed}")
    lacking = next((name for name, needed in takes.items() if needed and name not in stated), None)
    if lacking is not None:
        raise click.UsageError(f"Missing option '{_flag(lacking)}', which {kind} cannot guess.")
    return stated


class _Emit(Output):
    """``KIND=PATH``, of a kind that has to be told nothing, as an :class:`Emission` with the undo file beside."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The :class:`Emission`. Raises UsageError for a kind that there is not, or that cannot guess an option."""
        from routenas.flow.exports import options_of

        kind, _, path = str(value).partition("=")
        if not path:
            self.fail(f"{value!r} is not KIND=PATH.", param, ctx)
        needed = [_flag(name) for name, needed in options_of(_KINDS.convert(kind, param, ctx)).items() if needed]
        if needed:
            what = f"{kind} cannot guess {' and '.join(needed)}"
            self.fail(f"{what}: write it with 'routenas export {kind}' from the --json of the score", param, ctx)
        out = super().convert(path, param, ctx)
        return Emission(kind, out, undo_file(out))


EMIT = click.option(
    "--emit", "emissions", type=_Emit(path_type=Path), multiple=True, metavar="KIND=PATH",
    help="Write a file for a placement or routing tool, as 'routenas export KIND' does by default, and beside it the "
    "one that takes it back; may be repeated.",
)  # fmt: skip


def _flag(name: str) -> str:
    return _OWN.get(name, f"--{name.replace('_', '-')}")


def _scored_layout(lef: tuple[Path, ...], def_: Path | None, odb: Path | None, score: Any) -> Design:
    """The layout. Raises UsageError for none or two, InputError for files that are not those that were scored."""
    from placement_data.errors import InputError
    from placement_data.making import LayoutFiles, read_layout
    from placement_data.store import sha256
    from placement_data.text import digests

    layout = def_ or odb
    if layout is None or (def_ and odb) or bool(lef) != bool(def_):
        raise click.UsageError("give the layout that was scored: --lef with --def, or --odb")
    files = LayoutFiles("def" if def_ else "odb", layout, lef)
    with digests() as read:
        design = read_layout(files)
    inputs = score.get("inputs") if isinstance(score, dict) else None
    known = set(inputs.values()) if isinstance(inputs, dict) else None
    for path in files.all:
        digest = read.get(str(path)) or sha256(path)
        if known is not None and digest not in known:
            raise InputError("this is not what was scored", file=path, found=digest, expected="an input of the score")
    return design
