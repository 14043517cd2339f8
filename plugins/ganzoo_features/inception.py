"""The Inception-v3 that defines FID: TensorFlow's network of 2015, with its pooling and its resizing."""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn
from torch.nn.functional import linear
from torch_fidelity.feature_extractor_inceptionv3 import (
    BasicConv2d,
    InceptionA,
    InceptionB,
    InceptionC,
    InceptionD,
    InceptionE_1,
    InceptionE_2,
)

from ganzoo import Extractor, ExtractorOutput
from ganzoo_features.resizing import as_color_square

__all__ = ["Inception"]

SIDE = 299


class Inception(Extractor):
    """Inception-v3 (arXiv:1512.00567), made of torch-fidelity's blocks, without weights.

    It takes uint8 images (N, C, H, W) of any size with 1 or 3 channels. It resizes them to 299x299 as TensorFlow 1
    does, bilinear without antialiasing, and repeats the channel of gray images three times. The features (N, 2048) are
    those of the last pooling. The logits (N, 1008) have no bias, as in the code that defined IS.
    """

    def __init__(self) -> None:
        super().__init__()
        layers: OrderedDict[str, nn.Module] = OrderedDict(
            Conv2d_1a_3x3=BasicConv2d(3, 32, kernel_size=3, stride=2),
            Conv2d_2a_3x3=BasicConv2d(32, 32, kernel_size=3),
            Conv2d_2b_3x3=BasicConv2d(32, 64, kernel_size=3, padding=1),
            MaxPool_1=nn.MaxPool2d(kernel_size=3, stride=2),
            Conv2d_3b_1x1=BasicConv2d(64, 80, kernel_size=1),
            Conv2d_4a_3x3=BasicConv2d(80, 192, kernel_size=3),
            MaxPool_2=nn.MaxPool2d(kernel_size=3, stride=2),
            Mixed_5b=InceptionA(192, pool_features=32),
            Mixed_5c=InceptionA(256, pool_features=64),
            Mixed_5d=InceptionA(288, pool_features=64),
            Mixed_6a=InceptionB(288),
            Mixed_6b=InceptionC(768, channels_7x7=128),
            Mixed_6c=InceptionC(768, channels_7x7=160),
            Mixed_6d=InceptionC(768, channels_7x7=160),
            Mixed_6e=InceptionC(768, channels_7x7=192),
            Mixed_7a=InceptionD(768),
            Mixed_7b=InceptionE_1(1280),
            Mixed_7c=InceptionE_2(2048),
            AvgPool=nn.AdaptiveAvgPool2d(1),
        )
        for name, layer in layers.items():
            self.add_module(name, layer)
        self.layers = tuple(layers)
        self.fc = nn.Linear(2048, 1008)

    def forward(self, images: Tensor) -> ExtractorOutput:
        """Features and logits of uint8 images (N, C, H, W)."""
        x = (as_color_square(images, SIDE, dtype=self.fc.weight.dtype) - 128) / 128
        for name in self.layers:
            x = self.get_submodule(name)(x)
        features = x.flatten(1)
        return ExtractorOutput(features, linear(features, self.fc.weight))
