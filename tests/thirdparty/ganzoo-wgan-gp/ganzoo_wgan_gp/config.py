"""The config of WGAN-GP. This module does not import torch."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["WGANGPConfig"]


@dataclass(frozen=True, kw_only=True)
class WGANGPConfig:
    """The defaults of algorithm 1, and the residual networks for CIFAR-10 in the paper's appendix.

    `resolution` is 4 times a power of two, since each block of the generator doubles the sides, from 4x4 pixels on.
    `penalty` is lambda. `critic_steps` is n_critic.

    Raises:
        ValueError: a value is out of its range; the message names the field.
    """

    resolution: int = 32
    channels: int = 3
    latent_dim: int = 128
    width: int = 128
    critic_steps: int = 5
    penalty: float = 10.0
    learning_rate: float = 1e-4
    beta1: float = 0.0
    beta2: float = 0.9

    def __post_init__(self) -> None:
        doublings = (self.resolution // 4).bit_length() - 1
        if doublings < 1 or self.resolution != 4 * 2**doublings:
            raise ValueError(f"resolution is 4 times a power of two, from 8 on, not {self.resolution}")
        if min(self.channels, self.latent_dim, self.width, self.critic_steps) < 1:
            raise ValueError("every size and the number of critic steps must be at least 1")
        if self.penalty < 0:
            raise ValueError(f"penalty is at least 0, not {self.penalty}")

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one image."""
        return (self.channels, self.resolution, self.resolution)

    @property
    def doublings(self) -> int:
        """The number of blocks that double the sides."""
        return (self.resolution // 4).bit_length() - 1
