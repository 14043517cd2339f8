"""The distributions that latents are drawn from, the texts of requests, and the priors that inversion keeps to."""

from __future__ import annotations

from math import inf, sqrt
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from ganzoo.errors import InvalidRequestError
from ganzoo.interface.configs import TextConfig
from ganzoo.interface.words import encode_text

__all__ = ["LatentKind", "Prior", "draw_latent", "draw_text", "draw_truncated"]

_BOUND = 2.0

LatentKind = Literal["normal", "uniform"]


class Prior(NamedTuple):
    """The distribution that an input of a generator has in training: `mean` + `scale` u, where u is `kind`.

    u has mean 0 and variance 1, as `draw_latent` draws it. `mean` and `scale` are numbers, or tensors of the input's
    shape without the batch dimension. Inversion takes its steps in u, so that one learning rate suits inputs of every
    scale. It penalizes the squares of u, and keeps a uniform u in its range.
    """

    kind: LatentKind = "normal"
    mean: Tensor | float = 0.0
    scale: Tensor | float = 1.0

    @property
    def limit(self) -> float:
        """The largest absolute value that u can have."""
        return sqrt(3) if self.kind == "uniform" else inf


def draw_latent(
    kind: LatentKind,
    *shape: int,
    random: torch.Generator | None = None,
    device: torch.device | None = None,
) -> Tensor:
    """Latents of `shape` with mean 0 and variance 1: standard normal, or uniform in [-sqrt(3), sqrt(3)).

    To sample, give `random`, a generator on the CPU. In training, leave it out: the latents are drawn on `device` from
    PyTorch's global random state, which the trainer has seeded for this step.
    """
    if kind == "normal":
        return torch.randn(*shape, generator=random, device=device)
    return torch.rand(*shape, generator=random, device=device).sub_(0.5).mul_(sqrt(12))


def draw_truncated(truncation: float, *shape: int, random: torch.Generator) -> Tensor:
    """Normal latents of `shape` times `truncation` (arXiv:1809.11096, section 3.1).

    Values beyond 2 standard deviations are drawn again, as in the evaluation of the published BigGANs. With the same
    state of `random`, two truncations give the same latents but for that factor, so that only the truncation differs.
    """
    latents = torch.randn(*shape, generator=random)
    while bool((outside := latents.abs() > _BOUND).any()):
        latents[outside] = torch.randn(int(outside.sum()), generator=random)
    return latents * truncation


def draw_text(text: str | None, config: TextConfig, random: torch.Generator) -> Tensor:
    """The token ids of a text, (words,) int64; None takes the config's examples in turn, by the seed of `random`.

    Raises:
        InvalidRequestError: the model cannot read the text, or there is none and the model remembers no examples.
    """
    if text is None and not config.examples:
        raise InvalidRequestError("the model remembers no example texts - give a text")
    chosen = config.examples[random.initial_seed() % len(config.examples)] if text is None else text
    return torch.tensor(encode_text(chosen, config))
