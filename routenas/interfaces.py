"""The promises that everything a user can plug in keeps. The engine is written against them and names nothing behind.

Types only: importing this costs nothing. Each promise has one contract suite, which every implementation inherits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from routenas.results import Result, Trial

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from searchspaces.space import Genotype, TaskShape

Outcome = tuple[int, Result]
Forward = Callable[..., Any]
"""A module, or anything else that is called as one: a supernet bound to a choice, the mean of an ensemble."""


class Task(Protocol):
    """What is learnt, on which data. Three parts: ``train``, ``search`` (candidates are judged on it), ``test``.

    The last two may be empty: they have no batches then, and the metric is None.
    ``metric`` is the name of the number, larger for better, that a search maximises; ``shape`` what a network must fit.
    """

    @property
    def name(self) -> str:
        """The task's name, as results are labelled with it."""

    @property
    def metric(self) -> str:
        """The key, in what `score` returns, of the number that a search maximises."""

    @property
    def shape(self) -> TaskShape:
        """What a network takes and gives."""

    def batches(self, part: str, size: int, rng: np.random.Generator) -> Iterator[Any]:
        """One epoch of a part in batches of ``size`` examples; ``rng`` alone decides order and augmentation."""

    def loss(self, forward: Forward, batch: Any) -> Tensor:
        """The mean loss of a batch, a scalar with a gradient. The task itself calls ``forward``."""

    def score(self, forward: Forward, part: str) -> dict[str, Any]:
        """The metrics of a part, JSON values, without a gradient; the task's own one is under `metric`."""

    def example(self) -> tuple[Any, ...]:
        """The arguments of one call of a network: what measured costs are measured on."""

    def config(self) -> dict[str, Any]:
        """JSON values from which ``from_config`` of the same class makes an equal task, in another process, too."""


class FoldedTask(Task, Protocol):
    """What a task may offer beside: its candidates are judged out of fold, and the answer is an ensemble.

    Training and search part together are cut into folds; a candidate is trained once for each fold on the others, and
    judged by the metric of all its answers together, none of which is for an example that it was trained on.
    A task may have ``hand_made(names)``, too: the predictors of `routenas.baselines` that are trained beside the
    finalists, its own where ``names`` is None; SettingError for one that it has not.
    """

    def folds(self, k: int, seed: int) -> tuple[FoldedTask, ...]:
        """Up to ``k`` tasks on the same data: the search part of each is a fold, its training part all others.

        None has a test part. What a task works out of its training part (a normalisation), each works out of its own.
        The same ``k`` and ``seed`` give the same folds.
        """

    def outputs(self, forward: Forward, part: str) -> list[NDArray[np.float32]]:
        """What ``forward`` gives for each example of a part, in order. Members of an ensemble are averaged in these."""

    def pooled(self, folds: Sequence[Any], outputs: Sequence[list[NDArray[np.float32]]]) -> dict[str, Any]:
        """Metrics, as `score` gives them, of `outputs` for the search parts of all folds together."""

    def whole(self, folds: Sequence[Any], outputs: Sequence[list[NDArray[np.float32]]]) -> tuple[Task, dict[str, Any]]:
        """The task that the members of the answer are trained on, and the `pooled` metrics of the answer out of fold.

        Its training part is the training and the search part, its search part is empty, its test part as it was.
        ``outputs`` are those of the answer out of fold, by which it may be calibrated; the metrics are of what it is
        then.
        """


@runtime_checkable
class SelfFitting(Protocol):
    """A module that is fitted at once, not trained by descent: what it finds is in its buffers, which may grow."""

    def fit_to(self, task: Any, seed: int) -> None:
        """Fit to the training part of a task; what has to be chosen is chosen on its search part."""


class Space(Protocol):
    """What can be built: see :class:`searchspaces.space.Space`, which does all of it but `build`."""

    @property
    def name(self) -> str:
        """The space's name, which its genotypes carry."""

    def sample(self, rng: np.random.Generator) -> Genotype:
        """A random canonical genotype."""

    def mutate(self, genotype: Genotype, rng: np.random.Generator) -> Genotype:
        """A canonical genotype that differs in one choice."""

    def canonical(self, genotype: Genotype) -> Genotype:
        """The representative of all genotypes that mean the same architecture."""

    def build(self, genotype: Genotype, shape: TaskShape, *, seed: int) -> nn.Module:
        """The module that the genotype means, its weights drawn from ``seed`` alone."""

    def config(self) -> dict[str, Any]:
        """JSON values from which the space is made again."""


class Strategy(Protocol):
    """Decides which architectures are tried next. It never sees data, modules or devices; larger results are better."""

    def ask(self, n: int) -> list[Genotype]:
        """Up to ``n`` canonical genotypes, none of which was asked or told before.

        Fewer, down to none, when no new one was found: the space is exhausted.
        """

    def tell(self, genotypes: Sequence[Genotype], results: Sequence[Result]) -> None:
        """Results of genotypes, asked or not, in order."""

    def state_dict(self) -> dict[str, Any]:
        """All that the next `ask` depends on, as JSON values."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue where `state_dict` was taken, in a strategy made with the same arguments."""


class Estimator(Protocol):
    """Finds out how good architectures are. A subclass that shares nothing between estimates overrides one method.

    An executor asks for one genotype at a time, in whatever process; what must be remembered from one estimate to the
    next for the same results stands above the executor (`Executor`).
    """

    def prepare(self, folder: Path) -> None:
        """Make what all estimates share (a supernet, a fitted model), or read it from ``folder`` after a kill."""
        return

    def estimate(self, genotypes: Sequence[Genotype]) -> list[Result]:
        """One result a genotype, in order."""

    def recall(self, trials: Sequence[Trial]) -> None:
        """Take in, on a resume, the trials that the journal holds, in the order of its lines."""
        return


class Executor(Protocol):
    """Runs trials. A trial that cannot be finished, for whatever reason, is a failed result, not an error.

    An item is a genotype, or whatever else the estimator behind takes; where trials leave the process it is picklable.
    Executors stand on each other: a memory or a schedule is one around another, so that results do not depend on
    which worker did what.
    """

    workers: int

    def prepare(self, folder: Path) -> None:
        """See `Estimator.prepare`; before the first trial."""
        return

    def recall(self, trials: Sequence[Trial]) -> None:
        """See `Estimator.recall`; before the first trial."""
        return

    def submit(self, ticket: int, item: Any, known: Result | None = None) -> None:
        """Start a trial, or queue it; ``ticket`` tells its outcome from others.

        With a ``known`` result, one that a journal holds, nothing runs: it is the outcome, and it leaves behind in the
        executor what the trial itself would have left.
        """

    def wait(self) -> Outcome:
        """The outcome of some trial that was submitted and not waited for yet. Raises LookupError if there is none."""

    def close(self) -> None:
        """Stop all workers, those in mid-trial too. May be called again."""
