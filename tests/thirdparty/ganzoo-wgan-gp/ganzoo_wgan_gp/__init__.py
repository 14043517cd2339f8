"""WGAN-GP: a Wasserstein critic with a gradient penalty (arXiv:1704.00028)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import ganzoo
from ganzoo import Architecture, Recipe, Unconditional

if TYPE_CHECKING:
    from ganzoo import GAN, AdversarialLoss

__all__ = ["WGANGPConfig"]

GANZOO_API = (2, 0)


@dataclass(frozen=True, kw_only=True)
class WGANGPConfig:
    """Algorithm 1 with its defaults, and the residual networks of the paper's appendix for CIFAR-10.

    From 4x4 pixels on each block of the generator doubles the side, so that `resolution` is 4 times a power
    of two. `penalty` is lambda, `critic_steps` is n_critic.
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
        """How many blocks double the side."""
        return (self.resolution // 4).bit_length() - 1


def _build(config: WGANGPConfig, loss: AdversarialLoss) -> GAN:
    from ganzoo_wgan_gp.model import WGANGP

    return WGANGP(config, loss)


@ganzoo.hookimpl
def ganzoo_architectures() -> Iterable[Architecture]:
    """The paper's algorithm and networks."""
    yield Architecture(
        name="wgan-gp",
        summary="residual networks, and a critic whose gradient is held at norm 1",
        paper="arXiv:1704.00028",
        task=Unconditional,
        config=WGANGPConfig,
        default_loss="wasserstein",
        build=_build,
        recipes={
            "cifar10": Recipe(options={"iterations": 100_000, "schedule": "linear=0"}),
            "mnist": Recipe(config={"channels": 1}, options={"iterations": 20_000}),
            "fashion-mnist": Recipe(config={"channels": 1}, options={"iterations": 20_000}),
        },
        tiny={"resolution": 8, "latent_dim": 4, "width": 4, "critic_steps": 2},
    )
