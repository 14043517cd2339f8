"""Pairs of images whose distance is measured: of a model, with one class or text each, or of real pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganzoo.data.captions import Captions
from ganzoo.evaluation.batches import Batches
from ganzoo.evaluation.image_sets import Part, Pictures, as_pictures, shuffled_rows
from ganzoo.evaluation.metrics import Estimate
from ganzoo.evaluation.options import EvaluationOptions
from ganzoo.interface.configs import as_text_config
from ganzoo.interface.extractor import Extractor, ImageDistance
from ganzoo.interface.gan import Inputs
from ganzoo.interface.tasks import Task
from ganzoo.interface.words import cut_text
from ganzoo.sampling.interpolation import moved_ends
from ganzoo.sampling.model import Model
from ganzoo.utils.devices import memory_for

__all__ = ["Array", "DrawnPairs", "Measure", "mean_estimate", "moved_input", "picture_pairs", "requests_of_pairs"]

Array = NDArray[np.float64]


class Measure:
    """Measures the distances of pairs of images with `network`. Its processes share the `batches`."""

    def __init__(self, network: Extractor, batches: Batches) -> None:
        self._device = next(network.parameters()).device
        self._network = cast("ImageDistance", network)
        self._batches = batches

    def __call__(self, what: str, count: int, pairs: Callable[[range], tuple[Tensor, Tensor]]) -> Array | None:
        """(count,): the distance of each pair in the main process; None in the others.

        `pairs` returns two batches of images with pixels from 0 to 255, for the numbers of some pairs. `what` is for
        users.
        """
        found = self._batches.map(what, count, lambda own: (self._distances(*pairs(numbers)) for numbers in own))
        return None if found is None else torch.cat(found).numpy()

    def _distances(self, images: Tensor, others: Tensor) -> Tensor:
        with torch.inference_mode(), memory_for(self._device, remedy="use a smaller batch size"):
            return self._network.distance(images.to(self._device), others.to(self._device)).double().cpu()


class DrawnPairs(NamedTuple):
    """Pairs of images of a model: pair i has the seeds `seed` + i and `seed` + n + i, and one request."""

    model: Model
    requests: Sequence[Task]
    seed: int

    def draw(self, numbers: range) -> tuple[Inputs, Inputs]:
        """The inputs of both images of some pairs."""
        first, second = (
            self.model.draw_each((self.seed + offset + i, self.requests[i]) for i in numbers)
            for offset in (0, len(self.requests))
        )
        return first, second

    def images(self, numbers: range) -> tuple[Tensor, Tensor]:
        """Both images of some pairs, uint8 (n, C, H, W), as in picture files."""
        first, second = (as_pictures(self.model.generate_pixels(inputs)) for inputs in self.draw(numbers))
        return first, second


def requests_of_pairs(model: Model, options: EvaluationOptions, captions: Captions | None, count: int) -> list[Task]:
    """The request of each of `count` pairs, so that both images of a pair are of one class or show one text.

    The classes, or the captions or else the example texts, come in turn.
    """
    asked = options.request
    if model.task.needs_text:
        config = as_text_config(model.config)
        texts = config.examples if captions is None else [cut_text(each[0], config) for each in captions.texts]
        turns = [model.request(**asked, text=text) for text in texts[:count]]
    elif "label" not in asked and (classes := _class_count(model)):
        turns = [model.request(**asked, label=label) for label in range(classes)]
    else:
        turns = [model.request(**asked)]
    turns = turns or [model.request(**asked)]
    return [turns[i % len(turns)] for i in range(count)]


def _class_count(model: Model) -> int:
    """The number of classes among which a request without a class draws one; 0 if there are none."""
    takes_label = any(field == "label" for field in model.task.__dataclass_fields__)
    return int(getattr(model.config, "classes", None) or 0) if takes_label else 0


def moved_input(model: Model, options: EvaluationOptions) -> str:
    """The inputs that move on the ways between images, for users: ``z``, or ``w`` for StyleGAN's styles."""
    pairs = DrawnPairs(model, requests_of_pairs(model, options, None, 1), options.seed)
    starts, ends = moved_ends(model.gan, *pairs.draw(range(1)))
    return ", ".join(name for name, value in starts.items() if not torch.equal(value, ends[name]))


def mean_estimate(distances: Array) -> Estimate:
    """The mean of the distances, and its standard error."""
    return Estimate(float(distances.mean()), float(distances.std() / len(distances) ** 0.5))


def picture_pairs(part: Part, *, of_one_class: bool, seed: int) -> Tensor | None:
    """(n, 2): the positions of pairs of pictures, each picture in at most one pair, in random order.

    With `of_one_class`, both pictures of a pair are of one class; None if the pictures have no classes.
    """
    order = torch.tensor(shuffled_rows(part.size, seed=seed))
    if not of_one_class:
        return order[: len(order) // 2 * 2].view(-1, 2)
    labels = part.images.data.labels if isinstance(part.images, Pictures) else None
    if labels is None:
        return None
    rows = torch.as_tensor(list(range(part.size)) if part.rows is None else part.rows)
    kinds = labels[rows[order]]
    groups = [order[kinds == kind] for kind in sorted(set(kinds.tolist()))]
    return torch.cat([group[: len(group) // 2 * 2].view(-1, 2) for group in groups])
