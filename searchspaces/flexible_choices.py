"""The choices of the flexible space that are no edges, how likely each option is in a random sample, and controls."""

from __future__ import annotations

from collections.abc import Sequence

from searchspaces.values import Choice

OPERATIONS = ("conv1x1", "conv3x3", "conv3x3_wide", "dilated2", "dilated4", "dilated8", "mix")
"""Operations of a vertex. ``conv3x3``, ``conv3x3_wide`` (twice the filters), ``dilated2`` and ``mix`` are the
paper's C32, C64, Atr and Mix."""

PAPER_OPERATIONS = ("conv3x3", "conv3x3_wide", "dilated2", "mix", "conv3x3", "dilated2", "mix")

# On a CPU a mixed convolution takes seven to fifteen times as long as a 3x3 one, whatever its multiplications say.
OPERATION_PRIOR = (0.16,) * (len(OPERATIONS) - 1) + (0.04,)

# Narrow networks on the tiles themselves, residual and without batch normalisation, are the cheap and strong ones on
# data sets of a few hundred placements, so random samples prefer them. Every option keeps a fair share.
FORMER_GLOBALS = (
    Choice("halvings", ("0", "1", "2", "3"), (0.4, 0.3, 0.2, 0.1)),
    Choice("width", ("8", "16", "32"), (0.5, 0.35, 0.15)),
    Choice("full_resolution", ("no", "yes"), (0.25, 0.75)),
    Choice("join", ("concat", "residual"), (0.25, 0.75)),
    Choice("norm", ("none", "batch"), (0.75, 0.25)),
)
"""Of the extended preset as it was before it could choose inputs: saved models hold genotypes of it."""

GLOBALS = (
    Choice("halvings", ("0", "1", "2", "3"), (0.55, 0.25, 0.12, 0.08)),
    Choice("skips", ("no", "yes"), when=("halvings", ("1", "2", "3"))),
    Choice("channels", ("16", "24", "32", "48", "64"), (0.25, 0.25, 0.25, 0.15, 0.1)),
    Choice("bottleneck", ("half", "same")),
    Choice("stem", ("0", "1", "2"), (0.1, 0.4, 0.5)),
    Choice("join", ("concat", "residual"), (0.2, 0.8)),
    Choice("norm", ("none", "batch"), (0.85, 0.15)),
)
"""Of the extended preset, behind a choice for each group of inputs."""

OUT, IN = 0, 1
IN_PRIOR = (0.15, 0.85)


def group_names(names: Sequence[str]) -> tuple[str, ...]:
    """The names of groups of inputs. Raises ValueError where they are not different texts."""
    texts = not isinstance(names, str) and all(isinstance(name, str) and name for name in names)
    if not texts or len(set(names)) != len(names):
        raise ValueError(f"the inputs of a space must be different names of groups, not {names!r}")
    return tuple(names)


def input_choices(names: Sequence[str]) -> list[Choice]:
    """A choice for each group of inputs, mostly in."""
    return [Choice(f"input.{name}", ("out", "in"), IN_PRIOR) for name in names]


CONTROLS: dict[str, tuple[dict[str, str], dict[int, tuple[str, ...]]]] = {
    "one-tile": ({"channels": "64", "stem": "1"}, {}),
    "residual-dilated": (
        {"channels": "32", "bottleneck": "same", "stem": "2"},
        {0: ("conv3x3",), 2: ("dilated2",), 4: ("dilated4", "dilated8")},
    ),
    "fcn-like": (
        {"channels": "32", "bottleneck": "same", "stem": "0", "halvings": "2", "skips": "yes"},
        {0: ("conv3x3", "dilated2"), 2: ("conv3x3", "dilated2"), 4: ("conv3x3", "dilated2", "dilated4")},
    ),
    "unet-like": (
        {"channels": "32", "bottleneck": "same", "stem": "1", "halvings": "3", "skips": "yes"},
        {0: ("conv3x3", "conv3x3"), 2: ("conv3x3", "conv3x3"), 4: ("conv3x3", "conv3x3")},
    ),
}
"""Hand-made networks as genotypes of the extended preset: options by name, and of a DAG the chain of its operations.

All read every input and are residual without batch normalisation. Larger kernels are chains of 3x3 ones that see as
far: +-4 tiles for 9x9, +-3 for 7x7.
"""
