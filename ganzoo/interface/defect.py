"""What a degradation does to images, as functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from torch import Generator, Tensor

__all__ = ["Defect"]


class Defect(NamedTuple):
    """A known defect of images, with its settings.

    `apply` is the part of it that is the same for every image: a differentiable function from images (N, C, H, W) in
    [-1, 1] to damaged ones, which may have other channels and sizes. A restoration compares the result with a damaged
    picture.

    `noise` adds what is random in it to one image (C, H, W), with random numbers from the generator alone. None means
    that nothing is random. `known` sets to a constant whatever a damaged picture (N, C, H, W) does not tell, such as
    its masked pixels. None means that all of it counts.
    """

    apply: Callable[[Tensor], Tensor]
    noise: Callable[[Tensor, Generator], Tensor] | None = None
    known: Callable[[Tensor], Tensor] | None = None
