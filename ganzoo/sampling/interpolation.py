"""Interpolation between two images, by way of their inputs."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ganzoo.errors import InvalidRequestError
from ganzoo.interface.gan import Inputs
from ganzoo.utils.precision import float32_on_cpu

__all__ = ["LATENT", "hold_inputs", "interpolate_inputs", "slerp"]

LATENT = "z"
"""The name of the input that is a latent. Every architecture uses it."""


@float32_on_cpu()
def interpolate_inputs(start: Inputs, end: Inputs, steps: int, hold: Sequence[str] = ()) -> Inputs:
    """The inputs of `steps` images from `start` to `end`, both included; inputs in `hold` keep the value of `start`.

    `start` and `end` are the inputs of one image each. The latent is interpolated by `slerp`, all else linearly.

    Raises:
        InvalidRequestError: fewer than two steps, an unknown input in `hold`, or two equal ends.
    """
    if steps < 2:
        raise InvalidRequestError(f"an interpolation has at least 2 steps, not {steps}")
    ends = hold_inputs(start, end, hold)
    if all(torch.equal(start[name], ends[name]) for name in start):
        raise InvalidRequestError("nothing moves: both ends are the same image - hold less, or name two classes")
    at = torch.linspace(0, 1, steps)
    return {name: (slerp if name == LATENT else _lerp)(start[name], ends[name], at) for name in start}


def hold_inputs(start: Inputs, end: Inputs, hold: Sequence[str]) -> Inputs:
    """The inputs of `end`, with those in `hold` from `start`.

    Raises:
        InvalidRequestError: there is no such input.
    """
    unknown = [name for name in hold if name not in start]
    if unknown:
        raise InvalidRequestError(f"there is no input {', '.join(unknown)} to hold - there are {', '.join(start)}")
    return {name: start[name] if name in hold else end[name] for name in start}


def slerp(start: Tensor, end: Tensor, at: Tensor) -> Tensor:
    """Points (steps, ...) on the great circle from `start` to `end`, both (1, ...).

    They are sin((1-t)w)/sin(w) a + sin(tw)/sin(w) b, where w is the angle between a and b, and t are the numbers in
    `at`, (steps,), from 0 to 1. If the lengths of the ends differ, the lengths between them are interpolated too. Ends
    with the same or opposite directions have no unique great circle: the points are then on a straight line.
    """
    cosine = torch.cosine_similarity(start.flatten(1), end.flatten(1)).double()
    angle = torch.arccos(cosine.clamp(-1, 1))
    if bool(angle.sin() < 1e-4):
        return _lerp(start, end, at)
    shape = (-1, *[1] * (start.ndim - 1))
    before, after = (((s * angle).sin() / angle.sin()).to(start.dtype).view(shape) for s in (1 - at, at))
    return before * start + after * end


def _lerp(start: Tensor, end: Tensor, at: Tensor) -> Tensor:
    return torch.lerp(start, end, at.view(-1, *[1] * (start.ndim - 1)))
