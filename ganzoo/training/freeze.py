"""Freezing the first layers of discriminators, to fine-tune on few images (FreezeD, arXiv:2002.10964)."""

from __future__ import annotations

from ganzoo.errors import InvalidRequestError
from ganzoo.interface.gan import GAN

__all__ = ["freeze_layers"]


def freeze_layers(gan: GAN, count: int) -> None:
    """Keep the parameters of the `count` layers of each discriminator that are nearest to the image as they are.

    Optimizers leave parameters without a gradient alone. So they, and their states, are the same as without freezing.

    Raises:
        InvalidRequestError: A discriminator has no more layers than that, so nothing of it would learn.
    """
    for name, layers in gan.discriminator_layers().items() if count else ():
        if count >= len(layers):
            text = f"the {name} has {len(layers)} layers, and freeze is {count}, so nothing of it would learn"
            raise InvalidRequestError(f"{text} - freeze at most {len(layers) - 1}")
        for layer in layers[:count]:
            layer.requires_grad_(False)
