"""--html of the verbs: a page is written, or one line says why there is none."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.layouts import Layout
from tests.routenas.flow.scores import made_up, region
from tests.routenas.show.runs import a_run
from tests.test_cli import Run, assert_one_line
from tests.test_cli import run as run


def score_words(layout: Layout, *models: Path) -> list[object]:
    return [
        "score",
        "--lef",
        layout.lef,
        "--def",
        layout.def_,
        *(word for model in models for word in ("--model", model)),
    ]


def test_score_writes_a_page(run: Run, layout: Layout, bundles: dict[str, Path], tmp_path: Path) -> None:
    pytest.importorskip("bokeh")
    words = score_words(layout, *bundles.values())
    done = run(*words, "--html", tmp_path / "page.html")
    assert done.code == 0, done.err
    assert (tmp_path / "page.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    counts = run(*score_words(layout, bundles["violated_nets"]), "--html", "-")
    assert counts.code == 0, counts.err
    assert "there is no map of predictions" in counts.out
    assert "violated nets:" in counts.err
    assert_one_line(
        run(*words, "--out", tmp_path / "out", "--html", tmp_path / "no.html"), 2, "--html is for one layout"
    )


def test_a_page_without_bokeh(
    run: Run, layout: Layout, bundles: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "bokeh", None)
    done = run(*score_words(layout, bundles["hotspots"]), "--html", tmp_path / "page.html")
    assert_one_line(done, 3, "pages need bokeh, expected pip install 'routenas[report]'")
    assert not (tmp_path / "page.html").exists()


def test_compare_and_runs_show_write_pages(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("bokeh")
    from routenas.show.pages import comparison

    score = made_up(region(0, 0, 4, 4, 9), die_um=[0, 0, 50, 40])
    (tmp_path / "a.json").write_text(json.dumps(score))
    done = run("compare", tmp_path / "a.json", tmp_path / "a.json", "--html", tmp_path / "changes.html")
    assert done.code == 0, done.err
    smaller = score | {"die_um": [0, 0, 25, 20]}
    panes = comparison._panes([], [score, smaller])[1]
    edges = [sorted({*map(float, panes[name].renderers[0].data_source.data["x"])}) for name in ("left", "right")]
    assert edges == [[0, 50], [0, 25]], "each score has its own die"
    assert panes["left"].x_range is panes["right"].x_range
    folder = a_run(tmp_path / "run", [])
    shown = run("runs", "show", folder, "--html", "-")
    assert shown.code == 0, shown.err
    assert shown.out.startswith("<!DOCTYPE html>")
    assert shown.err.startswith(str(folder))
    assert (tmp_path / "changes.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert_one_line(run("runs", "show", tmp_path, "--html", tmp_path / "no.html"), 3, "no configuration of a run")
