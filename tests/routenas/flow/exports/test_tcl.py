"""Words of Tcl against a real interpreter."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routenas.flow.exports.tcl import comment, word, words
from tests.routenas.flow.exports.scores import NASTY, run_tcl


@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_any_name_survives(tmp_path: Path, locale: str) -> None:
    names = [*NASTY, "", " ", "\t", "a b", "plain/name", "\\", "\x7f", "x\ny", *(f"long{i}" for i in range(300))]
    (found,) = run_tcl(tmp_path, f"record names -instances {words(names)}\n", locale=locale)
    assert found == ("names", "-instances", *names)


def test_letters_and_signs_at_random(tmp_path: Path) -> None:
    letters = st.characters(exclude_categories=("Cs",), exclude_characters="\0")

    @settings(max_examples=1, database=None, derandomize=True)
    @given(st.lists(st.text(letters, min_size=1), min_size=200, max_size=200))
    def check(names: list[str]) -> None:
        text = "".join(f"record {word(name)} {word(name)}\n" for name in names)
        assert text.isascii()
        assert run_tcl(tmp_path, text) == [(name, name) for name in names]

    check()


def test_a_comment_ends_with_its_line(tmp_path: Path) -> None:
    lines = ["ends in a backslash \\", "an { open brace", "a\nline", "\u00fc", "[exit 1]", "$x", ""]
    text = comment(lines)
    assert text.isascii()
    assert text.count("\n") == len(lines)
    each = "".join(f"{comment([line])}record {number}\n" for number, line in enumerate(lines))
    assert run_tcl(tmp_path, each) == [(str(number),) for number in range(len(lines))]
