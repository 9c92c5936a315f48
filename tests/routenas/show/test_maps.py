"""Maps for people: blocks of tiles, and the heat map of the terminal."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from rich.text import Text

from routenas.show.maps import coarse, heat_map


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    encoding = "utf-8"  # type: ignore[assignment]

    def isatty(self) -> bool:
        return True


@pytest.fixture
def coloured(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")


def test_coarse_maps_are_blocks() -> None:
    values = np.arange(35.0).reshape(5, 7)
    values[0, 0] = values[4, 6] = np.nan
    parts = [[values[row : row + 2, column : column + 2] for column in (0, 2, 4, 6)] for row in (0, 2, 4)]
    for of in (np.nanmax, np.nanmean):
        wanted = [[np.nan if np.isnan(part).all() else of(part) for part in line] for line in parts]
        assert coarse(values, 12, of) == pytest.approx(np.array(wanted), nan_ok=True)
    assert np.array_equal(coarse(values, 35, np.nanmax), values, equal_nan=True)


def test_letters_where_there_is_no_terminal() -> None:
    probability = np.array([[0.0, 0.05, 0.95], [0.1, 0.3, 0.2], [0.55, np.nan, 1.0], [0.0, np.nan, 0.0]])
    assert heat_map(probability, io.StringIO()).splitlines() == [
        "hotspot probability, largest of each 1 x 2 tiles: 0 [ .:-=+*#%@] 1",
        "+---+",
        "|+ @|",
        "|.-@|",
        "+---+",
    ]


@pytest.mark.parametrize("told", [{"NO_COLOR": "1"}, {"TERM": "dumb"}, {"TERM": "xterm", "COLORTERM": ""}])
def test_letters_where_there_are_no_colours(
    told: dict[str, str], coloured: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    text = heat_map(np.full((4, 4), 0.5), Terminal())
    assert text.splitlines()[2] == "|++++|"
    assert text.isascii()


def test_two_tiles_a_character_where_there_are_colours(coloured: Any) -> None:
    probability = np.array([[1.0, np.nan], [0.0, 0.0], [np.nan, 0.5]])
    drawn = Text.from_ansi(heat_map(probability, Terminal()))
    title, upper, lower = drawn.plain.splitlines()
    assert title.startswith("hotspot probability, a tile each: 0 ")
    assert (upper, lower) == (" \u2584\u2580", " \u2580 ")
    styles = {span.start: span.style for span in drawn.spans}
    start = len(title) + 2
    found = [str(styles[place]) for place in (start, start + 1, start + 4)]
    # Top line: the middle row below nothing, then 0.5 above 0; below: the first row alone.
    assert found == ["#000004", "#bc3754 on #000004", "#fcffa4"]


@pytest.mark.parametrize("shape", [(1, 1), (500, 30), (30, 500), (700, 900)])
@pytest.mark.parametrize("stream", [io.StringIO(), Terminal()])
@pytest.mark.parametrize("columns", ["24", "80"])
def test_it_is_small(
    shape: tuple[int, int], stream: Any, columns: str, coloured: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    _, *lines = Text.from_ansi(heat_map(np.zeros(shape), stream)).plain.splitlines()
    assert max(map(len, lines)) <= int(columns)
    assert len(lines) <= 22
