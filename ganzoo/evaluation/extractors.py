"""Load a feature extractor with its pinned weights, to compare image sets or single images."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ganzoo.errors import InvalidRequestError
from ganzoo.evaluation.channels import check_channels
from ganzoo.interface.extractor import Extractor
from ganzoo.pretrained.files import read_files
from ganzoo.registry import lookup
from ganzoo.utils.progress import Progress, silent
from ganzoo.weights.meta import build_and_load

__all__ = ["feature_loss", "load_extractor"]


def load_extractor(name: str, *, device: torch.device, progress: Progress = silent) -> Extractor:
    """The feature extractor registered as `name`, with its verified weights, in eval mode and without gradients.

    Raises:
        UnknownNameError: no extractor has this name.
        WeightsError: the weights cannot be downloaded, are damaged, or do not fit.
    """
    spec = lookup.registry().feature_extractors[name]
    tensors = read_files(spec, progress=progress)
    if spec.adapt is not None:
        tensors = dict(spec.adapt(tensors))
    network: Extractor = build_and_load(spec.build, tensors, of=name)
    return network.eval().requires_grad_(False).to(device)


def feature_loss(name: str, *, progress: Progress = silent) -> Callable[[Tensor, Tensor], Tensor]:
    """A loss for `Model.invert`: how far the features of images are from those of other images, both (N, C, H, W).

    For each image it is the mean absolute difference of the features that the extractor `name` computes, divided by the
    mean absolute feature of the other image: (N,).

    Raises:
        UnknownNameError: no extractor has this name.
        WeightsError: the weights cannot be downloaded, are damaged, or do not fit.
    """
    network = load_extractor(name, device=torch.device("cpu"), progress=progress)

    def features(images: Tensor) -> Tensor:
        check_channels(name, images.shape[1], of="the model")
        found: Tensor = network.to(images.device)(images.add(1).mul(127.5)).features
        return found

    def loss(images: Tensor, others: Tensor) -> Tensor:
        with torch.no_grad():
            goals = features(others)
        found = features(images)
        if images.requires_grad and not found.requires_grad:
            raise InvalidRequestError(f"the extractor {name} passes no gradient on - choose another one")
        return (found - goals).abs().mean(1) / goals.abs().mean(1).clamp_min(1e-6)

    return loss
