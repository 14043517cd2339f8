"""Load a feature extractor with its pinned weights."""

from __future__ import annotations

import torch

from ganzoo.interface.extractor import Extractor
from ganzoo.pretrained.files import read_weights, weights_path
from ganzoo.registry import lookup
from ganzoo.utils.progress import Progress, silent
from ganzoo.weights.meta import build_and_load

__all__ = ["load_extractor"]


def load_extractor(name: str, *, device: torch.device, progress: Progress = silent) -> Extractor:
    """The feature extractor registered as `name`, with its verified weights, in eval mode and without gradients.

    Raises:
        UnknownNameError: no extractor has this name.
        WeightsError: the weights cannot be downloaded, are damaged, or do not fit.
    """
    spec = lookup.registry().feature_extractors[name]
    tensors = read_weights(spec, weights_path(spec, progress=progress))
    network: Extractor = build_and_load(spec.build, tensors, of=name)
    return network.eval().requires_grad_(False).to(device)
