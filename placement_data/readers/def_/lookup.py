"""Looks names up that another section or a LEF defines: letter by letter, and what is missed by what names mean.

Nearly all names are spelled alike in all places, and are found many at once by their keys; only what is left is read
as :mod:`placement_data.names` says.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import chain, repeat

import numpy as np

from placement_data.columns import owners
from placement_data.design import Indices, Ints, Masters
from placement_data.names import Spelling, rows_of
from placement_data.readers.def_.components import RawComponents
from placement_data.readers.def_.locate import stretches
from placement_data.readers.def_.raw import RawDesign
from placement_data.readers.def_.statements import OPEN
from placement_data.readers.def_.tokens import Keys, KeyTable, Tokens, keys_of, mixed

PORT, UNKNOWN = -1, -2
"""The rows of the owner of a port's pin, and of a name that nothing defines."""


def look_up(index: dict[str, int], names: Sequence[str]) -> Indices:
    """Number of each name, ``UNKNOWN`` where it has none."""
    return np.fromiter(map(index.get, names, repeat(UNKNOWN)), dtype=np.int32, count=len(names))


def rows_of_words(names: Sequence[str], words: Sequence[str], spelling: Spelling, of_words: Spelling) -> Indices:
    """Row in ``names`` of what each word means, ``UNKNOWN`` where it means none of them."""
    rows = look_up({name: row for row, name in enumerate(names)}, words)
    missed = np.flatnonzero(rows == UNKNOWN).tolist()
    if missed:
        meant = rows_of([words[at] for at in missed], names, spelling, of_words)
        rows[missed] = [meant.get(words[at], UNKNOWN) for at in missed]
    return rows


def rows_of_components(components: RawComponents, spelling: Spelling, wanted: Collection[str]) -> dict[str, int]:
    """Row of each of a few components."""
    asked = sorted(set(wanted))
    rows = dict(zip(asked, components.table.find(keys_of(asked)).tolist(), strict=True)) if asked else {}
    left = [name for name, row in rows.items() if row < 0]
    known = {name: row for name, row in rows.items() if row >= 0}
    return known | rows_of(left, components.name, spelling) if left else known


def find_owners(raw: RawDesign, spelling: Spelling, owner: Keys, row: Indices) -> None:
    """Put the component, or the word PIN in other letters, that each ``owner`` of a pin means into ``row``.

    That is done where it is ``UNKNOWN``. The pins are those of NETS and SPECIALNETS.
    """
    missed = np.flatnonzero(row == UNKNOWN)
    if not missed.size:
        return
    keys = np.unique(owner[missed])
    words = _words(raw, keys)
    meant = rows_of(words.values(), raw.components.name, spelling)
    meant |= {word: PORT for word in words.values() if word.upper() == "PIN" and word not in meant}
    of_key = np.array([meant.get(words.get(key, ""), UNKNOWN) for key in keys.tolist()], dtype=np.int32)
    row[missed] = of_key[np.searchsorted(keys, owner[missed])]


def _words(raw: RawDesign, keys: Keys) -> dict[int, str]:
    """The words behind a parenthesis in nets whose keys are asked for; the file is walked over once more."""
    words: dict[int, str] = {}
    table = KeyTable(keys)
    for part in chain(*(stretches(raw.path, name, folded=raw.folded) for name in ("NETS", "SPECIALNETS"))):
        tokens = Tokens(part.data)
        at = np.flatnonzero(tokens.mark[:-1] == OPEN) + 1
        key = tokens.key(at)
        found = table.find(key) >= 0
        key, first = np.unique(key[found], return_index=True)
        words.update(zip(key.tolist(), tokens.text(at[found][first]), strict=True))
    return words


class PinFinder:
    """Finds the pins of masters, many at once: ``words`` are what stands for pins in the nets.

    ``library`` is how the masters' names are spelled, ``spelling`` how the words are.
    """

    def __init__(self, masters: Masters, words: list[str], library: Spelling, spelling: Spelling) -> None:
        code = look_up({name: number for number, name in enumerate(words)}, masters.pin_name.tolist())
        master = owners(masters.pin_offset)
        self._masters, self._library = masters, library
        self._words, self._spelling = words, spelling
        self._pin = np.flatnonzero(code >= 0)
        self._table = KeyTable(self._keys(master[self._pin], code[self._pin]))

    def find(self, master: Indices | Ints, word: Indices | Ints) -> Ints:
        """Place in ``Masters.pin_*`` of the pin of each master, ``UNKNOWN`` where it has no such pin."""
        found = self._table.find(self._keys(master, word))
        pin = np.asarray(np.concatenate([self._pin, np.full(1, UNKNOWN)])[found])  # a row not found is -1, the last
        missed = np.flatnonzero(pin == UNKNOWN)
        if missed.size:
            pairs, of_missed = np.unique(self._pairs(master[missed], word[missed]), return_inverse=True)
            pin[missed] = self._meant(*np.divmod(pairs, max(len(self._words), 1)))[of_missed]
        return pin

    def _meant(self, master: Ints, word: Ints) -> Ints:
        """The same for pairs in order, by what names mean."""
        pin = np.full(len(master), UNKNOWN, dtype=np.int64)
        starts = np.flatnonzero(np.diff(master, prepend=-1)).tolist()
        for start, stop in zip(starts, [*starts[1:], len(master)], strict=True):
            first, last = self._masters.pin_offset[master[start] : master[start] + 2].tolist()
            asked = [self._words[one] for one in word[start:stop].tolist()]
            rows = rows_of(asked, self._masters.pin_name[first:last].tolist(), self._library, self._spelling)
            pin[start:stop] = [first + rows[one] if one in rows else UNKNOWN for one in asked]
        return pin

    def _pairs(self, master: Indices | Ints, word: Indices | Ints) -> Ints:
        return np.asarray(master.astype(np.int64) * max(len(self._words), 1) + word)

    def _keys(self, master: Indices | Ints, word: Indices | Ints) -> Keys:
        return mixed(self._pairs(master, word).astype(np.uint64))
