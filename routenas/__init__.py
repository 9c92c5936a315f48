"""The search engine: strategies, estimators, tasks, training and scoring of routability predictors.

``from routenas import search, train, evaluate, score, Scorer, Bundle`` is what a user's Python code needs; see
`routenas.api`.
"""

from typing import TYPE_CHECKING, Any

from routenas.version import __version__

__all__ = [
    "Architecture", "Budget", "Bundle", "Execution", "Scorer", "Settings", "__version__", "evaluate", "predict",
    "score", "search", "train",
]  # fmt: skip


if TYPE_CHECKING:
    from routenas.api import evaluate, predict, score, search, train
    from routenas.architecture import Architecture
    from routenas.bundle import Bundle
    from routenas.executor import Execution
    from routenas.scoring import Scorer
    from routenas.settings import Settings
    from routenas.training import Budget

_HOMES = {
    "Architecture": "architecture", "Budget": "training", "Bundle": "bundle", "Execution": "executor",
    "Scorer": "scoring", "Settings": "settings",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    # Late, so that the command line starts without torch.
    if name not in __all__ or name == "__version__":
        raise AttributeError(f"module 'routenas' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"routenas.{_HOMES.get(name, 'api')}"), name)
