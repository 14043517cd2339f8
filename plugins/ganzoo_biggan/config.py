"""What there is to choose in a BigGAN; the paper's values are the defaults. No torch."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["BigGANConfig", "BigGANDeepConfig", "generator_depths"]

_GENERATOR = {
    32: (4, 4, 4, 4),
    64: (16, 16, 8, 4, 2),
    128: (16, 16, 8, 4, 2, 1),
    256: (16, 16, 8, 8, 4, 2, 1),
    512: (16, 16, 8, 8, 4, 2, 1, 1),
}
_DISCRIMINATOR = {
    32: (4, 4, 4, 4),
    64: (1, 2, 4, 8, 16),
    128: (1, 2, 4, 8, 16, 16),
    256: (1, 2, 4, 8, 8, 16, 16),
    512: (1, 1, 2, 4, 8, 8, 16, 16),
}


def generator_depths(resolution: int) -> tuple[int, ...]:
    """The generator's channels at 4, 8, ... pixels, as multiples of ch; for an unknown resolution, none."""
    return _GENERATOR.get(resolution, (1,))


@dataclass(frozen=True, kw_only=True)
class BigGANConfig:
    """Appendix B; 32 and 64 pixels, which the paper does not have, are as in BigGAN-PyTorch.

    `width` is the paper's ch, in which the channels are counted: `generator_depths` has how many times
    ch there are at 4, 8, ... pixels, `discriminator_depths` how many behind its first layer and each block
    after; None for those of the resolution. There is attention wherever both networks reach one of the
    `attention` resolutions. The latent has 20 numbers for each place that it enters (16 at 512 pixels) unless
    `latent_dim` says otherwise; with `hierarchical` off, all of it enters at the first alone.

    `shared` classes have an embedding that all layers project; else each layer has gains and biases of its own
    for every class. Without `generator_spectral_norm` the generator's weights are taken as they are, as is
    right where the norm was divided out. There are `statistics` sets of batch statistics for truncations
    from 0 to 1, or a single one for all.

    Training has `discriminator_steps` for each of the generator's, and adds `orthogonal_weight` times the
    orthogonal regularisation, equation 3. `epsilon` is that of batch norm.
    """

    resolution: int = 128
    channels: int = 3
    classes: int = 1000
    width: int = 96
    discriminator_width: int | None = None
    generator_depths: tuple[int, ...] | None = None
    discriminator_depths: tuple[int, ...] | None = None
    attention: tuple[int, ...] = (64,)
    latent_dim: int | None = None
    class_dim: int = 128
    hierarchical: bool = True
    shared: bool = True
    generator_spectral_norm: bool = True
    statistics: int = 1
    epsilon: float = 1e-4
    generator_learning_rate: float = 5e-5
    discriminator_learning_rate: float = 2e-4
    beta1: float = 0.0
    beta2: float = 0.999
    discriminator_steps: int = 2
    orthogonal_weight: float = 1e-4

    def __post_init__(self) -> None:
        if self.resolution not in _GENERATOR:
            raise ValueError(f"resolution is one of {', '.join(map(str, _GENERATOR))}, not {self.resolution}")
        if self.channels not in (1, 3, 4):
            raise ValueError(f"channels is 1 (grey), 3 (RGB) or 4 (RGBA), not {self.channels}")
        counts = (self.classes, self.width, self.judge_width, self.class_dim, self.latent_size, self.statistics)
        if min(*counts, self.discriminator_steps, *self.maps, *self.judge_maps) < 1:
            raise ValueError("widths, depths, classes, statistics, discriminator_steps and latents are at least 1")
        if self.epsilon <= 0 or self.orthogonal_weight < 0:
            raise ValueError("epsilon is above 0, and orthogonal_weight at least 0")
        ours = {"generator": (self.maps, _GENERATOR), "discriminator": (self.judge_maps, _DISCRIMINATOR)}
        for name, (depths, usual) in ours.items():
            wanted = len(usual[self.resolution])
            if len(depths) != wanted:
                raise ValueError(f"{name}_depths has {wanted} numbers at {self.resolution} pixels, not {len(depths)}")
        if self.latent_size % self.latent_parts:
            raise ValueError(f"latent_dim is a multiple of {self.latent_parts} here, not {self.latent_size}")

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one image."""
        return (self.channels, self.resolution, self.resolution)

    @property
    def maps(self) -> tuple[int, ...]:
        """The generator's channels at 4, 8, ... pixels."""
        return tuple(depth * self.width for depth in self.generator_depths or _GENERATOR[self.resolution])

    @property
    def judge_width(self) -> int:
        """The discriminator's ch."""
        return self.width if self.discriminator_width is None else self.discriminator_width

    @property
    def judge_maps(self) -> tuple[int, ...]:
        """The discriminator's channels, from the image on."""
        depths = self.discriminator_depths or _DISCRIMINATOR[self.resolution]
        return tuple(depth * self.judge_width for depth in depths)

    @property
    def halvings(self) -> int:
        """How many of the discriminator's blocks halve the image: down to 4 pixels, or to 8 from 32."""
        return 2 if self.resolution == 32 else len(self.maps) - 1

    @property
    def class_size(self) -> int:
        """The numbers that a class is given to the generator as: an embedding, or one for each class."""
        return self.class_dim if self.shared else self.classes

    @property
    def latent_parts(self) -> int:
        """In how many parts the latent enters the generator."""
        return len(self.maps) if self.hierarchical else 1

    @property
    def latent_size(self) -> int:
        """The length of z."""
        if self.latent_dim is not None:
            return self.latent_dim
        return self.latent_parts * (16 if self.resolution == 512 else 20) if self.hierarchical else 128


@dataclass(frozen=True, kw_only=True)
class BigGANDeepConfig(BigGANConfig):
    """Appendix B, BigGAN-deep: two bottleneck blocks at each resolution, and the whole latent at every layer."""

    width: int = 128

    @property
    def latent_parts(self) -> int:
        """It is not split."""
        return 1

    @property
    def latent_size(self) -> int:
        """The length of z."""
        return 128 if self.latent_dim is None else self.latent_dim
