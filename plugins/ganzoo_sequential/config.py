"""The config of sequential generators, and how to train them. This module does not import torch."""

from __future__ import annotations

from itertools import accumulate
from typing import Literal

from ganzoo import FrozenRecord, Recipe
from ganzoo_sequential.layers import (
    Activation,
    BatchNorm,
    Convolution,
    Dropout,
    Function,
    Layer,
    Linear,
    Reshape,
    Shape,
    TransposedConvolution,
)

__all__ = ["RECIPES", "TINY", "SequentialConfig", "shapes_of"]


def _block(inputs: int, outputs: int) -> tuple[Layer, ...]:
    """Batch norm, an activation, and a transposed convolution that doubles both sides."""
    upsample = TransposedConvolution(inputs=inputs, outputs=outputs, kernel=4, stride=2, padding=1)
    return (BatchNorm(channels=inputs), Activation(), upsample)


_DEFAULT: tuple[Layer, ...] = (
    Linear(inputs=100, outputs=128 * 7 * 7),
    Reshape(channels=128, height=7, width=7),
    *_block(128, 64),
    *_block(64, 1),
)


class SequentialConfig(FrozenRecord):
    """The config of a generator that is a plain sequence of layers. The discriminator mirrors it.

    - `layers` are the layers from the latent to the image, without the last activation. The first must be linear or a
      transposed convolution: its inputs are the latent. The default is a linear layer and two transposed convolutions
      for 28x28 gray images.
    - `latent` is the distribution of each number of the latent: normal with variance 1, or uniform in [-1, 1).
    - `activation` is the function of every `Activation` that names none. `slope` is that of leaky ReLUs and ELUs.
    - `projection` is the function of the one that is marked as ``projection``: ``same`` as the others, or ``none``.
    - `output` is the last activation: ``tanh`` for pixels in [-1, 1], ``sigmoid`` for pixels in [0, 1], which are
      mapped to [-1, 1], or ``none``.
    - `epsilon` is the epsilon of every norm.

    Raises:
        ValueError: the layers do not fit each other, or a value is out of its range.
    """

    layers: tuple[Layer, ...] = _DEFAULT
    latent: Literal["normal", "uniform"] = "normal"
    activation: Function = "relu"
    slope: float = 0.2
    projection: Literal["same", "none"] = "same"
    output: Literal["tanh", "sigmoid", "none"] = "tanh"
    epsilon: float = 1e-5
    learning_rate: float = 2e-4
    beta1: float = 0.5

    def __post_init__(self) -> None:
        if not self.layers or not isinstance(self.layers[0], (Linear, TransposedConvolution)):
            raise ValueError("layers must start with a linear layer or a transposed convolution")
        for layer in self.layers:
            _check(layer)
        shape = shapes_of(self.layers)[-1]
        if len(shape) != 3:
            raise ValueError(f"layers end with {shape[0]} numbers, not with an image - end them with a reshape")
        if self.epsilon <= 0 or self.slope < 0:
            raise ValueError("epsilon is above 0, and slope at least 0")

    @property
    def latent_dim(self) -> int:
        """The length of the latent."""
        return shapes_of(self.layers)[0][0]

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one image."""
        channels, height, width = shapes_of(self.layers)[-1]
        return channels, height, width


def shapes_of(layers: tuple[Layer, ...]) -> list[Shape]:
    """The shape of the latent, then the shape after each layer.

    Raises:
        ValueError: a layer cannot take the shape before it.
    """
    first = layers[0]
    if not isinstance(first, (Linear, TransposedConvolution)):
        raise ValueError("layers must start with a linear layer or a transposed convolution")
    latent: Shape = (first.inputs,)
    return list(accumulate(layers, lambda shape, layer: layer.output(shape), initial=latent))


def _check(layer: Layer) -> None:
    """Refuse sizes that no layer can have."""
    sizes = {name: value for name, value in vars(layer).items() if type(value) is int}
    least = {"padding": 0, "output_padding": 0}
    if any(value < least.get(name, 1) for name, value in sizes.items()):
        raise ValueError(f"{layer} has a size below 1")
    if isinstance(layer, TransposedConvolution) and layer.output_padding >= layer.stride:
        raise ValueError(f"{layer}: output_padding must be below stride")
    if isinstance(layer, Dropout) and not 0 <= layer.probability < 1:
        raise ValueError(f"{layer}: probability is in [0, 1)")


RECIPES = {"*": Recipe()}
"""How to train on each data set, by its name; ``*`` is for all."""

TINY = {
    "layers": (
        Linear(inputs=4, outputs=16),
        BatchNorm(channels=16),
        Activation(),
        Reshape(channels=4, height=2, width=2),
        Convolution(inputs=4, outputs=8, kernel=3, padding=1),
        BatchNorm(channels=8),
        Activation(function="leaky-relu"),
        TransposedConvolution(inputs=8, outputs=1, kernel=4, stride=2, padding=1),
    )
}
"""The config values that make a network small enough for tests."""
