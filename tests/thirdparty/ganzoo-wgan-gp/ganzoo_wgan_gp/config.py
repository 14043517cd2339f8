"""The config of WGAN-GP. This module does not import torch."""

from __future__ import annotations

from dataclasses import dataclass

from ganzoo import FirstMap, Resolution, first_map, image_size

__all__ = ["WGANGPConfig"]

_DOUBLINGS = range(1, 9)


@dataclass(frozen=True, kw_only=True)
class WGANGPConfig:
    """The defaults of algorithm 1, and the residual networks for CIFAR-10 in the paper's appendix.

    `resolution` is a number or height x width. Each block of the generator doubles the sides, from a map of 4 to 7
    pixels on its shorter side on.
    `penalty` is lambda. `critic_steps` is n_critic.

    Raises:
        ValueError: a value is out of its range; the message names the field.
    """

    resolution: Resolution = 32
    channels: int = 3
    latent_dim: int = 128
    width: int = 128
    critic_steps: int = 5
    penalty: float = 10.0
    learning_rate: float = 1e-4
    beta1: float = 0.0
    beta2: float = 0.9

    def __post_init__(self) -> None:
        first_map(self.resolution, _DOUBLINGS)
        if min(self.channels, self.latent_dim, self.width, self.critic_steps) < 1:
            raise ValueError("every size and the number of critic steps must be at least 1")
        if self.penalty < 0:
            raise ValueError(f"penalty is at least 0, not {self.penalty}")

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one image."""
        return (self.channels, *image_size(self.resolution))

    @property
    def first_map(self) -> FirstMap:
        """The map that the latent is projected to, and how often it is doubled."""
        return first_map(self.resolution, _DOUBLINGS)
