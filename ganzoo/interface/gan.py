"""What the trainer and the sampler know of a GAN, whatever its architecture."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from ganzoo.interface.latents import Prior
from ganzoo.interface.layers import layers_in_order
from ganzoo.interface.tasks import Task

__all__ = [
    "GAN",
    "AdaptiveAugmentation",
    "AdversarialLoss",
    "Batch",
    "DiscriminatorOutput",
    "GeneratorOutput",
    "Inputs",
    "TextMatcher",
    "Update",
    "discriminate",
    "frozen",
    "keep_published",
]

Batch = Mapping[str, Tensor]
"""One training batch: ``image`` (N, C, H, W) in [-1, 1] and, for labeled data, ``label`` (N,) int64.

Data with captions has ``text`` (N, words) int64, the token ids of one caption of each image; 0 is padding.
Unpaired domains have ``a`` and ``b`` in place of ``image``.
"""

Inputs = dict[str, Tensor]
"""What a generator makes images from, by name. The first dimension counts the images."""


class AdversarialLoss(NamedTuple):
    """The two sides of an adversarial game, as functions of logits of any shape.

    `discriminator(real, fake)` is what the discriminator minimizes, `generator(fake)` is what the
    generator minimizes. Both return a scalar. `probability` turns logits into D(x), the probability
    that x is real; its optimum is p_data / (p_data + p_g). It is None for a loss whose logits are no
    such probabilities.
    """

    discriminator: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[[Tensor], Tensor]
    probability: Callable[[Tensor], Tensor] | None = None


class DiscriminatorOutput(NamedTuple):
    """What a discriminator was shown in an update, `real` and `fake` (N, C, H, W), and its logits for both.

    A penalty may call `discriminator` again, for instance on images between the two. Everything else
    that the discriminator takes, such as labels, is bound to it. `name` tells the discriminators of
    one GAN apart.
    """

    discriminator: Callable[[Tensor], Tensor]
    real: Tensor
    fake: Tensor
    real_logits: Tensor
    fake_logits: Tensor
    name: str = ""

    @property
    def logits(self) -> tuple[Tensor, Tensor]:
        """Those of real images, then those of generated ones: the order that losses take."""
        return self.real_logits, self.fake_logits


def discriminate(
    discriminator: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, name: str = ""
) -> DiscriminatorOutput:
    """Run a discriminator on real images, then on generated ones, all (N, C, H, W)."""
    return DiscriminatorOutput(discriminator, real, fake, discriminator(real), discriminator(fake), name)


class GeneratorOutput(NamedTuple):
    """A generator in an update, and the inputs that it got, (N, ..., D): latents, or styles for each layer.

    A penalty calls `generator` again on them. Everything else that the generator takes, such as labels, is
    bound to it. Gradients flow from `latents` to the networks that made them, if they were not detached.
    """

    generator: Callable[[Tensor], Tensor]
    latents: Tensor
    name: str = ""


class AdaptiveAugmentation(nn.Module, ABC):
    """An augmentation whose `strength` follows what discriminators say (arXiv:2006.06676).

    `strength` is a buffer, a number in [0, 1] that starts at 0. All buffers are part of checkpoints, so that a
    resumed run continues with them.
    """

    strength: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("strength", torch.zeros(()))

    @abstractmethod
    def forward(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W), each changed with probability `strength`; differentiable."""

    @abstractmethod
    def observe(self, output: DiscriminatorOutput) -> None:
        """Adapt the strength to what a discriminator saw and returned in an update.

        Use `gather_rows` for what depends on the images of all processes.
        """


class Update(NamedTuple):
    """One optimizer step that a training step asks for: it minimizes the sum of `losses` in `group`.

    `metrics` are recorded and take no part in the sum. `discriminators` holds what each discriminator
    saw and returned in this update: penalties are computed from it, and D(x) and D(G(z)) are recorded.
    `generators` holds the generators that this update trains: penalties on generators are computed from it.
    """

    group: str
    losses: Mapping[str, Tensor]
    metrics: Mapping[str, Tensor] = {}
    discriminators: Sequence[DiscriminatorOutput] = ()
    generators: Sequence[GeneratorOutput] = ()


