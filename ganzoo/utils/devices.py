"""Devices by their names, and their random states."""

from __future__ import annotations

import logging
import platform
from functools import cache

import torch

from ganzoo.errors import InvalidRequestError, one_line

__all__ = ["has_bf16", "is_out_of_memory", "note_slow_bf16", "resolve_device", "seed_device"]

_log = logging.getLogger(__name__)


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


def has_bf16(device: torch.device) -> bool:
    """Whether a device has instructions for bfloat16. Without them, PyTorch converts each number, which is slow."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0) or torch.version.hip is not None
    if device.type == "mps":
        return bool(torch.backends.mps.is_macos_or_newer(14, 0))
    return device.type != "cpu" or _processor_has_bf16()


def _processor_has_bf16() -> bool:
    """Whether the processor has AVX-512 BF16 or AMX tiles, or the ARM instructions that oneDNN uses."""
    if platform.machine().lower() in ("x86_64", "amd64"):
        tests = (getattr(torch.cpu, name, None) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"))
        return any(test() for test in tests if test is not None)
    # On x86 this one is also true for AVX-512 alone, where oneDNN converts.
    supported = getattr(getattr(torch.ops, "mkldnn", None), "_is_mkldnn_bf16_supported", None)
    available = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return bool(supported is not None and available and supported())


@cache
def note_slow_bf16(device: torch.device) -> None:
    """Say, once for each device, that it has no instructions for bfloat16."""
    if not has_bf16(device):
        _log.warning(
            "%s has no bf16 instructions: bf16 takes about twice the time of fp32 here - leave out --precision bf16",
            "this processor" if device.type == "cpu" else device,
        )
