"""NONDEFAULTRULES of a DEF, joined with those of the library."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from placement_data.columns import name_column, offsets
from placement_data.design import Floats, Ints, Rules
from placement_data.readers.def_.sections import options, skip_option
from placement_data.readers.lef import Library
from placement_data.text import LARGEST, Cursor


@dataclass
class RawRules:
    """NONDEFAULTRULES as written; ``layers`` is the number of each rule's rows in the last three, -1 for no value."""

    name: list[str] = field(default_factory=list)
    layers: list[int] = field(default_factory=list)
    layer: list[str] = field(default_factory=list)
    width: list[int] = field(default_factory=list)
    spacing: list[int] = field(default_factory=list)


def read_rules(statements: Iterable[Cursor]) -> RawRules:
    """NONDEFAULTRULES. Raises ``InputError`` for broken statements."""
    rules = RawRules()
    for cursor in statements:
        rules.name.append(cursor.name("the name of a rule"))
        before = len(rules.layer)
        for word in options(cursor):
            if word == "LAYER":
                _read_layer(cursor, rules)
            else:
                skip_option(cursor, properties=word == "PROPERTY")
        rules.layers.append(len(rules.layer) - before)
    return rules


def _read_layer(cursor: Cursor, rules: RawRules) -> None:
    """``layer WIDTH w [DIAGWIDTH d] [SPACING s] [WIREEXT e]``; each may stand behind a ``+`` of its own."""
    rules.layer.append(cursor.name("the name of a layer"))
    values = {"WIDTH": -1, "SPACING": -1}
    known = (*values, "DIAGWIDTH", "WIREEXT")
    while True:
        word = cursor.peek()
        if word == "+" and cursor.tokens[cursor.position + 1 : cursor.position + 2] in ([name] for name in known):
            cursor.position += 1
            continue
        if word not in known:
            break
        cursor.position += 1
        values[word] = cursor.count(word)
    rules.width.append(values["WIDTH"])
    rules.spacing.append(values["SPACING"])


def rules_of(raw: RawRules, library: Library, layer_index: dict[str, int], dbu: int) -> Rules:
    """The rules of the DEF, and behind them those of the library whose name it does not define again."""
    theirs = library.rules
    defined = set(raw.name)
    kept = [row for row, name in enumerate(theirs.name) if name not in defined]
    rows = [at for row in kept for at in range(theirs.offset[row], theirs.offset[row + 1])]
    counts = [*raw.layers, *(int(theirs.offset[row + 1] - theirs.offset[row]) for row in kept)]
    layer = np.array([layer_index.get(name, -1) for name in raw.layer], dtype=np.int32)
    return Rules(
        name_column([*raw.name, *theirs.name[kept]]),
        offsets(counts),
        np.concatenate([layer, theirs.layer[rows]]).astype(np.int32),
        np.concatenate([np.array(raw.width, dtype=np.int64), _whole(theirs.width[rows], dbu)]),
        np.concatenate([np.array(raw.spacing, dtype=np.int64), _whole(theirs.spacing[rows], dbu)]),
    )


def _whole(microns: Floats, dbu: int) -> Ints:
    """Microns as database units, -1 where there is no value."""
    return np.where(np.isnan(microns), -1, np.clip(np.rint(np.nan_to_num(microns) * dbu), 0, LARGEST)).astype(np.int64)
