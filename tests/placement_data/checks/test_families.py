"""A user's table of families: names in any spelling before patterns."""

from __future__ import annotations

import pytest

from placement_data.checks.families import Families


@pytest.mark.parametrize(
    ("design", "family"),
    [
        ("core[0]", "bus"),
        (r"core\[0\]", "bus"),
        ("CORE<0>", "bus"),
        ("core0", "cores"),  # as a pattern, core[0] would match it
        ("core_1", "cores"),
        ("top.alu", "alus"),
        ("top/alu", "alus"),
    ],
)
def test_names_of_designs_in_any_spelling(design: str, family: str) -> None:
    relation = Families({"core*": "cores", "core[0]": "bus", "Top/ALU": "alus"}).of(design)
    assert relation is not None
    assert relation.family == family
