"""The checks that the configs of the generators share. This module does not import torch."""

from __future__ import annotations

__all__ = ["check_at_least", "check_base_width", "check_resolution", "check_share"]


def check_resolution(resolution: int) -> None:
    """Check the size of images.

    Raises:
        ValueError: it is no power of 2 from 8 on.
    """
    if resolution < 8 or resolution & (resolution - 1):
        raise ValueError(f"resolution is a power of 2, at least 8, not {resolution}")


def check_at_least(minimum: int, **values: int) -> None:
    """Check fields, given by their names.

    Raises:
        ValueError: one of them is less than `minimum`.
    """
    for name, value in values.items():
        if value < minimum:
            raise ValueError(f"{name} must be at least {minimum}, not {value}")


def check_base_width(base_width: int, resolution: int) -> None:
    """Check that the layers of the highest resolution have a channel.

    Raises:
        ValueError: they have none.
    """
    if base_width < resolution:
        raise ValueError(f"base_width must be at least the resolution, {resolution}, not {base_width}")


def check_share(**values: float) -> None:
    """Check fields, given by their names.

    Raises:
        ValueError: one of them is not in [0, 1].
    """
    for name, value in values.items():
        if not 0 <= value <= 1:
            raise ValueError(f"{name} is a share from 0 to 1, not {value}")
