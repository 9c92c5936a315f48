"""The torch modules of the recurrent cell of DARTS (arXiv 1806.09055). Sequences are (T, B, C), states (B, C)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from searchspaces.plans import Links
from searchspaces.space import TaskShape

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": torch.tanh,
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
    "identity": lambda x: x,
}
WEIGHT, WORD = 0.04, 0.1
"""Initial weights are uniform up to these: of the cell, and of words."""


class RecurrentCell(nn.Module):
    """A step from each node to those behind it: s + sigmoid(W s) * (activation(V s) - s). The answer is their mean.

    Node 0 is such a step with tanh on from the state before, where W and V see the token, too.
    """

    def __init__(self, links: Links, activations: tuple[str, ...], hidden: int) -> None:
        super().__init__()
        self.token = nn.Parameter(torch.empty(2 * hidden, hidden).uniform_(-WEIGHT, WEIGHT))
        self.state = nn.Parameter(torch.empty(2 * hidden, hidden).uniform_(-WEIGHT, WEIGHT))
        self.nodes = nn.ParameterList(torch.empty(2 * hidden, hidden).uniform_(-WEIGHT, WEIGHT) for _ in links)
        self.activations = [ACTIVATIONS[name] for name in activations]
        self.after = [[i for i, link in enumerate(links) if link == node] for node in range(len(links) + 1)]

    def forward(self, x: Tensor, state: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        """Embedded tokens (T, B, hidden) and the state (B, hidden) before them to the states after each, and the last.

        ``mask`` (B, hidden), where there is one, multiplies whatever is taken from a node, equally at every token.
        """
        # The part of node 0 that is the token's is one product for all tokens, and so is what one node leads to.
        tokens = functional.linear(x, self.token).unbind()
        weights = [self._together(after) if after else None for after in self.after]
        first, states = self.state.mT, []
        for token in tokens:
            gate, candidate = torch.addmm(token, _masked(state, mask), first).chunk(2, dim=1)
            nodes = [torch.lerp(state, candidate.tanh(), gate.sigmoid())]
            nodes += [nodes[0]] * len(self.nodes)
            for node, (after, weight) in enumerate(zip(self.after, weights, strict=True)):
                if weight is not None:
                    gates, candidates = (_masked(nodes[node], mask) @ weight).chunk(2, dim=1)
                    steps = (gates.sigmoid().chunk(len(after), dim=1), candidates.chunk(len(after), dim=1))
                    for i, gate, candidate in zip(after, *steps, strict=True):
                        nodes[i + 1] = torch.lerp(nodes[node], self.activations[i](candidate), gate)
            state = torch.stack(nodes[1:]).mean(0)
            states.append(state)
        return torch.stack(states), state

    def _together(self, nodes: list[int]) -> Tensor:
        """The weights of nodes behind the same one side by side: those of all gates, then those of all candidates."""
        halves = zip(*(self.nodes[i].chunk(2) for i in nodes), strict=True)
        return torch.cat([weight for half in halves for weight in half]).mT


class RecurrentNetwork(nn.Module):
    """Embedding, cell, linear layer, whose weight is the embedding's where they are ``tied``.

    Dropout is variational (Gal & Ghahramani, NeurIPS 2016, arXiv 1512.05287): a call draws one mask for all tokens.
    """

    def __init__(
        self,
        links: Links,
        activations: tuple[str, ...],
        shape: TaskShape,
        hidden: int,
        dropout: float,
        state_dropout: float,
        tied: bool,
    ) -> None:
        super().__init__()
        self.hidden, self.dropout, self.state_dropout = hidden, dropout, state_dropout
        self.words = nn.Embedding(shape.inputs, hidden)
        self.cell = RecurrentCell(links, activations, hidden)
        self.head = nn.Linear(hidden, shape.outputs)
        if tied:
            self.head.weight = self.words.weight
        with torch.no_grad():
            self.words.weight.uniform_(-WORD, WORD)
            self.head.weight.uniform_(-WORD, WORD)
            self.head.bias.zero_()

    def forward(self, tokens: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """(T, B) and the state (B, hidden) before, or None for zeros, to logits (T, B, outputs) and the state after."""
        x = self.words(tokens)
        if state is None:
            state = x.new_zeros(x.shape[1:])
        x, mask = _masked(x, self._mask(x[0], self.dropout)), self._mask(state, self.state_dropout)
        states, last = self.cell(x, state, mask)
        return self.head(_masked(states, self._mask(last, self.dropout))), last

    def _mask(self, x: Tensor, dropout: float) -> Tensor | None:
        return functional.dropout(torch.ones_like(x), dropout) if self.training and dropout else None


def _masked(x: Tensor, mask: Tensor | None) -> Tensor:
    return x if mask is None else x * mask
