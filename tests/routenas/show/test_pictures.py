"""What the pictures of a search draw, by the values of their lines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from routenas.results import Result
from routenas.show import pictures

pytest.importorskip("matplotlib")
HAND_MADE = {"curve": {"loss": [], "value": []}}


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The figures that were saved."""
    figures: list[Any] = []
    save = pictures._save
    monkeypatch.setattr(pictures, "_save", lambda figure, path: (figures.append(figure), save(figure, path)))
    return figures


def points(line: Any) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True) if y == y]


def legend(axes: Any) -> list[str]:
    found = axes.get_legend()
    return [] if found is None else [text.get_text() for text in found.get_texts()]


def reached(value: float | None, fidelity: int, epochs: int) -> Result:
    curve = {"loss": [1.0] * epochs, "value": [*[None] * (epochs - 1), value]} if value is not None else {}
    return Result(value, {"fidelity": fidelity, "curve": curve}, "" if value is not None else "diverged")


def test_a_search_of_one_fidelity(drawn: list[Any], tmp_path: Path) -> None:
    pictures.search_png([Result(0.5), Result(None), Result(0.75), Result(0.25)], "accuracy", tmp_path / "a.png")
    (axes,) = drawn[0].axes
    trials, best, failed = axes.lines
    assert points(trials) == [(1, 0.5), (3, 0.75), (4, 0.25)]
    assert points(best) == [(1, 0.5), (2, 0.5), (3, 0.75), (4, 0.75)]
    assert points(failed) == [(2, 0.25)]
    assert legend(axes) == ["trial", "best so far", "failed"]


def test_a_low_fidelity_is_neither_final_nor_best(drawn: list[Any], tmp_path: Path) -> None:
    """The highest value of all is of one epoch: luck, and the rule let it go no further."""
    trials = [reached(0.9, 0, 1), reached(0.6, 2, 4), reached(0.4, 1, 2), reached(None, 2, 4), reached(0.8, 2, 4)]
    pictures.search_png(trials, "accuracy", tmp_path / "a.png")
    (axes,) = drawn[0].axes
    last, best, middle, first, failed = axes.lines
    assert [points(line) for line in (last, middle, first)] == [[(2, 0.6), (5, 0.8)], [(3, 0.4)], [(1, 0.9)]]
    assert points(best) == [(2, 0.6), (3, 0.6), (4, 0.6), (5, 0.8)]
    assert points(failed) == [(4, 0.4)]
    assert legend(axes) == ["trial, 4 epochs", "best so far", "trial, 2 epochs", "trial, 1 epoch", "failed"]
    assert [line.get_fillstyle() for line in (last, middle, first)] == ["full", "none", "none"]
    assert len({line.get_marker() for line in (last, middle, first)}) == 3


def test_a_fidelity_without_a_curve_is_told_by_its_number() -> None:
    assert pictures.trained_for(Result(0.5, {"fidelity": 1})) == "fidelity 1"
    assert pictures.trained_for(reached(0.5, 1, 3)) == "3 epochs"


def test_finalists_stand_beside_by_name(drawn: list[Any], tmp_path: Path) -> None:
    finalists = [
        ("3c8dada741d3", Result(0.5)), ("3c8dada741d3", Result(0.75)), ("gradient-boosting", Result(0.6, HAND_MADE)),
        ("my.own.predictors:Forest", Result(None)),
    ]  # fmt: skip
    pictures.search_png([Result(0.4), Result(0.7)], "accuracy", tmp_path / "a.png", finalists)
    trials, beside = drawn[0].axes
    values, failed = beside.lines
    assert points(values) == [(0, 0.5), (0, 0.75), (1, 0.6)]
    assert points(failed) == [(2, 0.4)]
    labels = [label.get_text() for label in beside.get_xticklabels()]
    assert labels == ["3c8dada741d3", "gradient-boosting", "...predictors:Forest"]
    assert trials.get_ylim() == beside.get_ylim()
    # Nothing that is written is outside of the page, or over the axis of the trials.
    for label in beside.get_xticklabels():
        box = label.get_window_extent()
        assert min(box.x0, box.y0) > 0
        assert not box.overlaps(trials.xaxis.label.get_window_extent())


def curves(*trainings: tuple[Sequence[float], Sequence[float | None], bool]) -> list[tuple[Result, bool]]:
    return [(Result(0.5, {"curve": {"loss": loss, "value": value}}), final) for loss, value, final in trainings]


def test_curves_of_trainings_that_are_judged_as_they_go(drawn: list[Any], tmp_path: Path) -> None:
    found = curves(([3.0, 2.0, 1.0], [0.5, None, 0.75], False), ([4.0], [0.25], True))
    pictures.curves_png(found, "accuracy", tmp_path / "a.png")
    loss, value = drawn[0].axes
    assert [points(line) for line in loss.lines] == [[(1, 3.0), (2, 2.0), (3, 1.0)], [(1, 4.0)]]
    assert [points(line) for line in value.lines] == [[(1, 0.5), (3, 0.75)], [(1, 0.25)]]
    assert legend(loss) == legend(value) == ["candidates", "retrainings of the best"]


def test_out_of_fold_no_metric_is_drawn_by_epoch(drawn: list[Any], tmp_path: Path) -> None:
    """The last epoch alone is judged there: those values are in the picture of the search."""
    found = curves(([3.0, 2.0], [None, 0.5], False), ([4.0, 3.0, 2.5], [None, None, 0.75], True))
    hand_made = [(Result(0.9, HAND_MADE), True), (Result(0.9), True), (Result(None, {}, "diverged"), False)]
    pictures.curves_png([*hand_made, *found], "accuracy", tmp_path / "a.png")
    (loss,) = drawn[0].axes
    assert loss.get_ylabel() == "training loss"
    assert [points(line) for line in loss.lines] == [[(1, 3.0), (2, 2.0)], [(1, 4.0), (2, 3.0), (3, 2.5)]]
    assert legend(loss) == ["candidates", "retrainings of the best"]


def test_one_epoch_is_a_point_at_a_whole_number(drawn: list[Any], tmp_path: Path) -> None:
    pictures.curves_png(curves(([3.0], [0.5], False), ([2.0], [0.75], False)), "accuracy", tmp_path / "a.png")
    (loss,) = drawn[0].axes
    assert [points(line) for line in loss.lines] == [[(1, 3.0)], [(1, 2.0)]]
    assert {line.get_marker() for line in loss.lines} == {"."}
    low, high = loss.get_xlim()
    assert [tick for tick in loss.get_xticks() if low <= tick <= high] == [1]


def test_failures_alone(drawn: list[Any], tmp_path: Path) -> None:
    failed = Result(None, {}, "diverged")
    pictures.search_png([failed, failed], "accuracy", tmp_path / "a.png", [("unet", failed)])
    pictures.curves_png([(failed, False)], "accuracy", tmp_path / "b.png")
    search, beside = drawn[0].axes
    assert [points(line) for line in search.lines] == [[(1, 0.0), (2, 0.0)]]
    assert points(beside.lines[-1]) == [(0, 0.0)]
    assert not drawn[1].axes[0].lines
    for name in ("a.png", "b.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")
