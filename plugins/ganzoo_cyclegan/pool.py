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
        self._known: tuple[Tensor, int, int] | None = None  # the buffer `count`, its version, and its value

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
        rows = gather_rows(images.detach())
        count = self._count()
        exchanged = [self._exchange(image, count + i, coins) for i, image in enumerate(rows)]
        self._set_count(min(count + len(rows), self.size))
        return own_rows(torch.stack(exchanged))

    def _count(self) -> int:
        """The number of images in the pool. A GPU is asked only after something else has changed the buffer."""
        if self._known is None or self._known[0] is not self.count or self._known[1] != self.count._version:
            self._known = (self.count, self.count._version, int(self.count))
        return self._known[2]

    def _set_count(self, count: int) -> None:
        if count != self._count():
            self.count.fill_(count)
            self._known = (self.count, self.count._version, count)

    def _exchange(self, image: Tensor, count: int, coins: Random) -> Tensor:
        if count < self.size:
            self.images[count] = image
            return image
        if coins.random() < 0.5:
            return image
        index = coins.randrange(self.size)
        earlier = self.images[index].clone()
        self.images[index] = image
        return earlier
