"""Tokens of a stretch of text as numpy columns: found, compared, read as numbers and looked up many at once.

A token is known by its key, 64 bits that are unequal for unequal tokens of up to eight bytes and a hash of longer ones
(two of a million names share a key by accident in one of 40 million designs).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]
Places = NDArray[np.int32]
Keys = NDArray[np.uint64]
Mask = NDArray[np.bool_]

_WORD = 8
_BYTES_OF = np.array([(1 << 8 * n) - 1 for n in range(_WORD + 1)], dtype=np.uint64)
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_ZEROS = np.uint64(0x3030303030303030)
_HIGH_HALVES = np.uint64(0xF0F0F0F0F0F0F0F0)
_SIXES = np.uint64(0x0606060606060606)
# Eight decimal digits in a word become a number in three steps: pairs, fours, all eight.
_DIGITS = (
    (np.uint64(0x0F0F0F0F0F0F0F0F), np.uint64(2561), np.uint64(8)),
    (np.uint64(0x00FF00FF00FF00FF), np.uint64(6553601), np.uint64(16)),
    (np.uint64(0x0000FFFF0000FFFF), np.uint64(42949672960001), np.uint64(32)),
)


class Tokens:
    """The tokens of ``data``, whose blanks are spaces and newlines.

    ``length`` (bytes) has one row per token, and so has ``mark``: the byte of a token of one byte, else 0. Indices that
    the methods take are rows.
    """

    def __init__(self, data: bytes) -> None:
        # A blank in front, so that the first token has an edge too; blanks behind, so that eight bytes can be read from
        # every byte on. All later offsets count the one in front.
        padded = b"\n" + data + b"\n" * (_WORD + 1)
        self._bytes = np.frombuffer(padded, dtype=np.uint8)
        # The eight bytes from every byte on as one number, the first byte lowest; they overlap, nothing is copied.
        self._words = np.ndarray((len(padded) - _WORD + 1,), dtype="<u8", buffer=padded, strides=(1,))
        blank = self._bytes <= 32
        # Blank and token alternate, so every second edge is a token's first byte.
        edges = np.flatnonzero(blank[1:] != blank[:-1]) + 1
        self._start = edges[0::2]
        self.length = edges[1::2] - self._start
        self.mark = np.where(self.length == 1, self._bytes[self._start], np.uint8(0))

    def __len__(self) -> int:
        return len(self._start)

    def offset(self, rows: Indices) -> Indices:
        """Offset in ``data`` of each token."""
        return np.asarray(self._start[rows] - 1)

    def key(self, rows: Indices) -> Keys:
        """Key of each token."""
        start, length = self._start[rows], self.length[rows]
        key = mixed(self._words[start] & _BYTES_OF[np.minimum(length, _WORD)])
        # Few tokens are longer: eight more bytes at a time are mixed into the keys of those that have them, with
        # their place.
        at = _WORD
        more = np.flatnonzero(length > at)
        while more.size:
            word = self._words[start[more] + at] & _BYTES_OF[np.minimum(length[more] - at, _WORD)]
            key[more] = mixed(key[more] ^ word ^ np.uint64(at))
            at += _WORD
            more = more[length[more] > at]
        return key

    def integer(self, rows: Indices) -> tuple[Indices, Mask]:
        """Value of each token, and whether it is an integer of at most eight digits; the value of others is 0."""
        start, length = self._start[rows], self.length[rows]
        negative = self._bytes[start] == ord("-")
        start, length = start + negative, length - negative
        whole = (length > 0) & (length <= _WORD)
        length = np.where(whole, length, 1)
        # The digits move to the high bytes, the last one to the highest, and zeros fill up below: 123 is 00000123.
        shift = ((_WORD - length) * 8).astype(np.uint64)
        missing = _ZEROS & _BYTES_OF[_WORD - length]
        word = (self._words[start] << shift) | missing
        # A byte is a digit where its high half is 3 and its low half does not reach 16 when 6 is added.
        whole &= ((word & _HIGH_HALVES) == _ZEROS) & (((word + _SIXES) & _HIGH_HALVES) == _ZEROS)
        # Neighbours join, 10 * left + right in one multiplication: eight digits, four pairs, two fours, one number.
        for halves, factor, step in _DIGITS:
            word = ((word & halves) * factor) >> step
        value = np.where(whole, word, np.uint64(0)).astype(np.int64)
        return np.where(negative, -value, value), whole

    def text(self, rows: Indices) -> list[str]:
        """Each token as a string."""
        if not rows.size:
            return []
        # Each token's bytes and one more, which becomes the newline that the joined text is split at.
        size = self.length[rows] + 1
        end = np.cumsum(size)
        at = np.repeat(self._start[rows] - (end - size), size) + np.arange(end[-1])
        letters = self._bytes[at]
        letters[end - 1] = ord("\n")
        text: str = letters[:-1].tobytes().decode()
        return text.split("\n")


def mixed(word: Keys) -> Keys:
    """A bijection of 64-bit words whose result looks random in every bit (two rounds of multiply and shift)."""
    word = word * _FACTOR
    word ^= word >> np.uint64(32)
    word = word * _FACTOR
    word ^= word >> np.uint64(29)
    return word


def keys_of(names: Sequence[str]) -> Keys:
    """Keys of strings without blanks."""
    tokens = Tokens("\n".join(names).encode())
    return tokens.key(np.arange(len(tokens)))


class KeyTable:
    """Finds keys among ``keys``, which look random (as ``mixed`` makes them); of equal ones the first counts."""

    def __init__(self, keys: Keys) -> None:
        # Keys look random, so their top bits say about where in the sorted keys each one is: twice to four times as
        # many buckets as keys, of which ``_first`` has the place of the first key.
        self._order = np.argsort(keys, kind="stable").astype(np.int32)
        self._sorted = keys[self._order]
        bits = max(len(keys), 1).bit_length() + 1
        self._shift = np.uint64(64 - bits)
        size = np.bincount((self._sorted >> self._shift).astype(np.int64), minlength=1 << bits)
        self._first = (np.cumsum(size) - size).astype(np.int32)

    def find(self, keys: Keys) -> Places:
        """Place of each key, -1 where it is not there."""
        found = np.full(len(keys), -1, dtype=np.int32)
        if not len(self._sorted):
            return found
        last = len(self._sorted) - 1
        # All keys step through their buckets at once; those that are found, or passed, drop out.
        open_ = np.arange(len(keys))
        at = self._first[(keys >> self._shift).astype(np.int64)].astype(np.int64)
        while open_.size:
            at = np.minimum(at, last)
            there = self._sorted[at]
            wanted = keys[open_]
            hit = there == wanted
            found[open_[hit]] = self._order[at[hit]]
            on = (there < wanted) & (at < last)
            open_, at = open_[on], at[on] + 1
        return found

    def repeated(self) -> Indices:
        """Places of the keys that are there before already, in order."""
        again = np.flatnonzero(self._sorted[1:] == self._sorted[:-1]) + 1
        return np.asarray(np.sort(self._order[again]), dtype=np.int64)


class Vocabulary:
    """Numbers for the few distinct words of a column, in the order in which they come."""

    def __init__(self, words: Iterable[str] = ()) -> None:
        self.words: list[str] = []
        self._keys = np.empty(0, dtype=np.uint64)
        self._table = KeyTable(self._keys)
        given = list(words)
        if given:
            self._add(given, keys_of(given))

    def codes(self, tokens: Tokens, rows: Indices) -> Places:
        """Number of the word of each token; a word that is new gets the next one."""
        keys = tokens.key(rows)
        codes = self._table.find(keys)
        new = np.flatnonzero(codes < 0)
        if new.size:
            _, first = np.unique(keys[new], return_index=True)
            first = new[np.sort(first)]
            self._add(tokens.text(rows[first]), keys[first])
            codes[new] = self._table.find(keys[new])
        return codes

    def code(self, word: str) -> int:
        """Number of one word."""
        tokens = Tokens(word.encode())
        return int(self.codes(tokens, np.zeros(1, dtype=np.int64))[0])

    def _add(self, words: list[str], keys: Keys) -> None:
        self.words += words
        self._keys = np.concatenate([self._keys, keys])
        self._table = KeyTable(self._keys)
