"""Attention, for the networks of plugins."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

__all__ = ["DotProductAttention"]


class DotProductAttention(nn.Module):
    """softmax(Q K^T) V, equation 1 of arXiv:1706.03762 without its scale. It has no parameters.

    As a module of a function of `GAN.fused` it is faster: ganzoo replaces it by the way that is fastest on the device.
    """

    def forward(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """What each query finds, (N, L, E), from queries (N, L, D), keys (N, S, D) and values (N, S, E)."""
        # One head: exporters to other runtimes take attention only with a dimension for heads.
        found = functional.scaled_dot_product_attention(queries[:, None], keys[:, None], values[:, None], scale=1.0)
        return found[:, 0]
