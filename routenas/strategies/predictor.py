"""Search guided by a model that guesses what an architecture is worth."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from scipy.special import ndtr

from routenas.results import Result
from routenas.strategies.base import AskTell, Values, at_first
from routenas.surrogates import Surrogate, surrogate_class
from routenas.surrogates.targets import log_regrets, normal_scores, unchanged
from searchspaces.space import Genotype, Space

ENUMERATED = 20_000
GENERATIONS = 3
PARENTS = 20
STALE = 20

TARGETS: dict[str, Callable[[Sequence[float]], np.ndarray]] = {
    "log-regrets": log_regrets,
    "normal-scores": normal_scores,
    "values": unchanged,
}


def _mean(mean: np.ndarray, deviation: np.ndarray, best: float, rng: np.random.Generator) -> np.ndarray:
    return mean


def _expected_improvement(mean: np.ndarray, deviation: np.ndarray, best: float, rng: np.random.Generator) -> np.ndarray:
    """Mockus 1975: E max(0, f - best) of a normal f."""
    spread = np.maximum(deviation, 1e-9)
    z = (mean - best) / spread
    return np.asarray(spread * (z * ndtr(z) + np.exp(-0.5 * z * z) / np.sqrt(2.0 * np.pi)))


def _thompson(mean: np.ndarray, deviation: np.ndarray, best: float, rng: np.random.Generator) -> np.ndarray:
    """A draw of every candidate's own posterior, as in BANANAS (White et al., AAAI 2021, arXiv 1910.11858)."""
    return mean + deviation * rng.standard_normal(len(mean))


ACQUISITIONS = {"expected-improvement": _expected_improvement, "mean": _mean, "thompson": _thompson}


