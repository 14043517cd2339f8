"""The hooks that a plugin may implement, and the decorator that marks its implementations."""

from __future__ import annotations

from collections.abc import Iterable

import pluggy

from ganzoo.interface.data_sources import DataSource
from ganzoo.interface.specs import (
    Architecture,
    Augmentation,
    Degradation,
    Engine,
    FeatureExtractor,
    Loss,
    PretrainedModel,
    Regularizer,
    Schedule,
)
from ganzoo.interface.weights_files import Layout

__all__ = ["KINDS", "PROJECT", "hookimpl", "hookspec"]

PROJECT = "ganzoo"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
"""A decorator. It marks a plugin's function as the implementation of the hook with the same name."""


@hookspec
def ganzoo_architectures() -> Iterable[Architecture]:  # type: ignore[empty-body]
    """The architectures that the plugin can build."""


@hookspec
def ganzoo_losses() -> Iterable[Loss]:  # type: ignore[empty-body]
    """Adversarial losses for the training of any architecture."""


@hookspec
def ganzoo_regularizers() -> Iterable[Regularizer]:  # type: ignore[empty-body]
    """Penalties for the training of any discriminator."""


@hookspec
def ganzoo_augmentations() -> Iterable[Augmentation]:  # type: ignore[empty-body]
    """Changes to the images that any discriminator sees in training."""


@hookspec
def ganzoo_degradations() -> Iterable[Degradation]:  # type: ignore[empty-body]
    """Known defects of pictures, which any generator can undo."""


@hookspec
def ganzoo_schedules() -> Iterable[Schedule]:  # type: ignore[empty-body]
    """Ways in which learning rates change during a run."""


@hookspec
def ganzoo_models() -> Iterable[PretrainedModel]:  # type: ignore[empty-body]
    """Pretrained models of the plugin's own architectures or of others."""


@hookspec
def ganzoo_layouts() -> Iterable[Layout]:  # type: ignore[empty-body]
    """Layouts of checkpoints from other code bases, for the plugin's own architectures or for others."""


@hookspec
def ganzoo_feature_extractors() -> Iterable[FeatureExtractor]:  # type: ignore[empty-body]
    """Pretrained networks whose features image sets are compared by."""


@hookspec
def ganzoo_engines() -> Iterable[Engine]:  # type: ignore[empty-body]
    """Libraries that compute images in place of PyTorch's own operations, for models of any architecture."""


@hookspec
def ganzoo_data_sources() -> Iterable[DataSource]:  # type: ignore[empty-body]
    """Data sets by their names, and formats of files that hold data sets."""


KINDS = {
    "architectures": Architecture,
    "losses": Loss,
    "regularizers": Regularizer,
    "augmentations": Augmentation,
    "degradations": Degradation,
    "schedules": Schedule,
    "models": PretrainedModel,
    "layouts": Layout,
    "feature_extractors": FeatureExtractor,
    "engines": Engine,
    "data_sources": DataSource,
}
"""The type of record that each hook returns, by the hook's name without ``ganzoo_``."""
