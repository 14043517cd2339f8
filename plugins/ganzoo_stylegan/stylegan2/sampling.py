"""The inputs of a StyleGAN2 generator: drawn for a request, and turned into styles and noise.

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
from ganzoo_stylegan.stylegan2.config import StyleGAN2Config

__all__ = [
    "StyleGenerator",
    "draw_inputs",
    "images_of",
    "mixed_layers",
    "noise_maps",
    "styles_of",
    "truncated",
    "untruncated",
]


class StyleGenerator(Protocol):
    """A generator, fused or not."""

    mapping: Any
    synthesis: Any

    def broadcast(self, w: Tensor) -> Tensor:
        """The same style for all layers: (N, style_dim) to (N, styles, style_dim)."""
        ...


def images_of(generator: StyleGenerator, config: StyleGAN2Config, inputs: Inputs) -> Tensor:
    """(N, C, H, W) in [-1, 1]: the middle of what the generator makes of the inputs."""
    images: Tensor = generator.synthesis(styles_of(generator, inputs), noise_maps(generator, inputs))
    (top, left), (_, height, width) = config.margins, config.image_shape
    return images[:, :, top : top + height, left : left + width].clamp(-1, 1)


def draw_inputs(
    generator: StyleGenerator, config: StyleGAN2Config, request: StyleBased, random: torch.Generator
) -> Inputs:
    """The inputs of one image."""
    inputs = _draw_latent(config, request, random)
    inputs["truncation"] = _factors(config, request)
    inputs["noise"] = _draw_noise(generator, request.noise or "random", random)
    if request.styles is None or request.styles_from is None:
        return inputs
    other = _draw_latent(config, request, torch.Generator().manual_seed(request.styles_from))
    mix = torch.zeros(config.styles)
    mix[mixed_layers(len(config.resolutions), request.styles)] = 1
    return {**inputs, **{f"other_{name}": value for name, value in other.items()}, "mix": mix}


def _draw_latent(config: StyleGAN2Config, request: StyleBased, random: torch.Generator) -> Inputs:
    inputs = {"z": draw_latent("normal", config.latent_dim, random=random)}
    if config.classes:
        label = torch.randint(config.classes, (), generator=random)  # drawn even if a class is given
        inputs["class"] = label if request.label is None else torch.tensor(request.label)
    return inputs


def _factors(config: StyleGAN2Config, request: StyleBased) -> Tensor:
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
    layers = generator.synthesis.layers()
    if kind == "fixed":
        return torch.cat([layer.noise_const.detach().flatten() for layer in layers]).float().cpu()
    numbers = sum(layer.noise_const.numel() for layer in layers)
    return torch.zeros(numbers) if kind == "none" else torch.randn(numbers, generator=random)


def mixed_layers(blocks: int, styles: str) -> slice:
    """Which styles are coarse, middle and fine, in a generator of so many resolutions.

    The coarse ones are those up to 8x8 pixels, the middle ones up to 32x32, and the fine ones all others
    (arXiv:1812.04948, figure 3). Generators of small images have fewer of each.
    """
    coarse = min(2, blocks // 2)
    middle = min(2, blocks - coarse - 1)
    ends = [0, 2 * coarse - 1, 2 * (coarse + middle) - 1, 2 * blocks]
    i = ("coarse", "middle", "fine").index(styles)
    return slice(max(ends[i], 0), max(ends[i + 1], 0))


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
    shapes = [layer.noise_const.shape for layer in generator.synthesis.layers()]
    parts = torch.split(inputs["noise"], [shape.numel() for shape in shapes], 1)
    return [part.view(-1, 1, *shape) for part, shape in zip(parts, shapes, strict=True)]
