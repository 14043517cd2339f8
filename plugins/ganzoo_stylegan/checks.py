"""The sizes and checks that the configs of the generators share. This module does not import torch."""

from __future__ import annotations

__all__ = ["DOUBLINGS", "check_at_least", "check_base_width", "check_share"]

DOUBLINGS = range(1, 13)
"""How often a generator can double its first map: 4x4 pixels up to 8x8, 16x16, and so on."""


def check_at_least(minimum: int, **values: int) -> None:
    """Check fields, given by their names.

    Raises:
        ValueError: one of them is less than `minimum`.
    """
    for name, value in values.items():
        if value < minimum:
            raise ValueError(f"{name} must be at least {minimum}, not {value}")


def check_base_width(base_width: int, side: int) -> None:
    """Check that the layers of the largest images have a channel.

    Raises:
        ValueError: they have none.
    """
    if base_width < side:
        raise ValueError(f"base_width must be at least {side} for this resolution, not {base_width}")


def check_share(**values: float) -> None:
    """Check fields, given by their names.

    Raises:
        ValueError: one of them is not in [0, 1].
    """
    for name, value in values.items():
        if not 0 <= value <= 1:
            raise ValueError(f"{name} is a share from 0 to 1, not {value}")
