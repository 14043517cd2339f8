"""Penalties on discriminators: each a function of what a discriminator saw, to a scalar of weight 1.

An image's score is the mean over all that the discriminator says of it, patches for instance, as it is
in the losses. Gradients are taken in 32 bits or more, of images that are scored anew.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.linalg import vector_norm

from ganzoo import DiscriminatorOutput, at_least_float32

__all__ = ["label_smoothing", "r1", "roth", "wgan_gp"]


def r1(output: DiscriminatorOutput) -> Tensor:
    """1/2 E_x |grad D(x)|^2 at real images, arXiv:1801.04406, equation 9."""
    _, gradient = _logits_and_gradient(output.discriminator, output.real)
    return gradient.square().sum(1).mean() / 2


def wgan_gp(output: DiscriminatorOutput) -> Tensor:
    """E (|grad D(u)| - 1)^2 at u = e x + (1 - e) G(z), e uniform in [0, 1), arXiv:1704.00028, equation 3."""
    real, fake = at_least_float32(output.real), at_least_float32(output.fake)
    share = torch.rand(len(real), 1, 1, 1, dtype=real.dtype, device=real.device)
    between = torch.lerp(fake.detach(), real.detach(), share)
    _, gradient = _logits_and_gradient(output.discriminator, between)
    # Unlike the root of a sum of squares, the norm has a derivative at zero, which is where dead units leave it.
    norm: Tensor = vector_norm(gradient, dim=1)
    return (norm - 1).square().mean()


def roth(output: DiscriminatorOutput) -> Tensor:
    """1/2 (E_x (1 - p)^2 |grad s|^2 + E_z p^2 |grad s|^2) with p = sigmoid(s), arXiv:1705.09367, algorithm 1.

    Of the logits s of real images in the first term, of the others in the second. The weight stays, as in
    the authors' variant without annealing.
    """
    real, at_real = _logits_and_gradient(output.discriminator, output.real)
    fake, at_fake = _logits_and_gradient(output.discriminator, output.fake)
    doubt, belief = (1 - real.sigmoid())[:, None], fake.sigmoid()[:, None]
    return ((doubt * at_real).square().sum(1).mean() + (belief * at_fake).square().sum(1).mean()) / 2


def label_smoothing(output: DiscriminatorOutput) -> Tensor:
    """E D(x), of raw logits: with weight a it lowers the target of real images from 1 to 1 - a.

    One-sided label smoothing, arXiv:1606.03498, section 3.4. For logistic losses the change of target is
    just this, (1 - a) softplus(-s) + a softplus(s) = softplus(-s) + a s; for least squares it is but
    for a constant, (s - 1 + a)^2 / 2 = (s - 1)^2 / 2 + a s + a (a - 2) / 2.
    """
    return at_least_float32(output.real_logits).mean()


def _logits_and_gradient(discriminator: Callable[[Tensor], Tensor], images: Tensor) -> tuple[Tensor, Tensor]:
    """The score of each image, (N,), and its gradient with respect to the image, (N, C * H * W)."""
    images = at_least_float32(images.detach()).requires_grad_()
    with torch.autocast(images.device.type, enabled=False):
        logits = discriminator(images)
        logits = logits.reshape(len(images), -1).mean(1)
        (gradient,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
    return logits, gradient.flatten(1)
