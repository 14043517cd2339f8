"""The layers of a sequential generator as frozen records. Each says what it makes of a shape. No torch.

A shape is that of one image or one vector: (features,), or (C, H, W).
"""

from __future__ import annotations

import math
from typing import Literal

from ganzoo import FrozenRecord

__all__ = [
    "Activation",
    "BatchNorm",
    "Convolution",
    "Dropout",
    "Flatten",
    "Function",
    "InstanceNorm",
    "Layer",
    "LayerNorm",
    "Linear",
    "PReLU",
    "Reshape",
    "Shape",
    "TransposedConvolution",
    "Upsampling",
]

Shape = tuple[int, ...]

Function = Literal["relu", "leaky-relu", "elu", "selu", "gelu", "silu", "tanh", "sigmoid", "none"]
"""The functions that an activation may have."""


class Linear(FrozenRecord):
    """A linear map of a vector of `inputs` numbers to one of `outputs` numbers."""

    kind: Literal["linear"] = "linear"
    inputs: int
    outputs: int
    bias: bool = True

    def output(self, shape: Shape) -> Shape:
        """(outputs,)."""
        _expect(shape == (self.inputs,), self, shape)
        return (self.outputs,)


class _Kernel(FrozenRecord):
    """What both kinds of convolution have: square kernels, with the same stride and padding along both axes."""

    inputs: int
    outputs: int
    kernel: int
    stride: int = 1
    padding: int = 0
    bias: bool = True


class Convolution(_Kernel):
    """A convolution."""

    kind: Literal["convolution"] = "convolution"

    def output(self, shape: Shape) -> Shape:
        """(outputs, H', W') with H' = floor((H + 2 padding - kernel) / stride) + 1."""
        _expect(len(shape) == 3 and shape[0] == self.inputs, self, shape)
        sides = ((side + 2 * self.padding - self.kernel) // self.stride + 1 for side in shape[1:])
        return _positive((self.outputs, *sides), self, shape)


class TransposedConvolution(_Kernel):
    """A transposed convolution. A vector counts as an image of one pixel."""

    kind: Literal["transposed-convolution"] = "transposed-convolution"
    output_padding: int = 0

    def output(self, shape: Shape) -> Shape:
        """(outputs, H', W') with H' = (H - 1) stride - 2 padding + kernel + output_padding."""
        image = (*shape, 1, 1) if len(shape) == 1 else shape
        _expect(image[0] == self.inputs, self, shape)
        grown = self.kernel + self.output_padding - 2 * self.padding
        return _positive((self.outputs, *((side - 1) * self.stride + grown for side in image[1:])), self, shape)


class Upsampling(FrozenRecord):
    """Each side becomes `factor` times as long."""

    kind: Literal["upsampling"] = "upsampling"
    factor: int = 2
    mode: Literal["nearest", "bilinear"] = "nearest"

    def output(self, shape: Shape) -> Shape:
        """(C, factor H, factor W)."""
        _expect(len(shape) == 3, self, shape)
        return (shape[0], *(side * self.factor for side in shape[1:]))


class BatchNorm(FrozenRecord):
    """Batch norm over `channels` features or channels, with running statistics. `affine` gives it a gain and a bias."""

    kind: Literal["batch-norm"] = "batch-norm"
    channels: int
    affine: bool = True

    def output(self, shape: Shape) -> Shape:
        """The same shape."""
        _expect(shape[:1] == (self.channels,), self, shape)
        return shape


class InstanceNorm(FrozenRecord):
    """Instance norm over `channels` channels, without running statistics."""

    kind: Literal["instance-norm"] = "instance-norm"
    channels: int
    affine: bool = True

    def output(self, shape: Shape) -> Shape:
        """The same shape."""
        _expect(len(shape) == 3 and shape[0] == self.channels, self, shape)
        return shape


class LayerNorm(FrozenRecord):
    """Layer norm over all `features` of a vector, with a gain and a bias for each (arXiv:1607.06450)."""

    kind: Literal["layer-norm"] = "layer-norm"
    features: int

    def output(self, shape: Shape) -> Shape:
        """The same shape."""
        _expect(shape == (self.features,), self, shape)
        return shape


class Activation(FrozenRecord):
    """A function of each number. None means the config's `activation`.

    `projection` is for the one between the first linear map and its reshape, which the config may change alone.
    """

    kind: Literal["activation"] = "activation"
    function: Function | None = None
    projection: bool = False

    def output(self, shape: Shape) -> Shape:
        """The same shape."""
        return shape


class PReLU(FrozenRecord):
    """A leaky ReLU that has learned its slope: one slope, or one for each feature or channel (arXiv:1502.01852)."""

    kind: Literal["prelu"] = "prelu"
    channels: int = 1

    def output(self, shape: Shape) -> Shape:
        """The same shape."""
        _expect(self.channels in (1, shape[0]), self, shape)
        return shape


class Reshape(FrozenRecord):
    """A vector becomes an image of `channels` x `height` x `width`."""

    kind: Literal["reshape"] = "reshape"
    channels: int
    height: int
    width: int

    def output(self, shape: Shape) -> Shape:
        """(channels, height, width)."""
        image = (self.channels, self.height, self.width)
        _expect(math.prod(shape) == math.prod(image), self, shape)
        return image


class Flatten(FrozenRecord):
    """An image becomes a vector."""

    kind: Literal["flatten"] = "flatten"

    def output(self, shape: Shape) -> Shape:
        """(C H W,)."""
        return (math.prod(shape),)


class Dropout(FrozenRecord):
    """In training, each number is set to zero with this probability. In sampling, it does nothing."""

    kind: Literal["dropout"] = "dropout"
    probability: float = 0.5

    def output(self, shape: Shape) -> Shape:
        """The same shape."""
        return shape


Layer = (
    Linear
    | Convolution
    | TransposedConvolution
    | Upsampling
    | BatchNorm
    | InstanceNorm
    | LayerNorm
    | Activation
    | PReLU
    | Reshape
    | Flatten
    | Dropout
)
"""Any layer of a sequential generator."""


def _expect(fits: bool, layer: Layer, shape: Shape) -> None:
    if not fits:
        raise ValueError(f"{layer} cannot take {'x'.join(map(str, shape))}")


def _positive(made: Shape, layer: Layer, shape: Shape) -> Shape:
    _expect(min(made) > 0, layer, shape)
    return made
