"""The matching-aware gradient penalty of DF-GAN (arXiv:2008.05865, equation 3)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.linalg import vector_norm

from ganzoo import at_least_float32

__all__ = ["gradient_penalty"]


def gradient_penalty(logits: Tensor, images: Tensor, sentences: Tensor, *, power: float) -> Tensor:
    """E |(grad_x D, grad_s D)|^p at real pictures (N, C, H, W) with their own sentences (N, D).

    `logits` (N,) are those of both, which must require gradients.
    """
    gradients = torch.autograd.grad(logits.sum(), (images, sentences), create_graph=True)
    both = torch.cat([at_least_float32(gradient).flatten(1) for gradient in gradients], 1)
    # At zero, `vector_norm` has a derivative; the root of a sum of squares has none.
    norms: Tensor = vector_norm(both, dim=1)
    return norms.pow(power).mean()
