"""What a user sees of a search: a bar with a line per trial, event files while it runs, and pictures at its end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from routenas.interfaces import Task
from routenas.loop import best_first
from routenas.results import FIDELITY, Result, Trial
from routenas.run import Events
from routenas.settings import Settings
from routenas.show import pictures
from routenas.show.progress import Bar, TensorBoard, progress_bar

SEARCH_PICTURE, CURVES_PICTURE = "search.png", "curves.png"


@contextmanager
def watched(task: Task, settings: Settings, out: Path, tensorboard: Path | None = None) -> Iterator[Events]:
    """Events of a run in the folder ``out`` that move a progress bar, and write to ``tensorboard`` where it is given.

    A run that ends well leaves `SEARCH_PICTURE` and `CURVES_PICTURE` in its folder where matplotlib is installed.
    """
    board = None if tensorboard is None else TensorBoard(tensorboard)
    folds = settings.folds if hasattr(task, "folds") else 1
    again = settings.finalists * settings.final_seeds
    if folds > 1 and hasattr(task, "hand_made"):
        again += len(task.hand_made(settings.hand_made))
    drawn = min(again, settings.members) if folds > 1 else 0
    epochs = settings.trials * folds * settings.budget.epochs + (again * folds + drawn) * settings.final_budget.epochs
    with progress_bar(f"search {task.name}", epochs) as bar:
        watch = _Watch(bar, settings, board, folds)
        yield Events(watch.trial, watch.epoch, watch.final, bar.say)
        if pictures.available():
            judged = f"{task.metric} {'out of fold' if folds > 1 else 'on the search split'}"
            pictures.search_png(watch.seen, judged, out / SEARCH_PICTURE, watch.retrained)
            curves = [(result, False) for result in watch.seen] + [(result, True) for _, result in watch.retrained]
            pictures.curves_png(curves, judged, out / CURVES_PICTURE)
        else:
            bar.say("no pictures of the search: they need matplotlib (pip install 'routenas[plot]')")


class _Watch:
    """Turns the events of a run into progress. Trials of a journal and of workers come without epochs of their own."""

    def __init__(self, bar: Bar, settings: Settings, board: TensorBoard | None, folds: int) -> None:
        self.bar, self.settings, self.board, self.folds = bar, settings, board, folds
        self.leading: list[Trial] = []
        self.done = 0
        self.seen: list[Result] = []
        self.retrained: list[tuple[str, Result]] = []

    def epoch(self, epoch: int, epochs: int) -> None:
        self.bar.detail(f"epoch {epoch}/{epochs}")
        self._to(self.done + 1)

    def trial(self, number: int, trial: Trial) -> None:
        result = trial.result
        self.leading = best_first([*self.leading, trial])[:1]
        if self.board is not None:
            self.board.trial(number, result.value, self._best())
            self.board.training(f"trial {number + 1}", result.metrics.get("curve", {}))
        self.seen.append(result)
        after = f" after {pictures.trained_for(result)}" if FIDELITY in result.metrics else ""
        text = f"failed: {result.message}" if result.value is None else f"{result.value:.4f}{after}"
        head = f"trial {number + 1}/{self.settings.trials}  {trial.genotype.hash}  {text}"
        self.bar.say(f"{head}  {self._note()}".rstrip())
        self._to(len(self.seen) * self.folds * self.settings.budget.epochs)

    def final(self, name: str, seed: int, result: Result) -> None:
        text = f"failed: {result.message}" if result.failed else f"{result.value:.4f}"
        self.bar.say(f"final {name}  seed {seed}  {text}")
        if self.board is not None:
            self.board.training(f"final {name} seed {seed}", result.metrics.get("curve", {}))
        self.retrained.append((name, result))
        settings = self.settings
        trials = settings.trials * settings.budget.epochs
        self._to(self.folds * (trials + len(self.retrained) * settings.final_budget.epochs))

    def _best(self) -> float | None:
        """The best value so far, of those at the highest fidelity that any trial came to."""
        return self.leading[0].result.value if self.leading else None

    def _note(self) -> str:
        best = self._best()
        return "" if best is None else f"best {best:.4f}"

    def _to(self, done: int) -> None:
        self.bar.advance(done - self.done, self._note())
        self.done = done
