"""The names of devices, checked without torch."""

from __future__ import annotations

import re

from ganzoo.errors import InvalidRequestError

__all__ = ["TYPES", "check_device_name"]

TYPES = frozenset(
    [
        "cpu",
        "cuda",
        "ipu",
        "xpu",
        "mkldnn",
        "opengl",
        "opencl",
        "ideep",
        "hip",
        "ve",
        "fpga",
        "maia",
        "xla",
        "lazy",
        "vulkan",
        "mps",
        "meta",
        "hpu",
        "mtia",
        "privateuseone",
    ]
)
"""The types of devices that PyTorch knows."""


def check_device_name(name: str) -> str:
    """Return the name of a device: ``auto``, or a type with or without an index, such as ``cuda:1``.

    Raises:
        InvalidRequestError: it is something else.
    """
    if name == "auto" or (name.partition(":")[0] in TYPES and re.fullmatch(r"[a-z]+(:(0|[1-9][0-9]{0,2}))?", name)):
        return name
    raise InvalidRequestError(f"{name!r} is not a device - use auto, cpu, cuda, cuda:1 or mps")
