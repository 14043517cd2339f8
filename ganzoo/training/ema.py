"""The exponential moving average (EMA) of a GAN's weights."""

from __future__ import annotations

import torch

from ganzoo.interface.gan import GAN

__all__ = []


class _Averaged:
    """The tensors of an average beside those that it follows: parameters, running statistics, and counters."""

    def __init__(self, average: GAN, gan: GAN) -> None:
        current = gan.state_dict()
        pairs = [(ours, current[name]) for name, ours in average.state_dict().items()]
        self.counters = [(ours, theirs) for ours, theirs in pairs if not ours.is_floating_point()]
        self.ours = [ours for ours, _ in pairs if ours.is_floating_point()]
        self.theirs = [theirs for ours, theirs in pairs if ours.is_floating_point()]

    @torch.no_grad()
    def move(self, weight: float) -> None:
        """Move the average towards the others; counters are copied."""
        torch._foreach_lerp_(self.ours, self.theirs, weight)
        for ours, theirs in self.counters:
            ours.copy_(theirs)
