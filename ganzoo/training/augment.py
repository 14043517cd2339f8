"""Augmentations: changes to all images that discriminators see in training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor, nn

from ganzoo.interface.gan import GAN

__all__ = ["augment_discriminators"]


def augment_discriminators(gan: GAN, augmentations: Sequence[Callable[[Tensor], Tensor]]) -> None:
    """Apply `augmentations`, in their order, to the images that the GAN's discriminators get in training mode.

    They apply to real and to generated images (DiffAugment, arXiv:2006.10738). They stay on the GAN.
    """

    def augment(discriminator: nn.Module, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        images, *others = arguments
        for augmentation in augmentations if discriminator.training else ():
            images = augmentation(images)
        return (images, *others)

    for name in gan.discriminators if augmentations else ():
        gan.get_submodule(name).register_forward_pre_hook(augment)
