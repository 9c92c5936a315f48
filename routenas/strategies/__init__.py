"""Search strategies by name, imported when one is used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from placement_data.errors import InputError
from routenas.look_up import look_up
from routenas.strategies.base import Strategy
from searchspaces.space import Space

__all__ = ["STRATEGIES", "Strategy", "make_strategy", "strategy_class", "suited"]

STRATEGIES = {
    "bernoulli": "routenas.strategies.guided_dags.bernoulli:BernoulliReinforce",
    "evolution": "routenas.strategies.evolution:RegularisedEvolution",
    "exhaustive": "routenas.strategies.exhaustive:Exhaustive",
    "genetic": "routenas.strategies.genetic:GeneticSearch",
    "guided": "routenas.strategies.guided_dags.guided:GuidedRule",
    "local-search": "routenas.strategies.local_search:LocalSearch",
    "multi-objective": "routenas.strategies.multi_objective:MultiObjective",
    "paper": "routenas.strategies.guided_dags.paper:PaperRule",
    "policy-gradient": "routenas.strategies.policy_gradient:PolicyGradient",
    "ppo": "routenas.strategies.policy_gradient:ProximalPolicy",
    "predictor": "routenas.strategies.predictor:PredictorSearch",
    "random": "routenas.strategies.random_:RandomSearch",
    "regularised-evolution": "routenas.strategies.evolution:RegularisedEvolution",
}
"""The strategies: ``module:Class``, each called as ``Class(space, seed, **its options)``.

``regularised-evolution``, the name in the literature, is another one for ``evolution``.
"""


def strategy_class(name: str) -> Callable[..., Strategy]:
    """The class behind a name of `STRATEGIES`, or ``module:Class`` of the user's own. Raises as `look_up` does."""
    found: Callable[..., Strategy] = look_up("search strategy", STRATEGIES, name)
    return found


def make_strategy(name: str, space: Space, seed: int, options: Mapping[str, Any]) -> Strategy:
    """A strategy by name. Raises as `look_up` does, and InputError for options that it does not take."""
    found = strategy_class(name)
    try:
        return found(space, seed, **options)
    except (TypeError, ValueError) as error:
        raise InputError(f"the search strategy {name} cannot be made", found=str(error)) from None


def suited(name: str, trials: int, in_flight: int = 1) -> dict[str, Any]:
    """Options that suit a search of ``trials``, of which ``in_flight`` run at a time; others stay as in the class.

    Published settings want hundreds of trials. With fewer, no strategy that learns spends more than a third on random
    samples first, as far as the trials in flight allow. Empty for a class of the user's own without a ``suited``.
    """
    found: dict[str, Any] = getattr(strategy_class(name), "suited", lambda trials, in_flight: {})(trials, in_flight)
    return found
