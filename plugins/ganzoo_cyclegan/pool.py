"""The history of generated images that discriminators see (arXiv:1612.07828, section 2.3)."""

from __future__ import annotations

from random import Random

import torch
from torch import Tensor, nn

from ganzoo import gather_rows, own_rows

__all__ = ["ImagePool"]


class ImagePool(nn.Module):
    """Up to `size` earlier images. They are buffers, so checkpoints keep them."""

    images: Tensor
    count: Tensor

    def __init__(self, size: int, image_shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.size = size
        self.register_buffer("images", torch.zeros(size, *image_shape))
        self.register_buffer("count", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def exchange(self, images: Tensor) -> Tensor:
        """Put images (N, C, H, W) into the pool, and return as many images for the discriminator.

        Until the pool is full, these are the images themselves. Then each image is swapped with probability 1/2 for
        one in the pool. The processes of a group have the same pool: each puts the images of all processes in, and
        returns those of its own rows.
        """
        if self.size == 0:
            return images.detach()
        # A random number without dimensions is the same in all processes, so their pools make the same choices.
        coins = Random(int(torch.randint(2**62, ())))
        exchanged = [self._exchange(image, coins) for image in gather_rows(images.detach())]
        return own_rows(torch.stack(exchanged))

    def _exchange(self, image: Tensor, coins: Random) -> Tensor:
        count = int(self.count)
        if count < self.size:
            self.images[count] = image
            self.count += 1
            return image
        if coins.random() < 0.5:
            return image
        index = coins.randrange(self.size)
        earlier = self.images[index].clone()
        self.images[index] = image
        return earlier
