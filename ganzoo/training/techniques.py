"""The schedule, the penalties and the augmentations that a training run uses, looked up once by their names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from torch import Tensor

from ganzoo.interface.gan import DiscriminatorOutput
from ganzoo.registry import lookup
from ganzoo.training.plan import TrainingOptions, schedule_of

__all__ = ["Techniques", "resolve_techniques"]


class Techniques(NamedTuple):
    """Functions in place of the names that `TrainingOptions` holds.

    `schedule` turns the finished part of the run, in [0, 1), into a factor for all learning rates. Each of
    the `penalties` turns a discriminator's output into a scalar, which is not yet weighted. Each of the
    `augmentations` turns images (N, C, H, W) into images of the same shape.
    """

    schedule: Callable[[float], float]
    penalties: Mapping[str, Callable[[DiscriminatorOutput], Tensor]]
    augmentations: Sequence[Callable[[Tensor], Tensor]]


def resolve_techniques(options: TrainingOptions) -> Techniques:
    """Look up in the registry what `options` names, and load it.

    Raises:
        UnknownNameError: The registry has no schedule, regularizer or augmentation of that name.
        InvalidRequestError: The schedule's setting is not a number from 0 to 1.
    """
    registry = lookup.registry()
    name, setting = schedule_of(options.schedule)
    factor = registry.schedules[name].factor
    return Techniques(
        schedule=lambda progress: factor(progress, setting),
        penalties={name: registry.regularizers[name].load() for name in options.regularizers},
        augmentations=[registry.augmentations[name].load() for name in options.augmentations],
    )
