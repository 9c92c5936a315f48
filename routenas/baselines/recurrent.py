"""LSTM and GRU for the next token: embedding, one recurrent layer, and a linear layer that shares its weight."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from searchspaces.space import TaskShape

WORD = 0.1
"""Initial weights of words are uniform up to this, as those of searched cells."""


class LSTM(nn.Module):
    """An LSTM (Hochreiter & Schmidhuber, Neural Computation 1997): tokens (T, B) and a state to logits and a state.

    ``hidden`` features of the state and of an embedded token, ``dropout`` of embedded tokens and of the states that the
    logits are made from, one mask for all tokens of a call (arXiv 1512.05287), and whether input and output words are
    ``tied``, mean what they do for `searchspaces.recurrent.RecurrentSpace`.
    """

    output = "tokens"
    layer: Callable[[int, int], nn.RNNBase] = nn.LSTM
    gates = 4

    def __init__(self, shape: TaskShape, hidden: int = 300, dropout: float = 0.0, tied: bool = True) -> None:
        super().__init__()
        self.dropout = dropout
        self.words = nn.Embedding(shape.inputs, hidden)
        self.cell = self.layer(hidden, hidden)
        self.head = nn.Linear(hidden, shape.outputs)
        if tied:
            self.head.weight = self.words.weight
        with torch.no_grad():
            self.words.weight.uniform_(-WORD, WORD)
            self.head.weight.uniform_(-WORD, WORD)
            self.head.bias.zero_()

    def forward(self, tokens: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """(T, B) and the state before, or None for zeros, to logits (T, B, outputs) and the state after."""
        states, state = self.cell(self._dropped(self.words(tokens)), state)
        return self.head(self._dropped(states)), state

    def _dropped(self, x: Tensor) -> Tensor:
        """(T, B, C) with the same features left out at every token."""
        if not self.training or not self.dropout:
            return x
        return x * functional.dropout(torch.ones_like(x[0]), self.dropout)

    @classmethod
    def sized(cls, shape: TaskShape, parameters: int, dropout: float = 0.0, tied: bool = True) -> dict[str, Any]:
        """The options of a network of as many parameters as can be without more than ``parameters``, one feature at
        least, with the same dropout and tying.
        """
        words = shape.inputs if tied else shape.inputs + shape.outputs
        hidden = 1
        while cls.gates * (hidden + 1) * (2 * hidden + 4) + words * (hidden + 1) + shape.outputs <= parameters:
            hidden += 1
        return {"hidden": hidden, "dropout": dropout, "tied": tied}


class GRU(LSTM):
    """A GRU (Cho et al., EMNLP 2014) in the same place."""

    layer = nn.GRU
    gates = 3
