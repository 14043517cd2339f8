"""A small classifier of small gray images. Its features are those of its last hidden layer."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from ganzoo import Extractor, ExtractorOutput

__all__ = ["Classifier"]

SIDE = 28
LUMA = (0.299, 0.587, 0.114)


class Classifier(Extractor):
    """Five convolutions with batch norm, the mean over all pixels (128 features, none negative), and a linear layer.

    It takes uint8 images (N, C, H, W) of any size with 1 or 3 channels. Color becomes luma. Images of other sizes are
    resized to 28x28, bilinear with antialiasing.
    """

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *_convolution(1, 32),
            nn.MaxPool2d(2),  # (N, 32, 14, 14)
            *_convolution(32, 64),
            *_convolution(64, 64),
            nn.MaxPool2d(2),  # (N, 64, 7, 7)
            *_convolution(64, 128),
            *_convolution(128, 128),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )
        self.head = nn.Linear(128, classes)

    def forward(self, images: Tensor) -> ExtractorOutput:
        """Features (N, 128) and logits (N, classes) of uint8 images."""
        features = self.body(prepare(images))
        return ExtractorOutput(features, self.head(features))


def prepare(images: Tensor) -> Tensor:
    """The input of the network, (N, 1, 28, 28) in [-1, 1], from uint8 images (N, C, H, W)."""
    pixels = images.to(torch.get_default_dtype())
    if pixels.shape[1] == 3:
        pixels = torch.einsum("nchw,c->nhw", pixels, pixels.new_tensor(LUMA))[:, None]
    if pixels.shape[2:] != (SIDE, SIDE):
        pixels = interpolate(pixels, (SIDE, SIDE), mode="bilinear", antialias=True)
    return pixels / 127.5 - 1


def _convolution(inputs: int, outputs: int) -> tuple[nn.Module, nn.Module, nn.Module]:
    return nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
