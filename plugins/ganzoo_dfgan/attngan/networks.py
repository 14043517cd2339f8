"""The networks of AttnGAN: a generator of several stages, and a discriminator for the images of each (section 3.1)."""

from __future__ import annotations

from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from ganzoo_dfgan.attngan.config import AttnGANConfig

__all__ = ["Attention", "Conditioning", "Discriminator", "Generator", "NextStage", "ResidualBlock"]


def convolution(inputs: int, outputs: int) -> nn.Conv2d:
    """A 3x3 convolution without a bias that keeps the size."""
    return nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)


def gated(inputs: int, outputs: int) -> list[nn.Module]:
    """A convolution to twice the channels; then one half of them gates the other."""
    return [convolution(inputs, 2 * outputs), nn.BatchNorm2d(2 * outputs), nn.GLU(1)]


def upsampling(inputs: int, outputs: int) -> nn.Sequential:
    """Features (N, inputs, H, W) to (N, outputs, 2 H, 2 W)."""
    return nn.Sequential(nn.Upsample(scale_factor=2), *gated(inputs, outputs))


class Conditioning(nn.Module):
    """F^ca: a normal distribution of conditions around each sentence, instead of the sentence (arXiv:1612.03242)."""

    def __init__(self, config: AttnGANConfig) -> None:
        super().__init__()
        self.project = nn.Linear(config.sentence_dim, 4 * config.condition_dim)

    def forward(self, sentence: Tensor) -> tuple[Tensor, Tensor]:
        """The mean and the logarithm of the variance, each (N, condition_dim)."""
        mean, log_variance = functional.glu(self.project(sentence), 1).chunk(2, 1)
        return mean, log_variance

    def condition(self, sentence: Tensor, noise: Tensor) -> Tensor:
        """Conditions (N, condition_dim) with standard normal noise of that shape."""
        mean, log_variance = self(sentence)
        return torch.addcmul(mean, noise, (log_variance / 2).exp())

    def divergence(self, sentence: Tensor) -> Tensor:
        """KL(N(mean, variance) || N(0, 1)), the mean over all numbers (arXiv:1612.03242, equation 2)."""
        mean, log_variance = self(sentence)
        found: Tensor = (mean.square() + log_variance.exp() - 1 - log_variance).mean() / 2
        return found


class FirstStage(nn.Module):
    """F_0: a latent and a condition to features (N, width, H, W) of the smallest image."""

    def __init__(self, config: AttnGANConfig) -> None:
        super().__init__()
        doublings = config.resolutions[0].bit_length() - 3
        widths = [config.width * 2**i for i in range(doublings, -1, -1)]
        self.size, features = config.first_map.size, config.first_map.pixels * widths[0]
        self.project = nn.Linear(config.latent_size, 2 * features, bias=False)
        self.norm = nn.BatchNorm1d(2 * features)
        self.blocks = nn.Sequential(*(upsampling(*pair) for pair in pairwise(widths)))

    def forward(self, z: Tensor, condition: Tensor) -> Tensor:
        """Every doubling halves the number of channels."""
        x = functional.glu(self.norm(self.project(torch.cat([condition, z], 1))), 1)
        return cast(
            "Tensor", self.blocks(x.view(x.shape[0], -1, *self.size))
        )  # not len(x), a constant in an exported graph


class Attention(nn.Module):
    """F^attn: for each pixel a mean of the words, each as important as it is similar to the pixel (equation 2)."""

    def __init__(self, config: AttnGANConfig) -> None:
        super().__init__()
        self.project = nn.Linear(config.sentence_dim, config.width, bias=False)

    def forward(self, x: Tensor, words: Tensor, present: Tensor) -> Tensor:
        """(N, width, H, W) from features of that shape, words (N, words, sentence_dim) and `present` (N, words).

        `present` is 1 for words and 0 for padding. Between the two, a word is as much less important.
        """
        words = self.project(words)
        scores = torch.einsum("nchw,ntc->nthw", x, words) + present.log()[:, :, None, None]
        return torch.einsum("nthw,ntc->nchw", scores.softmax(1), words)


