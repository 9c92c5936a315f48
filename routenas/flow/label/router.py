"""What a router is to ``routenas label``: how it is called, what it is given, and what it must leave.

It works in a folder of its own that holds ``placed.def`` and ``lef-0.lef``, ``lef-1.lef`` ..., uncompressed, and leaves
``routed.def`` and the report of its last iteration, ``iteration-2.drc``, and those of earlier ones where it has them.
"""

from __future__ import annotations

import random
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from placement_data.design import Design, Ints
from placement_data.errors import InputError
from placement_data.files import write_text
from placement_data.readers.lef import Library

_NETS = re.compile(r"(^[ \t]*NETS\s+\d+\s*;)(.*?)(^[ \t]*END\s+NETS\b)", re.MULTILINE | re.DOTALL)
_PINS = re.compile(r"\s*-\s+(\S+)((?:\s+\(\s[^()]*\))*)")


@dataclass(frozen=True)
class Task:
    """A placement to route up to ``iteration``, on ``layers`` (rows of ``Design.layers``).

    ``order`` 0 leaves the nets in the file's order; any other is the seed of a shuffle.
    """

    design: Design
    library: Library
    lefs: int
    layers: Ints
    iteration: int
    order: int


@dataclass(frozen=True)
class Router:
    """A router. ``version`` finds its version in what it prints for ``asks``; ``call`` are the words behind its name.

    ``prepare`` makes the folder ready; ``leaves`` names what the router must leave there, by the last iteration, and
    ``collect`` makes the reports of it and returns the failed nets of iterations, where the router counts them itself.
    Both ``prepare`` and ``collect`` may raise :class:`InputError`.
    """

    name: str
    package: str
    iteration: int
    """After so many iterations the label is taken where nobody says it; the first is 0."""
    asks: tuple[str, ...]
    version: re.Pattern[str]
    call: tuple[str, ...]
    prepare: Callable[[Path, Task], None]
    leaves: Callable[[int], Sequence[str]]
    collect: Callable[[Path, Task], dict[int, int]]

    def executable(self, given: str = "") -> str:
        """Its path. Raises :class:`InputError` where it is not there."""
        found = shutil.which(given or self.name)
        if found is None:
            expected = f"{given or f'{self.name} on PATH'} ({self.package})"
            raise InputError(f"the router {self.name} is not there", expected=expected)
        return found

    def version_of(self, executable: str) -> str:
        """What it says of its version. Raises :class:`InputError` where it says none within a minute."""
        try:
            done = subprocess.run(
                [executable, *self.asks], stdin=subprocess.DEVNULL, capture_output=True, timeout=60, errors="replace"
            )
            told = done.stdout + done.stderr
        except (OSError, subprocess.TimeoutExpired) as error:
            told = str(error)
        found = self.version.search(told)
        if found is None:
            raise InputError(f"{self.name} tells no version", file=executable, found=told.strip()[:80])
        return found[1]


def reorder(folder: Path, order: int, *, plain: bool) -> None:
    """Write ``placed.def`` anew with its nets in another order; with ``plain`` they keep nothing but their pins.

    qrouter writes no wires for a net whose statement is one line, so a plain net takes several.
    """
    if not order and not plain:
        return
    path = folder / "placed.def"
    text = path.read_text(encoding="utf-8", errors="surrogateescape")
    found = _NETS.search(text)
    if found is None:
        return
    nets = [net for net in re.split(r"(?<=\s;)", found[2]) if net.strip()]
    if order:
        random.Random(order).shuffle(nets)
    if plain:
        parts = [_PINS.match(net) for net in nets]
        nets = [f"\n- {part[1]}\n {' '.join(part[2].split())}\n ;" for part in parts if part]
    write_text(path, f"{text[: found.end(1)]}{''.join(nets)}\n{text[found.start(3) :]}")
