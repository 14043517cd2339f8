"""The distributions that latents are drawn from."""

from __future__ import annotations

from math import sqrt
from typing import Literal

import torch
from torch import Tensor

__all__ = ["LatentKind", "draw_latent", "draw_truncated"]

_BOUND = 2.0

LatentKind = Literal["normal", "uniform"]


def draw_latent(
    kind: LatentKind,
    *shape: int,
    random: torch.Generator | None = None,
    device: torch.device | None = None,
) -> Tensor:
    """Latents of `shape`, of mean 0 and variance 1: standard normal, or uniform in [-sqrt(3), sqrt(3)).

    `random` draws on the CPU for sampling; training leaves it out and draws on `device` from the
    global state that the trainer has seeded for this step.
    """
    if kind == "normal":
        return torch.randn(*shape, generator=random, device=device)
    return torch.rand(*shape, generator=random, device=device).sub_(0.5).mul_(sqrt(12))


def draw_truncated(truncation: float, *shape: int, random: torch.Generator) -> Tensor:
    """Normal latents of `shape`, drawn again where beyond 2 standard deviations, times `truncation`.

    So are those that the published BigGANs were evaluated with. One state of `random` gives one latent, larger or
    smaller: to compare truncations is to compare nothing else.
    """
    latents = torch.randn(*shape, generator=random)
    while bool((outside := latents.abs() > _BOUND).any()):
        latents[outside] = torch.randn(int(outside.sum()), generator=random)
    return latents * truncation