class ResidualBlock(nn.Module):
    """Features to features of the same shape."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(*gated(width, width), convolution(width, width), nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        """The residual is added, without an activation."""
        return x + cast("Tensor", self.layers(x))


class NextStage(nn.Module):
    """F_i: features (N, width, H, W) and words to features (N, width, 2 H, 2 W)."""

    def __init__(self, config: AttnGANConfig) -> None:
        super().__init__()
        self.attention = Attention(config)
        self.blocks = nn.Sequential(*(ResidualBlock(2 * config.width) for _ in range(config.residual_blocks)))
        self.upsampling = upsampling(2 * config.width, config.width)

    def forward(self, x: Tensor, words: Tensor, present: Tensor) -> Tensor:
        """What the words say is seen beside each pixel."""
        x = torch.cat([x, self.attention(x, words, present)], 1)
        return cast("Tensor", self.upsampling(self.blocks(x)))


class Generator(nn.Module):
    """Latents and texts to images (N, C, H, W) in [-1, 1], of a size for each stage."""

    def __init__(self, config: AttnGANConfig) -> None:
        super().__init__()
        self.latent_dim = config.latent_dim
        self.conditioning = Conditioning(config)
        self.first = FirstStage(config)
        self.stages = nn.ModuleList(NextStage(config) for _ in range(config.stages - 1))
        self.to_images = nn.ModuleList(convolution(config.width, config.channels) for _ in range(config.stages))

    def forward(self, z: Tensor, sentence: Tensor, words: Tensor, present: Tensor) -> Tensor:
        """The largest image. `z` (N, latent_dim + condition_dim) is the latent and the noise of the condition."""
        return cast("Tensor", self.to_images[-1](self.features(z, sentence, words, present)[-1])).tanh()

    def images(self, z: Tensor, sentence: Tensor, words: Tensor, present: Tensor) -> list[Tensor]:
        """The images of all stages, the smallest first."""
        features = self.features(z, sentence, words, present)
        return [to_image(x).tanh() for to_image, x in zip(self.to_images, features, strict=True)]

    def features(self, z: Tensor, sentence: Tensor, words: Tensor, present: Tensor) -> list[Tensor]:
        """The features of all stages."""
        latent, noise = z[:, : self.latent_dim], z[:, self.latent_dim :]
        found = [self.first(latent, self.conditioning.condition(sentence, noise))]
        for stage in self.stages:
            found.append(stage(found[-1], words, present))
        return found


def activated(layer: nn.Conv2d) -> list[nn.Module]:
    """A convolution without a bias, a norm and a leaky ReLU."""
    return [layer, nn.BatchNorm2d(layer.out_channels), nn.LeakyReLU(0.2, inplace=True)]


def halving(inputs: int, outputs: int) -> nn.Conv2d:
    """A convolution that halves height and width."""
    return nn.Conv2d(inputs, outputs, 4, stride=2, padding=1, bias=False)


class Discriminator(nn.Module):
    """Images of one resolution to logits: is it real, and is it real and what the text says (equation 5)."""

    def __init__(self, config: AttnGANConfig, resolution: int) -> None:
        super().__init__()
        widths = [config.discriminator_width * 2**i for i in range(resolution.bit_length() - 3)]
        last = widths[:4][-1]
        layers = [halving(config.channels, widths[0]), nn.LeakyReLU(0.2, inplace=True)]
        layers += [layer for pair in pairwise(widths) for layer in activated(halving(*pair))]
        layers += [layer for pair in pairwise(widths[:2:-1]) for layer in activated(convolution(*pair))]
        self.features = nn.Sequential(*layers)
        self.unconditional = nn.Conv2d(last, 1, config.first_map.size)
        self.joint = nn.Sequential(*activated(convolution(last + config.sentence_dim, last)))
        self.conditional = nn.Conv2d(last, 1, config.first_map.size)

    def forward(self, images: Tensor, *sentences: Tensor) -> Tensor:
        """Logits (1 + K, N): without a text, then for each of K sets of sentences (N, sentence_dim)."""
        x = self.features(images)
        logits = [self.unconditional(x), *(self.conditional(self._join(x, each)) for each in sentences)]
        return torch.stack([each.flatten() for each in logits])

    def _join(self, x: Tensor, sentence: Tensor) -> Tensor:
        """Features (N, width, H, W) with the sentence beside every pixel."""
        everywhere = sentence[:, :, None, None].expand(-1, -1, *x.shape[2:])
        return cast("Tensor", self.joint(torch.cat([x, everywhere], 1)))
