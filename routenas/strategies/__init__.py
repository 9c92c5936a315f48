"""Search strategies by name, imported when one is used."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from importlib import import_module
from typing import cast

from placement_data.errors import InputError
from routenas.strategies.base import Strategy

__all__ = ["STRATEGIES", "Strategy", "strategy_class"]

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
"""The strategies: ``module:Class``, each called as ``Class(space, seed, **its options)``."""


def strategy_class(name: str) -> Callable[..., Strategy]:
    """The class behind a name of `STRATEGIES`. Raises InputError, listing near names, for another."""
    if name not in STRATEGIES:
        near = get_close_matches(name, STRATEGIES) or sorted(STRATEGIES)
        raise InputError("no such search strategy", found=name, expected=" or ".join(near))
    module, _, attribute = STRATEGIES[name].partition(":")
    return cast(Callable[..., Strategy], getattr(import_module(module), attribute))


def suited(name: str, trials: int, in_flight: int) -> dict[str, int]:  # STUB until strat lands
    return {"population": 10, "tournament": 4} if name == "evolution" else {}
