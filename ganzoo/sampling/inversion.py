"""Inversion: from an image to the inputs that generate it, by gradient descent on the inputs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor

from ganzoo.errors import InvalidRequestError, NonFiniteError
from ganzoo.interface.gan import GAN, Inputs
from ganzoo.interface.latents import Prior
from ganzoo.sampling.degradations import Damage
from ganzoo.sampling.requests import IMAGE_LOSSES, check_whole
from ganzoo.utils.progress import Progress
from ganzoo.utils.seeds import derive_seed

__all__ = ["LOSSES", "Combine", "ImageLoss", "Inversion", "Search", "psnr", "search_images"]

ImageLoss = Callable[[Tensor, Tensor], Tensor]
"""How much generated images differ from targets, both (N, C, H, W) in [-1, 1]: one number for each, (N,)."""

Combine = Literal["mean", "best"]

_MEANS: tuple[ImageLoss, ...] = (
    lambda images, targets: (images - targets).abs().flatten(1).mean(1),
    lambda images, targets: (images - targets).square().flatten(1).mean(1),
)
LOSSES = dict(zip(IMAGE_LOSSES, _MEANS, strict=True))
"""The losses that have a name."""

_CONSTANT = 0.5  # the part of the steps with the full learning rate, before it falls linearly to zero

_SAME_GRADIENTS = 1e-3
"""The largest difference between the gradients of a network and of its fused function, relative to the first."""

_DRAWS = 16
"""The number of draws from which a GAN tells its random inputs."""


class Inversion(NamedTuple):
    """The result of an inversion of N images.

    `images`, (N, C, H, W) in [-1, 1], are what was found. `inputs` generate the best image among the starts of each.
    `losses`, (N,), are the losses of `images`, without the prior. All are on the CPU.
    """

    images: Tensor
    inputs: Inputs
    losses: Tensor


@dataclass(frozen=True, kw_only=True)
class Search:
    """How to search for images; `Model.invert` documents the fields.

    Raises:
        InvalidRequestError: a value is out of its range.
    """

    starts: int
    steps: int
    prior: float
    learning_rate: float
    combine: Combine
    loss: str | ImageLoss

    def __post_init__(self) -> None:
        check_whole("number of starts", self.starts, 1)
        check_whole("number of steps", self.steps, 0)
        for what, value in (("weight of the prior", self.prior), ("learning rate", self.learning_rate)):
            if not 0 <= value < float("inf"):
                raise InvalidRequestError(f"the {what} is a number of at least 0, not {value}")
        if self.combine not in get_args(Combine):
            raise InvalidRequestError(f"combine is 'mean' or 'best', not {self.combine!r}")
        if not callable(self.loss) and self.loss not in LOSSES:
            text = "give 'l1', 'l2' or a function, such as ganzoo.feature_loss('mnist')"
            raise InvalidRequestError(f"there is no loss {self.loss!r} to compare images by - {text}")

    @property
    def difference(self) -> ImageLoss:
        """The loss as a function."""
        return self.loss if callable(self.loss) else LOSSES[self.loss]


def search_images(
    gan: GAN,
    fused: Callable[[Inputs], Tensor],
    draw: Callable[[Iterable[int]], Inputs],
    targets: Tensor,
    search: Search,
    damage: Damage,
    *,
    seed: int,
    progress: Progress,
) -> Inversion:
    """Search for the images that look like `targets`, (N, C, H, W), behind the damage; see `Model.invert`.

    `fused` generates the same images as the GAN but faster; the search uses it if its gradients are the same too.
    `draw` returns the inputs of images with the given seeds. The starts of one target are one batch. Targets do not
    share batches: sums are rounded differently in batches of another size, and a search makes such a difference larger
    at each step.

    Raises:
        InvalidRequestError: no input can be changed step by step.
        NonFiniteError: the search led to NaN or infinity.
    """
    priors = gan.inversion_priors(gan.inversion_inputs(draw(range(_DRAWS))))
    if not priors:
        raise InvalidRequestError("nothing that the model draws can be changed step by step - invert with another one")
    found, total = [], search.steps * len(targets)
    targets = targets.clone()  # those from inference mode cannot be saved for gradients
    generate = _differentiable(gan, fused, _Variables(gan.inversion_inputs(draw(range(_DRAWS))), priors, gan.device))
    for i in range(len(targets)):
        goal = damage.known(targets[i : i + 1]).to(gan.device)
        seeds = (derive_seed(seed + i, "start", start) for start in range(search.starts))
        inputs = _Variables(gan.inversion_inputs(draw(seeds)), priors, gan.device)
        for step in _descend(generate, inputs, goal, search, damage):
            progress("inverting", i * search.steps + step + 1, total)
        found.append(_result(generate, inputs, goal, search, damage))
    return Inversion(
        torch.cat([each.images for each in found]),
        {name: torch.cat([each.inputs[name] for each in found]) for name in found[0].inputs},
        torch.cat([each.losses for each in found]),
    )


def _differentiable(gan: GAN, fused: Callable[[Inputs], Tensor], inputs: _Variables) -> Callable[[Inputs], Tensor]:
    """`fused` if its gradients in the inputs are those of the network, and the network itself otherwise."""
    try:
        theirs = inputs.gradients(fused(inputs.values()).square().sum())
    except Exception:  # a plugin's function may raise anything, and may have no gradients
        return gan.generate
    ours = inputs.gradients(gan.generate(inputs.values()).square().sum())
    return fused if all(map(_are_same, theirs, ours)) else gan.generate


def _are_same(gradient: Tensor | None, other: Tensor | None) -> bool:
    """Whether two gradients are equal up to rounding. None is the gradient of an input that has no effect."""
    if gradient is None or other is None:
        return gradient is other
    return bool((gradient - other).norm() <= _SAME_GRADIENTS * other.norm())


def _descend(
    generate: Callable[[Inputs], Tensor], inputs: _Variables, goal: Tensor, search: Search, damage: Damage
) -> Iterator[int]:
    """Take the steps of all starts towards one image, (1, C, H, W), and yield the number of each.

    The losses of the starts are added up, and Adam (arXiv:1412.6980) treats each number by itself, so no start depends
    on another.
    """
    goals = goal.expand(search.starts, *goal.shape[1:])
    optimizer = torch.optim.Adam(list(inputs.u.values()), search.learning_rate)
    for step in range(search.steps):
        optimizer.param_groups[0]["lr"] = search.learning_rate * _factor(step / search.steps)
        losses = search.difference(damage.apply(generate(inputs.values())), goals)
        inputs.set_gradients((losses + search.prior * inputs.penalties()).sum())
        optimizer.step()
        inputs.keep_in_range()
        yield step


@torch.no_grad()
def _result(
    generate: Callable[[Inputs], Tensor], inputs: _Variables, goal: Tensor, search: Search, damage: Damage
) -> Inversion:
    """The mean or the best of what the starts have found."""
    values = inputs.values()
    images = generate(values)
    losses = search.difference(damage.apply(images), goal.expand(search.starts, *goal.shape[1:]))
    index = int((losses + search.prior * inputs.penalties()).argmin())
    best = slice(index, index + 1)
    if search.combine == "best":
        images, losses = images[best], losses[best]
    else:
        images = images.mean(0, keepdim=True)
        losses = search.difference(damage.apply(images), goal)
    if not bool(images.isfinite().all()):
        raise NonFiniteError("the search led to NaN or infinity - try a lower learning rate")
    return Inversion(images.cpu(), {name: value[best].cpu() for name, value in values.items()}, losses.cpu())


class _Variables:
    """The inputs that a search changes, as multiples u of their prior's scale, and the inputs that it does not."""

    def __init__(self, inputs: Inputs, priors: Mapping[str, Prior], device: torch.device) -> None:
        self._inputs = inputs = {name: value.to(device) for name, value in inputs.items()}
        self._moved = {name: _like(prior, inputs[name]) for name, prior in priors.items()}
        self.u = {name: (inputs[name] - p.mean) / p.scale for name, p in self._moved.items()}
        for value in self.u.values():
            value.requires_grad_()

    def values(self) -> Inputs:
        """The inputs of the images."""
        return {**self._inputs, **{name: p.mean + p.scale * self.u[name] for name, p in self._moved.items()}}

    def penalties(self) -> Tensor:
        """For each image, half the mean square of u, summed over the inputs: (N,)."""
        return torch.stack([u.square().flatten(1).mean(1) / 2 for u in self.u.values()]).sum(0)

    def gradients(self, total: Tensor) -> list[Tensor | None]:
        """The gradients of u. The weights of the network get none.

        Raises:
            InvalidRequestError: the total does not depend on u by operations that have gradients.
        """
        if not total.requires_grad:
            raise InvalidRequestError("no gradient reaches the latents - choose another model, loss or degradation")
        return list(torch.autograd.grad(total, list(self.u.values()), allow_unused=True))

    def set_gradients(self, total: Tensor) -> None:
        """Keep the gradients of u for the optimizer.

        Raises:
            InvalidRequestError: as for `gradients`.
        """
        for u, gradient in zip(self.u.values(), self.gradients(total), strict=True):
            u.grad = gradient

    @torch.no_grad()
    def keep_in_range(self) -> None:
        """Put numbers that have left the range of their prior on its border."""
        for name, prior in self._moved.items():
            self.u[name].clamp_(-prior.limit, prior.limit)


def _like(prior: Prior, value: Tensor) -> Prior:
    """The prior with tensors on the device and in the dtype of the input."""
    return prior._replace(
        mean=torch.as_tensor(prior.mean).to(value),
        scale=torch.as_tensor(prior.scale).to(value).clamp_min(torch.finfo(value.dtype).tiny),
    )


def _factor(progress: float) -> float:
    """The factor of the learning rate after this part of the steps."""
    return 1.0 if progress < _CONSTANT else (1 - progress) / (1 - _CONSTANT)


def psnr(images: Tensor, others: Tensor) -> Tensor:
    """The peak signal-to-noise ratio in decibels, (N,), of images (N, C, H, W) in [-1, 1]: 10 log10(2^2 / MSE)."""
    errors = (images - others).square().flatten(1).mean(1)
    return 10 * torch.log10(4 / errors)
