"""Search strategies by name, imported when one is used."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from inspect import Parameter, signature
from types import MappingProxyType
from typing import Any

from placement_data.errors import SettingError
from routenas.look_up import entry, look_up
from routenas.strategies.base import Strategy
from routenas.strategies.options import check_options
from searchspaces.space import Genotype, Space

__all__ = ["STRATEGIES", "Strategy", "make_strategy", "strategy_class", "suited"]

EMPTY: Mapping[str, Any] = MappingProxyType({})

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


def suited(name: str, trials: int, in_flight: int = 1, chosen: Mapping[str, Any] = EMPTY) -> dict[str, Any]:
    """The options ``chosen``, and others that suit them and a search of ``trials``, ``in_flight`` at a time.

    Published settings want hundreds of trials. With fewer, no strategy that learns spends more than a third on random
    samples first, as far as the trials in flight allow. A class without a ``suited`` has what was chosen alone.
    """
    make = strategy_class(name)
    check_options(f"the search strategy {name}", make, chosen)
    hook = getattr(make, "suited", None)
    return {**(hook(trials, in_flight, chosen) if hook else {}), **chosen}


def make_strategy(
    name: str, space: Space, seed: int, options: Mapping[str, Any] = EMPTY, initial: Sequence[Genotype] = ()
) -> Strategy:
    """A strategy by name. One with an option ``initial`` tries these genotypes first, unless the options have others.

    Raises SettingError for another name, for an option that the strategy has not, and for values that it refuses.
    """
    make = strategy_class(name)
    allowed = signature(make).parameters
    if initial and "initial" in allowed:
        options = {"initial": initial, **options}
    if not any(each.kind is Parameter.VAR_KEYWORD for each in allowed.values()):
        known = {each: each for each in allowed if each not in ("space", "seed")}
        for option in options:
            entry(f"option of the search strategy {name}", known, option)
    try:
        return make(space, seed, **options)
    except (TypeError, ValueError, LookupError, AttributeError) as error:
        raise SettingError(f"the search strategy {name} cannot be made: {error}") from error
