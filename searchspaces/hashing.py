"""Scrambled numbers: graphs get colours and fingerprints from them, many at once."""

from __future__ import annotations

import numpy as np


def splitmix64(numbers: np.ndarray, salt: int) -> np.ndarray:
    """The output function of SplitMix64 (Steele et al., OOPSLA 2014) of uint64 ``numbers`` + ``salt``: a permutation.

    Returns uint64 of the same shape.
    """
    z = (numbers + np.uint64(salt)) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(z ^ (z >> np.uint64(31)))
