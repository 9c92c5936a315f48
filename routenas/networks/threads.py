"""How many threads torch computes with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def limited_threads(number: int) -> Iterator[None]:
    """Inside, torch computes with so many threads; the number decides the last bits of a training.

    Threads that wait for a core that others use cost more than they bring, and most maps are small: hence 1.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)
