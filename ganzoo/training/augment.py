"""Augmentations of all images that discriminators see in training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn

from ganzoo.interface.gan import GAN
from ganzoo.registry import lookup

__all__ = []


def _augment(gan: GAN, names: Sequence[str]) -> None:
    """From now on the GAN's discriminators see, in training, what these augmentations make of their images."""
    changes = [lookup.registry().augmentations[name].load() for name in names]

    def change(module: nn.Module, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        images, *rest = arguments
        for each in changes if module.training else ():
            images = each(images)
        return (images, *rest)

    for name in gan.discriminators if changes else ():
        gan.get_submodule(name).register_forward_pre_hook(change)