class GAN(nn.Module, ABC):
    """Networks, the algorithm that trains them, and how they generate images.

    `published` names the submodules that sampling needs. Only these are averaged (EMA) and written
    to a published file. `discriminators` names the submodules that look at images and return logits:
    augmentations change whatever they see in training. `memory_format` is the memory layout in which
    the networks train fastest. `held_inputs` names the inputs that all images of an interpolation have from the first
    one, such as noise. `loss` is the loss that the GAN was built with.
    """

    published: tuple[str, ...] = ("generator",)
    discriminators: tuple[str, ...] = ("discriminator",)
    memory_format: ClassVar[torch.memory_format] = torch.contiguous_format
    held_inputs: ClassVar[tuple[str, ...]] = ()
    loss: AdversarialLoss

    @abstractmethod
    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """A new optimizer for each group of parameters, with the paper's settings."""

    @abstractmethod
    def training_step(self, batches: Iterator[Batch]) -> Iterator[Update]:
        """One iteration of the paper's algorithm, as a generator function.

        It takes as many batches as it needs and yields its updates in order. The trainer applies each
        update before it resumes the function. Losses are scalars.
        """

    @abstractmethod
    def draw(self, request: Task, random: torch.Generator) -> Inputs:
        """The inputs of one image, without the batch dimension, on the CPU, drawn from `random` alone."""

    def draw_batch(self, seeded: Iterable[tuple[int, Task]]) -> Inputs:
        """The inputs of a batch, on the CPU: row i is what `draw` returns for the request and the seed of image i.

        Override it to compute for all rows at a time what needs the networks, such as embeddings.
        """
        random = torch.Generator()
        rows = [self.draw(request, random.manual_seed(seed)) for seed, request in seeded]
        return {name: torch.stack([row[name] for row in rows]) for name in rows[0]}

    @abstractmethod
    def generate(self, inputs: Inputs) -> Tensor:
        """(N, C, H, W) in [-1, 1] from batched inputs. In eval mode, image i depends on row i alone."""

    def fused(self) -> Callable[[Inputs], Tensor]:
        """A function that generates the same images as `generate` in eval mode, but faster.

        Only rounding may differ: by 1e-5 at most in the conformance tests, whose networks are small, and by less than
        1e-4 where norms of each image or a diffusion enlarge it. The function may compute once what is constant while
        nothing is trained. The GAN itself stays as it is. If the function is a module, ganzoo may replace its layers:
        it brings the weights of convolutions and linear layers into the layout that is fastest on the device. The
        modules of the GAN are left alone. The function consists of PyTorch's plain operations, so that it can be
        exported.
        """
        return self.generate

    def edit_inputs(self, inputs: Inputs) -> Inputs:
        """The inputs that interpolations and edits move, from drawn ones, both with a batch dimension.

        By default they are the same. A GAN may return others that `generate` takes in their place and in which images
        change more evenly, such as styles. It returns such inputs as they are.
        """
        return inputs

    def inversion_inputs(self, inputs: Inputs) -> Inputs:
        """The inputs at which the search for an image begins, from drawn ones, both with a batch dimension.

        By default they are the same. A GAN may return others that `generate` takes in their place and that reach more
        images, such as a style for each layer.
        """
        return inputs

    def inversion_priors(self, inputs: Inputs) -> Mapping[str, Prior]:
        """Which inputs the search for an image changes, each with its prior; it leaves all others as they are.

        `inputs` are those of `inversion_inputs` for several draws of one request. By default, those of floating-point
        numbers that differ between the draws have a standard normal prior. So an input that the request determines,
        such as the embedding of a given class, stays.
        """
        return {
            name: Prior()
            for name, value in inputs.items()
            if value.is_floating_point() and bool((value != value[:1]).any())
        }

    def direction_layers(self) -> Mapping[str, Sequence[Tensor]]:
        """The weights of the first affine layers behind one of `edit_inputs`, by its name, each (outputs, inputs).

        `ganzoo edit` takes its directions from them. By default there are none, and the model cannot be edited.
        """
        return {}

    def direction_activations(self, inputs: Inputs) -> Mapping[str, Tensor]:
        """Early activations (N, ...) for batched inputs, by the name of the input that they depend on.

        `ganzoo edit` takes the principal components of them. By default they are the outputs of the
        `direction_layers`. Behind a nonlinearity they tell more.
        """
        layers = self.direction_layers()
        return {name: inputs[name].flatten(1) @ torch.cat(list(matrices)).T for name, matrices in layers.items()}

    def discriminator_layers(self) -> Mapping[str, Sequence[nn.Module]]:
        """The layers of each discriminator, by its name, in the order in which an image passes them.

        `ganzoo train --freeze N` keeps the first N as they are (arXiv:2002.10964). By default they are in the order in
        which the children of a discriminator were defined: see `layers_in_order`.
        """
        return {name: layers_in_order(self.get_submodule(name)) for name in self.discriminators}

    @torch.no_grad()
    def standing_statistics(self, samples: Callable[..., Iterator[Inputs]]) -> Mapping[str, Any]:
        """Replace the running statistics of batch norm by means over samples; returns what changes in the config.

        The running statistics belong to the weights of training, not to their average, which never
        generated those images (arXiv:1809.11096, appendix C). `samples(**options)` yields batches of
        inputs for a request with these options. Called in eval mode.
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


@runtime_checkable
class TextMatcher(Protocol):
    """What a `GAN` has besides, whose networks compare images with texts, as evaluations of text to image need it.

    Images and texts that fit have a large dot product. The networks must be among the `published` ones.
    """

    def match_images(self, images: Tensor) -> Tensor:
        """The embeddings (N, D) of length 1 of images (N, C, H, W) in [-1, 1]."""
        ...

    def match_texts(self, text: Tensor) -> Tensor:
        """The embeddings (N, D) of length 1 of texts, token ids (N, words) int64 as in a `Batch`."""
        ...


def keep_published(gan: GAN) -> None:
    """Delete the submodules that sampling does not need, such as the discriminator."""
    for submodule in [name for name, _ in gan.named_children() if name not in gan.published]:
        delattr(gan, submodule)


@contextmanager
def frozen(*modules: nn.Module) -> Iterator[None]:
    """Inside, the parameters of `modules` receive no gradient. Gradients still flow through the modules."""
    parameters = [p for module in modules for p in module.parameters() if p.requires_grad]
    for parameter in parameters:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in parameters:
            parameter.requires_grad_(True)
