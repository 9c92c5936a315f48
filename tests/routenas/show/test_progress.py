"""What a search tells: event files for TensorBoard."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_tensorboard_has_the_values_and_the_best(tmp_path: Path) -> None:
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    from routenas.show.progress import TensorBoard

    board = TensorBoard(tmp_path)
    for number, value in enumerate([0.5, None, 0.25, 0.75]):
        board.trial(number, value)
    found = events.EventAccumulator(str(tmp_path))
    found.Reload()
    assert [(event.step, event.value) for event in found.Scalars("trial/value")] == [(0, 0.5), (2, 0.25), (3, 0.75)]
    assert [event.value for event in found.Scalars("trial/best")] == [0.5, 0.5, 0.75]
