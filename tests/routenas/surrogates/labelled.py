"""Spaces and random values for tests of surrogates."""

from __future__ import annotations

import numpy as np

from searchspaces.space import Choice, Genotype, Space

SMALL = Space("small", [Choice(f"c{i}", 4) for i in range(5)])
LARGE = Space("large", [Choice(f"c{i}", 4) for i in range(12)])


def labelled(space: Space, count: int) -> tuple[list[Genotype], np.ndarray]:
    rng = np.random.default_rng(0)
    genotypes = list(dict.fromkeys(space.sample_many(rng, count)))
    return genotypes, rng.normal(size=len(genotypes))
