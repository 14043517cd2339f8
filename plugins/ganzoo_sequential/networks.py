"""Networks from layer records: a generator, and the discriminator that mirrors it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from torch import Tensor, nn

from ganzoo_sequential.config import SequentialConfig, shapes_of
from ganzoo_sequential.layers import (
    Activation,
    BatchNorm,
    Convolution,
    Dropout,
    Flatten,
    InstanceNorm,
    Layer,
    LayerNorm,
    Linear,
    PReLU,
    Reshape,
    Shape,
    TransposedConvolution,
    Upsampling,
)

__all__ = ["Discriminator", "Generator"]


class Generator(nn.Sequential):
    """The layers of a config, then its output function: (N, latent_dim) to (N, C, H, W) in [-1, 1]."""

    def __init__(self, config: SequentialConfig) -> None:
        shapes = shapes_of(config.layers)
        super().__init__(*(_module(layer, shape, config) for layer, shape in zip(config.layers, shapes, strict=False)))
        self.output = config.output
        self.from_pixel = isinstance(config.layers[0], TransposedConvolution)

    def forward(self, z: Tensor) -> Tensor:
        """One image for each row of `z`."""
        images: Tensor = super().forward(z[:, :, None, None] if self.from_pixel else z)  # type: ignore[no-untyped-call]
        return to_range(images, self.output)


def to_range(images: Tensor, output: str) -> Tensor:
    """Apply the last activation, and map its range to [-1, 1]."""
    if output == "tanh":
        return images.tanh()
    return images.sigmoid().mul(2).sub(1) if output == "sigmoid" else images


class Discriminator(nn.Sequential):
    """The generator's layers in reverse order: (N, C, H, W) in [-1, 1] to (N,) logits.

    Each linear map and each convolution leads back to the shape before it, with leaky ReLUs in between. Upsampling
    becomes average pooling. There are no norms, so that every penalty on gradients makes sense (arXiv:1704.00028,
    section 4).
    """

    def __init__(self, config: SequentialConfig) -> None:
        steps = list(zip(config.layers, pairwise(shapes_of(config.layers)), strict=True))
        modules: list[nn.Module] = []
        for layer, (before, after) in reversed(steps):
            wanted = (1, *before[1:]) if layer is config.layers[0] else before
            mirrored = _mirror(layer, after, wanted)
            modules += mirrored if layer is config.layers[0] or not _has_weights(layer) else [*mirrored, _leaky()]
        super().__init__(*modules, nn.Flatten())

    def forward(self, images: Tensor) -> Tensor:
        """One logit for each image."""
        logits: Tensor = super().forward(images)  # type: ignore[no-untyped-call]
        return logits.squeeze(1)


def _leaky() -> nn.Module:
    return nn.LeakyReLU(0.2)


def _has_weights(layer: Layer) -> bool:
    return isinstance(layer, (Linear, Convolution, TransposedConvolution))


def _mirror(layer: Layer, after: Shape, before: Shape) -> list[nn.Module]:
    """Modules that lead from the shape after a layer back to the shape before it; none for norms and activations."""
    if isinstance(layer, Linear):
        return [nn.Linear(after[0], before[0])]
    if isinstance(layer, TransposedConvolution):
        return [nn.Conv2d(after[0], before[0], layer.kernel, layer.stride, layer.padding)]
    if isinstance(layer, Convolution):
        lost = (before[1] + 2 * layer.padding - layer.kernel) % layer.stride
        options = (layer.kernel, layer.stride, layer.padding, lost)
        return [nn.ConvTranspose2d(after[0], before[0], *options)]
    if isinstance(layer, Upsampling):
        return [nn.AvgPool2d(layer.factor)]
    if isinstance(layer, Reshape):
        return [nn.Flatten()]
    return [nn.Unflatten(1, before)] if isinstance(layer, Flatten) else []


_FUNCTIONS: dict[str, Callable[[float], nn.Module]] = {
    "relu": lambda _: nn.ReLU(),
    "leaky-relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "selu": lambda _: nn.SELU(),
    "gelu": lambda _: nn.GELU(),
    "silu": lambda _: nn.SiLU(),
    "tanh": lambda _: nn.Tanh(),
    "sigmoid": lambda _: nn.Sigmoid(),
    "none": lambda _: nn.Identity(),
}


def _function(layer: Activation, config: SequentialConfig) -> str:
    """The name of the function of an activation."""
    return "none" if layer.projection and config.projection == "none" else layer.function or config.activation


def _module(layer: Layer, shape: Shape, config: SequentialConfig) -> nn.Module:
    """The module of a layer whose input has this shape."""
    make: dict[type[Any], Callable[[Any], nn.Module]] = {
        Linear: lambda each: nn.Linear(each.inputs, each.outputs, bias=each.bias),
        Convolution: lambda each: nn.Conv2d(
            each.inputs, each.outputs, each.kernel, each.stride, each.padding, bias=each.bias
        ),
        TransposedConvolution: lambda each: nn.ConvTranspose2d(
            each.inputs, each.outputs, each.kernel, each.stride, each.padding, each.output_padding, bias=each.bias
        ),
        Upsampling: lambda each: nn.Upsample(
            scale_factor=each.factor, mode=each.mode, align_corners=None if each.mode == "nearest" else False
        ),
        BatchNorm: lambda each: (nn.BatchNorm1d if len(shape) == 1 else nn.BatchNorm2d)(
            each.channels, config.epsilon, affine=each.affine
        ),
        InstanceNorm: lambda each: nn.InstanceNorm2d(each.channels, config.epsilon, affine=each.affine),
        LayerNorm: lambda each: nn.LayerNorm(each.features, config.epsilon),
        Activation: lambda each: _FUNCTIONS[_function(each, config)](config.slope),
        PReLU: lambda each: nn.PReLU(each.channels),
        Reshape: lambda each: nn.Unflatten(1, (each.channels, each.height, each.width)),
        Flatten: lambda _: nn.Flatten(),
        Dropout: lambda each: nn.Dropout(each.probability),
    }
    return make[type(layer)](layer)
