"""Tensors as the bytes of a file."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from safetensors.torch import save
from torch import Tensor


def packed(tensors: Mapping[str, Tensor]) -> bytes:
    """The bytes of a file of safetensors. What two names share (the weight of tied layers) is written for both."""
    return save({name: each.clone(memory_format=torch.contiguous_format) for name, each in tensors.items()})
