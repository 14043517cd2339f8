"""The inputs of a generator with styles: drawn for a request, and turned into styles and noise.

Drawn inputs of N images are the latents ``z`` (N, latent_dim), the factors ``truncation`` (N, styles) of the styles'
distances to the mean style, and ``noise`` (N, numbers), that of all layers one after the other. With classes there is
``class`` (N,). Mixed images also have the latents ``other_z`` of the other styles, their ``other_class``, and ``mix``
(N, styles), 1 where a style is another one. ``w`` may stand in the place of latents and classes: styles (N, style_dim),
or one for each layer, (N, styles, style_dim).
"""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor

from ganzoo import Inputs, InvalidRequestError, StyleBased, draw_latent

__all__ = [
    "StyleConfig",
    "StyleGenerator",
    "draw_inputs",
    "images_of",
    "mixed_layers",
    "noise_maps",
    "styles_of",
    "truncated",
    "untruncated",
]


class StyleConfig(Protocol):
    """What the config of an architecture with styles says."""

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one image."""
        ...

    @property
    def classes(self) -> int:
        """The number of classes, or 0."""
        ...

    @property
    def latent_dim(self) -> int:
        """The size of a latent."""
        ...

    @property
    def style_mixing(self) -> float:
        """The share of training images that get the styles of two latents."""
        ...

    @property
    def resolutions(self) -> tuple[int, ...]:
        """The resolutions of the blocks, from 4 on."""
        ...

    @property
    def styles(self) -> int:
        """The number of styles of an image."""
        ...

    def first_style(self, block: int) -> int:
        """The first style that belongs to a block; for the number of blocks, the number of styles."""
        ...

    @property
    def margins(self) -> tuple[int, int]:
        """The rows above an image on what the networks make, and the columns to its left."""
        ...


class StyleGenerator(Protocol):
    """A generator, fused or not. `mapping` has the mean style `w_avg`, and `synthesis` has `constant_noise`."""

    mapping: Any
    synthesis: Any

    def broadcast(self, w: Tensor) -> Tensor:
        """The same style for all layers: (N, style_dim) to (N, styles, style_dim)."""
        ...


def images_of(generator: StyleGenerator, config: StyleConfig, inputs: Inputs) -> Tensor:
    """(N, C, H, W) in [-1, 1]: the middle of what the generator makes of the inputs."""
    images: Tensor = generator.synthesis(styles_of(generator, inputs), noise_maps(generator, inputs))
    (top, left), (_, height, width) = config.margins, config.image_shape
    return images[:, :, top : top + height, left : left + width].clamp(-1, 1)


def draw_inputs(generator: StyleGenerator, config: StyleConfig, request: StyleBased, random: torch.Generator) -> Inputs:
    """The inputs of one image."""
    inputs = _draw_latent(config, request, random)
    inputs["truncation"] = _factors(config, request)
    inputs["noise"] = _draw_noise(generator, request.noise or "random", random)
    if request.styles is None or request.styles_from is None:
        return inputs
    other = _draw_latent(config, request, torch.Generator().manual_seed(request.styles_from))
    mix = torch.zeros(config.styles)
    mix[mixed_layers(config, request.styles)] = 1
    return {**inputs, **{f"other_{name}": value for name, value in other.items()}, "mix": mix}


def _draw_latent(config: StyleConfig, request: StyleBased, random: torch.Generator) -> Inputs:
    inputs = {"z": draw_latent("normal", config.latent_dim, random=random)}
    if config.classes:
        label = torch.randint(config.classes, (), generator=random)  # drawn even if a class is given
        inputs["class"] = label if request.label is None else torch.tensor(request.label)
    return inputs


def _factors(config: StyleConfig, request: StyleBased) -> Tensor:
    """The truncation of each style, (styles,).

    Raises:
        InvalidRequestError: the cutoff is larger than the number of styles.
    """
    if request.cutoff is not None and request.cutoff > config.styles:
        raise InvalidRequestError(f"cutoff is at most {config.styles}, the number of styles, not {request.cutoff}")
    factors = torch.ones(config.styles)
    factors[: request.cutoff] = 1.0 if request.truncation is None else request.truncation
    return factors


def _draw_noise(generator: StyleGenerator, kind: str, random: torch.Generator) -> Tensor:
    """The noise of all layers, (numbers,)."""
    constant = torch.cat([each.detach().flatten() for each in generator.synthesis.constant_noise()]).float().cpu()
    if kind == "fixed":
        return constant
    return torch.zeros_like(constant) if kind == "none" else torch.randn(len(constant), generator=random)


def mixed_layers(config: StyleConfig, styles: str) -> slice:
    """Which styles are coarse, middle and fine.

    The coarse ones are those up to 8x8 pixels, the middle ones up to 32x32, and the fine ones all others
    (arXiv:1812.04948, figure 3). Generators of small images have fewer of each.
    """
    blocks = len(config.resolutions)
    coarse = min(2, blocks // 2)
    middle = min(2, blocks - coarse - 1)
    ends = [config.first_style(block) for block in (0, coarse, coarse + middle, blocks)]
    i = ("coarse", "middle", "fine").index(styles)
    return slice(ends[i], ends[i + 1])


def styles_of(generator: StyleGenerator, inputs: Inputs) -> Tensor:
    """The style of each layer, (N, styles, style_dim)."""
    return truncated(generator, untruncated(generator, inputs), inputs)


def untruncated(generator: StyleGenerator, inputs: Inputs) -> Tensor:
    """The styles before truncation: (N, style_dim), or (N, styles, style_dim) where the layers have their own."""
    if "w" in inputs:
        return inputs["w"]
    w: Tensor = generator.mapping(inputs["z"], inputs.get("class"))
    if "mix" not in inputs:
        return w
    other = generator.broadcast(generator.mapping(inputs["other_z"], inputs.get("other_class")))
    return torch.lerp(generator.broadcast(w), other, inputs["mix"][:, :, None])


def truncated(generator: StyleGenerator, w: Tensor, inputs: Inputs) -> Tensor:
    """The style of each layer, moved toward the mean style (arXiv:1812.04948, appendix B)."""
    each = generator.broadcast(w) if w.ndim == 2 else w
    if "truncation" not in inputs:
        return each
    mean: Tensor = generator.mapping.w_avg
    return torch.lerp(mean.expand_as(each), each, inputs["truncation"][:, :, None])


def noise_maps(generator: StyleGenerator, inputs: Inputs) -> list[Tensor]:
    """The noise of each layer, (N, 1, H, W)."""
    constant: list[Tensor] = generator.synthesis.constant_noise()
    parts = torch.split(inputs["noise"], [each.numel() for each in constant], 1)
    return [part.view(-1, *each.shape[1:]) for part, each in zip(parts, constant, strict=True)]
