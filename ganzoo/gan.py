"""All that the trainer and the sampler know of a GAN."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from ganzoo.tasks import Task

__all__ = ["GAN", "AdversarialLoss", "Batch", "Inputs", "Judged", "Update", "frozen", "judge"]

Batch = Mapping[str, Tensor]
"""One training batch: ``image`` (N, C, H, W) in [-1, 1] and, for labelled data, ``label`` (N,) int64.

For unpaired domains there is ``a`` and ``b`` in place of ``image``.
"""

Inputs = dict[str, Tensor]
"""What a generator makes images from, by name; the first dimension is the image."""


class AdversarialLoss(NamedTuple):
    """The two sides of an adversarial game, as functions of raw scores (logits), any shape.

    `discriminator(real, fake)` is what the discriminator minimises, `generator(fake)` what the
    generator minimises; both return a scalar. `probability` turns scores into D(x), the probability of
    being real, whose optimum is p_data / (p_data + p_g); None where the game has no such reading.
    """

    discriminator: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[[Tensor], Tensor]
    probability: Callable[[Tensor], Tensor] | None = None


class Judged(NamedTuple):
    """What a discriminator was shown in an update, `real` and `fake` (N, C, H, W), and how it scored them.

    `discriminator` may be asked again, of images between the two for instance; whatever else it
    wants, such as labels, is bound to it. `name` tells the discriminators of one GAN apart.
    """

    discriminator: Callable[[Tensor], Tensor]
    real: Tensor
    fake: Tensor
    real_scores: Tensor
    fake_scores: Tensor
    name: str = ""

    @property
    def scores(self) -> tuple[Tensor, Tensor]:
        """Real and fake, in the order that losses take them."""
        return self.real_scores, self.fake_scores


def judge(discriminator: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, name: str = "") -> Judged:
    """Let a discriminator score real images, then others."""
    return Judged(discriminator, real, fake, discriminator(real), discriminator(fake), name)


class Update(NamedTuple):
    """One optimizer step that a training step asks for: the sum of `losses` is minimised in `group`.

    `scores` are figures to record that take no part in the sum. `judged` is what discriminators saw in
    an update of theirs: regularizers add their penalties to it, and D(x) and D(G(z)) are recorded from it.
    """

    group: str
    losses: Mapping[str, Tensor]
    scores: Mapping[str, Tensor] = {}
    judged: Sequence[Judged] = ()


class GAN(nn.Module, ABC):
    """Networks, the algorithm that trains them, and how images come out of them.

    A subclass names in `published` the submodules that sampling needs: only these are averaged
    (EMA) and written to a published file. It names in `judges` those that look at images and score
    them: whatever they look at in training can be augmented. `memory_format` is the order in memory
    that its networks train fastest in. `loss` is the one that it was built with.
    """

    published: tuple[str, ...] = ("generator",)
    judges: tuple[str, ...] = ("discriminator",)
    memory_format: ClassVar[torch.memory_format] = torch.contiguous_format
    loss: AdversarialLoss

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

    def fused(self) -> Callable[[Inputs], Tensor]:
        """A function that generates what `generate` generates in eval mode, to 1e-5, but faster.

        It computes once whatever depends on weights alone. The GAN itself must not change; the function may share
        tensors with it. Called in eval mode; the function is called without gradients, and not after weights change.
        """
        return self.generate

    @torch.no_grad()
    def stand(self, samples: Callable[..., Iterator[Inputs]]) -> Mapping[str, Any]:
        """Give batch norm standing statistics: means over samples, in place of those kept in training.

        An average of weights never made the images that its running statistics were kept of (arXiv:1809.11096,
        appendix C). `samples(**options)` gives batches of inputs for a request with these options. Called in eval
        mode. Returns what changes in the config.
        """
        norms = [norm for norm in self.modules() if isinstance(norm, nn.modules.batchnorm._BatchNorm)]
        momenta = [norm.momentum for norm in norms]
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # a plain mean
            norm.train()
        for inputs in samples():
            self.generate(inputs)
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
            norm.eval()
        return {}

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
