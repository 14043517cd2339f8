"""Which engine generates images: by its name, or by the device and by what is installed. It imports no torch."""

from __future__ import annotations

from collections.abc import Sequence

from ganzoo.errors import InvalidRequestError
from ganzoo.interface.specs import Engine
from ganzoo.registry import lookup
from ganzoo.utils.distributions import missing_distributions, not_installed

__all__ = [
    "AUTO",
    "PRECISIONS",
    "TORCH",
    "check_engine",
    "describe_difference",
    "engines_for",
    "export_formats",
    "is_installed",
    "why_unusable",
]

TORCH = "torch"
"""The engine that is ready at once: PyTorch's own operations."""

AUTO = "auto"
"""In place of the name of an engine: one that is installed, if it is faster with the model than ``torch``."""

PRECISIONS = ("fp32", "bf16")
"""The precisions in which a model can generate images."""


def check_engine(name: str, precision: str = "fp32") -> None:
    """Check the name of an engine, and that it computes in this precision.

    Raises:
        UnknownNameError: there is no such engine.
        InvalidRequestError: there is no such precision, or the engine computes in 32 bits only.
    """
    if name not in (AUTO, TORCH):
        lookup.registry().engines[name]
    if precision not in PRECISIONS:
        raise InvalidRequestError(f"there is no precision {precision!r} - use {' or '.join(PRECISIONS)}")
    if precision != "fp32" and name not in (AUTO, TORCH):
        raise InvalidRequestError(f"the engine {name} computes in fp32 - leave out {precision}, or the engine")


def engines_for(name: str, device: str) -> Sequence[Engine]:
    """The engines to try, best first, on a type of device. None of them is ``torch``, which needs no preparation.

    ``auto`` means the installed engines that can be faster than ``torch`` on such a device.

    Raises:
        UnknownNameError: there is no such engine.
    """
    engines = lookup.registry().engines
    if name not in (AUTO, TORCH):
        return [] if name == TORCH else [engines[name]]
    faster = [engine for each in engines if (engine := engines[each]).speed.get(device, 0) > 1]
    return sorted(filter(is_installed, faster), key=lambda engine: -engine.speed[device])


def is_installed(engine: Engine) -> bool:
    """Whether all distributions that an engine needs are installed. None of them is imported."""
    return not missing_distributions(engine.requires)


def why_unusable(engine: Engine, device: str) -> str:
    """Why an engine cannot be used on a type of device, and what to do; an empty text if it can."""
    if missing := missing_distributions(engine.requires):
        return not_installed(missing, engine.install)
    if device not in engine.devices:
        return f"it computes on {' and '.join(engine.devices)}, not on {device}"
    return ""


def export_formats() -> dict[str, Engine]:
    """The formats that `ganzoo export` can write, each with the engine that writes it."""
    engines = lookup.registry().engines
    return {each.format.name: each for name in engines if (each := engines[name]).format is not None}


def describe_difference(largest: float, mean: float) -> str:
    """How far images in bf16 are from those in fp32, as a sentence for users."""
    return f"bf16 changes pixels, in [-1, 1], by up to {largest:.2g} and by {mean:.2g} on average, in the first images"
