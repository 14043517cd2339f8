"""From one image to another, by way of what they are made from."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ganzoo.errors import InvalidRequestError
from ganzoo.interface.gan import Inputs

__all__ = ["LATENT", "slerp", "walk"]

LATENT = "z"
"""The input that is a latent, by every architecture's custom."""


def walk(start: Inputs, end: Inputs, steps: int, hold: Sequence[str] = ()) -> Inputs:
    """The inputs of `steps` images from `start` to `end`, one image each; those in `hold` stay as at the start.

    Raises:
        InvalidRequestError: fewer than two steps, no such input to hold, or nothing that moves.
    """
    if steps < 2:
        raise InvalidRequestError(f"an interpolation has at least 2 steps, not {steps}")
    unknown = [name for name in hold if name not in start]
    if unknown:
        raise InvalidRequestError(f"there is no input {', '.join(unknown)} to hold - there are {', '.join(start)}")
    ends = {name: start[name] if name in hold else end[name] for name in start}
    if all(torch.equal(start[name], ends[name]) for name in start):
        raise InvalidRequestError("nothing moves: both ends are the same image - hold less, or name two classes")
    at = torch.linspace(0, 1, steps)
    return {name: (slerp if name == LATENT else _lerp)(start[name], ends[name], at) for name in start}


def slerp(start: Tensor, end: Tensor, at: Tensor) -> Tensor:
    """Points (steps, ...) on the great circle from `start` to `end`, (1, ...): sin((1-t)w)/sin(w) a + sin(tw)/sin(w) b.

    w is the angle between them. Lengths that differ are passed through as well. Where they point the same way,
    or to opposite sides, between which there is no one circle, the way is straight.
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
