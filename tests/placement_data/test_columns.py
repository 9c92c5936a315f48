"""Columns of tables, against loops."""

from __future__ import annotations

import numpy as np
import pytest

from placement_data.columns import between, name_column, offsets, spread

COUNTS = [[], [0], [3], [2, 0, 1, 0, 4]]


@pytest.mark.parametrize("counts", COUNTS)
def test_offsets_and_spread(counts: list[int]) -> None:
    column = np.array(counts, dtype=np.int64)
    assert offsets(counts).tolist() == [sum(counts[:item]) for item in range(len(counts) + 1)]
    assert offsets(column).dtype == np.int64
    rows = [(item, place) for item, count in enumerate(counts) for place in range(count)]
    assert list(zip(*(part.tolist() for part in spread(column)), strict=True)) == rows


def test_between() -> None:
    numbers, owner = between(np.array([5, 0, 7]), np.array([7, 0, 10]))
    assert numbers.tolist() == [5, 6, 7, 8, 9]
    assert owner.tolist() == [0, 0, 2, 2, 2]


def test_a_column_of_names_holds_strings() -> None:
    assert name_column(name for name in ("a", "long name")).tolist() == ["a", "long name"]
    assert name_column([]).dtype == object
