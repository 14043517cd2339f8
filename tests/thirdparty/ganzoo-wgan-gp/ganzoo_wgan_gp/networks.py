"""The residual networks of the paper's appendix: batch norm in the generator, none in the critic."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate

from ganzoo_wgan_gp.config import WGANGPConfig

__all__ = ["Critic", "Generator"]


class UpBlock(nn.Module):
    """Norm, ReLU, upsampling, convolution, norm, ReLU, convolution; plus the upsampled input as a shortcut."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for _ in range(2))
        self.convolutions = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(2))
        self.shortcut = nn.Conv2d(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, width, H, W) to (N, width, 2 H, 2 W)."""
        inner = interpolate(torch.relu(self.norms[0](x)), scale_factor=2.0, mode="nearest")
        inner = self.convolutions[1](torch.relu(self.norms[1](self.convolutions[0](inner))))
        outer: Tensor = self.shortcut(interpolate(x, scale_factor=2.0, mode="nearest"))
        return outer + inner


class CriticBlock(nn.Module):
    """Twice ReLU and convolution, plus a shortcut. `down` halves the sides. The `first` block has no first ReLU."""

    def __init__(self, inputs: int, width: int, *, down: bool, first: bool = False) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(
            [nn.Conv2d(inputs, width, 3, padding=1), nn.Conv2d(width, width, 3, padding=1)]
        )
        self.shortcut = nn.Conv2d(inputs, width, 1) if down or inputs != width else nn.Identity()
        self.down, self.first = down, first

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, width, H, W), or to half the sides if `down`."""
        inner = self.convolutions[0](x if self.first else torch.relu(x))
        inner = self.convolutions[1](torch.relu(inner))
        outer: Tensor = self.shortcut(x)
        both = outer + inner
        return avg_pool2d(both, 2) if self.down else both


class Generator(nn.Module):
    """(N, latent_dim) to (N, C, H, W) in [-1, 1]."""

    def __init__(self, config: WGANGPConfig) -> None:
        super().__init__()
        self.size, doublings = config.first_map
        self.first = nn.Linear(config.latent_dim, config.first_map.pixels * config.width)
        self.blocks = nn.Sequential(*(UpBlock(config.width) for _ in range(doublings)))
        self.last = nn.Sequential(
            nn.BatchNorm2d(config.width), nn.ReLU(), nn.Conv2d(config.width, config.channels, 3, padding=1), nn.Tanh()
        )

    def forward(self, z: Tensor) -> Tensor:
        """One image for each row of `z`."""
        x = self.first(z).unflatten(1, (-1, *self.size))  # (N, width, 4, 4) for square images
        images: Tensor = self.last(self.blocks(x))
        return images


class Critic(nn.Module):
    """(N, C, H, W) in [-1, 1] to (N,) logits. It has no norm, since the penalty is for single images (section 4)."""

    def __init__(self, config: WGANGPConfig) -> None:
        super().__init__()
        doublings = config.first_map.doublings
        downs = [CriticBlock(config.width, config.width, down=True) for _ in range(doublings - 2)]
        self.blocks = nn.Sequential(
            CriticBlock(config.channels, config.width, down=True, first=True),
            *downs,
            CriticBlock(config.width, config.width, down=doublings > 1),
            CriticBlock(config.width, config.width, down=False),
            CriticBlock(config.width, config.width, down=False),
            nn.ReLU(),
        )
        self.last = nn.Linear(config.width, 1)

    def forward(self, images: Tensor) -> Tensor:
        """One logit for each image; a higher one means a more real image."""
        logits: Tensor = self.last(self.blocks(images).mean((2, 3)))
        return logits.squeeze(1)
