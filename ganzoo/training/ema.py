"""The exponential moving average (EMA) of a GAN's weights."""

from __future__ import annotations

import copy

import torch

from ganzoo.interface.gan import GAN, keep_published
from ganzoo.training.plan import TrainingOptions

__all__ = ["MovingAverage", "decay_of"]

RAMP = 0.05
"""The half-life is at most this part of the images seen so far (arXiv:2006.06676, authors' code)."""


def decay_of(options: TrainingOptions, step: int, images: int) -> float:
    """The decay of the average in iteration `step`, counted from 1, with `images` images in each iteration.

    At the start the average is shorter: a long one would keep the initial, random weights for too long.
    """
    if not options.ema_half_life:
        return min(options.ema, step / (step + 10))
    half_life: float = min(options.ema_half_life, RAMP * step * images)
    return float(0.5 ** (images / half_life))


class MovingAverage:
    """The average of a GAN's weights over the iterations: `gan` is a copy that holds it, in eval mode.

    The copy has only the submodules that sampling needs. Parameters and running statistics are averaged;
    counters, such as the number of batches that batch norm has seen, are copied.
    """

    def __init__(self, gan: GAN) -> None:
        self.gan = copy.deepcopy(gan).eval().requires_grad_(False)
        keep_published(self.gan)
        current = gan.state_dict()
        pairs = [(average, current[name]) for name, average in self.gan.state_dict().items()]
        # The tensors are listed once: to collect them at every iteration would take longer than to average them.
        self._counters = [pair for pair in pairs if not pair[0].is_floating_point()]
        self._averages = [average for average, _ in pairs if average.is_floating_point()]
        self._sources = [source for average, source in pairs if average.is_floating_point()]

    @torch.no_grad()
    def update(self, decay: float) -> None:
        """average <- decay * average + (1 - decay) * current weights; `decay` is in [0, 1)."""
        torch._foreach_lerp_(self._averages, self._sources, 1 - decay)
        for average, source in self._counters:
            average.copy_(source)
