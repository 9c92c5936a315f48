"""Search by a learned policy: REINFORCE and PPO."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from routenas.networks.policy import make_policy
from routenas.results import Result
from routenas.strategies.base import AskTell, Values, at_first, value_of
from searchspaces.space import Genotype, Space

WINDOW = 50
CLIP_GRADIENT = 1.0


class PolicySearch(AskTell):
    """Samples of an LSTM policy that moves after every ``batch`` results towards what was better than usual.

    A result's advantage is its distance from the moving average of all before it (weight ``1 - decay`` for a new one),
    in standard deviations of the last 50 results, cut at 3. ``entropy`` is the weight of the bonus that keeps the
    policy from settling early. Gradients are clipped to norm 1 between the backward pass and the step.
    """

    most_before: ClassVar[int] = 4  # results before a step, where there are trials enough

    def __init__(
        self,
        space: Space,
        seed: int,
        *,
        batch: int = 4,
        rate: float = 0.03,
        entropy: float = 0.01,
        decay: float = 0.9,
        hidden: int = 32,
        initial: Sequence[Genotype] = (),
    ) -> None:
        if batch < 1 or rate <= 0 or entropy < 0 or not 0 <= decay < 1 or hidden < 1:
            raise ValueError(
                "policy search needs batch >= 1, rate > 0, entropy >= 0, 0 <= decay < 1 and hidden >= 1, "
                f"not {batch}, {rate}, {entropy}, {decay}, {hidden}"
            )
        super().__init__(space, seed, initial=initial)
        self.batch, self.entropy, self.decay = batch, entropy, decay
        self.policy = make_policy(space, seed, hidden)
        self._optimiser = torch.optim.Adam(self.policy.parameters(), lr=rate)
        self._baseline: float | None = None
        self._waiting: list[tuple[Values, float]] = []  # values and advantages
        self._samples: list[Values] = []

    @abstractmethod
    def _loss(self, values: Tensor, advantages: Tensor) -> None:
        """Move the policy by one batch."""

    @classmethod
    def suited(cls, trials: int, in_flight: int, chosen: Mapping[str, Any]) -> dict[str, Any]:
        """See `AskTell.suited`: at most a third of the trials come before the first step."""
        return {"batch": at_first(cls.most_before, trials, in_flight, least=1)}

    def _propose(self) -> Values:
        if not self._samples:
            generator = torch.Generator().manual_seed(int(self._rng.integers(2**62)))
            with torch.no_grad():
                self._samples = [tuple(row) for row in self.policy.sample(16, generator).tolist()]
        return self._samples.pop()

    def _learn(self, values: Values, result: Result) -> None:
        value = value_of(result)
        if self._baseline is None:
            self._baseline = value
        last = np.array([*self._results[-WINDOW:], value])
        spread = float(last.std())
        advantage = float(np.clip((value - self._baseline) / spread, -3.0, 3.0)) if spread > 0 else 0.0
        self._baseline = self.decay * self._baseline + (1.0 - self.decay) * value
        self._waiting.append((values, advantage))
        if len(self._waiting) == self.batch:
            self._loss(
                torch.tensor([waiting[0] for waiting in self._waiting]),
                torch.tensor([waiting[1] for waiting in self._waiting], dtype=torch.float32),
            )
            self._waiting = []
            self._samples = []  # of a policy that is no more

    def _step(self, loss: Tensor) -> None:
        self._optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.policy.parameters(), CLIP_GRADIENT)
        self._optimiser.step()

    def state_dict(self) -> dict[str, Any]:
        """See `Strategy.state_dict`."""
        moments = self._optimiser.state_dict()["state"]
        return super().state_dict() | {
            "policy": {name: weight.tolist() for name, weight in self.policy.state_dict().items()},
            "moments": [{name: torch.as_tensor(value).tolist() for name, value in moments[i].items()} for i in moments],
            "baseline": self._baseline,
            "waiting": [[list(values), advantage] for values, advantage in self._waiting],
            "samples": [list(values) for values in self._samples],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See `Strategy.load_state_dict`."""
        super().load_state_dict(state)
        self.policy.load_state_dict({name: torch.tensor(weight) for name, weight in state["policy"].items()})
        own = self._optimiser.state_dict()
        own["state"] = {
            i: {name: torch.tensor(value) for name, value in moments.items()}
            for i, moments in enumerate(state["moments"])
        }
        self._optimiser.load_state_dict(own)
        self._baseline = state["baseline"]
        self._waiting = [(tuple(values), float(advantage)) for values, advantage in state["waiting"]]
        self._samples = [tuple(values) for values in state["samples"]]


class PolicyGradient(PolicySearch):
    """REINFORCE (Williams 1992) with a moving-average baseline and an entropy bonus."""

    def _loss(self, values: Tensor, advantages: Tensor) -> None:
        log_prob, entropy = self.policy.evaluate(values)
        self._step(-(advantages * log_prob + self.entropy * entropy).mean())


class ProximalPolicy(PolicySearch):
    """PPO (Schulman et al. 2017, arXiv 1707.06347): several passes over a batch, the ratio clipped to 1 +- ``clip``."""

    most_before = 8

    def __init__(
        self,
        space: Space,
        seed: int,
        *,
        batch: int = 8,
        rate: float = 0.03,
        entropy: float = 0.01,
        decay: float = 0.9,
        hidden: int = 32,
        clip: float = 0.2,
        passes: int = 4,
        initial: Sequence[Genotype] = (),
    ) -> None:
        if not 0 < clip < 1 or passes < 1:
            raise ValueError(f"PPO needs 0 < clip < 1 and passes >= 1, not {clip} and {passes}")
        super().__init__(
            space, seed, batch=batch, rate=rate, entropy=entropy, decay=decay, hidden=hidden, initial=initial
        )
        self.clip, self.passes = clip, passes

    def _loss(self, values: Tensor, advantages: Tensor) -> None:
        with torch.no_grad():
            before = self.policy.log_prob(values)
        for _ in range(self.passes):
            log_prob, entropy = self.policy.evaluate(values)
            self._step(-(clipped_gain(log_prob - before, advantages, self.clip) + self.entropy * entropy).mean())


def clipped_gain(log_ratio: Tensor, advantages: Tensor, clip: float) -> Tensor:
    """PPO's objective (n,): min(r A, clip(r, 1 - c, 1 + c) A) of the probability ratio r."""
    ratio = log_ratio.exp()
    return torch.minimum(ratio * advantages, ratio.clamp(1.0 - clip, 1.0 + clip) * advantages)
