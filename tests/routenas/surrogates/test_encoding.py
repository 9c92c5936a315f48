from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from routenas.surrogates import encoding
from routenas.surrogates.encoding import Neighbourhoods, OneHot
from searchspaces.nasbench201 import NasBench201Space
from searchspaces.space import Space
from tests.routenas.surrogates.labelled import labelled

CELL = NasBench201Space()


def test_neighbourhoods_see_what_lets_data_through_only() -> None:
    def rows(*keys: str) -> np.ndarray:
        return Neighbourhoods(CELL).rows([CELL.from_key(key) for key in keys])

    # The digits are the edges 0>1, 0>2, 1>2, 0>3, 1>3, 2>3.
    np.testing.assert_array_equal(*rows("300020", "030002"))  # 0>1>3 and 0>2>3 by the same operations
    np.testing.assert_array_equal(*rows("000300", "300300"))  # nothing leaves node 1
    assert (np.diff(rows("000300", "000200"), axis=0) != 0).any()
    assert (np.diff(rows("300020", "200030"), axis=0) != 0).any()  # the same operations, another order


@pytest.mark.parametrize("kind", [OneHot, Neighbourhoods])
def test_a_small_memory_changes_nothing(
    kind: Callable[[Space], OneHot | Neighbourhoods], monkeypatch: pytest.MonkeyPatch
) -> None:
    genotypes, _ = labelled(CELL, 60)
    expected = kind(CELL).encode(genotypes)
    monkeypatch.setattr(encoding, "REMEMBERED", 25)
    monkeypatch.setattr(encoding, "CHUNK", 7)
    view = kind(CELL)
    for start in (0, 30, 0, 20):
        part = tuple(genotypes[start : start + 20])
        np.testing.assert_array_equal(view.rows(part), expected[start : start + 20])
        brute = ((expected[:5, None] - expected[None, start : start + 20]) ** 2).sum(2)
        np.testing.assert_allclose(view.squared_distances(genotypes[:5], part), brute, atol=1e-4)
    np.testing.assert_array_equal(view.rows(genotypes), expected)
