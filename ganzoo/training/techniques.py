"""The schedule, the penalties and the augmentations that a training run uses, looked up once by their names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from torch import Tensor, nn

from ganzoo.interface.gan import AdaptiveAugmentation, DiscriminatorOutput, GeneratorOutput
from ganzoo.registry import lookup
from ganzoo.training.plan import TrainingOptions, schedule_of

__all__ = ["Techniques", "resolve_techniques"]


class Techniques(NamedTuple):
    """Functions in place of the names that `TrainingOptions` holds.

    `schedule` turns the finished part of the run, in [0, 1), into a factor for all learning rates. Each of
    the `penalties` turns a discriminator's output into a scalar, which is not yet weighted. Each of the
    `augmentations` turns images (N, C, H, W) into images of the same shape. Each of the `generator_penalties`
    turns a generator's output into a scalar.
    """

    schedule: Callable[[float], float]
    penalties: Mapping[str, Callable[[DiscriminatorOutput], Tensor]]
    augmentations: Mapping[str, Callable[[Tensor], Tensor]]
    generator_penalties: Mapping[str, Callable[[GeneratorOutput], Tensor]] = {}

    def adaptive(self) -> dict[str, AdaptiveAugmentation]:
        """The augmentations whose strength follows the discriminators, by name."""
        found: dict[str, Any] = dict(self.augmentations)
        return {name: each for name, each in found.items() if isinstance(each, AdaptiveAugmentation)}

    def modules(self) -> nn.ModuleDict:
        """Those that have state."""
        named: dict[str, Any] = {**self.penalties, **self.generator_penalties, **self.augmentations}
        return nn.ModuleDict({_key(name): each for name, each in named.items() if isinstance(each, nn.Module)})


def resolve_techniques(options: TrainingOptions) -> Techniques:
    """Look up in the registry what `options` names, and load it.

    Raises:
        UnknownNameError: The registry has no schedule, regularizer or augmentation of that name.
        InvalidRequestError: The schedule's setting is not a number from 0 to 1.
    """
    registry = lookup.registry()
    name, setting = schedule_of(options.schedule)
    factor = registry.schedules[name].factor
    penalties: dict[bool, dict[str, Any]] = {False: {}, True: {}}
    for each in map(registry.regularizers.__getitem__, options.regularizers):
        penalties[each.on_generator][each.name] = each.load()
    return Techniques(
        schedule=lambda progress: factor(progress, setting),
        penalties=penalties[False],
        generator_penalties=penalties[True],
        augmentations={name: registry.augmentations[name].load() for name in options.augmentations},
    )


def _key(name: str) -> str:
    """A name as a key of a ModuleDict, which may hold no dots; commas are in no name."""
    return name.replace(".", ",")
