"""All that the trainer and the sampler know of a GAN."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from ganzoo.tasks import Task

__all__ = ["GAN", "AdversarialLoss", "Batch", "Inputs", "Update", "frozen"]

Batch = Mapping[str, Tensor]
"""One training batch: ``image`` (N, C, H, W) in [-1, 1] and, for labelled data, ``label`` (N,) int64."""

Inputs = dict[str, Tensor]
"""What a generator makes images from, by name; the first dimension is the image."""


class AdversarialLoss(NamedTuple):
    """The two sides of an adversarial game, as functions of raw scores (logits), any shape.

    `discriminator(real, fake)` is what the discriminator minimises, `generator(fake)` what the
    generator minimises; both return a scalar.
    """

    discriminator: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[[Tensor], Tensor]


class Update(NamedTuple):
    """One optimizer step that a training step asks for: the sum of `losses` is minimised in `group`.

    `scores` are figures to record that take no part in the sum, such as D(x).
    """

    group: str
    losses: Mapping[str, Tensor]
    scores: Mapping[str, Tensor] = {}


class GAN(nn.Module, ABC):
    """Networks, the algorithm that trains them, and how images come out of them.

    A subclass names in `published` the submodules that sampling needs; only these are averaged
    (EMA) and written to a published file.
    """

    published: ClassVar[tuple[str, ...]] = ("generator",)

    @abstractmethod
    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """A new optimizer for each group of parameters, with the paper's settings."""

    @abstractmethod
    def training_step(self, batches: Iterator[Batch]) -> Iterator[Update]:
        """One iteration of the paper's algorithm.

        Takes as many batches as it wants and yields its updates in order; each has been applied
        when the generator is resumed. Losses are scalars.
        """

    @abstractmethod
    def draw(self, request: Task, random: torch.Generator) -> Inputs:
        """The inputs of one image, without the batch dimension, on the CPU, from `random` alone."""

    @abstractmethod
    def generate(self, inputs: Inputs) -> Tensor:
        """(N, C, H, W) in [-1, 1] from batched inputs. Image i depends on row i alone in eval mode."""

    @property
    def device(self) -> torch.device:
        """Where the parameters are."""
        return next(self.parameters()).device


@contextmanager
def frozen(*modules: nn.Module) -> Iterator[None]:
    """No gradient reaches the parameters of `modules` inside; it still flows through them."""
    parameters = [p for module in modules for p in module.parameters() if p.requires_grad]
    for parameter in parameters:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in parameters:
            parameter.requires_grad_(True)
