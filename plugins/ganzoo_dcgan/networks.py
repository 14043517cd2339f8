"""The convolutional networks of DCGAN, for every resolution."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from ganzoo_dcgan.config import DCGANConfig

__all__ = ["Discriminator", "Generator"]


class Generator(nn.Sequential):
    """Figure 1: (N, latent_dim) to (N, C, H, W) in [-1, 1] by fractionally-strided convolutions.

    The first layer projects z to the first map, such as 4x4 pixels. It is a transposed convolution of a 1x1 image: the
    same linear map.
    """

    def __init__(self, config: DCGANConfig) -> None:
        widths = [config.generator_width * depth for depth in reversed(config.depths)]  # 1024, 512, 256, 128
        layers: list[nn.Module] = [nn.ConvTranspose2d(config.latent_dim, widths[0], config.first_map.size, bias=False)]
        for inputs, outputs in pairwise(widths):
            layers += [nn.BatchNorm2d(inputs), nn.ReLU(inplace=True), _upsample(inputs, outputs)]
        layers += [nn.BatchNorm2d(widths[-1]), nn.ReLU(inplace=True), _upsample(widths[-1], config.channels), nn.Tanh()]
        super().__init__(*layers)
        self.apply(_initialize)

    def forward(self, z: Tensor) -> Tensor:
        """One image for each row of `z`."""
        images: Tensor = super().forward(z[:, :, None, None])  # type: ignore[no-untyped-call]
        return images


class Discriminator(nn.Sequential):
    """Strided convolutions: (N, C, H, W) in [-1, 1] to (N,) logits. The widths are those of figure 1, reversed."""

    def __init__(self, config: DCGANConfig) -> None:
        widths = [config.discriminator_width * depth for depth in config.depths]  # 128, 256, 512, 1024
        layers: list[nn.Module] = [_downsample(config.channels, widths[0]), nn.LeakyReLU(0.2, inplace=True)]
        for inputs, outputs in pairwise(widths):
            layers += [_downsample(inputs, outputs), nn.BatchNorm2d(outputs), nn.LeakyReLU(0.2, inplace=True)]
        super().__init__(*layers, nn.Conv2d(widths[-1], 1, config.first_map.size, bias=False))
        self.apply(_initialize)

    def forward(self, images: Tensor) -> Tensor:
        """One logit for each image."""
        logits: Tensor = super().forward(images)  # type: ignore[no-untyped-call]
        return logits.flatten()


def _upsample(inputs: int, outputs: int) -> nn.Module:
    return nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1, bias=False)


def _downsample(inputs: int, outputs: int) -> nn.Module:
    return nn.Conv2d(inputs, outputs, 4, stride=2, padding=1, bias=False)


def _initialize(layer: nn.Module) -> None:
    """Section 4: weights from N(0, 0.02). As in the authors' code, gains of batch norm are from N(1, 0.02)."""
    if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(layer.weight, 0.0, 0.02)
    elif isinstance(layer, nn.BatchNorm2d):
        nn.init.normal_(layer.weight, 1.0, 0.02)
        nn.init.zeros_(layer.bias)
