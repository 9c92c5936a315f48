"""The page of a score, in a real browser."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("bokeh")

from placement_data.features import feature_maps
from placement_data.making import LayoutFiles
from routenas import Scorer, example
from routenas.scoring import Score
from routenas.show.pages.score import PREDICTION, score_page
from tests.routenas.show.browser import chromium, complaints, model, requests, visit

HOSTILE = '</script><script>document.title="owned"</script><img src=x onerror=alert(1)>"\'&'


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    return Scorer(["pretrained/hotspots"])


@pytest.fixture(scope="module")
def score(scorer: Scorer) -> Score:
    return scorer.score_files(LayoutFiles("def", example.DEF, (example.LEF,), (), "metal2-metal3"))


@pytest.fixture(scope="module")
def page(score: Score, scorer: Scorer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "score.html"
    path.write_text(score_page(score, scorer), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as opened:
        yield opened


def test_equal_scores_have_equal_pages_of_a_sensible_size(score: Score, scorer: Scorer, page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert score_page(score, scorer) == text
    assert len(text) < 3_000_000
    own = re.sub(r"<script>.*?</script>", "", text, flags=re.S)
    assert not re.search(r'(?:src|href)=(?!"data:)|url[(]|@import', own)


def test_a_page_needs_no_network_and_a_click_marks_a_region(browser: Any, page: Path, score: Score) -> None:
    visit(browser, page)
    rows = browser.find_elements("css selector", "tr[data-region]")
    assert len(rows) == len(score.regions) > 2
    sides = "['left', 'bottom', 'right', 'top'].map((side) => model.data[side][0])"
    ranges = "[model.x_range.start, model.y_range.start, model.x_range.end, model.y_range.end]"
    whole = model(browser, "left", ranges)
    rows[1].click()
    assert model(browser, "mark", sides) == pytest.approx(score.regions[1].box_um)
    assert rows[1].get_attribute("class") == "marked"
    x0, y0, x1, y1 = score.regions[1].box_um
    near = model(browser, "left", ranges)
    assert near == model(browser, "right", ranges)
    assert whole[0] < near[0] < x0 < x1 < near[2] < whole[2]
    assert whole[1] < near[1] < y0 < y1 < near[3] < whole[3]
    size = model(browser, "left", "[model.inner_width, model.inner_height]")
    assert (near[2] - near[0]) / size[0] == pytest.approx((near[3] - near[1]) / size[1])
    rows[1].click()
    assert model(browser, "mark", sides) == [None] * 4
    assert model(browser, "left", ranges) == pytest.approx(whole)
    assert complaints(browser) == []
    assert requests(browser) == [page.as_uri()]


def test_layers_are_switched(browser: Any, page: Path, score: Score, scorer: Scorer) -> None:
    visit(browser, page)
    told = scorer.predictors[0]
    maps = feature_maps(score.design, score.grid, told.channel_set, routing_layers=score.routing_layers)
    image = "Array.from(model.renderers.find((each) => each.name === 'map').data_source.data.image[0])"
    assert score.probability is not None
    assert model(browser, "left", image) == pytest.approx(score.probability.ravel())
    scale = "(({low, high}) => [low, high])(model.renderers.find((each) => each.name === 'map').glyph.color_mapper)"
    assert model(browser, "left", scale) == [0, 1]
    choice = browser.find_element("css selector", "select[data-pane=left]")
    for option in choice.find_elements("css selector", "option"):
        if option.text == "pin_density":
            option.click()
    wanted = maps[told.channel_set.channels.index("pin_density")]
    assert model(browser, "left", image) == pytest.approx(wanted.ravel())
    assert model(browser, "left", scale) == pytest.approx([0, wanted.max()])
    macros = "model.visible"
    browser.find_element("css selector", "[data-show=macros]").click()
    assert model(browser, "macros", macros) is False
    assert complaints(browser) == []


def test_the_pointer_is_told_microns_value_and_why(browser: Any, page: Path, score: Score) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    visit(browser, page)
    browser.find_elements("css selector", "tr[data-region]")[0].click()
    figure = browser.find_element("css selector", "[data-figure=left]")
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", figure)
    ActionChains(browser).move_to_element(figure).perform()  # about the middle of the region, which fills a quarter
    text = tooltip(browser)
    found = re.search(r"([\d.]+), ([\d.]+)", text)
    assert found is not None, text
    place = np.array([float(found[1]), float(found[2])])
    x0, y0, x1, y1 = score.regions[0].box_um
    assert x0 < place[0] < x1
    assert y0 < place[1] < y1
    column, row = ((place - np.array(score.design.die[:2]) / score.design.dbu_per_micron) // score.grid.tile_um).astype(
        int
    )
    assert score.probability is not None
    assert f"{score.probability[row, column]:.4f}".rstrip("0") in text
    assert PREDICTION in text
    assert "region 1: " in text


def tooltip(browser: Any) -> str:
    """The text of what bokeh shows beside the pointer; it stands in a tree of its own."""
    walk = """
        const found = [];
        const walk = (node) => {
          if (node.classList.contains("bk-Tooltip")) {
            const shown = [...node.shadowRoot.children].filter((each) => each.tagName !== "STYLE");
            found.push(...shown.map((each) => each.innerText));
          }
          for (const child of [...(node.shadowRoot?.children ?? []), ...node.children]) walk(child);
        };
        walk(document.body);
        return found.join(" ")
    """
    return str(browser.execute_script(walk))


def test_light_and_dark(browser: Any, page: Path) -> None:
    def colours() -> tuple[str, str]:
        body = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
        return body, model(browser, "left", "String(model.background_fill_color)")

    def prefer(scheme: str) -> None:
        told = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", told)

    prefer("light")
    visit(browser, page)
    light = colours()
    assert light == ("rgb(255, 255, 255)", "#ffffff")
    prefer("dark")
    dark = colours()
    assert dark == ("rgb(20, 23, 28)", "#14171c")
    browser.find_element("id", "theme").click()
    assert colours() == light
    browser.find_element("id", "theme").click()
    assert colours() == dark
    prefer("light")
    assert colours() == dark  # what was chosen by hand stays
    assert complaints(browser) == []


def test_names_are_text(browser: Any, score: Score, scorer: Scorer, tmp_path: Path) -> None:
    named = dataclasses.replace(
        score, design=dataclasses.replace(score.design, name=HOSTILE), inputs={HOSTILE: "0"},
        warnings=(("other-tile", HOSTILE),), regions=(), region_count=0,
    )  # fmt: skip
    (tmp_path / "page.html").write_text(score_page(named, scorer), encoding="utf-8")
    visit(browser, tmp_path / "page.html")
    assert browser.title.startswith(HOSTILE)
    assert browser.find_element("tag name", "h1").text.startswith(HOSTILE)
    assert complaints(browser) == []
    assert requests(browser) == [(tmp_path / "page.html").as_uri()]
    assert "there is no region" in browser.find_element("tag name", "main").text
