"""The pages of a run and of a comparison."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("bokeh")

from routenas.flow.comparing import compare
from routenas.show.pages.comparison import comparison_page
from routenas.show.pages.run import front, run_page
from tests.routenas.flow.scores import made_up, region
from tests.routenas.show.browser import chromium, complaints, model, requests, visit
from tests.routenas.show.runs import HOSTILE, a_run, a_trial


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as opened:
        yield opened


def test_a_front_is_what_nothing_beats() -> None:
    rng = np.random.default_rng(0)
    cost, value = rng.integers(0, 9, 60).astype(float), rng.integers(0, 9, 60).astype(float)
    cost[3] = value[7] = np.nan
    points = {(a, b) for a, b in zip(cost.tolist(), value.tolist(), strict=True) if a == a and b == b}
    wanted = {
        (a, b) for a, b in points if not any(c <= a and d >= b and (c, d) != (a, b) for c, d in points)
    }  # fmt: skip
    found = front(cost, value)
    assert {(cost[i], value[i]) for i in found} == wanted
    assert len(found) == len(wanted)
    assert front(np.array([np.nan]), np.array([1.0])).size == 0


def test_the_page_of_a_run(browser: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("routenas.show.pages.run.network_text", lambda *_: HOSTILE)
    monkeypatch.setattr("routenas.show.pages.run.Architecture", type("A", (), {"from_dict": staticmethod(lambda _: 0)}))
    # Trial 1 is the best value, but ended early; trial 2 failed.
    trials = [a_trial(0, 0.6, 100.0, 1), a_trial(1, 0.9, 50.0), a_trial(2, None, 10.0), a_trial(3, 0.7, 900.0, 1)]
    page = tmp_path / "run.html"
    folder = a_run(tmp_path / "run", trials)
    page.write_text(run_page(folder), encoding="utf-8")
    assert run_page(folder) == page.read_text(encoding="utf-8")
    visit(browser, page)
    rows = browser.find_elements("css selector", "tr[data-trial]")
    assert [row.text.split()[1] for row in rows] == ["h3", "h0", "h1", "h2"]
    assert HOSTILE in rows[3].text
    assert model(browser, "trials", "Array.from(model.data.spent)") == [14.0, 2.0, 5.0, 9.0]
    rows[1].click()
    assert model(browser, "trials", "model.selected.indices") == [1]
    assert rows[1].get_attribute("class") == "marked"
    rows[1].click()
    assert model(browser, "trials", "model.selected.indices") == []
    assert complaints(browser) == []
    assert requests(browser) == [page.as_uri()]


def test_a_run_without_trials(browser: Any, tmp_path: Path) -> None:
    page = tmp_path / "run.html"
    page.write_text(run_page(a_run(tmp_path / "run", [])), encoding="utf-8")
    visit(browser, page)
    assert "No trial has ended yet" in browser.find_element("tag name", "main").text
    assert complaints(browser) == []


def test_the_page_of_a_comparison(browser: Any, tmp_path: Path) -> None:
    before = made_up(region(0, 0, 4, 4, 9), region(20, 20, 24, 26, 5), design=HOSTILE, die_um=[0, 0, 50, 40])
    after = made_up(region(2, 2, 8, 8, 20), region(30, 10, 31, 11, 1), design=HOSTILE, die_um=[0, 0, 50, 40])
    changes = compare(before, after, ("a", HOSTILE))
    page = tmp_path / "compare.html"
    page.write_text(comparison_page(changes, (before, after)), encoding="utf-8")
    visit(browser, page)
    rows = browser.find_elements("css selector", "tr[data-region]")
    assert [row.text.split()[1] for row in rows] == ["appeared", "grew", "vanished"]
    rows[1].click()
    sides = "['left', 'bottom', 'right', 'top'].map((side) => model.data[side][0])"
    assert model(browser, "mark", sides) == [0, 0, 8, 8]  # around what it was and what it is
    assert browser.title.startswith(HOSTILE)
    assert complaints(browser) == []
    assert requests(browser) == [page.as_uri()]


def test_a_comparison_of_nothing(browser: Any, tmp_path: Path) -> None:
    page = tmp_path / "compare.html"
    none = made_up()
    page.write_text(comparison_page(compare(none, none, ("a", "b")), (none, none)), encoding="utf-8")
    visit(browser, page)
    assert "Neither score has a region" in browser.find_element("tag name", "main").text
    assert complaints(browser) == []
    assert math.isfinite(model(browser, "left", "model.x_range.start"))
