"""No table is wider than its terminal, whatever is in it, and every cell is still there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from routenas.show.tables import fold, text_table

HEADER = ("predictor", "seeds", "design_mean_average_precision", "dominant features", "roc_auc, routed again")
ROWS = (
    ("residual-dilated", "3", "0.2916 +- 0.0073", "rudy_small, mst_large, pin_density", "0.8803"),
    ("runs/of/a/very/long/path/that/nobody/would/type/twice", "12", "-", "-", "-"),
)


@pytest.mark.parametrize("width", [20, 31, 40, 60, 80, 100, 200])
def test_no_line_is_wider_and_nothing_is_lost(width: int) -> None:
    text = text_table(HEADER, ROWS, width)
    assert max(map(len, text.splitlines())) <= width
    joined = re.sub(r"\s|-", "", text)
    for word in ("design_", "0.8803", "12", "twice", "3", "again"):
        assert word in joined


def test_a_table_that_fits_is_left_as_it_is() -> None:
    rows = [("a", "1"), ("bcd", "22")]
    assert text_table(("name", "n"), rows, 80) == "name   n\n----  --\na      1\nbcd   22"


def test_what_is_too_wide_goes_on_below_with_the_first_column_again() -> None:
    header = ("name", "long_heading_one", "second", "third")
    text = text_table(header, [("a", "1234567890", "7654321", "1111111")], 26)
    blocks = [block.splitlines() for block in text.split("\n\n")]
    assert [block[-1].split() for block in blocks] == [["a", "1234567890", "7654321"], ["a", "1111111"]]
    assert [line.strip() for line in blocks[0][:3]] == ["long_", "heading_", "name         one   second"]
    assert blocks[1][0] == "name    third"


def test_words_are_broken_where_they_may_be() -> None:
    assert fold("one two", 80) == ["one two"]
    assert fold("rudy_small, mst_large", 12) == ["rudy_small,", "mst_large"]
    assert fold("bounding_box_large", 13) == ["bounding_box_", "large"]
    assert fold("abcdefgh", 3) == ["abc", "def", "gh"]
    assert fold("", 5) == [""]


@pytest.mark.parametrize(("columns", "width"), [("", 80), ("50", 50), ("120", 120)])
def test_tables_of_the_command(made_up_store: Path, columns: str, width: int) -> None:
    words = [sys.executable, "-m", "cli", "data", "show", str(made_up_store)]
    environment = {**os.environ, "COLUMNS": columns}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL)
    lines = done.stdout.splitlines()[:-1]  # the last is a sentence
    assert max(map(len, lines)) <= width
    assert len(lines) >= 8
