"""What names mean: pairs of spellings that are one name, pairs that are not, and names that are left to nobody."""

from __future__ import annotations

import pytest

from placement_data.names import Spelling, rows_of

ANGLE = Spelling("<>", "|")
ODD = Spelling("%$", ":")


@pytest.mark.parametrize(
    ("name", "wanted", "spelling"),
    [
        (r"a\[5\]", "a[5]", Spelling()),
        ("a[5]", r"a\[5\]", Spelling()),
        (r"g_row\[5\].g_col\[4\].u_pd/n1", "g_row[5].g_col[4].u_pd/n1", Spelling()),
        ("a<5>", "a[5]", ANGLE),
        ("a<5>", r"a\[5\]", ANGLE),
        ("a(5)", "a[5]", Spelling("()")),
        ("a{5}{1}", "a[5][1]", Spelling("{}")),
        ("u%5$:n", "u[5]/n", ODD),
        (r"u\%5\$:n", "u%5$/n", ODD),
        ("top|u1|n", "top/u1/n", ANGLE),
        ("u1/n", "u1.n", Spelling()),
        (r"u1\/n", "u1/n", Spelling()),
        (r"u1\/n", "u1.n", Spelling()),
        (r"a\\b", r"a\b", Spelling()),
        ("a[5]", r"\a[5] ", Spelling()),
        ("u1/a[5]", r"/u1/\a[5] ", Spelling()),
        ("n1", "/n1", Spelling()),
        ("u1/n1", "top/u1/n1", Spelling()),
        ("u1/n1", "chip.u1.n1", Spelling()),
        ("chip/u1/n1", "u1/n1", Spelling()),
        ("n1", '"n1"', Spelling()),
        ("a[5]", "{a[5]}", Spelling()),
        ("N1", "n1", Spelling(any_case=True)),
        (r"Bus\[3\]", "BUS<3>", Spelling(any_case=True)),
    ],
)
def test_one_name(name: str, wanted: str, spelling: Spelling) -> None:
    assert rows_of([wanted], ["other", name, "a", "n"], spelling, tops=["chip"]) == {wanted: 1}


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("N1", "n1"), ("a[5]", "a[6]"), ("a[5]", "a_5_"), ("a5", "a[5]"), ("n1", "u1/n1"), ("top", "chip"), ("n", "top/")],
)
def test_other_names(name: str, wanted: str) -> None:
    assert rows_of([wanted], [name], tops=["chip"]) == {}


def test_the_strictest_reading_that_finds_one_counts() -> None:
    names = ["a[5]", r"a\[5\]", "a<5>"]
    assert rows_of(names, names) == {"a[5]": 0, r"a\[5\]": 1, "a<5>": 2}
    # Without escapes, a\[5\] alone is a[5] ...
    assert rows_of(["a[5]"], names[1:]) == {"a[5]": 0}
    # ... and two names that a third could mean are not guessed between, though one name there twice is one name.
    assert rows_of(["a(5)"], names) == {}
    assert rows_of(["a(5)"], ["a[5]", "a[5]"]) == {"a(5)": 0}
    assert rows_of(["u|n"], ["u.n", "u/n"]) == {}
    assert rows_of(["top/n"], ["n", "chip/n"], tops=["chip"]) == {}
