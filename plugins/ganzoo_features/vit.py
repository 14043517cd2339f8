"""Vision transformers (arXiv:2010.11929) whose features judge images today: DINOv2 and the image side of CLIP."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from ganzoo import Extractor, ExtractorOutput
from ganzoo_features.resizing import as_color_square

__all__ = ["Clip", "DinoV2"]

SIDE = 224
HEAD_WIDTH = 64

Activation = Callable[[Tensor], Tensor]
Color = tuple[float, float, float]


def quick_gelu(x: Tensor) -> Tensor:
    """The approximation of GELU with which CLIP was trained."""
    return x * torch.sigmoid(1.702 * x)


class VisionTransformer(Extractor):
    """A vision transformer that takes 224x224 pixels; its features are the output at the class token.

    It takes images (N, C, H, W) of any size with 1 or 3 channels, resizes them as torch-fidelity does, bilinear without
    antialiasing, and repeats the channel of gray images. It is no classifier: the logits are (N, 0).

    `blocks` are its layers, for tokens of `width` channels. `patch` is the side of the square of pixels that a token
    stands for, and `grid` the number of learned positions along a side. `mean` and `deviation` are those of the colors.
    """

    mean: ClassVar[Color]
    deviation: ClassVar[Color]

    def __init__(self, blocks: list[Block], width: int, *, patch: int, grid: int, bias: bool, epsilon: float) -> None:
        super().__init__()
        self.patch, self.grid = patch, grid
        self.patches = nn.Conv2d(3, width, patch, stride=patch, bias=bias)
        self.class_token = nn.Parameter(torch.randn(width) * 0.02)
        self.positions = nn.Parameter(torch.randn(1 + grid**2, width) * 0.02)
        self.norm_before: nn.Module = nn.Identity()
        self.blocks = nn.Sequential(*blocks)
        self.norm_after = nn.LayerNorm(width, eps=epsilon)
        self.projection: nn.Module = nn.Identity()

    def forward(self, images: Tensor) -> ExtractorOutput:
        """Features (N, F) and no logits, (N, 0), of images with pixels from 0 to 255."""
        pixels = as_color_square(images, SIDE, dtype=self.class_token.dtype)
        mean, deviation = (255 * pixels.new_tensor(each).view(3, 1, 1) for each in (self.mean, self.deviation))
        tokens = self.patches((pixels - mean) / deviation).flatten(2).mT  # (N, patches, width)
        tokens = torch.cat([self.class_token.expand(len(tokens), 1, -1), tokens], dim=1)
        tokens = self.blocks(self.norm_before(tokens + self._positions()))
        features = self.projection(self.norm_after(tokens[:, 0]))
        return ExtractorOutput(features, features[:, :0])

    def _positions(self) -> Tensor:
        """(tokens, width): the learned positions, resized if they were learned for a finer grid.

        The scale is larger by a tenth of a patch, as in DINOv2's own code, which torch-fidelity runs.
        """
        side = SIDE // self.patch
        if side == self.grid:
            return self.positions
        learned = self.positions[1:].T.reshape(1, -1, self.grid, self.grid)
        scale = (side + 0.1) / self.grid
        resized = functional.interpolate(learned, scale_factor=(scale, scale), mode="bicubic")
        return torch.cat([self.positions[:1], resized[0].flatten(1).T])


class Block(nn.Module):
    """Self-attention and a perceptron, each behind a layer norm, and each added to its input.

    With `scaled`, what is added is multiplied by a learned factor for each channel (arXiv:2103.17239).
    """

    def __init__(self, width: int, *, activation: Activation, scaled: bool, epsilon: float) -> None:
        super().__init__()
        self.activation = activation
        self.norm1, self.norm2 = (nn.LayerNorm(width, eps=epsilon) for _ in range(2))
        self.attention = Attention(width)
        self.fc1, self.fc2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.scale1, self.scale2 = (nn.Parameter(torch.ones(width)) if scaled else 1.0 for _ in range(2))

    def forward(self, tokens: Tensor) -> Tensor:
        """(N, T, width) from tokens of the same shape."""
        tokens = tokens + self.scale1 * self.attention(self.norm1(tokens))
        hidden = self.activation(self.fc1(self.norm2(tokens)))
        changed: Tensor = tokens + self.scale2 * self.fc2(hidden)
        return changed


class Attention(nn.Module):
    """Self-attention with heads of 64 channels."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))

    def forward(self, tokens: Tensor) -> Tensor:
        """(N, T, width) from tokens of the same shape."""
        layers = (self.query, self.key, self.value)
        heads = [layer(tokens).unflatten(2, (-1, HEAD_WIDTH)).transpose(1, 2) for layer in layers]  # (N, heads, T, 64)
        attended = functional.scaled_dot_product_attention(*heads)
        mixed: Tensor = self.out(attended.transpose(1, 2).flatten(2))
        return mixed


class DinoV2(VisionTransformer):
    """DINOv2 (arXiv:2304.07193) with `depth` layers of `width` channels, for patches of 14x14 pixels.

    The features (N, width) are those of the class token behind the last layer norm. Its positions were learned for
    518x518 pixels.
    """

    mean = (0.485, 0.456, 0.406)
    deviation = (0.229, 0.224, 0.225)

    def __init__(self, width: int, depth: int) -> None:
        blocks = [Block(width, activation=functional.gelu, scaled=True, epsilon=1e-6) for _ in range(depth)]
        super().__init__(blocks, width, patch=14, grid=37, bias=True, epsilon=1e-6)


class Clip(VisionTransformer):
    """The image side of CLIP (arXiv:2103.00020) with `depth` layers of `width` channels.

    The features (N, outputs) are those that CLIP compares with texts, before they get length 1.
    """

    mean = (0.48145466, 0.4578275, 0.40821073)
    deviation = (0.26862954, 0.26130258, 0.27577711)

    def __init__(self, width: int, depth: int, *, patch: int, outputs: int) -> None:
        blocks = [Block(width, activation=quick_gelu, scaled=False, epsilon=1e-5) for _ in range(depth)]
        super().__init__(blocks, width, patch=patch, grid=SIDE // patch, bias=False, epsilon=1e-5)
        self.norm_before = nn.LayerNorm(width)
        self.projection = nn.Linear(width, outputs, bias=False)
