"""Devices by name."""

from __future__ import annotations

import torch

from ganzoo.errors import InvalidRequestError, one_line

__all__ = ["resolve_device", "seed_device"]


def resolve_device(name: str) -> torch.device:
    """The device of that name; ``auto`` is the first of cuda, mps and cpu that is there.

    Raises:
        InvalidRequestError: no such device, here or at all.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "mps" if _has_mps() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise InvalidRequestError(f"{name!r} is no device - say auto, cpu, cuda, cuda:1 or mps") from error
    try:
        torch.zeros(1, device=device).cpu()  # there and back: "meta" holds no values
    except Exception as error:  # each absent backend fails in its own way, some by a failing import
        reason = one_line(error).partition(". ")[0]
        raise InvalidRequestError(f"there is no {name} here ({reason}) - use --device cpu") from error
    return device


def seed_device(seed: int, device: torch.device) -> None:
    """Set the global random states of the CPU and of `device`, as `torch.manual_seed` does, in a hundredth of its time.

    Where there is no GPU that one writes down, each time, who has called it.
    """
    torch.default_generator.manual_seed(seed)
    if device.type != "cpu":
        torch.get_device_module(device).manual_seed(seed)


def _has_mps() -> bool:
    return torch.backends.mps.is_available()
