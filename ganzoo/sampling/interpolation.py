"""Interpolation through two images or more, by way of their inputs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from ganzoo.errors import InvalidRequestError
from ganzoo.interface.gan import GAN, Inputs
from ganzoo.utils.precision import float32_on_cpu

__all__ = ["LATENT", "LatentPath", "between", "joined", "moved_ends", "path_of", "path_through", "slerp"]

LATENT = "z"
"""The name of the input that is a latent. Every architecture uses it."""


@dataclass(frozen=True)
class LatentPath:
    """The inputs of many images, on the way through the inputs of a few.

    `points` are the inputs of those few, (P, ...), and image `places[p]` is that of point p. A path that ends where it
    began has the first point at its end too, but the image of it only once.
    """

    points: Inputs
    places: tuple[int, ...]
    closed: bool = False

    def __len__(self) -> int:
        return self.places[-1] + (0 if self.closed else 1)

    def batches(self, size: int) -> Iterator[Inputs]:
        """The inputs of all images in their order, at most `size` at a time."""
        for segment, (first, end) in enumerate(pairwise(self.places)):
            last = end if self.closed or segment + 2 < len(self.places) else end + 1
            for start in range(first, last, size):
                yield self._between(segment, torch.arange(start, min(start + size, last)), first, end)

    @float32_on_cpu()
    def _between(self, segment: int, images: Tensor, first: int, end: int) -> Inputs:
        starts, ends = (
            {name: value[point, None] for name, value in self.points.items()} for point in (segment, segment + 1)
        )
        return between(starts, ends, (images - first) / (end - first))


def joined(points: Sequence[Inputs]) -> Inputs:
    """The inputs of all points in one: (P, ...) each.

    Raises:
        InvalidRequestError: there are no points.
    """
    if not points:
        raise InvalidRequestError("an interpolation leads from one image to another - name two or more")
    return {name: torch.cat([each[name] for each in points]) for name in points[0]}


def path_of(
    gan: GAN, points: Sequence[Inputs], steps: int, hold: Sequence[str] = (), *, loop: bool = False
) -> LatentPath:
    """The path of `steps` images through `points`, in the inputs that the GAN moves; see `path_through`.

    `hold` has names of drawn inputs, or of those that the GAN moves in their place.
    """
    drawn = joined(points)
    moved = gan.edit_inputs(_held(drawn, hold))
    others = [name for name in gan.held_inputs if name in moved]
    return path_through(moved, steps, [*others, *(name for name in hold if name not in drawn)], loop=loop)


def path_through(points: Inputs, steps: int, hold: Sequence[str] = (), *, loop: bool = False) -> LatentPath:
    """The path of `steps` images through `points`, (P, ...), in their order. Each point is one of the images.

    The latent is interpolated by `slerp`, all else linearly; inputs in `hold` keep the value of the first point. All
    steps have the same length, up to what it takes to meet every point. With `loop` the path goes on from the last
    point to the first, and the step after the last image leads to the first image.

    Raises:
        InvalidRequestError: fewer than two points, fewer steps than points, an unknown input in `hold`, or equal
            points.
    """
    count = len(next(iter(points.values())))
    if count < 2:
        raise InvalidRequestError("an interpolation leads from one image to another - name two or more")
    if steps < count:
        raise InvalidRequestError(f"an interpolation through {count} images has at least {count} steps, not {steps}")
    unknown = [name for name in hold if name not in points]
    if unknown:
        raise InvalidRequestError(f"there is no input {', '.join(unknown)} to hold - there are {', '.join(points)}")
    held = _held(points, hold)
    if loop:
        held = {name: torch.cat([value, value[:1]]) for name, value in held.items()}
    lengths = _lengths(held)
    if not any(lengths):
        raise InvalidRequestError("nothing moves: all ends are one image - hold less, or name two classes or texts")
    return LatentPath(held, _places(lengths, steps if loop else steps - 1), closed=loop)


def _held(points: Inputs, hold: Sequence[str]) -> Inputs:
    """The points, all with the inputs in `hold` of the first one."""
    return {name: value[:1].expand_as(value) if name in hold else value for name, value in points.items()}


def moved_ends(gan: GAN, starts: Inputs, ends: Inputs) -> tuple[Inputs, Inputs]:
    """The inputs that the GAN moves from each row of `starts` to the same row of `ends`, both drawn ones.

    Those that all images of an interpolation share are the start's.
    """
    first, last = gan.edit_inputs(starts), gan.edit_inputs(ends)
    return first, {name: first[name] if name in gan.held_inputs else value for name, value in last.items()}


def between(starts: Inputs, ends: Inputs, at: Tensor) -> Inputs:
    """The inputs at `at`, (steps,), from 0 to 1, on the ways from `starts` to `ends`.

    Both have a row for each step, or one row for all. The latent is interpolated by `slerp`, all else linearly.
    """
    return {name: (slerp if name == LATENT else _lerp)(value, ends[name], at) for name, value in starts.items()}


def slerp(start: Tensor, end: Tensor, at: Tensor) -> Tensor:
    """Points (steps, ...) on the great circle from `start` to `end`, at constant speed.

    Both ends are (1, ...), or have a row for each step. The directions of the points are
    sin((1-t)w)/sin(w) a + sin(tw)/sin(w) b, where a and b are those of the ends, w is the angle between them, and t are
    the numbers in `at`, (steps,), from 0 to 1. Their lengths are interpolated linearly. Ends with the same or opposite
    directions have no unique great circle: the points are then on a straight line.
    """
    angle = _angles(start, end)
    first, last = (each.flatten(1).double().norm(dim=1) for each in (start, end))
    t = at.double()
    length = torch.lerp(first, last, t)  # exactly those of the ends at 0 and 1
    shape = (-1, *[1] * (start.ndim - 1))
    before, after = (
        ((s * angle).sin() / angle.sin() * length / of_end).to(start.dtype).view(shape)
        for s, of_end in ((1 - t, first), (t, last))
    )
    straight = (angle.sin() < 1e-4).view(shape)
    points: Tensor = torch.where(straight, _lerp(start, end, at), before * start + after * end)
    return points


def _lerp(start: Tensor, end: Tensor, at: Tensor) -> Tensor:
    return torch.lerp(start, end, at.to(start.dtype).view(-1, *[1] * (start.ndim - 1)))


def _angles(starts: Tensor, ends: Tensor) -> Tensor:
    """The angle between each of the `starts`, (N, ...), and its end: (N,) in double precision."""
    cosines = torch.cosine_similarity(starts.flatten(1), ends.flatten(1)).double()
    return torch.arccos(cosines.clamp(-1, 1))


def _lengths(points: Inputs) -> list[float]:
    """The length of the way from each point to the next: for the latent, the angle times the mean length of latents."""
    squares = []
    for name, value in points.items():
        flat = value.reshape(len(value), -1).double()
        starts, ends = flat[:-1], flat[1:]
        straight = (ends - starts).norm(dim=1)
        arc = _angles(starts, ends) * flat.norm(dim=1).mean() * (straight > 0)  # the angle of equal ends is not quite 0
        # Ends in one direction have no angle, but may differ.
        squares.append((torch.where(arc > 0, arc, straight) if name == LATENT else straight) ** 2)
    lengths: list[float] = torch.stack(squares).sum(0).sqrt().tolist()
    return lengths


def _places(lengths: Sequence[float], steps: int) -> tuple[int, ...]:
    """The image at which each point stands, if all `steps` have one length; at least one step after the point before.

    Point p stands where its part of the whole length has passed, rounded to an image.
    """
    places, passed = [0], 0.0
    for segment, length in enumerate(lengths, start=1):
        passed += length
        latest = steps - (len(lengths) - segment)
        places.append(min(max(round(steps * passed / sum(lengths)), places[-1] + 1), latest))
    return tuple(places)
