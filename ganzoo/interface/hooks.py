"""The hooks that a plugin may implement, and the marker it implements them with."""

from __future__ import annotations

from collections.abc import Iterable

import pluggy

from ganzoo.interface.specs import (
    Architecture,
    Augmentation,
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
"""Marks a plugin's function as the implementation of the hook of that name."""


@hookspec
def ganzoo_architectures() -> Iterable[Architecture]:  # type: ignore[empty-body]
    """The architectures that a plugin can build."""


@hookspec
def ganzoo_losses() -> Iterable[Loss]:  # type: ignore[empty-body]
    """The adversarial losses that any architecture may be trained with."""


@hookspec
def ganzoo_regularizers() -> Iterable[Regularizer]:  # type: ignore[empty-body]
    """The penalties that any discriminator may be trained with."""


@hookspec
def ganzoo_augmentations() -> Iterable[Augmentation]:  # type: ignore[empty-body]
    """The changes to what any discriminator looks at."""


@hookspec
def ganzoo_schedules() -> Iterable[Schedule]:  # type: ignore[empty-body]
    """The ways in which learning rates may change."""


@hookspec
def ganzoo_models() -> Iterable[PretrainedModel]:  # type: ignore[empty-body]
    """The pretrained models, of the plugin's own architectures or of others."""


@hookspec
def ganzoo_layouts() -> Iterable[Layout]:  # type: ignore[empty-body]
    """The foreign checkpoint layouts, for the plugin's own architectures or for others."""


@hookspec
def ganzoo_feature_extractors() -> Iterable[FeatureExtractor]:  # type: ignore[empty-body]
    """The pretrained networks that images can be compared by."""


KINDS = {
    "architectures": Architecture,
    "losses": Loss,
    "regularizers": Regularizer,
    "augmentations": Augmentation,
    "schedules": Schedule,
    "models": PretrainedModel,
    "layouts": Layout,
    "feature_extractors": FeatureExtractor,
}
"""What each hook, without its ``ganzoo_``, returns records of."""
