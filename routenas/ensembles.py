"""Which trained networks make the best ensemble together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Outputs = Sequence[Sequence[NDArray[Any]]]
"""What a network gave for each example, by fold."""


def mean_outputs(outputs: Sequence[Outputs], draws: Sequence[int]) -> list[list[NDArray[np.float32]]]:
    """The mean of several networks' outputs, each counted as often as it was drawn."""
    chosen = [(each, count) for each, count in zip(outputs, draws, strict=True) if count]
    total = sum(count for _, count in chosen)
    first = chosen[0][0]
    return [
        [
            np.asarray(sum(each[fold][place] * (count / total) for each, count in chosen), dtype=np.float32)
            for place in range(len(first[fold]))
        ]
        for fold in range(len(first))
    ]


def greedy_selection(
    outputs: Sequence[Outputs], value: Callable[[list[list[NDArray[np.float32]]]], float | None], most: int
) -> tuple[int, ...]:
    """How often each network is drawn: greedy forward selection with replacement (Caruana et al., ICML 2004).

    The best single one comes first; then, up to ``most`` draws, the one that makes the mean of all drawn best in
    ``value``, as long as it makes it better. Of equals the one that was drawn already, else the first, is taken. A
    value that is None is worse than any other. Raises ValueError without a network.
    """
    draws = [0] * len(outputs)
    best = -np.inf
    for _ in range(most):
        tried = []
        for number in range(len(outputs)):
            after = [*draws[:number], draws[number] + 1, *draws[number + 1 :]]
            found = value(mean_outputs(outputs, after))
            tried.append((-np.inf if found is None else found, draws[number] > 0, -number))
        if not tried:
            raise ValueError("an ensemble is chosen of one network or more")
        top, _, number = max(tried)
        if any(draws) and not top > best:
            break
        best = top
        draws[-number] += 1
    return tuple(draws)
