"""One autoregressive policy for every space: an LSTM that decides choice by choice."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from searchspaces.operators import seeded
from searchspaces.space import Genotype, Space

_EXCLUDED = -1e9
"""Logit of an option that cannot be: its probability is 0, and, unlike with minus infinity, gradients stay numbers."""


class Policy(nn.Module):
    """A distribution over the values of a space (Zoph & Le, ICLR 2017; Tan et al., CVPR 2019).

    The LSTM reads the token of the decision before and gives the logits of the next choice by a linear head of its own.
    Options that a sub-space excludes have probability 0, and so have all but the first where a conditional choice is
    not active. `make_policy` makes one whose weights follow from a seed.
    """

    def __init__(self, space: Space, hidden: int = 32) -> None:
        super().__init__()
        self.space = space
        self._counts = [choice.count for choice in space.choices]
        self._fixed = dict(space.fixed)
        self._conditional = any(choice.when for choice in space.choices)
        self._offsets = torch.tensor([0, *self._counts[:-1]]).cumsum(0)
        largest = max(self._counts)
        self.register_buffer("_mask", self._impossible(largest), persistent=False)
        self._mask: Tensor
        self.start = nn.Parameter(0.1 * torch.randn(hidden))
        self.embedding = nn.Embedding(space.vocabulary, hidden)
        self.cell = nn.LSTMCell(hidden, hidden)
        self.weight = nn.Parameter(0.1 * torch.randn(len(self._counts), hidden, largest))
        self.bias = nn.Parameter(torch.zeros(len(self._counts), largest))

    def _impossible(self, largest: int) -> Tensor:
        """(choices, options) `_EXCLUDED` for options that do not exist or are excluded, else 0."""
        mask = torch.full((len(self._counts), largest), _EXCLUDED)
        for i, count in enumerate(self._counts):
            mask[i, :count] = 0.0
            if i in self._fixed:
                mask[i] = _EXCLUDED
                mask[i, self._fixed[i]] = 0.0
        return mask

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """``n`` random values, int64 (n, choices)."""
        return self._walk(torch.full((n, len(self._counts)), -1), generator)[0]

    def resample(self, genotype: Genotype, fields: Iterable[str], generator: torch.Generator) -> tuple[int, ...]:
        """The genotype's values with the named choices drawn anew, each given all decisions before it.

        Raises ValueError for a choice that does not exist.
        """
        values = torch.tensor([self.space.canonical(genotype).values])
        for name in fields:
            values[0, self.space.index(name)] = -1
        return tuple(self._walk(values, generator)[0][0].tolist())

    def log_prob(self, values: Tensor | Sequence[Sequence[int]]) -> Tensor:
        """Log probabilities (n,) of values (n, choices)."""
        return self._walk(torch.as_tensor(values), None)[1]

    def entropy(self, values: Tensor | Sequence[Sequence[int]]) -> Tensor:
        """Sum of the entropies (n,) of the decisions along values (n, choices), in nats.

        Its mean over samples estimates the entropy of the policy.
        """
        return self._walk(torch.as_tensor(values), None)[2]

    def evaluate(self, values: Tensor | Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
        """`log_prob` and `entropy` at once."""
        return self._walk(torch.as_tensor(values), None)[1:]

    def _walk(self, given: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor, Tensor]:
        """Values with every -1 drawn, their log probabilities and entropies."""
        n = len(given)
        hidden = self.start.new_zeros(n, len(self.start))
        memory, token = hidden, self.start.expand(n, -1)
        values: list[Tensor] = []
        total, entropy = self.start.new_zeros(n), self.start.new_zeros(n)
        for i in range(len(self._counts)):
            hidden, memory = self.cell(token, (hidden, memory))
            logits = hidden @ self.weight[i] + self.bias[i] + self._mask[i]
            inactive = self._inactive(i, values, n)
            if inactive is not None:
                logits = torch.where(inactive[:, None], self._only_first(logits), logits)
            log_probabilities = functional.log_softmax(logits, dim=1)
            probabilities = log_probabilities.exp()
            value = given[:, i]
            if generator is not None:
                drawn = torch.multinomial(probabilities.detach(), 1, generator=generator)[:, 0]
                value = torch.where(value < 0, drawn, value)
            total = total + log_probabilities.gather(1, value[:, None])[:, 0]
            entropy = entropy - (probabilities * log_probabilities).sum(dim=1)
            values.append(value)
            token = self.embedding(value + self._offsets[i])
        return torch.stack(values, dim=1), total, entropy

    def _inactive(self, choice: int, values: list[Tensor], n: int) -> Tensor | None:
        """(n,) where a conditional choice is not active, None for a choice that always is."""
        if not self._conditional or not self.space.choices[choice].when:
            return None
        padded = [0] * (len(self._counts) - len(values))
        rows = torch.stack(values, dim=1).tolist() if values else [[]] * n
        return torch.tensor([not self.space.active([*row, *padded])[choice] for row in rows])

    def _only_first(self, logits: Tensor) -> Tensor:
        only = torch.full_like(logits, _EXCLUDED)
        only[:, 0] = 0.0
        return only


def make_policy(space: Space, seed: int, hidden: int = 32) -> Policy:
    """A policy with weights drawn from ``seed`` alone."""
    return seeded(lambda: Policy(space, hidden), seed)
