"""Networks that images are compared by: what they return, and how one is loaded with its pinned weights."""

from __future__ import annotations

import torch

from ganzoo.interface.extractor import Extractor
from ganzoo.pretrained.files import read_weights, weights_path
from ganzoo.registry import lookup
from ganzoo.utils.progress import Progress, silent
from ganzoo.weights.meta import build_and_load

__all__ = ["load_extractor"]


def load_extractor(name: str, *, device: torch.device, progress: Progress = silent) -> Extractor:
    """The registered network of that name with its weights, verified, in eval mode and without gradients.

    Raises:
        UnknownNameError: there is none.
        WeightsError: its weights cannot be fetched, are damaged or do not fit.
    """
    spec = lookup.registry().feature_extractors[name]
    tensors = read_weights(spec, weights_path(spec, progress=progress))
    network: Extractor = build_and_load(spec.build, tensors, of=name)
    return network.eval().requires_grad_(False).to(device)
