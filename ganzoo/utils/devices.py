"""Devices by their names, and their random states."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from ganzoo.errors import GanzooError, InvalidRequestError, one_line

__all__ = ["is_out_of_memory", "memory_for", "resolve_device", "seed_device"]


def resolve_device(name: str) -> torch.device:
    """The device of that name. ``auto`` means the first of cuda, mps and cpu that this machine has.

    Raises:
        InvalidRequestError: the name is not a device, or this machine does not have it.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "mps" if _has_mps() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise InvalidRequestError(f"{name!r} is not a device - use auto, cpu, cuda, cuda:1 or mps") from error
    try:
        torch.zeros(1, device=device).cpu()  # the copy back fails for "meta", which holds no values
    except Exception as error:  # each missing device fails with another error, some with an ImportError
        reason = one_line(error).partition(". ")[0]
        raise InvalidRequestError(f"this machine has no device {name} ({reason}) - use --device cpu") from error
    return device


def seed_device(seed: int, device: torch.device) -> None:
    """Set the global random states of the CPU and of `device`.

    The states are those that `torch.manual_seed` sets. On a machine without a GPU this takes a hundredth of its time,
    since `torch.manual_seed` records its caller each time.
    """
    torch.default_generator.manual_seed(seed)
    if device.type != "cpu":
        torch.get_device_module(device).manual_seed(seed)


def _has_mps() -> bool:
    return torch.backends.mps.is_available()


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that a device, or this machine, has too little memory."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    text = str(error)  # PyTorch has no type for these
    return isinstance(error, RuntimeError) and ("can't allocate memory" in text or "out of memory" in text)


@contextmanager
def memory_for(device: torch.device, *, remedy: str = "use a smaller batch size") -> Iterator[None]:
    """Inside, a batch of images is computed on the device.

    Raises:
        GanzooError: the device has too little memory for it. The message ends with `remedy`.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise GanzooError(f"{device} has too little memory for this many images at a time - {remedy}") from error
