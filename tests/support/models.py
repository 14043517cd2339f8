"""Published models for tests: untrained, the same each time."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from ganzoo.interface.gan import keep_published
from ganzoo.registry import lookup
from ganzoo.weights.folder import Description, write_folder


def publish(
    folder: Path,
    architecture: str,
    config: Mapping[str, Any],
    *,
    dataset: str = "noise",
    classes: Sequence[str] = (),
    scale: float = 20,
) -> Path:
    """A folder with a model; its convolutions are made `scale` times larger, so that its images differ."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        gan = lookup.create(architecture, **config)
    keep_published(gan)
    tensors = {name: scale * t if t.ndim == 4 else t for name, t in gan.state_dict().items()}
    whole = dataclasses.asdict(lookup.check_config(architecture, config)[0])
    write_folder(folder, tensors, Description(architecture, whole, dataset, tuple(classes)))
    return folder
