"""The first GAN: two multilayer perceptrons and the minimax game (arXiv:1406.2661)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import ganzoo
from ganzoo import Architecture, BundledFile, PretrainedModel, Recipe, Unconditional

if TYPE_CHECKING:
    from ganzoo import GAN, AdversarialLoss

__all__ = ["GANConfig"]

GANZOO_API = (2, 0)


@dataclass(frozen=True, kw_only=True)
class GANConfig:
    """The MNIST experiment of section 5, its sizes from the authors' published configuration.

    Differences from that configuration: the learning rate and the momentum stay what they are there at
    the start (it divides the rate by 1.000004 at each step and raises the momentum to 0.7 over 250
    epochs), the discriminator's loss is equation 1, not half of it, and the output bias starts at zero,
    not at the data's marginals. Its batches are of 100.

    `*_spread` is how far from zero weights start; 0 leaves them, and the biases, as PyTorch initialises
    them. With ``adam``, `momentum` is its beta1, and beta2 is 0.9.
    """

    resolution: int = 28
    channels: int = 1
    latent_dim: int = 100
    latent: Literal["normal", "uniform"] = "uniform"
    generator_widths: tuple[int, ...] = (1200, 1200)
    discriminator_units: tuple[int, ...] = (240, 240)
    maxout_pieces: int = 5
    input_dropout: float = 0.2
    hidden_dropout: float = 0.5
    generator_spread: float = 0.05
    discriminator_spread: float = 0.005
    discriminator_steps: int = 1
    optimizer: Literal["sgd", "adam"] = "sgd"
    generator_learning_rate: float = 0.1
    discriminator_learning_rate: float = 0.1
    momentum: float = 0.5

    def __post_init__(self) -> None:
        sizes = (self.resolution, self.channels, self.latent_dim, self.maxout_pieces, self.discriminator_steps)
        if min(*sizes, *self.generator_widths, *self.discriminator_units) < 1:
            raise ValueError("every size and the number of discriminator steps must be at least 1")
        if min(self.generator_spread, self.discriminator_spread) < 0:
            raise ValueError("a spread must be at least 0")

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one image."""
        return (self.channels, self.resolution, self.resolution)


# On points, small networks; the discriminator learns faster, so that it stays near its optimum.
_ON_POINTS = {
    "resolution": 1,
    "maxout_pieces": 2,
    "input_dropout": 0.0,
    "hidden_dropout": 0.0,
    "generator_spread": 0.0,
    "discriminator_spread": 0.0,
    "discriminator_steps": 5,
    "optimizer": "adam",
    "generator_learning_rate": 3e-4,
    "discriminator_learning_rate": 8e-3,
    "momentum": 0.0,
}
_ON_A_LINE = {"channels": 1, "latent_dim": 1, "generator_widths": (64, 64), "discriminator_units": (64, 64)}
_IN_THE_PLANE = {"channels": 2, "latent_dim": 2, "generator_widths": (128, 128), "discriminator_units": (128, 128)}
_GENTLY = {"iterations": 2000, "batch_size": 512, "ema": 0.99, "schedule": "cosine", "regularizers": {"r1": 0.01}}

# How the bundled model was trained: its networks are the paper's, the game is not.
_BY_ADAM = {
    "input_dropout": 0.0,
    "hidden_dropout": 0.0,
    "discriminator_steps": 3,
    "optimizer": "adam",
    "generator_learning_rate": 3e-4,
    "discriminator_learning_rate": 6e-4,
    "momentum": 0.0,
}


def _build(config: GANConfig, loss: AdversarialLoss) -> GAN:
    from ganzoo_gan.model import MLPGAN

    return MLPGAN(config, loss)


@ganzoo.hookimpl
def ganzoo_architectures() -> Iterable[Architecture]:
    """The multilayer perceptron GAN."""
    yield Architecture(
        name="gan",
        summary="multilayer perceptrons, the first GAN",
        paper="arXiv:1406.2661",
        task=Unconditional,
        config=GANConfig,
        default_loss="non-saturating",
        build=_build,
        recipes={
            "mnist": Recipe(options={"batch_size": 100}),
            "gaussian-1d": Recipe(config=_ON_POINTS | _ON_A_LINE, options=_GENTLY),
            "ring": Recipe(config=_ON_POINTS | _IN_THE_PLANE, options=_GENTLY),
            "grid": Recipe(config=_ON_POINTS | _IN_THE_PLANE, options=_GENTLY),
        },
        tiny={"resolution": 8, "latent_dim": 4, "generator_widths": (16,), "discriminator_units": (8,)},
    )


@ganzoo.hookimpl
def ganzoo_models() -> Iterable[PretrainedModel]:
    """The digits of the paper's figure 2."""
    yield PretrainedModel(
        name="gan-mnist",
        architecture="gan",
        summary="handwritten digits by multilayer perceptrons",
        config=_BY_ADAM,
        dataset="mnist",
        license="apache-2.0",
        weights=BundledFile(
            package="ganzoo_gan",
            path="weights/gan-mnist.safetensors",
            sha256="b87548580508c09f5ab42acda64210f2568a731e1086c7e5861ba5974d9314d0",
        ),
    )