class PredictorSearch(AskTell):
    """Asks what a surrogate of all results so far finds most promising (Bayesian optimisation).

    ``initial_samples`` random genotypes come first. Then the `SURROGATES` model named ``surrogate``, made with
    ``surrogate_options``, is fitted to the results, whose ranks are turned into ``targets``, a name of `TARGETS`; the
    largest values of the ``acquisition`` are asked. A space of at most 20,000 combinations is searched in full, in
    others ``pool`` candidates are: random ones, and children over some generations of the best told and found. The
    model is fitted again after every ``refit_every`` genotypes asked, or a twentieth of the results if that is more.

    A batch takes no two that differ in one choice only, as long as there are others among the best. A failed genotype
    counts as the worst result so far, and is left out where there is none. Every fit starts anew from the results
    told, with a seed drawn from the strategy's stream, so nothing of the model is part of the state.
    """

    def __init__(
        self,
        space: Space,
        seed: int,
        *,
        surrogate: str = "gaussian-process",
        surrogate_options: Mapping[str, Any] | None = None,
        targets: str = "normal-scores",
        acquisition: str = "expected-improvement",
        initial_samples: int = 10,
        refit_every: int = 1,
        pool: int = 500,
        initial: Sequence[Genotype] = (),
    ) -> None:
        if acquisition not in ACQUISITIONS or targets not in TARGETS:
            raise ValueError(
                f"predictor search needs an acquisition of {', '.join(ACQUISITIONS)} and targets of "
                f"{', '.join(TARGETS)}, not {acquisition!r} and {targets!r}"
            )
        if initial_samples < 2 or refit_every < 1 or pool < 2:
            raise ValueError(
                "predictor search needs initial_samples >= 2, refit_every >= 1 and pool >= 2, "
                f"not {initial_samples}, {refit_every} and {pool}"
            )
        super().__init__(space, seed, initial=initial)
        self.surrogate: Surrogate = surrogate_class(surrogate)(space, **(surrogate_options or {}))
        self.targets, self.acquisition = TARGETS[targets], ACQUISITIONS[acquisition]
        self.initial_samples, self.refit_every, self.pool = initial_samples, refit_every, pool
        self._told: list[Values] = []  # beside ``_results``
        self._queue: list[Values] = []
        self._wanted = 1
        self._all: tuple[Genotype, ...] | None = None

    def ask(self, n: int) -> list[Genotype]:
        """See `Strategy.ask`."""
        self._wanted = n
        return super().ask(n)

    @classmethod
    def suited(cls, trials: int, in_flight: int, chosen: Mapping[str, Any]) -> dict[str, Any]:
        """See `AskTell.suited`: at most a third of the trials are random."""
        return {"initial_samples": at_first(10, trials, in_flight)}

    def _propose(self) -> Values:
        while self._queue:
            values = self._queue.pop(0)
            if values not in self._seen:
                return values
        if len(self._told) >= 2 and len(self._seen) >= self.initial_samples:
            self._queue = self._promising(max(self.refit_every, len(self._told) // STALE, self._wanted))
            if self._queue:
                return self._queue.pop(0)
        return self.space.sample_values(self._rng)

    def _learn(self, values: Values, result: Result) -> None:
        self._told.append(self.space.canonical(Genotype(self.space.name, values)).values)

    def state_dict(self) -> dict[str, Any]:
        """See `Strategy.state_dict`."""
        own = {"told": [list(values) for values in self._told], "queue": [list(values) for values in self._queue]}
        return super().state_dict() | own

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See `Strategy.load_state_dict`."""
        super().load_state_dict(state)
        self._told = [tuple(values) for values in state["told"]]
        self._queue = [tuple(values) for values in state["queue"]]

    # ----------------------------------------------------------- what to try next

    def _promising(self, n: int) -> list[Values]:
        """Up to ``n`` unseen genotypes of large acquisition, the largest first."""
        everything = self._everything()
        fresh = np.array([genotype.values not in self._seen for genotype in everything], bool)
        if everything and not fresh.any():
            return []
        told = [Genotype(self.space.name, values) for values in self._told]
        targets = self.targets(self._results)
        self.surrogate.fit(told, targets, int(self._rng.integers(2**31)))
        best = float(targets.max())
        if everything:
            return self._batch(everything, np.where(fresh, self._score(everything, best), -np.inf), n)
        order = np.argsort(-targets, kind="stable")[:PARENTS]
        return self._batch(*self._evolved([told[i] for i in order], best), n)

    def _score(self, genotypes: Sequence[Genotype], best: float) -> np.ndarray:
        return self.acquisition(*self.surrogate.predict(genotypes), best, self._rng)

    def _everything(self) -> tuple[Genotype, ...]:
        """All of a small space: the same tuple every time, which encodings recognise."""
        if self._all is None:
            self._all = tuple(self.space.enumerate()) if self.space.size <= ENUMERATED else ()
        return self._all

    def _evolved(self, parents: list[Genotype], best: float) -> tuple[list[Genotype], np.ndarray]:
        """Unseen candidates and their acquisition: random ones, then generations of children of the best."""
        size = max(1, self.pool // (GENERATIONS + 1))
        found = self._unseen(self.space.sample_many(self._rng, size), {})
        scores = self._score(list(found.values()), best)
        for _ in range(GENERATIONS):
            children = self._unseen([self._child(parents) for _ in range(size)], found)
            if children:
                scores = np.concatenate([scores, self._score(list(children.values()), best)])
                found |= children
            ranked = list(found.values())
            elite = [ranked[i] for i in np.argsort(-scores, kind="stable")[:PARENTS]]
            parents = [*parents[: PARENTS // 2], *elite]
        return list(found.values()), scores

    def _child(self, parents: list[Genotype]) -> Genotype:
        first, second = (parents[i] for i in self._rng.integers(len(parents), size=2))
        child = self.space.crossover(first, second, self._rng) if self._rng.random() < 0.25 else first
        child = self.space.mutate(child, self._rng)
        return self.space.mutate(child, self._rng) if self._rng.random() < 0.25 else child

    def _unseen(self, genotypes: list[Genotype], known: Mapping[Values, Genotype]) -> dict[Values, Genotype]:
        return {g.values: g for g in genotypes if g.values not in self._seen and g.values not in known}

    def _batch(self, genotypes: Sequence[Genotype], scores: np.ndarray, n: int) -> list[Values]:
        """The best ``n``; of those that differ in one choice from a better one only what is needed to fill up."""
        # Equal scores come in random order: the order of the candidates means nothing.
        shuffled = self._rng.permutation(len(scores))
        ranked = shuffled[np.argsort(-scores[shuffled], kind="stable")[: 10 * n]]
        ranked = ranked[scores[ranked] > -np.inf]
        values = np.array([genotypes[i].values for i in ranked])
        picked: list[int] = []
        spare: list[int] = []
        for i in range(len(values)):
            near = picked and ((values[picked] != values[i]).sum(1) < 2).any()
            (spare if near else picked).append(i)
            if len(picked) == n:
                break
        return [genotypes[ranked[i]].values for i in [*picked, *spare][:n]]
