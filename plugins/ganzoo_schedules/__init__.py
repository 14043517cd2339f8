"""How learning rates change during a run."""

from __future__ import annotations

from collections.abc import Iterable
from math import cos, pi

import ganzoo
from ganzoo import Schedule

__all__: list[str] = []

GANZOO_API = (2, 0)


@ganzoo.hookimpl
def ganzoo_schedules() -> Iterable[Schedule]:
    """Four common schedules."""
    yield Schedule(
        name="constant",
        summary="constant: learning rates times the setting",
        default=1.0,
        factor=lambda progress, scale: scale,
    )
    yield Schedule(
        name="linear",
        summary="constant until the part of the run that the setting names, then linear to zero (arXiv:1703.10593)",
        default=0.5,
        factor=lambda progress, start: 1.0 if progress < start else (1 - progress) / (1 - start),
    )
    yield Schedule(
        name="cosine",
        summary="half a cosine wave, from 1 to the setting",
        default=0.0,
        factor=lambda progress, end: end + (1 - end) * (1 + cos(pi * progress)) / 2,
    )
    yield Schedule(
        name="exponential",
        summary="exponential, from 1 to the setting",
        default=0.01,
        factor=lambda progress, end: end**progress,
    )
