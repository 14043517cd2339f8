"""The record of one iteration: its losses and metrics, as means over all processes."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from ganzoo.distributed.processes import ProcessGroup
from ganzoo.errors import NonFiniteError
from ganzoo.interface.gan import GAN, Update
from ganzoo.utils.precision import at_least_float32

__all__ = ["Record", "Recorder"]


class Record(NamedTuple):
    """One finished iteration.

    `step` counts from 1. `losses` holds every loss by ``group/name``. `metrics` holds D(x) and D(G(z)) of every
    discriminator, and what else the GAN measures. All are means over the processes.
    """

    step: int
    losses: Mapping[str, float]
    metrics: Mapping[str, float]


class Recorder:
    """Collects the losses and metrics of one iteration. A name that comes several times gets the mean."""

    def __init__(self, gan: GAN) -> None:
        self._gan = gan
        self._losses: dict[str, list[Tensor]] = defaultdict(list)
        self._metrics: dict[str, list[Tensor]] = defaultdict(list)

    def add(self, update: Update, losses: Mapping[str, Tensor]) -> None:
        """Take `losses`, the update's own and its penalties, and the metrics of an update."""
        for name, loss in losses.items():
            self._losses[f"{update.group}/{name}"].append(at_least_float32(loss.detach()))
        for name, metric in (*update.metrics.items(), *self._mean_outputs(update)):
            self._metrics[name].append(at_least_float32(metric.detach()))

    def add_metrics(self, metrics: Mapping[str, Tensor]) -> None:
        """Take metrics that no update has."""
        for name, metric in metrics.items():
            self._metrics[name].append(at_least_float32(metric.detach()))

    def _mean_outputs(self, update: Update) -> Iterator[tuple[str, Tensor]]:
        """D(x) and D(G(z)) of every discriminator: probabilities if the loss has them, else logits."""
        for output in update.discriminators:
            probability = self._gan.loss.probability or torch.Tensor.clone
            for what, logits in zip(("x", "G(z)"), output.logits, strict=True):
                name = f"D_{output.name}({what})" if output.name else f"D({what})"
                yield name, probability(at_least_float32(logits.detach())).mean()

    def record(self, step: int, processes: ProcessGroup, *, stop: bool) -> tuple[Record, bool]:
        """The record of iteration `step`, and whether any process asked to `stop`.

        All numbers leave the device together, because a GPU waits each time that one is fetched.

        Raises:
            NonFiniteError: A loss is NaN or infinite. The message names it.
        """
        values = [*self._losses.values(), *self._metrics.values()]
        means = torch.stack([torch.stack(several).mean() for several in values])
        means = torch.cat([means, means.new_tensor([float(stop)])])
        processes.average_([means])
        *numbers, stopping = means.tolist()
        losses = dict(zip(self._losses, numbers, strict=False))
        metrics = dict(zip(self._metrics, numbers[len(losses) :], strict=True))
        bad = [f"{name} is {loss:g}" for name, loss in losses.items() if not math.isfinite(loss)]
        if bad:
            raise NonFiniteError(f"step {step}: {', '.join(bad)}")
        return Record(step, losses, metrics), stopping > 0
