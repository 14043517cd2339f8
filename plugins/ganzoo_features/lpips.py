"""LPIPS (arXiv:1801.03924): how different two images look, by the activations of VGG16."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, max_pool2d, relu

from ganzoo import Extractor, ExtractorOutput

__all__ = ["Lpips"]

STAGES = ((0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28))
"""The convolutions of each stage, by their places in torchvision's VGG16. Pooling separates the stages."""

WIDTHS = (64, 128, 256, 512, 512)
"""The channels of each stage."""

SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
SMALLEST, LARGEST = 64, 256


class Lpips(Extractor):
    """LPIPS by VGG16, version 0.1: the weights of VGG16 that ImageNet's classes trained, and a weight for each channel.

    It takes images (N, C, H, W) of any size with 1 or 3 channels; the channel of gray images is repeated. If the
    shorter side is larger than 256 pixels, it becomes 256 by the mean over areas, as StyleGAN2 does before it measures
    path lengths. If it is smaller than 64, it becomes 64, bilinear.

    The features (N, 1472) are the means over all pixels of the activations that the distance compares. It is no
    classifier: the logits are (N, 0).
    """

    def __init__(self, widths: tuple[int, ...] = WIDTHS) -> None:
        super().__init__()
        inputs = (3, *widths)
        self.features = nn.ModuleDict(
            {
                str(place): nn.Conv2d(before if place == stage[0] else width, width, 3, padding=1)
                for stage, (before, width) in zip(STAGES, pairwise(inputs), strict=True)
                for place in stage
            }
        )
        self.heads = nn.ParameterList(torch.ones(width) for width in widths)

    def forward(self, images: Tensor) -> ExtractorOutput:
        """Features (N, 1472) and no logits, (N, 0), of images with pixels from 0 to 255."""
        features = torch.cat([each.mean((2, 3)) for each in self._activations(images)], dim=1)
        return ExtractorOutput(features, features[:, :0])

    def distance(self, images: Tensor, others: Tensor) -> Tensor:
        """(N,): the distance between each image and the other one in its row, both (N, C, H, W) from 0 to 255.

        It is the sum over the five stages of the mean over all pixels of the weighted squared difference of the
        activations, whose channels have length 1 at each pixel (equation 1).
        """
        pairs = zip(self._activations(images), self._activations(others), strict=True)
        return torch.stack([(ours - theirs).square().sum(1).mean((1, 2)) for ours, theirs in pairs]).sum(0)

    def _activations(self, images: Tensor) -> list[Tensor]:
        """The activations of each stage, (N, channels, H, W), of length 1 at each pixel, times the roots of weights."""
        x = _fitted(images.to(self.heads[0].dtype).expand(-1, 3, -1, -1)) / 127.5 - 1
        x = (x - x.new_tensor(SHIFT).view(3, 1, 1)) / x.new_tensor(SCALE).view(3, 1, 1)
        found: list[Tensor] = []
        for stage, weights in zip(STAGES, self.heads, strict=True):
            x = max_pool2d(x, 2) if found else x
            for place in stage:
                x = relu(self.features[str(place)](x))
            length = x.square().sum(1, keepdim=True).clamp_min(1e-20).sqrt() + 1e-10  # the root of 0 has no gradient
            found.append(x / length * weights.sqrt().view(-1, 1, 1))
        return found


def _fitted(images: Tensor) -> Tensor:
    """The images, with a shorter side of 64 to 256 pixels."""
    height, width = images.shape[2:]
    shorter = min(height, width)
    if SMALLEST <= shorter <= LARGEST:
        return images
    wanted = LARGEST if shorter > LARGEST else SMALLEST
    size = (height * wanted // shorter, width * wanted // shorter)
    return interpolate(images, size, mode="area" if shorter > LARGEST else "bilinear")
