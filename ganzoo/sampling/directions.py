"""Directions in latent space along which images change most, and the images along them.

They come from the weights of the first layers (SeFa, arXiv:2007.06600) or from the activations of many draws
(GANSpace, arXiv:2004.02546). `kept_directions` keeps them in a cache.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ganzoo.errors import InvalidRequestError
from ganzoo.interface.gan import GAN, Inputs
from ganzoo.sampling.requests import check_whole

__all__ = ["DRAWS", "Directions", "factorize", "principal_components", "shifted"]

_ZERO = 1e-9
"""An eigenvalue below this part of the largest is 0: the layers do not see that direction at all."""

DRAWS = 1024
"""The number of latents that `principal_components` needs."""


class Directions(NamedTuple):
    """Directions of one input of a generator, the strongest first.

    `input` is the name of the input, such as ``z``. `vectors` (K, ...) are orthonormal for ``sefa``, and have length 1
    for ``pca``. The largest component of each is positive.
    """

    input: str
    vectors: Tensor


def factorize(gan: GAN, count: int, *, of: str) -> Directions:
    """The eigenvectors of A^T A with the largest eigenvalues (arXiv:2007.06600, equation 7).

    A has the rows of the first affine layers that the input enters, `GAN.direction_layers`: of all steps of length 1,
    these change the activations behind A most. `of` names the model in messages.

    Raises:
        InvalidRequestError: the GAN names no such layers, or has fewer directions.
    """
    layers = gan.direction_layers()
    if not layers:
        _refuse(of)
    name, matrices = next(iter(layers.items()))
    stacked = torch.cat([matrix.detach().cpu().double() for matrix in matrices])
    values, vectors = torch.linalg.eigh(stacked.T @ stacked)  # vectors in columns, the largest eigenvalue last
    _check_count("sefa", count, int((values > _ZERO * values[-1]).sum()), of=of)
    return Directions(name, _with_fixed_signs(vectors.flip(1).T[:count]))


def principal_components(gan: GAN, inputs: Inputs, count: int, *, of: str) -> Directions:
    """The latent directions that belong to the principal components of activations (arXiv:2004.02546, section 2.3).

    `inputs` are those of many images which differ in one input only. `GAN.direction_activations` gives their
    activations y. With the coordinates x = V^T (y - mean) in the principal components V, the direction of component k
    is the u_k that minimizes the sum of |u_k x_k - z|^2 over all draws z. It is scaled to length 1.

    Raises:
        InvalidRequestError: the GAN gives no such activations, or has fewer directions.
    """
    with torch.inference_mode():
        activations = gan.direction_activations({name: value.to(gan.device) for name, value in inputs.items()})
    if not activations:
        _refuse(of)
    name, y = next((name, value.flatten(1).cpu().double()) for name, value in activations.items())
    z = inputs[name].flatten(1).double()
    _check_count("pca", count, z.shape[1], of=of)
    coordinates = _principal_coordinates(y - y.mean(0), count)
    vectors = torch.nn.functional.normalize(coordinates.T @ (z - z.mean(0)), dim=1)
    return Directions(name, _with_fixed_signs(vectors).view(count, *inputs[name].shape[1:]))


def _principal_coordinates(y: Tensor, count: int) -> Tensor:
    """The coordinates of centered activations (draws, features) in `count` principal components, up to their lengths.

    They come from the smaller one of the products y y^T and y^T y.
    """
    by_features = count <= y.shape[1] < y.shape[0]
    vectors: Tensor = torch.linalg.eigh(y.T @ y if by_features else y @ y.T).eigenvectors.flip(1)[:, :count]
    return y @ vectors if by_features else vectors


def shifted(inputs: Inputs, directions: Directions, strengths: Sequence[float]) -> Inputs:
    """The inputs of N * K * S images: each of N rows, moved along each of K directions by each of S strengths.

    An input with more dimensions than a direction moves along it in all of them.

    Raises:
        InvalidRequestError: the inputs lack the one that the directions belong to, or it has another shape.
    """
    start = inputs.get(directions.input)
    expected = directions.vectors.shape[1:]
    if start is None or start.ndim <= len(expected) or start.shape[start.ndim - len(expected) :] != expected:
        shown = "is missing" if start is None else f"has the shape {tuple(start.shape[1:])}"
        text = f"the directions move {directions.input} {tuple(expected)}, which {shown} in the inputs"
        raise InvalidRequestError(f"{text} - take directions and inputs of one model")
    steps = torch.tensor(strengths, dtype=start.dtype).view(-1, *[1] * len(expected))
    moves = (directions.vectors.to(start.dtype)[:, None] * steps).flatten(0, 1)  # (K * S, ...)
    for _ in range(start.ndim - moves.ndim):  # an input for each layer, such as styles, moves in all layers
        moves = moves[:, None]
    moved = {name: value.repeat_interleave(len(moves), dim=0) for name, value in inputs.items()}
    return {**moved, directions.input: (start[:, None] + moves).flatten(0, 1)}


def _refuse(of: str) -> None:
    text = f"{of} does not say where its directions lie"
    raise InvalidRequestError(f"{text} - choose another model, or add `direction_layers` to its architecture")


def _check_count(method: str, count: int, most: int, *, of: str) -> None:
    check_whole("number of directions", count, 1)
    if count > most:
        raise InvalidRequestError(f"{of} has {most} directions, not {count} - write {method}:{most} or less")


def _with_fixed_signs(vectors: Tensor) -> Tensor:
    """The vectors (K, D) in float32, each with the sign that makes its largest component positive."""
    largest = vectors.gather(1, vectors.abs().argmax(1, keepdim=True))
    return (vectors * largest.sign()).float()
