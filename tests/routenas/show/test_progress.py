"""What work tells: event files for TensorBoard, lines by verbosity, a log file."""

from __future__ import annotations

from pathlib import Path

import pytest

from placement_data.errors import InputError
from routenas.show.progress import LOGGER, progress_bar, telling


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_tensorboard_has_the_values_and_the_best(tmp_path: Path) -> None:
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    from routenas.show.progress import TensorBoard

    board = TensorBoard(tmp_path)
    for number, (value, best) in enumerate([(0.5, 0.5), (None, 0.5), (0.25, 0.5), (0.75, 0.75)]):
        board.trial(number, value, best)
        board.training(f"trial {number + 1}", {"loss": [3.0, 2.0], "value": [None, 0.5]})
    found = events.EventAccumulator(str(tmp_path))
    found.Reload()
    assert [(event.step, event.value) for event in found.Scalars("trial/value")] == [(0, 0.5), (2, 0.25), (3, 0.75)]
    assert [event.value for event in found.Scalars("trial/best")] == [0.5, 0.5, 0.75]
    assert [(event.step, event.value) for event in found.Scalars("training/loss/trial 2")] == [(1, 3.0), (2, 2.0)]
    assert [(event.step, event.value) for event in found.Scalars("training/value/trial 1")] == [(2, 0.5)]


def test_how_much_is_told_and_what_the_log_file_holds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "log.txt"
    for verbosity, seen in ((-1, []), (0, ["one"]), (1, ["one", "more"])):
        with telling(verbosity, log), progress_bar("work", 100) as bar:
            bar.say("one")
            bar.detail("more")
            bar.advance(1)
        assert capsys.readouterr().err.splitlines() == seen
    lines = log.read_text().splitlines()
    assert [line.rpartition(" ")[2] for line in lines] == ["one", "more"] * 3
    assert not LOGGER.handlers
    with progress_bar("work", 100) as bar:
        bar.say("after")
        bar.detail("nothing")
    assert capsys.readouterr().err.splitlines() == ["after"]
    assert len(log.read_text().splitlines()) == 6
    with pytest.raises(InputError, match="cannot write here"), telling(0, tmp_path / "no" / "log.txt"):
        pass
