"""The config of ProGAN, and how to train it on each data set. This module does not import torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ganzoo import FirstMap, FrozenRecord, Recipe, Resolution, first_map, image_size
from ganzoo_stylegan.checks import DOUBLINGS, check_at_least, check_base_width

__all__ = ["RECIPES", "TINY", "ProGANConfig"]


class ProGANConfig(FrozenRecord):
    """The config of ProGAN. The networks are those of table 2, at 1024 pixels; the rest is as in the authors' code.

    - `resolution` is that of the finished images, a number or height x width. Training begins with a map of 4 to 7
      pixels on its shorter side, 4x4 if the resolution is a power of 2.
    - `stable_images` is the number of real images that a resolution is trained on before the next one begins.
      `fade_images` is the number of images over which the next one is faded in. If both are 0, nothing grows. The
      paper has 800,000 for both, and 16 for `group_size`: see the recipe ``paper``.
    - `base_width` divided by the resolution of a layer is its number of channels, at most `max_width`. Here, and in
      `resolutions`, the first map counts as 4 pixels, and each doubling doubles them.
    - `group_size` is the number of images over which the discriminator takes the minibatch standard deviation. Several
      processes train as one if the batch of each is a multiple of it.

    Three things of the training differ from the authors' code: Adam keeps its moments when a resolution begins, both
    networks learn from the same generated images, and the batch size is the same for all resolutions.

    Raises:
        ValueError: a value is out of its range; the message names the field.
    """

    resolution: Resolution = 1024
    channels: int = 3
    latent_dim: int = 512
    base_width: int = 16384
    max_width: int = 512
    stable_images: int = 600_000
    fade_images: int = 600_000
    group_size: int = 4
    learning_rate: float = 1e-3
    beta1: float = 0.0
    beta2: float = 0.99

    def __post_init__(self) -> None:
        first_map(self.resolution, DOUBLINGS)
        check_at_least(1, latent_dim=self.latent_dim, max_width=self.max_width, group_size=self.group_size)
        check_base_width(self.base_width, self.resolutions[-1])
        check_at_least(0, stable_images=self.stable_images, fade_images=self.fade_images)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one image."""
        return (self.channels, *image_size(self.resolution))

    @property
    def first_map(self) -> FirstMap:
        """The smallest images, which training begins with."""
        return first_map(self.resolution, DOUBLINGS)

    @property
    def resolutions(self) -> tuple[int, ...]:
        """The resolutions that training goes through: 4, 8, and so on up to that of the finished images."""
        return self.first_map.sides

    def width(self, resolution: int) -> int:
        """The number of channels at a resolution."""
        return min(self.base_width // resolution, self.max_width)


def _length(config: ProGANConfig, options: Mapping[str, Any]) -> dict[str, int]:
    """The iterations in which a run grows to the full resolution, and trains it for the time of two resolutions.

    With the defaults these are 12 million images, as in the authors' code.
    """
    phase = config.stable_images + config.fade_images
    images = (len(config.resolutions) + 1) * phase
    return {"iterations": -(-images // (options["batch_size"] * options["accumulate"]))} if phase else {}


def _recipe(**config: Any) -> Recipe:
    """Batches, penalties and the average of the weights as in appendix A.1, whatever the data set."""
    penalties = {"wgan-gp": 10.0, "drift": 0.001}
    return Recipe(config=config, options={"batch_size": 16, "ema": 0.999, "regularizers": penalties}, rule=_length)


_GRAY = {"resolution": 32, "channels": 1, "base_width": 1024, "max_width": 128}
RECIPES = {
    **dict.fromkeys(("mnist", "fashion-mnist", "kmnist"), _recipe(**_GRAY, stable_images=60_000, fade_images=60_000)),
    **dict.fromkeys(("cifar10", "cifar100"), _recipe(resolution=32)),
    "paper": _recipe(stable_images=800_000, fade_images=800_000, group_size=16),
    "*": _recipe(),
}
"""How to train on each data set, by its name; ``*`` is for all others. ``paper`` has the phases of the paper."""

TINY = {
    **{"resolution": 16, "latent_dim": 4, "base_width": 64, "max_width": 8},
    **{"stable_images": 6, "fade_images": 30},
}
"""Config values for tests: small enough, and a short run of them crosses fades."""
