"""What GANs with styles share: their training step, sampling, editing and inversion."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from ganzoo import (
    GAN,
    Batch,
    GeneratorOutput,
    Inputs,
    InvalidRequestError,
    Prior,
    StyleBased,
    Task,
    Update,
    discriminate,
    draw_latent,
    frozen,
    gather_rows,
)
from ganzoo_stylegan.sampling import StyleConfig, StyleGenerator, draw_inputs, images_of, styles_of, untruncated

__all__ = ["StyleGAN", "track_mean"]

MEAN_DECAY = 0.995
"""The decay of the running mean of the styles at each batch, as in the authors' code."""

_DRAWS = 1000  # for the scale of the styles


@torch.no_grad()
def track_mean(mean: Tensor, w: Tensor) -> None:
    """Move the running mean of styles, (style_dim,), toward that of `w`, (N, style_dim), of all processes."""
    mean.lerp_(gather_rows(w).mean(0).to(mean), 1 - MEAN_DECAY)


class StyleGAN(GAN):
    """A generator with a mapping to styles, and a discriminator. Subclasses make both."""

    memory_format = torch.channels_last
    held_inputs = ("noise",)
    config: StyleConfig
    generator: StyleGenerator
    discriminator: nn.Module

    def training_step(self, batches: Iterator[Batch]) -> Iterator[Update]:
        """One step of D, then one step of G with the same generated images, which are computed only once."""
        batch = next(batches)
        image, label = self._on_canvas(batch["image"]), self._label(batch)
        styles = self.mixed_styles(len(image), label)
        fake = self.synthesize(styles)
        output = discriminate(lambda images: self.discriminator(images, label), image, fake.detach())
        yield Update("discriminator", {"adversarial": self.loss.discriminator(*output.logits)}, discriminators=[output])
        with frozen(self.discriminator):
            fooled = self.loss.generator(output.discriminator(fake))
            generator = GeneratorOutput(self.synthesize, styles)
            yield Update("generator", {"adversarial": fooled}, generators=[generator])

    def _label(self, batch: Batch) -> Tensor | None:
        """The labels of a batch, (N,); None if the networks have no classes.

        Raises:
            InvalidRequestError: The data has no classes, or too many.
        """
        if not self.config.classes:
            return None
        label = batch.get("label")
        if label is None or int(label.max()) >= self.config.classes:
            found = "none" if label is None else "more"
            problem = f"the config has {self.config.classes} classes, and the data has {found}"
            raise InvalidRequestError(f"{problem} - give their number with --config classes=N, or leave it out")
        return label

    def _on_canvas(self, images: Tensor) -> Tensor:
        """Images with the black margins that the networks make and see too."""
        top, left = self.config.margins
        return functional.pad(images, (left, left, top, top), value=-1.0) if top or left else images

    def synthesize(self, styles: Tensor) -> Tensor:
        """(N, C, H, W) from a style for each layer, (N, styles, style_dim), with new noise."""
        images: Tensor = self.generator.synthesis(styles, self.generator.synthesis.random_noise(len(styles)))
        return images

    def mixed_styles(self, count: int, label: Tensor | None) -> Tensor:
        """The styles of new latents, (count, styles, style_dim), some of them of two latents (arXiv:1812.04948, 3.1).

        From a random layer on, a share of `style_mixing` of the images has the styles of the second latent. The first
        latent moves the mean style.
        """
        first = self.generator.mapping(self.noise(count), label)
        track_mean(self.generator.mapping.w_avg, first.detach())
        if self.config.style_mixing == 0:
            return self.generator.broadcast(first)
        second = self.generator.mapping(self.noise(count), label)
        layers = torch.arange(self.config.styles, device=self.device)
        cut = torch.randint(1, self.config.styles, (count, 1), device=self.device)
        mixed = torch.rand(count, 1, device=self.device) < self.config.style_mixing
        return torch.where((mixed & (layers >= cut))[:, :, None], second[:, None], first[:, None])

    def noise(self, count: int) -> Tensor:
        """`count` latents for a training step, (count, latent_dim)."""
        return draw_latent("normal", count, self.config.latent_dim, device=self.device)

    def draw(self, request: Task, random: torch.Generator) -> Inputs:
        """The inputs of one image, as `ganzoo_stylegan.sampling` says."""
        return draw_inputs(self.generator, self.config, cast("StyleBased", request), random)

    def generate(self, inputs: Inputs) -> Tensor:
        """(N, C, H, W) in [-1, 1]."""
        return images_of(self.generator, self.config, inputs)

    @torch.no_grad()
    def standing_statistics(self, samples: Callable[..., Iterator[Inputs]]) -> Mapping[str, Any]:
        """Replace the mean style by the mean over samples; that of training was of changing weights."""
        styles = [self.generator.mapping(inputs["z"], inputs.get("class")) for inputs in samples()]
        self.generator.mapping.w_avg.copy_(torch.cat(styles).mean(0))
        return {}

    @torch.no_grad()
    def edit_inputs(self, inputs: Inputs) -> Inputs:
        """The style ``w`` in place of the latent: (N, style_dim), or (N, styles, style_dim) of mixed images."""
        w = untruncated(self.generator, self._on_device(inputs)).to(inputs["noise"].device)
        return {"w": w, **{name: inputs[name] for name in ("truncation", "noise") if name in inputs}}

    @torch.no_grad()
    def inversion_inputs(self, inputs: Inputs) -> Inputs:
        """A style for each layer (N, styles, style_dim), which reach more images than latents do; and the noise."""
        w = styles_of(self.generator, self._on_device(inputs)).to(inputs["noise"].device)
        return {"w": w, "noise": inputs["noise"]}

    @torch.no_grad()
    def inversion_priors(self, inputs: Inputs) -> Mapping[str, Prior]:
        """The styles are normal around the mean style, as widely as those of random latents. The noise stays."""
        z = draw_latent("normal", _DRAWS, self.config.latent_dim, random=torch.Generator().manual_seed(0))
        label = torch.arange(_DRAWS, device=self.device) % self.config.classes if self.config.classes else None
        scale = self.generator.mapping(z.to(self.device, self.generator.mapping.w_avg.dtype), label).std(0)
        return {"w": Prior("normal", self.generator.mapping.w_avg.expand_as(inputs["w"][0]), scale)}

    def direction_activations(self, inputs: Inputs) -> Mapping[str, Tensor]:
        """The styles themselves (arXiv:2004.02546, section 2.2)."""
        return {"w": inputs["w"]}

    def _on_device(self, inputs: Inputs) -> Inputs:
        return {name: value.to(self.device) for name, value in inputs.items() if name != "noise"}
