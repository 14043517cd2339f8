"""Penalties: functions from the output of a discriminator, or of a generator, to a scalar, without a weight.

If a discriminator returns several logits for an image, such as one for each patch, the image's logit is their mean, as
in the losses. For gradients, the discriminator is run again, in 32 bits or more.
"""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt

import torch
from torch import Tensor, nn
from torch.linalg import vector_norm

from ganzoo import DiscriminatorOutput, GeneratorOutput, at_least_float32, gather_rows

__all__ = ["PathLength", "drift", "label_smoothing", "r1", "roth", "wgan_gp"]


def r1(output: DiscriminatorOutput) -> Tensor:
    """1/2 E_x |grad D(x)|^2 on real images (arXiv:1801.04406, equation 9)."""
    _, gradient = _logits_and_gradient(output.discriminator, output.real)
    return gradient.square().sum(1).mean() / 2


def wgan_gp(output: DiscriminatorOutput) -> Tensor:
    """E (|grad D(u)| - 1)^2 with u = e x + (1 - e) G(z) and e uniform in [0, 1) (arXiv:1704.00028, equation 3)."""
    real, fake = at_least_float32(output.real), at_least_float32(output.fake)
    share = torch.rand(len(real), 1, 1, 1, dtype=real.dtype, device=real.device)
    between = torch.lerp(fake.detach(), real.detach(), share)
    _, gradient = _logits_and_gradient(output.discriminator, between)
    # Dead units give a gradient of zero. There, `vector_norm` has a derivative; the root of a sum of squares has none.
    norm: Tensor = vector_norm(gradient, dim=1)
    return (norm - 1).square().mean()


def roth(output: DiscriminatorOutput) -> Tensor:
    """1/2 (E_x (1 - p)^2 |grad s|^2 + E_z p^2 |grad s|^2) with p = sigmoid(s) (arXiv:1705.09367, algorithm 1).

    s are the logits of real images in the first term, and of generated images in the second. The weight is constant,
    as in the authors' variant without annealing.
    """
    real, at_real = _logits_and_gradient(output.discriminator, output.real)
    fake, at_fake = _logits_and_gradient(output.discriminator, output.fake)
    real_weight, fake_weight = (1 - real.sigmoid())[:, None], fake.sigmoid()[:, None]
    return ((real_weight * at_real).square().sum(1).mean() + (fake_weight * at_fake).square().sum(1).mean()) / 2


def label_smoothing(output: DiscriminatorOutput) -> Tensor:
    """One-sided label smoothing: the mean logit of real images (arXiv:1606.03498, section 3.4).

    With weight a, it lowers the target of real images from 1 to 1 - a. For the logistic losses this is exact, since
    (1 - a) softplus(-s) + a softplus(s) = softplus(-s) + a s. For least squares it is exact up to a constant, since
    (s - 1 + a)^2 / 2 = (s - 1)^2 / 2 + a s + a (a - 2) / 2.
    """
    return at_least_float32(output.real_logits).mean()


def drift(output: DiscriminatorOutput) -> Tensor:
    """E_x D(x)^2 on real images (arXiv:1710.10196, appendix A.1). A Wasserstein loss leaves the mean logit free."""
    logits = at_least_float32(output.real_logits)
    return logits.reshape(len(logits), -1).mean(1).square().mean()


class PathLength(nn.Module):
    """E (|J^T y| - a)^2: a step in latent space should change all images equally much (arXiv:1912.04958, equation 4).

    J is the derivative of an image with respect to its latents, y are random images, and a is the running mean of the
    lengths |J^T y|. For several latents of one image, such as a style for each layer, the squares are averaged.
    """

    mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(()))

    def forward(self, output: GeneratorOutput) -> Tensor:
        """A scalar. It moves the running mean by a hundredth toward the mean of all processes' images."""
        lengths = _path_lengths(output)
        self.mean.lerp_(gather_rows(lengths.detach()).mean().to(self.mean), 0.01)
        return (lengths - self.mean).square().mean()


def _path_lengths(output: GeneratorOutput) -> Tensor:
    """|J^T y| of each image, (N,), with y from N(0, 1 / pixels) (arXiv:1912.04958, appendix C)."""
    latents = at_least_float32(output.latents)
    latents = latents if latents.requires_grad else latents.detach().requires_grad_()
    with torch.autocast(latents.device.type, enabled=False):
        images = at_least_float32(output.generator(latents))
        direction = torch.randn_like(images) / sqrt(images[0, 0].numel())
        (gradient,) = torch.autograd.grad((images * direction).sum(), latents, create_graph=True)
    latents_of_an_image = gradient[0].numel() / gradient.shape[-1]
    # At zero, `vector_norm` has a derivative; the root of a sum of squares has none.
    norms: Tensor = vector_norm(gradient.flatten(1), dim=1)
    return norms / sqrt(latents_of_an_image)


def _logits_and_gradient(discriminator: Callable[[Tensor], Tensor], images: Tensor) -> tuple[Tensor, Tensor]:
    """The logit of each image, (N,), and its gradient with respect to the image, (N, C * H * W)."""
    images = at_least_float32(images.detach()).requires_grad_()
    with torch.autocast(images.device.type, enabled=False):
        logits = discriminator(images)
        logits = logits.reshape(len(images), -1).mean(1)
        (gradient,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
    return logits, gradient.flatten(1)
