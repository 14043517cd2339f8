"""The history of generated images that discriminators are shown (arXiv:1612.07828, section 2.3)."""

from __future__ import annotations

from random import Random

import torch
from torch import Tensor, nn

from ganzoo import gather_rows, own_rows

__all__ = ["ImagePool"]


class ImagePool(nn.Module):
    """Up to `size` earlier images; what is in it is state that a checkpoint keeps."""

    images: Tensor
    count: Tensor

    def __init__(self, size: int, image_shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.size = size
        self.register_buffer("images", torch.zeros(size, *image_shape))
        self.register_buffer("count", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def exchange(self, images: Tensor) -> Tensor:
        """For each of (N, C, H, W) itself or, once the pool is full, with probability 1/2 one from the pool for it.

        Several processes have one history: each puts all images in, and gets its own back.
        """
        if self.size == 0:
            return images.detach()
        # A number without dimensions is the same in all processes; what follows from it has no rows to be shared.
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
        place = coins.randrange(self.size)
        earlier = self.images[place].clone()
        self.images[place] = image
        return earlier
